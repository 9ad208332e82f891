/* Values of keys that their publishers gave a time to live. They end by a clock that only rises: to set the machine's
 * clock makes none of them end early or late. The time of values from before is another matter: they wait here until
 * the caller says how long each has left. */
#ifndef EXPIRY_H
#define EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_value;
struct room_state;

/* One such value. */
typedef struct {
    uint64_t at;  /* when it ends, µs of the clock that only rises; UINT64_MAX: it waits for expiry_set */
    uint64_t ttl; /* ms, as its publisher gave it */
    size_t place; /* in the list that it is in */
    struct key_value *value;
    struct room_state *keys; /* the value's */
} expiry_t;

typedef struct {
    expiry_t **items;
    size_t count, size;
} expiry_list_t;

/* Those of all rooms. A zeroed struct is empty. */
typedef struct {
    expiry_list_t dated;   /* a heap: the first one ends first */
    expiry_list_t undated; /* in any order */
    uint64_t rising;       /* the time now, µs of the clock that only rises */
} expiries_t;

/* Adds one that ends `ttl` ms from now; `undated`: its end is not known yet. It stays the list's until expiry_remove. */
expiry_t *expiry_add(
    expiries_t *expiries, struct room_state *keys, struct key_value *value, uint64_t ttl, bool undated);

/* Takes it out and frees it. NULL is accepted. */
void expiry_remove(expiries_t *expiries, expiry_t *expiry);

/* It ends at that time, whether its end was known before or not. */
void expiry_set(expiries_t *expiries, expiry_t *expiry, uint64_t at);

/* The one that ended first; NULL: none has ended. It takes constant time; the other calls a number of steps that grows
 * with the logarithm of the count. */
expiry_t *expiry_due(const expiries_t *expiries);

/* A value whose end is not known yet; NULL: the end of each is known. */
expiry_t *expiry_undated(const expiries_t *expiries);

/* Frees the lists, which are empty. */
void expiries_finish(expiries_t *expiries);

#endif
