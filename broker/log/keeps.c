/* See keeps.h. */
#include "keeps.h"

#include <stdlib.h>

#include "fatal.h"

static keep_t *s_find(const keep_t *keeps, zr_span_t room) {
    keep_t *found;
    HASH_FIND(hh, keeps, room.ptr, room.len, found);
    return found;
}

static void s_remove(keep_t **keeps, keep_t *keep) {
    HASH_DEL(*keeps, keep);
    free(keep);
}

void keeps_set(keep_t **keeps, zr_span_t room, const log_keep_t *keep) {
    keep_t *found = s_find(*keeps, room);
    if (!found && keep->bytes) {
        found = fatal_calloc(sizeof *found);
        memcpy(found->room, room.ptr, room.len);
        HASH_ADD_KEYPTR(hh, *keeps, found->room, room.len, found);
    }
    if (found && keep->bytes)
        found->keep = *keep;
    else if (found)
        s_remove(keeps, found);
}

void keeps_finish(keep_t **keeps) {
    while (*keeps)
        s_remove(keeps, *keeps);
}

log_keep_t keeps_of(const keep_t *keeps, zr_span_t room) {
    const keep_t *found = keeps ? s_find(keeps, room) : NULL;
    return found ? found->keep : (log_keep_t){0};
}
