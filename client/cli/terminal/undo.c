#include "undo.h"

#include <stdlib.h>

#include "fatal.h"

void undo_clear(undo_t *undo) {
    for (size_t i = 0; i < undo->count; i++)
        free(undo->steps[i].text);
    undo->count = undo->bytes = 0;
}

static void s_forget_oldest(undo_t *undo) {
    undo->bytes -= undo->steps[0].len;
    free(undo->steps[0].text);
    memmove(undo->steps, undo->steps + 1, --undo->count * sizeof undo->steps[0]);
}

void undo_push(undo_t *undo, zr_span_t text, size_t cursor) {
    while (undo->count > 0 && (undo->count == UNDO_STEPS || undo->bytes + text.len > UNDO_BYTES))
        s_forget_oldest(undo);
    char *copy = fatal_check(malloc(text.len + 1));
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    undo->steps[undo->count].text = copy;
    undo->steps[undo->count].len = text.len;
    undo->steps[undo->count++].cursor = cursor;
    undo->bytes += text.len;
}

bool undo_pop(undo_t *undo, zr_buffer_t *text, size_t *cursor) {
    if (undo->count == 0)
        return false;
    undo->count--;
    zr_buffer_clear(text);
    zr_buffer_append(text, undo->steps[undo->count].text, undo->steps[undo->count].len);
    *cursor = undo->steps[undo->count].cursor;
    undo->bytes -= text->len;
    free(undo->steps[undo->count].text);
    return true;
}
