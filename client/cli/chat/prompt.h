/* A line being typed at the bottom of the terminal, while lines appear above it. Owns libedit and the terminal's modes,
 * which it gives back on every way out; knows nothing of sessions. One at a time. */
#ifndef PROMPT_H
#define PROMPT_H

#include <poll.h>
#include <stdbool.h>

#include "span.h"

typedef struct prompt prompt_t;

/* Waits until `file` is ready, doing other work meanwhile. */
typedef void prompt_wait_fn(struct pollfd *file, void *ctx);

/* NULL when the terminal cannot do it. `wait` is used within a key that consists of several bytes. */
prompt_t *prompt_new(const char *text, prompt_wait_fn *wait, void *ctx);
void prompt_destroy(prompt_t *prompt); /* NULL is accepted */

/* Another text before the line. */
void prompt_set(prompt_t *prompt, const char *text);

enum { PROMPT_LINE_MAX = 1 << 20 }; /* bytes of a line */
typedef enum { PROMPT_MORE, PROMPT_LINE, PROMPT_END, PROMPT_TOO_LONG } prompt_result_t;

/* Takes what was typed, up to the end of a line. On PROMPT_LINE `*line` was entered (valid until the next call) and has
 * been wiped from the screen. A pasted line may hold several, and its "/" at the beginning comes doubled. PROMPT_END:
 * Ctrl-D or Ctrl-C on an empty line, the terminal is gone, or a signal to end came within a key.
 * PROMPT_TOO_LONG: the line would be, so what came is left out. */
prompt_result_t prompt_read(prompt_t *prompt, zr_span_t *line);

/* Is there more to take now? */
bool prompt_waiting(const prompt_t *prompt);

/* Shows whole lines above. They may hold colours, nothing else that moves the cursor. */
void prompt_print(prompt_t *prompt, zr_span_t lines);

/* The terminal was resized; the program is to be suspended. */
void prompt_resized(prompt_t *prompt);
void prompt_suspend(prompt_t *prompt);

#endif
