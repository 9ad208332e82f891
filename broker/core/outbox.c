#include "outbox.h"

#include <sodium.h>
#include <stdlib.h>

#include "fatal.h"

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
    if (outbox->count == outbox->size) {
        outbox->size = outbox->size ? 2 * outbox->size : 64;
        outbox->effects = fatal_realloc(outbox->effects, outbox->size * sizeof *outbox->effects);
    }
    outbox->effects[outbox->count++] = *effect;
    outbox->reads += effect->kind == EFFECT_READ;
}

void outbox_drop_route(outbox_t *outbox, route_t route) {
    size_t kept = outbox->taken;
    for (size_t i = outbox->taken; i < outbox->count; i++) {
        effect_t *effect = &outbox->effects[i];
        if ((effect->kind == EFFECT_SEND || effect->kind == EFFECT_ACK) && effect->route == route)
            s_drop(effect);
        else
            outbox->effects[kept++] = *effect;
    }
    outbox->count = kept;
}

bool outbox_take(outbox_t *outbox, effect_t *effect) {
    if (outbox->taken == outbox->count) {
        outbox->taken = outbox->count = 0;
        outbox->rounds++;
        return false;
    }
    *effect = outbox->effects[outbox->taken++];
    outbox->reads -= effect->kind == EFFECT_READ;
    return true;
}
