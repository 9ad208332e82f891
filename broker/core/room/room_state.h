/* A room's shared state: the last stored entry of each key. It also tracks entries not stored yet, as compare-and-set
 * needs. */
#ifndef ROOM_STATE_H
#define ROOM_STATE_H

#include "code.h"
#include "expiry.h"
#include "hash.h"
#include "wire.h"

typedef struct key_value {
    uint64_t seq;       /* of the stored value; 0: none */
    size_t unstored;    /* entries accepted and not stored yet */
    uint64_t newest;    /* seq of the value when all those are stored; 0: none */
    size_t newest_size; /* its bytes */
    uint64_t time;
    uint8_t *text; /* sender and body of the stored value */
    uint8_t key_len, sender_len;
    size_t body_len;
    expiry_t *expiry; /* of the stored value; NULL: it lasts without end */
    size_t place;     /* of a stored value: in room_state_t's places */
    char *key;
    UT_hash_handle hh;
} key_value_t;

/* A stored value in order of seq. */
typedef struct {
    uint64_t seq;
    key_value_t *value; /* NULL: the key has a newer value, or none */
} room_state_place_t;

typedef struct room_state {
    key_value_t *by_key;
    room_state_place_t *places; /* rising seq; less than half of them are empty, or few */
    size_t count, size;         /* places in use, empty ones counted; and allocated */
    size_t empty;               /* of the places in use */
    size_t live;                /* keys with a value, counting what is not stored yet */
} room_state_t;

/* The limits of state, how much of it all rooms hold, and which values end by themselves. */
typedef struct {
    size_t max_keys;           /* of a room */
    uint64_t max_bytes, bytes; /* of all rooms */
    expiries_t expiries;       /* of all rooms */
} room_state_limits_t;

void room_state_finish(room_state_t *keys, room_state_limits_t *limits);

/* May this entry be written? Without `check`, `expect` is ignored. Returns ZR_OK, ZR_CONFLICT (`*stands` is then the
 * value's seq), ZR_TOO_MANY_KEYS or ZR_STATE_FULL. */
zr_code_t room_state_check(const room_state_t *keys, const room_state_limits_t *limits, zr_span_t key, bool deletes,
    bool check, uint64_t expect, size_t size, uint64_t *stands);

/* The entry was accepted under `seq`; room_state_check must have passed. `size` (zr_entry_size) counts towards the
 * limit; of a deletion it is ignored. */
void room_state_accept(
    room_state_t *keys, room_state_limits_t *limits, zr_span_t key, bool deletes, uint64_t seq, size_t size);

/* An accepted entry is stored: it is the value now. `now`: the time of day, µs. A value with a time to live ends by the
 * clock that only rises. If its time is not about now, as of one that an operator moved here, its end is not known yet
 * (expiry.h). */
void room_state_store(room_state_t *keys, room_state_limits_t *limits, const zr_entry_t *entry, uint64_t now);

/* An accepted entry could not be stored, nor can those accepted after it. */
void room_state_reject(room_state_t *keys, room_state_limits_t *limits, zr_span_t key);

/* Takes in a value from before. The end of its time to live is not known yet (expiry.h). */
void room_state_restore(room_state_t *keys, room_state_limits_t *limits, const zr_entry_t *entry);

/* The stored value as an entry; views into `value`. */
zr_entry_t room_state_entry(const key_value_t *value);

/* The stored value of `key`, which there is, counts as of that time. */
void room_state_date(room_state_t *keys, zr_span_t key, uint64_t time);

/* Where the value of `key` stands, entries not stored yet included; 0: it has no value. */
uint64_t room_state_newest(const room_state_t *keys, zr_span_t key);

/* The stored value of `key`; NULL: none. */
const key_value_t *room_state_find(const room_state_t *keys, zr_span_t key);

/* The stored value with the lowest seq above `after`; NULL: none. Searches in logarithmic time. It then passes empty
 * places, which are fewer than the values plus a constant. */
const key_value_t *room_state_next(const room_state_t *keys, uint64_t after);

/* The stored value that follows `value`, which is one; NULL: it is the last. */
const key_value_t *room_state_following(const room_state_t *keys, const key_value_t *value);

#endif
