#include "prompt.h"

#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "chat_text.h"
#include "clock.h"
#include "fatal.h"
#include "keys.h"
#include "signals.h"

#define HISTORY_LINES 500
#define PROMPT_SIZE 200
#define MARK_PASTES "\033[?2004h"
#define MARK_NO_PASTES "\033[?2004l"

struct prompt {
    EditLine *edit;
    History *history;
    char text[PROMPT_SIZE];
    char *line;
    bool gone;        /* the terminal */
    bool stopped;     /* asked to end within a key */
    keys_t keys;      /* what the terminal sent */
    zr_buffer_t feed; /* what was taken of it, from `fed` on for libedit */
    size_t fed;
    zr_buffer_t paste; /* the one that comes */
    bool too_long;     /* it is */
    wchar_t last;      /* that libedit got */
    prompt_wait_fn *wait;
    void *ctx;
};

/* --- The terminal's modes, also when the program stops in the middle --- */

static struct termios s_modes;
static volatile sig_atomic_t s_changed;

static void s_say(const char *text) {
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        return; /* the terminal is gone */
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

static bool s_protect(void) {
    static bool registered;
    if (tcgetattr(STDIN_FILENO, &s_modes) != 0)
        return false;
    s_changed = 1;
    if (!registered)
        atexit(s_restore);
    registered = true;
    struct sigaction action = {.sa_handler = s_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    return true;
}

/* Ctrl-C comes as a byte, in its place among the others: as a signal it would drop what was typed before it. */
static void s_take_interrupt(void) {
    struct termios modes;
    if (tcgetattr(STDIN_FILENO, &modes) != 0)
        return;
    modes.c_cc[VINTR] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

/* --- What libedit calls --- */

static prompt_t *s_self(EditLine *edit) {
    prompt_t *prompt = NULL;
    el_get(edit, EL_CLIENTDATA, &prompt);
    return prompt;
}

static char *s_text(EditLine *edit) {
    return s_self(edit)->text;
}

/* What the terminal has sent. */
static void s_fill(prompt_t *prompt) {
    char bytes[4096];
    struct pollfd file = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&file, 1, 0) <= 0 || !file.revents)
        return;
    ssize_t len = read(STDIN_FILENO, bytes, sizeof bytes);
    if (len > 0)
        keys_fed(&prompt->keys, zr_span_of(bytes, (size_t)len), zr_mono_ms());
    else if (len == 0 || (errno != EINTR && errno != EAGAIN))
        prompt->gone = true;
}

/* The next character for libedit; false: no character is left. */
static bool s_feed(prompt_t *prompt, wchar_t *out) {
    mbstate_t state = {0};
    while (prompt->fed < prompt->feed.len) {
        const char *at = (const char *)prompt->feed.data + prompt->fed;
        size_t used = mbrtowc(out, at, prompt->feed.len - prompt->fed, &state);
        prompt->fed += used > 0 && used < (size_t)-2 ? used : 1;
        if (used > 0 && used < (size_t)-2)
            return true;
        state = (mbstate_t){0}; /* not in the terminal's encoding: as if not typed */
    }
    return false;
}

static bool s_take(prompt_t *prompt, keys_kind_t *kind) {
    *kind = keys_next(&prompt->keys, &prompt->feed);
    prompt->fed = 0;
    return *kind != KEYS_MORE;
}

/* libedit asks for more characters also in the middle of a key, as in a search. The rest of the work must go on until
 * the person types. */
static int s_character(EditLine *edit, wchar_t *out) {
    prompt_t *prompt = s_self(edit);
    while (!s_feed(prompt, out)) {
        keys_kind_t kind;
        if (s_take(prompt, &kind)) {
            if (kind == KEYS_INTERRUPT)
                zr_buffer_u8(&prompt->feed, 'G' & 037); /* which ends a search */
            continue;
        }
        struct pollfd file = {.fd = STDIN_FILENO, .events = POLLIN};
        prompt->wait(&file, prompt->ctx);
        prompt->stopped = signals_stop();
        s_fill(prompt);
        if (prompt->stopped || prompt->gone)
            return 0;
    }
    prompt->last = *out;
    return 1;
}

/* --- Where things are on the screen --- */

static size_t s_columns(void) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col;
    return 80;
}

/* Wipes the prompt and what is typed, from `rows` above the cursor downwards. */
static void s_wipe(size_t rows) {
    if (rows > 0)
        printf("\033[%zuA", rows);
    printf("\r\033[J");
}

static size_t s_rows(prompt_t *prompt, zr_span_t before) {
    return chat_text_rows(s_columns(), zr_span(prompt->text), before);
}

static size_t s_rows_to_cursor(prompt_t *prompt) {
    const LineInfo *line = el_line(prompt->edit);
    return s_rows(prompt, zr_span_of(line->buffer, (size_t)(line->cursor - line->buffer)));
}

static void s_redraw(prompt_t *prompt) {
    fflush(stdout);
    el_set(prompt->edit, EL_REFRESH);
}

/* Leaving and entering again is how libedit begins a new line. */
static void s_begin_line(prompt_t *prompt) {
    fflush(stdout);
    el_set(prompt->edit, EL_UNBUFFERED, 0);
    el_set(prompt->edit, EL_UNBUFFERED, 1);
    s_take_interrupt();
}

/* --- What was typed --- */

static bool s_is_empty(prompt_t *prompt) {
    const LineInfo *line = el_line(prompt->edit);
    return line->buffer == line->lastchar;
}

/* Characters that the terminal's encoding does not have are left out. */
static void s_insert_text(prompt_t *prompt) {
    zr_buffer_t text = {0};
    char character[MB_LEN_MAX + 1];
    mbstate_t state = {0};
    wchar_t wide;
    while (s_feed(prompt, &wide)) {
        size_t len = wcrtomb(character, wide, &state);
        if (len <= MB_LEN_MAX)
            zr_buffer_append(&text, character, len);
    }
    zr_buffer_u8(&text, '\0');
    el_insertstr(prompt->edit, (const char *)text.data);
    zr_buffer_finish(&text);
}

/* All of `feed` at once: libedit would show the line anew with each character. */
static prompt_result_t s_insert(prompt_t *prompt, bool pasted) {
    const LineInfo *line = el_line(prompt->edit);
    size_t len = (size_t)(line->lastchar - line->buffer);
    if (len + prompt->feed.len > PROMPT_LINE_MAX) {
        prompt->fed = prompt->feed.len;
        return PROMPT_TOO_LONG;
    }
    s_wipe(s_rows_to_cursor(prompt));
    if (pasted && line->cursor == line->buffer && prompt->feed.data[0] == '/')
        el_insertstr(prompt->edit, "/"); /* text, and no command */
    s_insert_text(prompt);
    s_redraw(prompt);
    return PROMPT_MORE;
}

/* A piece came. The line is shown anew once the paste is whole. */
static void s_paste(prompt_t *prompt) {
    prompt->too_long |= prompt->paste.len + prompt->feed.len > PROMPT_LINE_MAX;
    if (!prompt->too_long)
        zr_buffer_append(&prompt->paste, prompt->feed.data, prompt->feed.len);
    prompt->fed = prompt->feed.len;
}

static prompt_result_t s_paste_end(prompt_t *prompt) {
    prompt_result_t result = prompt->too_long ? PROMPT_TOO_LONG : PROMPT_MORE;
    zr_buffer_t paste = prompt->paste;
    prompt->paste = prompt->feed;
    prompt->feed = paste;
    prompt->fed = 0;
    if (!prompt->too_long && paste.len > 0)
        result = s_insert(prompt, true);
    zr_buffer_clear(&prompt->feed);
    zr_buffer_clear(&prompt->paste);
    prompt->fed = 0;
    prompt->too_long = false;
    return result;
}

static prompt_result_t s_entered(prompt_t *prompt, const char *typed, size_t len, zr_span_t *line) {
    free(prompt->line);
    prompt->line = fatal_check(strndup(typed, len));
    *line = zr_span_of(prompt->line, strlen(prompt->line));
    HistEvent event;
    if (line->len > 0)
        history(prompt->history, &event, H_ENTER, prompt->line);
    s_wipe(s_rows(prompt, *line) + 1);
    s_begin_line(prompt);
    return PROMPT_LINE;
}

static bool s_is_newline(wchar_t character) {
    return character == L'\n' || character == L'\r';
}

/* libedit takes one key. */
static prompt_result_t s_edit(prompt_t *prompt, zr_span_t *line) {
    int count = 0;
    if (prompt->feed.len == strlen("\033[3~") && memcmp(prompt->feed.data, "\033[3~", 4) == 0 && s_is_empty(prompt)) {
        prompt->fed = prompt->feed.len; /* Delete: libedit would take it for the end of all */
        return PROMPT_MORE;
    }
    const char *typed = el_gets(prompt->edit, &count);
    /* An end of file comes as that very character when keys are taken one by one. */
    if (prompt->gone || prompt->stopped || (!typed && count == 0) || (typed && count == 1 && typed[0] == ('D' & 037)))
        return PROMPT_END;
    /* A paste may end a line too. */
    if (!typed || count <= 0 || !s_is_newline((unsigned char)typed[count - 1]) || !s_is_newline(prompt->last))
        return PROMPT_MORE;
    return s_entered(prompt, typed, (size_t)count - 1, line);
}

static prompt_result_t s_interrupt(prompt_t *prompt) {
    bool pasting = prompt->paste.len > 0 || prompt->too_long;
    zr_buffer_clear(&prompt->paste);
    prompt->too_long = false;
    if (pasting)
        return PROMPT_MORE;
    if (s_is_empty(prompt))
        return PROMPT_END;
    s_wipe(s_rows_to_cursor(prompt));
    s_begin_line(prompt);
    return PROMPT_MORE;
}

/* Does typed text simply go where the cursor is? */
static bool s_inserts(prompt_t *prompt) {
    const char *editor = NULL;
    el_get(prompt->edit, EL_EDITOR, &editor);
    return editor && strcmp(editor, "emacs") == 0;
}

/* --- What the chat calls --- */

prompt_t *prompt_new(const char *text, prompt_wait_fn *wait, void *ctx) {
    if (!s_protect())
        return NULL;
    prompt_t *prompt = fatal_calloc(sizeof *prompt);
    prompt->wait = wait;
    prompt->ctx = ctx;
    snprintf(prompt->text, sizeof prompt->text, "%s", text);
    prompt->edit = el_init("zrelay", stdin, stdout, stderr);
    prompt->history = history_init();
    if (!prompt->edit || !prompt->history) {
        prompt_destroy(prompt);
        return NULL;
    }
    HistEvent event;
    history(prompt->history, &event, H_SETSIZE, HISTORY_LINES);
    history(prompt->history, &event, H_SETUNIQUE, 1);
    el_set(prompt->edit, EL_CLIENTDATA, prompt);
    el_set(prompt->edit, EL_PROMPT, s_text);
    el_set(prompt->edit, EL_EDITOR, "emacs");
    el_set(prompt->edit, EL_SIGNAL, 0);
    el_set(prompt->edit, EL_HIST, history, prompt->history);
    el_wset(prompt->edit, EL_GETCFN, s_character);
    el_set(prompt->edit, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
    el_source(prompt->edit, NULL);
    el_set(prompt->edit, EL_UNBUFFERED, 1);
    s_take_interrupt();
    s_say(MARK_PASTES);
    return prompt;
}

void prompt_destroy(prompt_t *prompt) {
    if (!prompt)
        return;
    if (prompt->edit) {
        if (!prompt->gone) {
            s_wipe(s_rows_to_cursor(prompt));
            fflush(stdout);
        }
        el_set(prompt->edit, EL_UNBUFFERED, 0);
        el_end(prompt->edit);
    }
    if (prompt->history)
        history_end(prompt->history);
    keys_finish(&prompt->keys);
    zr_buffer_finish(&prompt->feed);
    zr_buffer_finish(&prompt->paste);
    free(prompt->line);
    free(prompt);
    s_restore();
}

void prompt_set(prompt_t *prompt, const char *text) {
    s_wipe(s_rows_to_cursor(prompt));
    snprintf(prompt->text, sizeof prompt->text, "%s", text);
    s_redraw(prompt);
}

prompt_result_t prompt_read(prompt_t *prompt, zr_span_t *line) {
    prompt_result_t result = PROMPT_MORE;
    s_fill(prompt);
    while (result == PROMPT_MORE && !prompt->gone) {
        keys_kind_t kind = KEYS_KEY; /* libedit did not want all of it */
        if (prompt->fed == prompt->feed.len && !s_take(prompt, &kind))
            return PROMPT_MORE;
        if (kind == KEYS_INTERRUPT)
            result = s_interrupt(prompt);
        else if (kind == KEYS_PASTED)
            s_paste(prompt);
        else if (kind == KEYS_PASTE_END)
            result = s_paste_end(prompt);
        else if (kind == KEYS_TEXT && prompt->feed.len > 1 && s_inserts(prompt))
            result = s_insert(prompt, false);
        else
            result = s_edit(prompt, line);
    }
    return prompt->gone ? PROMPT_END : result;
}

bool prompt_waiting(const prompt_t *prompt) {
    return prompt->fed < prompt->feed.len || keys_waiting(&prompt->keys);
}

void prompt_print(prompt_t *prompt, zr_span_t lines) {
    s_wipe(s_rows_to_cursor(prompt));
    /* The terminal may not turn a newline into a new line's beginning now. */
    while (lines.len > 0) {
        zr_span_t line = zr_span_cut(&lines, '\n');
        fwrite(line.ptr, 1, line.len, stdout);
        fputs("\r\n", stdout);
    }
    s_redraw(prompt);
}

void prompt_resized(prompt_t *prompt) {
    s_wipe(s_rows_to_cursor(prompt));
    fflush(stdout);
    el_resize(prompt->edit);
    s_redraw(prompt);
}

void prompt_suspend(prompt_t *prompt) {
    s_wipe(s_rows_to_cursor(prompt));
    fflush(stdout);
    s_say(MARK_NO_PASTES);
    el_set(prompt->edit, EL_PREP_TERM, 0);
    raise(SIGSTOP);
    el_set(prompt->edit, EL_PREP_TERM, 1);
    s_take_interrupt();
    s_say(MARK_PASTES);
    s_redraw(prompt);
}
