#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "choices.h"
#include "clock.h"
#include "edit.h"
#include "fatal.h"
#include "keys.h"
#include "private_file.h"
#include "view.h"

#define MARK_PASTES "\033[?2004h"
#define MARK_NO_PASTES "\033[?2004l"
#define KEEP_TITLE "\033[22;0t" /* as xterm has it; other terminals pass over it */
#define GIVE_TITLE_BACK "\033[23;0t"

enum { READ_SIZE = 65536, KEPT_BYTES = 1 << 20 };

struct prompt {
    edit_t edit;
    view_t view;
    keys_t keys;
    choices_t choices;
    zr_buffer_t taken; /* what the keys gave last */
    zr_buffer_t paste; /* the one that comes */
    zr_buffer_t out, line;
    char *label;
    const char *colour;
    bool gone;     /* the terminal */
    bool too_long; /* the paste is */
    bool titled;
    bool reflows; /* the terminal wraps long rows anew when it is resized */
    int kept;     /* the file of lines; -1: none */
    prompt_complete_fn *complete;
    void *ctx;
};

/* --- The terminal's modes, also when the program stops in the middle --- */

static struct termios s_modes;
static volatile sig_atomic_t s_changed;

static void s_write(const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t done = write(STDOUT_FILENO, at, len);
        if (done < 0 && errno == EAGAIN) {
            struct pollfd file = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&file, 1, -1);
        } else if (done < 0 && errno != EINTR) {
            return; /* the terminal is gone: reading will tell */
        }
        at += done > 0 ? done : 0;
        len -= done > 0 ? (size_t)done : 0;
    }
}

static void s_say(const char *text) {
    s_write(text, strlen(text));
}

static void s_restore(void) {
    if (s_changed) {
        s_say(MARK_NO_PASTES);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &s_modes);
    }
    s_changed = 0;
}

static void s_crash(int number) {
    s_restore();
    raise(number); /* by now the default again: SA_RESETHAND */
}

/* Keys come as bytes, one by one and not shown. Ctrl-C does too, in its place among the others: as a signal it would
 * drop what was typed before it. */
static void s_take(void) {
    struct termios modes = s_modes;
    modes.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
    modes.c_cc[VINTR] = _POSIX_VDISABLE;
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
    s_changed = 1;
    s_say(MARK_PASTES);
}

static bool s_protect(void) {
    static bool registered;
    if (tcgetattr(STDIN_FILENO, &s_modes) != 0)
        return false;
    if (!registered)
        atexit(s_restore);
    registered = true;
    struct sigaction action = {.sa_handler = s_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    return true;
}

/* --- The screen --- */

static struct winsize s_size(void) {
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
        size.ws_col = 80;
    if (size.ws_row < 2)
        size.ws_row = 24;
    return size;
}

size_t prompt_columns(void) {
    return s_size().ws_col;
}

static void s_draw(prompt_t *prompt) {
    struct winsize size = s_size();
    view_screen_t screen = {.columns = size.ws_col, .rows = size.ws_row, .colour = prompt->colour};
    zr_buffer_t label = {0};
    if (edit_label(&prompt->edit, &label))
        screen.colour = NULL;
    else
        zr_buffer_append(&label, prompt->label, strlen(prompt->label));
    zr_span_t before = zr_span_of(label.data, label.len);
    view_draw(&prompt->view, &prompt->out, &screen, before, edit_text(&prompt->edit), prompt->edit.cursor);
    zr_buffer_finish(&label);
    s_write(prompt->out.data, prompt->out.len);
    zr_buffer_clear(&prompt->out);
}

static void s_redraw(prompt_t *prompt) {
    view_wipe(&prompt->view, &prompt->out);
    s_draw(prompt);
}

static void s_wipe(prompt_t *prompt) {
    view_wipe(&prompt->view, &prompt->out);
    s_write(prompt->out.data, prompt->out.len);
    zr_buffer_clear(&prompt->out);
}

/* Of real xterm, screen and Linux's console, which all cut long rows off. Inside tmux, tmux decides. */
static bool s_reflows(void) {
    const char *term = getenv("TERM");
    if (getenv("TMUX"))
        return true;
    return !getenv("XTERM_VERSION") && term && strncmp(term, "linux", 5) != 0 && strncmp(term, "screen", 6) != 0;
}

/* --- What was typed --- */

static void s_fill(prompt_t *prompt) {
    static char bytes[READ_SIZE];
    struct pollfd file = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&file, 1, 0) <= 0 || !file.revents)
        return;
    ssize_t len = read(STDIN_FILENO, bytes, sizeof bytes);
    if (len > 0)
        keys_fed(&prompt->keys, zr_span_of(bytes, (size_t)len), zr_mono_ms());
    else if (len == 0 || (errno != EINTR && errno != EAGAIN))
        prompt->gone = true;
}

static void s_complete(prompt_t *prompt, bool back) {
    edit_t *edit = &prompt->edit;
    if (!prompt->choices.active) {
        zr_buffer_t found = {0};
        size_t from = prompt->complete(edit_text(edit), edit->cursor, &found, prompt->ctx);
        choices_begin(&prompt->choices, from, zr_span_of(found.data, found.len));
        zr_buffer_finish(&found);
    }
    zr_span_t choice;
    if (choices_next(&prompt->choices, back, &choice))
        edit_replace(edit, prompt->choices.from, choice);
}

/* A piece came. The line is shown anew once the paste is whole. */
static void s_paste(prompt_t *prompt) {
    prompt->too_long |= prompt->paste.len + prompt->taken.len > EDIT_MAX;
    if (!prompt->too_long)
        zr_buffer_append(&prompt->paste, prompt->taken.data, prompt->taken.len);
}

static edit_result_t s_paste_end(prompt_t *prompt) {
    edit_result_t result = EDIT_TOO_LONG;
    if (!prompt->too_long)
        result = edit_paste(&prompt->edit, zr_span_of(prompt->paste.data, prompt->paste.len));
    zr_buffer_finish(&prompt->paste);
    prompt->too_long = false;
    return result;
}

static edit_result_t s_interrupt(prompt_t *prompt) {
    bool pasting = prompt->paste.len > 0 || prompt->too_long;
    zr_buffer_clear(&prompt->paste);
    prompt->too_long = false;
    return pasting ? EDIT_MORE : edit_interrupt(&prompt->edit);
}

static edit_result_t s_act(prompt_t *prompt, keys_kind_t kind) {
    zr_span_t taken = zr_span_of(prompt->taken.data, prompt->taken.len);
    edit_result_t result = EDIT_MORE;
    if (kind == KEYS_INTERRUPT)
        result = s_interrupt(prompt);
    else if (kind == KEYS_PASTED)
        s_paste(prompt);
    else if (kind == KEYS_PASTE_END)
        result = s_paste_end(prompt);
    else if (kind == KEYS_TEXT)
        result = edit_type(&prompt->edit, taken);
    else
        result = edit_key(&prompt->edit, taken);
    if (result == EDIT_COMPLETE || result == EDIT_BACK)
        s_complete(prompt, result == EDIT_BACK);
    else
        choices_end(&prompt->choices);
    if (result == EDIT_CLEAR)
        prompt_clear(prompt);
    return result;
}

static prompt_result_t s_entered(prompt_t *prompt, zr_span_t *line) {
    zr_buffer_clear(&prompt->line);
    zr_span_t text = edit_text(&prompt->edit);
    zr_buffer_append(&prompt->line, text.ptr, text.len);
    zr_buffer_u8(&prompt->line, '\0');
    *line = zr_span_of(prompt->line.data, text.len);
    if (!edit_taken(&prompt->edit) || prompt->kept < 0)
        return PROMPT_LINE;
    zr_buffer_t kept = {0};
    recall_write(&kept, *line);
    if (write(prompt->kept, kept.data, kept.len) < 0) {
        close(prompt->kept);
        prompt->kept = -1; /* a full disk, say: the lines are remembered until the end */
    }
    zr_buffer_finish(&kept);
    return PROMPT_LINE;
}

/* --- What the chat calls --- */

prompt_t *prompt_new(prompt_complete_fn *complete, void *ctx) {
    if (!s_protect())
        return NULL;
    prompt_t *prompt = fatal_calloc(sizeof *prompt);
    *prompt = (prompt_t){.complete = complete, .ctx = ctx, .kept = -1, .reflows = s_reflows()};
    prompt->label = fatal_check(strdup("> "));
    s_take();
    return prompt;
}

void prompt_destroy(prompt_t *prompt) {
    if (!prompt)
        return;
    if (!prompt->gone) {
        s_wipe(prompt);
        if (prompt->titled)
            s_say(GIVE_TITLE_BACK);
    }
    if (prompt->kept >= 0)
        close(prompt->kept);
    edit_finish(&prompt->edit);
    keys_finish(&prompt->keys);
    choices_finish(&prompt->choices);
    zr_buffer_finish(&prompt->taken);
    zr_buffer_finish(&prompt->paste);
    zr_buffer_finish(&prompt->out);
    zr_buffer_finish(&prompt->line);
    free(prompt->label);
    free(prompt);
    s_restore();
}

void prompt_keep(prompt_t *prompt, const char *path) {
    zr_file_rules_t rules = zr_file_secret;
    rules.max = 2 * KEPT_BYTES;
    zr_buffer_t text = {0};
    zr_error_t error = {0};
    zr_file_t result = zr_file_read_if_there(path, &rules, &text, &error);
    if (result == ZR_FILE_READ)
        recall_read(&prompt->edit.recall, zr_span_of(text.data, text.len));
    if (text.len > KEPT_BYTES) {
        zr_buffer_t kept = {0}, partial = {0};
        for (size_t back = prompt->edit.recall.count; back > 0 && kept.len < KEPT_BYTES / 2; back--)
            recall_write(&kept, zr_span(recall_at(&prompt->edit.recall, back)));
        zr_buffer_printf(&partial, "%s.%ld%c", path, (long)getpid(), '\0');
        zr_file_replace(path, (const char *)partial.data, zr_span_of(kept.data, kept.len), &error);
        zr_buffer_finish(&kept);
        zr_buffer_finish(&partial);
    }
    zr_buffer_finish(&text);
    if (result != ZR_FILE_REFUSED)
        prompt->kept = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void prompt_set(prompt_t *prompt, const char *text, const char *colour) {
    bool same = strcmp(text, prompt->label) == 0 && colour == prompt->colour && prompt->view.rows > 0;
    if (same)
        return;
    free(prompt->label);
    prompt->label = fatal_check(strdup(text));
    prompt->colour = colour;
    s_redraw(prompt);
}

void prompt_put(prompt_t *prompt, zr_span_t text) {
    edit_set(&prompt->edit, text);
    s_redraw(prompt);
}

prompt_result_t prompt_read(prompt_t *prompt, zr_span_t *line) {
    static const prompt_result_t results[] = {[EDIT_END] = PROMPT_END,
        [EDIT_TOO_LONG] = PROMPT_TOO_LONG,
        [EDIT_OLDER] = PROMPT_OLDER,
        [EDIT_NEXT] = PROMPT_NEXT,
        [EDIT_UNREAD] = PROMPT_UNREAD,
        [EDIT_PREVIOUS] = PROMPT_PREVIOUS};
    prompt_result_t result = PROMPT_MORE;
    bool acted = false;
    s_fill(prompt);
    while (result == PROMPT_MORE && !prompt->gone) {
        keys_kind_t kind = keys_next(&prompt->keys, &prompt->taken);
        if (kind == KEYS_MORE)
            break;
        acted |= kind != KEYS_PASTED;
        edit_result_t did = s_act(prompt, kind);
        result = did == EDIT_ENTER ? s_entered(prompt, line) : results[did];
    }
    if (acted && !prompt->gone)
        s_redraw(prompt);
    return prompt->gone ? PROMPT_END : result;
}

bool prompt_waiting(const prompt_t *prompt) {
    return keys_waiting(&prompt->keys);
}

void prompt_print(prompt_t *prompt, zr_span_t lines) {
    view_wipe(&prompt->view, &prompt->out);
    while (lines.len > 0) {
        zr_span_t line = zr_span_cut(&lines, '\n');
        zr_buffer_append(&prompt->out, line.ptr, line.len);
        zr_buffer_append(&prompt->out, "\r\n", 2);
    }
    s_draw(prompt);
}

void prompt_clear(prompt_t *prompt) {
    s_wipe(prompt);
    s_say("\033[H\033[2J");
    s_draw(prompt);
}

void prompt_bell(prompt_t *prompt) {
    (void)prompt;
    s_say("\a");
}

void prompt_title(prompt_t *prompt, const char *title) {
    if (!prompt->titled)
        s_say(KEEP_TITLE);
    prompt->titled = true;
    zr_buffer_printf(&prompt->out, "\033]0;%s\a", title);
    s_write(prompt->out.data, prompt->out.len);
    zr_buffer_clear(&prompt->out);
}

void prompt_resized(prompt_t *prompt) {
    view_resized(&prompt->view, prompt_columns(), prompt->reflows);
    s_redraw(prompt);
}

void prompt_suspend(prompt_t *prompt) {
    s_wipe(prompt);
    s_restore();
    raise(SIGSTOP);
    tcgetattr(STDIN_FILENO, &s_modes);
    s_take();
    s_draw(prompt);
}
