/* See room_makers.h. */
#include "room_makers.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

typedef struct {
    const claims_t *room;
    const maker_t *maker;
} claim_key_t;

struct claim {
    claim_key_t key;
    maker_t *maker;
    claim_t *next; /* of the same room */
    UT_hash_handle hh;
};

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

void maker_room_made(claims_t *room, maker_t *maker) {
    room->first = maker;
    if (!maker)
        return;
    maker->references++;
    maker->rooms++;
}

static claim_t *s_claim(const makers_t *makers, const claims_t *room, const maker_t *maker) {
    claim_key_t key = {room, maker};
    claim_t *claim;
    HASH_FIND(hh, makers->claims, &key, sizeof key, claim);
    return claim;
}

bool maker_counts(const makers_t *makers, const claims_t *room, const maker_t *maker) {
    return !maker || room->first == maker || s_claim(makers, room, maker);
}

void maker_room_shared(makers_t *makers, claims_t *room, maker_t *maker) {
    if (maker_counts(makers, room, maker))
        return;
    claim_t *claim = fatal_calloc(sizeof *claim);
    claim->key = (claim_key_t){room, maker};
    claim->maker = maker;
    claim->next = room->others;
    room->others = claim;
    HASH_ADD(hh, makers->claims, key, sizeof claim->key, claim);
    maker->references++;
    maker->rooms++;
}

maker_t *maker_group_made(maker_t *maker) {
    if (maker) {
        maker->references++;
        maker->groups++;
    }
    return maker;
}

void maker_group_gone(makers_t *makers, maker_t *maker) {
    if (maker)
        maker->groups--;
    maker_release(makers, maker);
}

size_t makers_shared(const makers_t *makers) {
    return HASH_COUNT(makers->claims);
}

static void s_gone(makers_t *makers, maker_t *maker) {
    if (!maker)
        return;
    maker->rooms--;
    maker_release(makers, maker);
}

void makers_room_gone(makers_t *makers, claims_t *room) {
    for (claim_t *claim = room->others, *next; claim; claim = next) {
        next = claim->next;
        HASH_DEL(makers->claims, claim);
        s_gone(makers, claim->maker);
        free(claim);
    }
    s_gone(makers, room->first);
    *room = (claims_t){0};
}
