#include "prompt.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "chat_text.h"
#include "fatal.h"
#include "signals.h"

#define HISTORY_LINES 500
#define PROMPT_SIZE 200

struct prompt {
    EditLine *edit;
    History *history;
    char text[PROMPT_SIZE];
    char *line;
    bool gone;    /* the terminal */
    bool stopped; /* asked to end within a key */
    prompt_wait_fn *wait;
    void *ctx;
};

/* --- The terminal's modes, also when the program stops in the middle --- */

static struct termios s_modes;
static volatile sig_atomic_t s_changed;

static void s_restore(void) {
    if (s_changed)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &s_modes);
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

/* --- What libedit calls --- */

static prompt_t *s_self(EditLine *edit) {
    prompt_t *prompt = NULL;
    el_get(edit, EL_CLIENTDATA, &prompt);
    return prompt;
}

static char *s_text(EditLine *edit) {
    return s_self(edit)->text;
}

/* libedit asks for the next character also in the middle of a key such as an arrow, or after a lone Escape. The rest of
 * the work must go on until the person types. */
static int s_character(EditLine *edit, wchar_t *out) {
    prompt_t *prompt = s_self(edit);
    mbstate_t state = {0};
    for (;;) {
        struct pollfd file = {.fd = STDIN_FILENO, .events = POLLIN};
        while (poll(&file, 1, 0) <= 0 || !file.revents) {
            prompt->wait(&file, prompt->ctx);
            if (signals_stop()) {
                prompt->stopped = true;
                return 0;
            }
        }
        char byte;
        ssize_t len = read(STDIN_FILENO, &byte, 1);
        if (len < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (len <= 0) {
            prompt->gone = true;
            return 0;
        }
        wchar_t wide;
        size_t used = mbrtowc(&wide, &byte, 1, &state);
        if (used == (size_t)-2)
            continue;
        if (used == (size_t)-1) {
            state = (mbstate_t){0};
            continue; /* not in the terminal's encoding: as if not typed */
        }
        *out = wide;
        return 1;
    }
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
    return (chat_text_width(zr_span(prompt->text)) + chat_text_width(before)) / s_columns();
}

static size_t s_rows_to_cursor(prompt_t *prompt) {
    const LineInfo *line = el_line(prompt->edit);
    return s_rows(prompt, zr_span_of(line->buffer, (size_t)(line->cursor - line->buffer)));
}

static void s_redraw(prompt_t *prompt) {
    fflush(stdout);
    el_set(prompt->edit, EL_REFRESH);
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
    el_source(prompt->edit, NULL);
    el_set(prompt->edit, EL_UNBUFFERED, 1);
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
    int count = 0;
    const char *typed = el_gets(prompt->edit, &count);
    /* An end of file comes as that very character when keys are taken one by one. */
    if (prompt->gone || prompt->stopped || (!typed && count == 0) || (typed && count == 1 && typed[0] == ('D' & 037)))
        return PROMPT_END;
    if (!typed || count <= 0 || (typed[count - 1] != '\n' && typed[count - 1] != '\r'))
        return PROMPT_MORE;
    size_t len = (size_t)count - 1;
    free(prompt->line);
    prompt->line = fatal_check(strndup(typed, len));
    *line = zr_span_of(prompt->line, strlen(prompt->line));
    HistEvent event;
    if (line->len > 0)
        history(prompt->history, &event, H_ENTER, prompt->line);
    s_wipe(s_rows(prompt, *line) + 1);
    fflush(stdout);
    /* Leaving and entering again is how libedit begins a new line. */
    el_set(prompt->edit, EL_UNBUFFERED, 0);
    el_set(prompt->edit, EL_UNBUFFERED, 1);
    return PROMPT_LINE;
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
    el_set(prompt->edit, EL_PREP_TERM, 0);
    raise(SIGSTOP);
    el_set(prompt->edit, EL_PREP_TERM, 1);
    s_redraw(prompt);
}
