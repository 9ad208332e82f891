/* See barred.h. */
#include "barred.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"
#include "hash.h"

/* The key is the room, U+0000 and the nick: neither name holds that. */
enum { KEY_MAX = ZR_ROOM_MAX + 1 + ZR_NICK_MAX };

typedef struct bar {
    uint64_t until;
    UT_hash_handle hh;
    size_t nick_at, len;
    char key[KEY_MAX];
} bar_t;

static size_t s_key(char key[KEY_MAX], zr_span_t room, zr_span_t nick) {
    memcpy(key, room.ptr, room.len);
    key[room.len] = '\0';
    memcpy(key + room.len + 1, nick.ptr, nick.len);
    return room.len + 1 + nick.len;
}

static bar_t *s_find(const barred_t *barred, zr_span_t room, zr_span_t nick) {
    char key[KEY_MAX];
    bar_t *bar = NULL;
    if (!barred->all)
        return NULL;
    size_t len = s_key(key, room, nick);
    HASH_FIND(hh, barred->all, key, len, bar);
    return bar;
}

static void s_free(barred_t *barred, bar_t *bar) {
    HASH_DEL(barred->all, bar);
    free(bar);
}

void barred_finish(barred_t *barred) {
    bar_t *bar, *next;
    HASH_ITER(hh, barred->all, bar, next)
    s_free(barred, bar);
}

bool barred_add(barred_t *barred, zr_span_t room, zr_span_t nick, uint64_t until) {
    bar_t *bar = s_find(barred, room, nick);
    if (!bar) {
        if (HASH_COUNT(barred->all) >= BARRED_MAX)
            return false;
        bar = fatal_calloc(sizeof *bar);
        bar->len = s_key(bar->key, room, nick);
        bar->nick_at = room.len + 1;
        HASH_ADD(hh, barred->all, key, bar->len, bar);
    }
    bar->until = until;
    if (!barred->due || until < barred->due)
        barred->due = until;
    return true;
}

bool barred_remove(barred_t *barred, zr_span_t room, zr_span_t nick) {
    bar_t *bar = s_find(barred, room, nick);
    if (bar)
        s_free(barred, bar);
    return bar;
}

bool barred_is(const barred_t *barred, zr_span_t room, zr_span_t nick) {
    return s_find(barred, room, nick);
}

bool barred_end(barred_t *barred, uint64_t now, char nick[ZR_NICK_MAX + 1]) {
    uint64_t due = 0;
    if (!barred_is_due(barred, now))
        return false;
    for (bar_t *bar = barred->all; bar; bar = bar->hh.next) {
        if (bar->until <= now) {
            size_t len = bar->len - bar->nick_at;
            memcpy(nick, bar->key + bar->nick_at, len);
            nick[len] = '\0';
            s_free(barred, bar);
            return true;
        }
        due = !due || bar->until < due ? bar->until : due;
    }
    barred->due = due;
    return false;
}
