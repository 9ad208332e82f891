/* See back_sync.h. */
#include "back_sync.h"

#include "names.h"

enum { NONCE_BYTES = (BACK_SYNC_NONCE - 1) / 2 };

static void s_perform(const back_sync_t *sync, const uplink_config_t *config, action_kind_t kind) {
    action_t action = {.kind = kind, .topic_len = sizeof sync->nonce};
    memcpy(action.topic, sync->nonce, sizeof sync->nonce);
    config->perform(config->ctx, &action);
}

void back_sync_ask(back_sync_t *sync, const uplink_config_t *config, uint64_t number, uint64_t now) {
    uint8_t random[NONCE_BYTES];
    char hex[2 * NONCE_BYTES + 1];
    if (sync->number)
        s_perform(sync, config, ACTION_UNSUBSCRIBE);
    config->entropy(config->ctx, random, sizeof random);
    zr_hex(hex, random, sizeof random);
    sync->nonce[0] = ZR_TYPE_SYNC;
    memcpy(sync->nonce + 1, hex, 2 * NONCE_BYTES);
    s_perform(sync, config, ACTION_SUBSCRIBE);
    sync->number = number;
    sync->due = now + BACK_SYNC_MS;
}

uint64_t back_sync_heard(back_sync_t *sync, const uplink_config_t *config, zr_span_t nonce) {
    uint64_t number = sync->number;
    if (!number || !zr_span_equal(nonce, zr_span_of(sync->nonce + 1, sizeof sync->nonce - 1)))
        return 0;
    s_perform(sync, config, ACTION_UNSUBSCRIBE);
    *sync = (back_sync_t){0};
    return number;
}

bool back_sync_tick(back_sync_t *sync, const uplink_config_t *config, uint64_t now) {
    if (!sync->number || sync->due > now)
        return true;
    if (++sync->tries >= BACK_SYNC_TRIES)
        return false;
    back_sync_ask(sync, config, sync->number, now);
    return true;
}
