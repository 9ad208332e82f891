#include "outbox.h"

#include <sodium.h>
#include <stdlib.h>

#include "fatal.h"

__attribute__((noinline)) unsigned route_channel_hash(route_t route) {
    return zr_hash(&route, sizeof route);
}

void login_request_free(login_request_t *login) {
    sodium_memzero(login, sizeof *login);
    free(login);
}

static void s_drop(effect_t *effect) {
    if (effect->kind == EFFECT_SEND || effect->kind == EFFECT_PUBLISH)
        zr_blob_unref(effect->frame);
    else if (effect->kind == EFFECT_APPEND)
        zr_blob_unref(effect->append.frame);
    else if (effect->kind == EFFECT_COMMIT)
        log_commit_finish(&effect->commit);
    else if (effect->kind == EFFECT_FORGET)
        free(effect->forget);
    else if (effect->kind == EFFECT_READ)
        free(effect->read);
    else if (effect->kind == EFFECT_TRIM)
        free(effect->trim);
    else if (effect->kind == EFFECT_LOGIN)
        login_request_free(effect->login);
    else if (effect->kind == EFFECT_ADMIN)
        free(effect->admin);
}

void outbox_finish(outbox_t *outbox) {
    effect_t effect;
    while (outbox_take(outbox, &effect))
        s_drop(&effect);
    free(outbox->effects);
    *outbox = (outbox_t){0};
}

void outbox_add(outbox_t *outbox, const effect_t *effect) {
    FATAL_GROW(outbox->effects, outbox->count, outbox->size);
    outbox->effects[outbox->count++] = *effect;
}

void outbox_drop_route(outbox_t *outbox, route_t route) {
    outbox_lost_t *lost;
    unsigned hash = route_hash(route);
    HASH_FIND_BYHASHVALUE(hh, outbox->lost, &route, sizeof route, hash, lost);
    if (!lost) {
        lost = fatal_calloc(sizeof *lost);
        lost->route = route;
        HASH_ADD_BYHASHVALUE(hh, outbox->lost, route, sizeof lost->route, hash, lost);
    }
    lost->until = outbox->count;
}

static bool s_was_lost(const outbox_t *outbox, route_t route, size_t place) {
    outbox_lost_t *lost;
    unsigned hash = route_hash(route);
    HASH_FIND_BYHASHVALUE(hh, outbox->lost, &route, sizeof route, hash, lost);
    return lost && place < lost->until;
}

/* Does the effect at `place` go to a route that was lost after it was added, or whose connection was? */
static bool s_is_lost(const outbox_t *outbox, size_t place) {
    const effect_t *effect = &outbox->effects[place];
    if (effect->kind != EFFECT_SEND && effect->kind != EFFECT_ACK)
        return false;
    return s_was_lost(outbox, effect->route, place) ||
           (route_channel(effect->route) && s_was_lost(outbox, route_connection(effect->route), place));
}

/* Rare, and therefore apart from outbox_take. */
__attribute__((noinline)) static void s_forget_lost(outbox_t *outbox) {
    outbox_lost_t *lost, *next;
    HASH_ITER(hh, outbox->lost, lost, next) {
        HASH_DEL(outbox->lost, lost);
        free(lost);
    }
}

__attribute__((noinline)) static void s_skip_lost(outbox_t *outbox) {
    while (outbox->taken < outbox->count && s_is_lost(outbox, outbox->taken))
        s_drop(&outbox->effects[outbox->taken++]);
}

bool outbox_take(outbox_t *outbox, effect_t *effect) {
    if (outbox->lost)
        s_skip_lost(outbox);
    bool found = outbox->taken < outbox->count;
    if (found)
        *effect = outbox->effects[outbox->taken++];
    if (outbox->taken < outbox->count)
        return true;
    outbox->taken = outbox->count = 0;
    if (outbox->lost)
        s_forget_lost(outbox);
    return found;
}

bool outbox_is_empty(const outbox_t *outbox) {
    return outbox->count == 0;
}
