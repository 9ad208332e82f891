#include "dedupe.h"

#include <utlist.h>

#include "fatal.h"

static void s_free(dedupe_t *dedupe, client_t *client) {
    HASH_DEL(dedupe->clients, client);
    free(client->refusals);
    free(client);
}

void dedupe_finish(dedupe_t *dedupe) {
    client_t *client, *next;
    HASH_ITER(hh, dedupe->clients, client, next)
    s_free(dedupe, client);
    dedupe->idle = NULL;
}

client_t *dedupe_hold(dedupe_t *dedupe, zr_span_t id) {
    FATAL_UNLESS(id.len == ZR_CLIENT_ID_LEN);
    client_t *client;
    HASH_FIND(hh, dedupe->clients, id.ptr, id.len, client);
    if (client) {
        FATAL_UNLESS(!client->held);
        DL_DELETE(dedupe->idle, client);
    } else {
        if (HASH_COUNT(dedupe->clients) >= dedupe->max && dedupe->idle) {
            client_t *oldest = dedupe->idle;
            DL_DELETE(dedupe->idle, oldest);
            s_free(dedupe, oldest);
        }
        client = fatal_calloc(sizeof *client);
        memcpy(client->id, id.ptr, id.len);
        HASH_ADD(hh, dedupe->clients, id, ZR_CLIENT_ID_LEN, client);
    }
    client->held = true;
    return client;
}

void dedupe_release(dedupe_t *dedupe, client_t *client) {
    client->held = false;
    if (client->mark == 0 || HASH_COUNT(dedupe->clients) > dedupe->max) {
        s_free(dedupe, client); /* it never published, or there is no room to remember it */
        return;
    }
    DL_APPEND(dedupe->idle, client);
}

void dedupe_refuse(client_t *client, uint64_t first, uint64_t last, zr_code_t code) {
    if (!client->refusals)
        client->refusals = fatal_calloc(DEDUPE_REFUSALS * sizeof *client->refusals);
    refusal_t *place = &client->refusals[client->refusal_count++ % DEDUPE_REFUSALS];
    if (place->last > client->forgotten)
        client->forgotten = place->last;
    *place = (refusal_t){first, last, code};
}

zr_code_t dedupe_outcome(const client_t *client, uint64_t mid) {
    size_t kept = client->refusal_count < DEDUPE_REFUSALS ? client->refusal_count : DEDUPE_REFUSALS;
    for (size_t i = 0; i < kept; i++) {
        const refusal_t *refusal = &client->refusals[i];
        if (refusal->first <= mid && mid <= refusal->last)
            return refusal->code;
    }
    return mid <= client->forgotten ? ZR_OUTCOME_UNKNOWN : ZR_OK;
}
