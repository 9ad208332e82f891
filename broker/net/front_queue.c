/* See front_queue.h. */
#include "front_queue.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "fatal.h"
#include "hash.h"

enum { SHARE = 4 };       /* a connection may have a quarter of the bytes left */
enum { SWEEP_MIN = 256 }; /* connections that are remembered at least before the idle ones are forgotten */

/* The total of all connections; lives until the last place is given back. */
typedef struct {
    atomic_size_t references;
    atomic_uint_fast64_t bytes;
} total_t;

/* A connection. The loop creates it; the last of table and places frees it. */
typedef struct {
    route_t route;
    atomic_size_t references;
    atomic_uint_fast64_t bytes;
    UT_hash_handle hh; /* the loop's */
} account_t;

struct front_queue_place {
    zr_blob_t *frame;
    account_t *account;
    total_t *total;
    uint64_t bytes;
};

struct front_queue {
    uint64_t route_bytes, all_bytes;
    account_t *accounts;
    size_t sweep_at; /* the count at which idle ones are forgotten */
    total_t *total;
};

static void s_total_unref(total_t *total) {
    if (atomic_fetch_sub(&total->references, 1) == 1)
        free(total);
}

static void s_account_unref(account_t *account) {
    if (atomic_fetch_sub(&account->references, 1) == 1)
        free(account);
}

static void s_forget(front_queue_t *queued, account_t *account) {
    HASH_DEL(queued->accounts, account);
    s_account_unref(account);
}

front_queue_t *front_queue_new(uint64_t route_bytes, uint64_t all_bytes) {
    front_queue_t *queued = fatal_calloc(sizeof *queued);
    *queued = (front_queue_t){.route_bytes = route_bytes, .all_bytes = all_bytes, .sweep_at = SWEEP_MIN};
    queued->total = fatal_calloc(sizeof *queued->total);
    atomic_init(&queued->total->references, 1);
    return queued;
}

void front_queue_destroy(front_queue_t *queued) {
    if (!queued)
        return;
    account_t *account, *next;
    HASH_ITER(hh, queued->accounts, account, next)
    s_forget(queued, account);
    s_total_unref(queued->total);
    free(queued);
}

static account_t *s_find(const front_queue_t *queued, route_t route) {
    account_t *account;
    unsigned hash = zr_hash_number(route);
    HASH_FIND_BYHASHVALUE(hh, queued->accounts, &route, sizeof route, hash, account);
    return account;
}

/* Nobody tells when a connection ends: those with nothing queued are forgotten whenever the table has doubled. */
static void s_sweep(front_queue_t *queued) {
    account_t *account, *next;
    HASH_ITER(hh, queued->accounts, account, next)
    if (atomic_load(&account->bytes) == 0)
        s_forget(queued, account);
    size_t left = HASH_COUNT(queued->accounts);
    queued->sweep_at = 2 * left > SWEEP_MIN ? 2 * left : SWEEP_MIN;
}

static account_t *s_find_or_add(front_queue_t *queued, route_t route) {
    account_t *account = s_find(queued, route);
    if (account)
        return account;
    if (HASH_COUNT(queued->accounts) >= queued->sweep_at)
        s_sweep(queued);
    account = fatal_calloc(sizeof *account);
    account->route = route;
    atomic_init(&account->references, 1);
    HASH_ADD_BYHASHVALUE(hh, queued->accounts, route, sizeof account->route, zr_hash_number(route), account);
    return account;
}

/* The bytes that a connection may still add, if it holds `held`. */
static uint64_t s_room(const front_queue_t *queued, uint64_t held) {
    uint64_t all = atomic_load(&queued->total->bytes);
    uint64_t share = all < queued->all_bytes ? (queued->all_bytes - all) / SHARE : 0;
    uint64_t most = share < queued->route_bytes ? share : queued->route_bytes;
    return held < most ? most - held : 0;
}

uint64_t front_queue_room(const front_queue_t *queued, route_t route) {
    return s_room(queued, front_queue_of(queued, route));
}

front_queue_place_t *front_queue_take(front_queue_t *queued, route_t route, zr_blob_t *frame) {
    account_t *account = s_find_or_add(queued, route);
    uint64_t bytes = zr_blob_len(frame) + FRONT_QUEUE_MESSAGE;
    if (bytes > s_room(queued, atomic_load(&account->bytes)))
        return NULL;
    front_queue_place_t *place = fatal_calloc(sizeof *place);
    *place = (front_queue_place_t){.frame = frame, .account = account, .total = queued->total, .bytes = bytes};
    atomic_fetch_add(&account->references, 1);
    atomic_fetch_add(&account->bytes, bytes);
    atomic_fetch_add(&queued->total->references, 1);
    if (zr_blob_enqueue(frame))
        atomic_fetch_add(&queued->total->bytes, bytes);
    return place;
}

void front_queue_give_back(front_queue_place_t *place) {
    if (zr_blob_dequeue(place->frame))
        atomic_fetch_sub(&place->total->bytes, place->bytes);
    zr_blob_unref(place->frame);
    atomic_fetch_sub(&place->account->bytes, place->bytes);
    s_account_unref(place->account);
    s_total_unref(place->total);
    free(place);
}

uint64_t front_queue_of(const front_queue_t *queued, route_t route) {
    account_t *account = s_find(queued, route);
    return account ? atomic_load(&account->bytes) : 0;
}

uint64_t front_queue_in_all(const front_queue_t *queued) {
    return atomic_load(&queued->total->bytes);
}

size_t front_queue_count(const front_queue_t *queued) {
    return HASH_COUNT(queued->accounts);
}
