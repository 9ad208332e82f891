/* A line being typed at the bottom of the terminal, while lines appear above it. The edge of the pure parts here: it owns
 * the terminal's modes, which it gives back on every way out. It knows nothing of sessions. One at a time. */
#ifndef PROMPT_H
#define PROMPT_H

#include "buffer.h"

typedef struct prompt prompt_t;

/* Appends what the word before the cursor may become, each followed by a newline, the best first. Returns the byte of
 * `line` where that word begins. */
typedef size_t prompt_complete_fn(zr_span_t line, size_t cursor, zr_buffer_t *out, void *ctx);

/* NULL when the terminal cannot do it. `complete` is called on Tab, with `ctx`. */
prompt_t *prompt_new(prompt_complete_fn *complete, void *ctx);
void prompt_destroy(prompt_t *prompt); /* NULL is accepted */

/* Remembers lines in this file from now on, and has those that it holds. A file that cannot be used is left out. */
void prompt_keep(prompt_t *prompt, const char *path);

/* Another text before the line, in a colour (an SGR sequence that lives as long as the program; NULL: none). */
void prompt_set(prompt_t *prompt, const char *text, const char *colour);

/* What is typed becomes this text. */
void prompt_put(prompt_t *prompt, zr_span_t text);

typedef enum {
    PROMPT_MORE,
    PROMPT_LINE,     /* `*line` was entered; it is valid until the next call, and is not on the screen any more */
    PROMPT_END,      /* Ctrl-D or Ctrl-C on an empty line, or the terminal is gone */
    PROMPT_TOO_LONG, /* the line would be longer than EDIT_MAX, so what came is left out */
    PROMPT_OLDER,    /* keys that are the caller's: PageUp, Alt-n, Alt-a, Alt-p */
    PROMPT_NEXT,
    PROMPT_UNREAD,
    PROMPT_PREVIOUS,
} prompt_result_t;

/* Takes what was typed, up to a line or a key of the caller's. A pasted line may hold several, and its "/" at the
 * beginning comes doubled. */
prompt_result_t prompt_read(prompt_t *prompt, zr_span_t *line);

/* Is there more to take now? */
bool prompt_waiting(const prompt_t *prompt);

/* Shows whole lines above. They may hold colours, nothing else that moves the cursor. */
void prompt_print(prompt_t *prompt, zr_span_t lines);

/* Empties the screen above. */
void prompt_clear(prompt_t *prompt);

void prompt_bell(prompt_t *prompt);

/* The window's title, until the prompt ends. Control characters are the caller's to leave out. */
void prompt_title(prompt_t *prompt, const char *title);

/* Columns of the terminal now. */
size_t prompt_columns(void);

/* The terminal was resized; the program is to be suspended. */
void prompt_resized(prompt_t *prompt);
void prompt_suspend(prompt_t *prompt);

#endif
