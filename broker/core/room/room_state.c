#include "room_state.h"

#include "clock.h"
#include "fatal.h"

static key_value_t *s_find(const room_state_t *keys, zr_span_t key) {
    key_value_t *value;
    HASH_FIND(hh, keys->by_key, key.ptr, key.len, value);
    return value;
}

/* --- Stored values in order of seq --- */

enum { PLACES_MIN = 8 };

/* Removes empty places. */
static void s_compact(room_state_t *keys) {
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++) {
        if (!keys->places[i].value)
            continue;
        keys->places[i].value->place = kept;
        keys->places[kept++] = keys->places[i];
    }
    keys->count = kept;
    keys->empty = 0;
}

/* Puts the value last: it is the newest. */
static void s_place(room_state_t *keys, key_value_t *value) {
    FATAL_GROW(keys->places, keys->count, keys->size);
    value->place = keys->count;
    keys->places[keys->count++] = (room_state_place_t){value->seq, value};
}

static void s_unplace(room_state_t *keys, const key_value_t *value) {
    keys->places[value->place].value = NULL;
    keys->empty++;
    if (keys->empty == keys->count) {
        free(keys->places);
        keys->places = NULL;
        keys->count = keys->size = keys->empty = 0;
    } else if (keys->empty > PLACES_MIN && keys->empty > keys->count / 2) {
        s_compact(keys);
    }
}

/* The first value from that place on; NULL: none. */
static const key_value_t *s_from(const room_state_t *keys, size_t place) {
    while (place < keys->count && !keys->places[place].value)
        place++;
    return place < keys->count ? keys->places[place].value : NULL;
}

const key_value_t *room_state_next(const room_state_t *keys, uint64_t after) {
    size_t low = 0, high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keys->places[middle].seq > after)
            high = middle;
        else
            low = middle + 1;
    }
    return s_from(keys, low);
}

const key_value_t *room_state_following(const room_state_t *keys, const key_value_t *value) {
    return s_from(keys, value->place + 1);
}

/* --- By key --- */

/* The value of the key is gone, or another one takes its place. */
static void s_clear(room_state_t *keys, room_state_limits_t *limits, key_value_t *value) {
    if (value->seq)
        s_unplace(keys, value);
    value->seq = 0;
    expiry_remove(&limits->expiries, value->expiry);
    value->expiry = NULL;
}

static void s_free(room_state_t *keys, room_state_limits_t *limits, key_value_t *value) {
    HASH_DEL(keys->by_key, value);
    s_clear(keys, limits, value);
    free(value->text);
    free(value->key);
    free(value);
}

void room_state_finish(room_state_t *keys, room_state_limits_t *limits) {
    key_value_t *value, *next;
    HASH_ITER(hh, keys->by_key, value, next) {
        limits->bytes -= value->newest_size;
        s_free(keys, limits, value);
    }
    keys->live = 0;
}

uint64_t room_state_newest(const room_state_t *keys, zr_span_t key) {
    const key_value_t *value = s_find(keys, key);
    return value ? value->newest : 0;
}

void room_state_date(room_state_t *keys, zr_span_t key, uint64_t time) {
    s_find(keys, key)->time = time;
}

zr_code_t room_state_check(const room_state_t *keys, const room_state_limits_t *limits, zr_span_t key, bool deletes,
    bool check, uint64_t expect, size_t size, uint64_t *stands) {
    const key_value_t *value = s_find(keys, key);
    uint64_t newest = value ? value->newest : 0;
    if (check && newest != expect) {
        *stands = newest;
        return ZR_CONFLICT;
    }
    if (deletes)
        return ZR_OK;
    if (!newest && keys->live >= limits->max_keys)
        return ZR_TOO_MANY_KEYS;
    uint64_t freed = value ? value->newest_size : 0;
    return limits->bytes - freed + size > limits->max_bytes ? ZR_STATE_FULL : ZR_OK;
}

void room_state_accept(
    room_state_t *keys, room_state_limits_t *limits, zr_span_t key, bool deletes, uint64_t seq, size_t size) {
    key_value_t *value = s_find(keys, key);
    if (!value) {
        value = fatal_calloc(sizeof *value);
        value->key = fatal_check(malloc(key.len));
        memcpy(value->key, key.ptr, key.len);
        value->key_len = (uint8_t)key.len;
        HASH_ADD_KEYPTR(hh, keys->by_key, value->key, key.len, value);
    }
    size_t newest_size = deletes ? 0 : size;
    keys->live += (deletes ? 0 : 1) - (value->newest ? 1 : 0);
    limits->bytes += newest_size - value->newest_size;
    value->newest = deletes ? 0 : seq;
    value->newest_size = newest_size;
    value->unstored++;
}

/* `dated`: the entry's time is about now. */
static void s_store(room_state_t *keys, room_state_limits_t *limits, const zr_entry_t *entry, bool dated) {
    key_value_t *value = s_find(keys, entry->key);
    FATAL_UNLESS(value && value->unstored > 0);
    value->unstored--;
    s_clear(keys, limits, value);
    if (entry->flags & ZR_ENTRY_DELETE) {
        if (!value->unstored)
            s_free(keys, limits, value);
        return;
    }
    value->text = fatal_realloc(value->text, entry->sender.len + entry->body.len + 1);
    memcpy(value->text, entry->sender.ptr, entry->sender.len);
    if (entry->body.len)
        memcpy(value->text + entry->sender.len, entry->body.ptr, entry->body.len);
    value->sender_len = (uint8_t)entry->sender.len;
    value->body_len = entry->body.len;
    value->seq = entry->seq;
    value->time = entry->time;
    s_place(keys, value); /* entries are stored in order of seq */
    if (entry->flags & ZR_ENTRY_TTL)
        value->expiry = expiry_add(&limits->expiries, keys, value, entry->ttl, !dated);
}

void room_state_store(room_state_t *keys, room_state_limits_t *limits, const zr_entry_t *entry, uint64_t now) {
    s_store(keys, limits, entry, entry->time + ZR_CLOCK_SLACK >= now && entry->time <= now + ZR_CLOCK_SLACK);
}

void room_state_reject(room_state_t *keys, room_state_limits_t *limits, zr_span_t key) {
    key_value_t *value = s_find(keys, key);
    FATAL_UNLESS(value && value->unstored > 0);
    if (--value->unstored > 0)
        return; /* the last of them sets it back */
    size_t size = 0;
    if (value->seq) {
        zr_entry_t stored = room_state_entry(value);
        size = zr_entry_size(&stored);
    }
    keys->live += (value->seq ? 1 : 0) - (value->newest ? 1 : 0);
    limits->bytes += size - value->newest_size;
    value->newest = value->seq;
    value->newest_size = size;
    if (!value->seq)
        s_free(keys, limits, value);
}

void room_state_restore(room_state_t *keys, room_state_limits_t *limits, const zr_entry_t *entry) {
    room_state_accept(keys, limits, entry->key, false, entry->seq, zr_entry_size(entry));
    s_store(keys, limits, entry, false);
}

zr_entry_t room_state_entry(const key_value_t *value) {
    return (zr_entry_t){.seq = value->seq,
        .time = value->time,
        .flags = value->expiry ? ZR_ENTRY_TTL : 0,
        .sender = zr_span_of(value->text, value->sender_len),
        .key = zr_span_of(value->key, value->key_len),
        .body = zr_span_of(value->text + value->sender_len, value->body_len),
        .ttl = value->expiry ? value->expiry->ttl : 0};
}

const key_value_t *room_state_find(const room_state_t *keys, zr_span_t key) {
    const key_value_t *value = s_find(keys, key);
    return value && value->seq ? value : NULL;
}
