#include "dedupe.h"

#include <sodium.h>
#include <utlist.h>

#include "buffer.h"
#include "fatal.h"

dedupe_key_t dedupe_key(zr_span_t user, zr_span_t client) {
    dedupe_key_t key;
    if (!user.len) {
        memcpy(key.text, client.ptr, ZR_CLIENT_ID_LEN);
        return key;
    }
    enum { HALF = DEDUPE_OWNER_LEN / 2 };
    uint8_t hash[crypto_generichash_BYTES];
    char hex[ZR_CLIENT_ID_LEN + 1];
    zr_buffer_t text = {0};
    zr_buffer_append(&text, user.ptr, user.len);
    crypto_generichash(hash, sizeof hash, text.data, text.len, NULL, 0);
    zr_hex(hex, hash, HALF);
    zr_buffer_u8(&text, 0);
    zr_buffer_append(&text, client.ptr, client.len);
    crypto_generichash(hash, sizeof hash, text.data, text.len, NULL, 0);
    zr_hex(hex + DEDUPE_OWNER_LEN, hash, HALF);
    zr_buffer_finish(&text);
    hex[0] = 'u';
    memcpy(key.text, hex, sizeof key.text);
    return key;
}

static dedupe_owner_t *s_owner(dedupe_t *dedupe, zr_span_t id) {
    static const char nobody[DEDUPE_OWNER_LEN];
    const char *key = id.ptr[0] == 'u' ? id.ptr : nobody;
    dedupe_owner_t *owner;
    HASH_FIND(hh, dedupe->owners, key, DEDUPE_OWNER_LEN, owner);
    if (!owner) {
        owner = fatal_calloc(sizeof *owner);
        memcpy(owner->key, key, DEDUPE_OWNER_LEN);
        HASH_ADD(hh, dedupe->owners, key, DEDUPE_OWNER_LEN, owner);
    }
    return owner;
}

static void s_idle_add(dedupe_t *dedupe, client_t *client) {
    DL_APPEND(dedupe->idle, client);
    DL_APPEND2(client->owner->idle, client, own_prev, own_next);
}

static void s_idle_remove(dedupe_t *dedupe, client_t *client) {
    DL_DELETE(dedupe->idle, client);
    DL_DELETE2(client->owner->idle, client, own_prev, own_next);
}

/* In no list any more. */
static void s_free(dedupe_t *dedupe, client_t *client) {
    dedupe_owner_t *owner = client->owner;
    if (--owner->records == 0) {
        HASH_DEL(dedupe->owners, owner);
        free(owner);
    }
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

client_t *dedupe_find(const dedupe_t *dedupe, zr_span_t id) {
    client_t *client;
    HASH_FIND(hh, dedupe->clients, id.ptr, id.len, client);
    return client;
}

/* A record that nobody holds yet; makes room for it. */
static client_t *s_add(dedupe_t *dedupe, zr_span_t id) {
    dedupe_owner_t *owner = s_owner(dedupe, id);
    owner->records++; /* keeps the owner while another record is freed below */
    client_t *oldest = owner->idle ? owner->idle : dedupe->idle;
    if (HASH_COUNT(dedupe->clients) >= dedupe->max && oldest) {
        s_idle_remove(dedupe, oldest);
        s_free(dedupe, oldest);
    }
    client_t *client = fatal_calloc(sizeof *client);
    memcpy(client->id, id.ptr, ZR_CLIENT_ID_LEN);
    client->owner = owner;
    client->refused = true; /* the log may still hold refusals of a forgotten record: they are void */
    HASH_ADD(hh, dedupe->clients, id, ZR_CLIENT_ID_LEN, client);
    return client;
}

client_t *dedupe_hold(dedupe_t *dedupe, zr_span_t id) {
    FATAL_UNLESS(id.len == ZR_CLIENT_ID_LEN);
    client_t *client = dedupe_find(dedupe, id);
    if (client) {
        FATAL_UNLESS(!client->held);
        s_idle_remove(dedupe, client);
    } else {
        client = s_add(dedupe, id);
    }
    client->held = true;
    return client;
}

void dedupe_release(dedupe_t *dedupe, client_t *client) {
    client->held = false;
    if (!client->lasting || HASH_COUNT(dedupe->clients) > dedupe->max) {
        s_free(dedupe, client); /* there is nothing to remember, or no room for it */
        return;
    }
    s_idle_add(dedupe, client);
}

void dedupe_refuse(client_t *client, uint64_t first, uint64_t last, zr_code_t code) {
    client->refused = true;
    if (!client->refusals)
        client->refusals = fatal_calloc(DEDUPE_REFUSALS * sizeof *client->refusals);
    refusal_t *newest = &client->refusals[(client->refusal_count + DEDUPE_REFUSALS - 1) % DEDUPE_REFUSALS];
    if (client->refusal_count > 0 && newest->code == code && newest->last + 1 == first) {
        newest->last = last;
        return;
    }
    refusal_t *place = &client->refusals[client->refusal_count++ % DEDUPE_REFUSALS];
    if (place->last > client->forgotten)
        client->forgotten = place->last;
    *place = (refusal_t){first, last, code};
}

static size_t s_kept(const client_t *client) {
    return client->refusal_count < DEDUPE_REFUSALS ? client->refusal_count : DEDUPE_REFUSALS;
}

uint64_t dedupe_first_refused(const client_t *client, uint64_t first, uint64_t last) {
    if (first <= client->forgotten)
        return first;
    uint64_t found = 0;
    for (size_t i = 0; i < s_kept(client); i++) {
        const refusal_t *refusal = &client->refusals[i];
        if (refusal->last < first || refusal->first > last)
            continue;
        uint64_t from = refusal->first > first ? refusal->first : first;
        if (!found || from < found)
            found = from;
    }
    return found;
}

zr_code_t dedupe_outcome(const client_t *client, uint64_t mid) {
    for (size_t i = 0; i < s_kept(client); i++) {
        const refusal_t *refusal = &client->refusals[i];
        if (refusal->first <= mid && mid <= refusal->last)
            return refusal->code;
    }
    return mid <= client->forgotten ? ZR_OUTCOME_UNKNOWN : ZR_OK;
}

/* forgotten, then each refusal, oldest first: first, last, and its code by name, since numbers change between versions.
 */
zr_blob_t *dedupe_encode(const client_t *client) {
    zr_buffer_t out = {0};
    zr_buffer_u64(&out, client->forgotten);
    for (size_t i = client->refusal_count - s_kept(client); i < client->refusal_count; i++) {
        const refusal_t *refusal = &client->refusals[i % DEDUPE_REFUSALS];
        const char *name = zr_code_name(refusal->code);
        zr_buffer_u64(&out, refusal->first);
        zr_buffer_u64(&out, refusal->last);
        zr_buffer_u8(&out, (uint8_t)strlen(name));
        zr_buffer_append(&out, name, strlen(name));
    }
    zr_blob_t *blob = zr_buffer_to_blob(&out);
    zr_buffer_finish(&out);
    return blob;
}

static bool s_take64(zr_span_t *rest, uint64_t *value) {
    if (rest->len < 8)
        return false;
    *value = 0;
    for (int i = 0; i < 8; i++)
        *value = *value << 8 | (uint8_t)rest->ptr[i];
    *rest = zr_span_of(rest->ptr + 8, rest->len - 8);
    return true;
}

static bool s_take_refusals(client_t *client, zr_span_t rest) {
    if (rest.len == 0)
        return true;
    if (!s_take64(&rest, &client->forgotten))
        return false;
    while (rest.len > 0) {
        uint64_t first, last;
        if (!s_take64(&rest, &first) || !s_take64(&rest, &last) || rest.len < 1 || rest.len - 1 < (uint8_t)rest.ptr[0])
            return false;
        size_t len = (uint8_t)rest.ptr[0];
        zr_code_t code = zr_code_from_name(zr_span_of(rest.ptr + 1, len));
        dedupe_refuse(client, first, last, code == ZR_CODE_COUNT ? ZR_OUTCOME_UNKNOWN : code);
        rest = zr_span_of(rest.ptr + 1 + len, rest.len - 1 - len);
    }
    client->refused = false;
    return true;
}

bool dedupe_restore(dedupe_t *dedupe, zr_span_t id, uint64_t mark, zr_span_t refusals) {
    if (id.len != ZR_CLIENT_ID_LEN || dedupe_find(dedupe, id))
        return false;
    client_t *client = s_add(dedupe, id);
    client->mark = mark;
    client->lasting = true;
    if (!s_take_refusals(client, refusals)) {
        s_free(dedupe, client);
        return false;
    }
    s_idle_add(dedupe, client);
    return true;
}
