/* A line being typed: text, cursor, keys. Pure: keys go in, the text changes. Its text may hold newlines, from pastes and
 * Alt-Enter. The keys are those of Emacs and readline. */
#ifndef EDIT_H
#define EDIT_H

#include "recall.h"
#include "undo.h"

enum { EDIT_MAX = 1 << 20 }; /* bytes of a line */

/* A zeroed struct is an empty line; edit_finish frees it. */
typedef struct {
    zr_buffer_t text;
    size_t cursor; /* a byte of the text */
    zr_buffer_t killed, draft, query;
    undo_t undo;
    recall_t recall;
    size_t back;            /* the line of `recall` that is shown; 0: the present one, which is in `draft` meanwhile */
    bool typing;            /* the last change was typed text, which is undone together */
    size_t keys, killed_at; /* keys so far, and which one of them killed text last: the next one adds to that */
    bool searching;         /* Ctrl-R */
    size_t found;           /* what the search found, as a `back`; 0: nothing */
} edit_t;

typedef enum {
    EDIT_MORE,     /* perhaps changed */
    EDIT_ENTER,    /* the line is whole: edit_taken is due */
    EDIT_END,      /* Ctrl-D, or Ctrl-C, on an empty line */
    EDIT_COMPLETE, /* Tab: the caller completes the word before the cursor */
    EDIT_BACK,     /* Shift-Tab */
    EDIT_CLEAR,    /* Ctrl-L: the screen is to be empty above */
    EDIT_OLDER,    /* PageUp */
    EDIT_NEXT,     /* Alt-n, Alt-a, Alt-p: another room */
    EDIT_UNREAD,
    EDIT_PREVIOUS,
    EDIT_TOO_LONG, /* the line would be, so nothing of it was taken */
} edit_result_t;

void edit_finish(edit_t *edit);

/* What keys.h gives: a key, typed text, a whole paste, Ctrl-C. A paste at the beginning of the line that begins with "/"
 * gets another one before it, since it is text and no command. */
edit_result_t edit_key(edit_t *edit, zr_span_t key);
edit_result_t edit_type(edit_t *edit, zr_span_t text);
edit_result_t edit_paste(edit_t *edit, zr_span_t text);
edit_result_t edit_interrupt(edit_t *edit);

/* The line as it is. */
zr_span_t edit_text(const edit_t *edit);

/* Puts `with` in the place of the bytes from `from` to the cursor. */
edit_result_t edit_replace(edit_t *edit, size_t from, zr_span_t with);

/* Puts this text in place of all. */
void edit_set(edit_t *edit, zr_span_t text);

/* After EDIT_ENTER: the line is remembered, and the next one is empty. True: it is to be kept in the file too. */
bool edit_taken(edit_t *edit);

/* Appends what stands before the line during a search; false: no search goes on. */
bool edit_label(const edit_t *edit, zr_buffer_t *out);

#endif
