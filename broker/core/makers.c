/* See makers.h. */
#include "makers.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

static maker_t *s_hold(makers_t *makers, const char *prefix, zr_span_t text) {
    char name[512];
    size_t before = strlen(prefix), len = before + text.len;
    FATAL_UNLESS(len <= sizeof name);
    memcpy(name, prefix, before);
    memcpy(name + before, text.len ? text.ptr : "", text.len);
    maker_t *maker;
    HASH_FIND(hh, makers->by_name, name, len, maker);
    if (!maker) {
        maker = fatal_calloc(sizeof *maker + len);
        maker->name_len = len;
        memcpy(maker->name, name, len);
        HASH_ADD_KEYPTR(hh, makers->by_name, maker->name, len, maker);
    }
    maker->references++;
    return maker;
}

maker_t *maker_of_user(makers_t *makers, zr_span_t user) {
    return s_hold(makers, "", user);
}

maker_t *maker_of_address(makers_t *makers, zr_span_t address) {
    return s_hold(makers, " ", address);
}

void maker_release(makers_t *makers, maker_t *maker) {
    if (!maker || --maker->references > 0)
        return;
    HASH_DEL(makers->by_name, maker);
    free(maker);
}

maker_t *maker_room_made(maker_t *maker) {
    if (!maker)
        return NULL;
    maker->references++;
    maker->rooms++;
    return maker;
}

void maker_room_gone(makers_t *makers, maker_t *maker) {
    if (!maker)
        return;
    maker->rooms--;
    maker_release(makers, maker);
}
