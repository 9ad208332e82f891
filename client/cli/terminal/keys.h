/* Takes apart what a terminal sends: text, keys, and pastes between the marks of bracketed paste. Pure. */
#ifndef KEYS_H
#define KEYS_H

#include "buffer.h"

enum { KEYS_ESCAPE_MS = 500 }; /* after that, an Escape does not belong to the next byte */

/* A zeroed struct is empty; keys_finish frees it. */
typedef struct {
    zr_buffer_t in; /* bytes that were not taken yet, from `at` on */
    size_t at;
    uint64_t since_ms; /* when the last bytes came */
    bool pasting;      /* the mark of the end did not come yet */
    bool returned;     /* the paste's last byte was a carriage return */
    size_t lines;      /* line ends of the paste that were not handed out; the last one of all is not */
} keys_t;

typedef enum {
    KEYS_MORE,      /* all is taken, but perhaps the beginning of something */
    KEYS_TEXT,      /* characters that were typed, one or more, without control characters */
    KEYS_KEY,       /* a key in the form that an editor of lines knows, such as "\r" or "\033[A" */
    KEYS_PASTED,    /* a piece of a paste; its lines end in "\n", and other control characters than tabs are left out */
    KEYS_PASTE_END, /* the paste is whole */
    KEYS_INTERRUPT, /* Ctrl-C */
} keys_kind_t;

/* Bytes came at that time. */
void keys_fed(keys_t *keys, zr_span_t bytes, uint64_t now_ms);

/* Takes the next thing into `*out`, which is valid until the next call. Keys that nobody knows are left out. */
keys_kind_t keys_next(keys_t *keys, zr_buffer_t *out);

/* Is there something left to take, other than the beginning of something? */
bool keys_waiting(const keys_t *keys);

void keys_finish(keys_t *keys);

#endif
