/* See revoked.h. */
#include "revoked.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"
#include "hash.h"
#include "names.h"

typedef struct revoked_user {
    char name[ZR_NICK_MAX];
    uint64_t generation;
    UT_hash_handle hh;
} revoked_user_t;

void revoked_finish(revoked_t *revoked) {
    revoked_user_t *user, *next;
    HASH_ITER(hh, revoked->by_name, user, next) {
        HASH_DEL(revoked->by_name, user);
        free(user);
    }
}

void revoked_set(revoked_t *revoked, zr_span_t name, uint64_t generation) {
    revoked_user_t *user;
    FATAL_UNLESS(name.len > 0 && name.len <= sizeof user->name);
    HASH_FIND(hh, revoked->by_name, name.ptr, name.len, user);
    if (!user) {
        user = fatal_calloc(sizeof *user);
        memcpy(user->name, name.ptr, name.len);
        HASH_ADD_KEYPTR(hh, revoked->by_name, user->name, name.len, user);
    }
    if (generation > user->generation)
        user->generation = generation;
}

bool revoked_has(const revoked_t *revoked, zr_span_t name, uint64_t generation) {
    const revoked_user_t *user = NULL;
    if (name.len > 0)
        HASH_FIND(hh, revoked->by_name, name.ptr, name.len, user);
    return user && generation < user->generation;
}
