/* See addresses.h. */
#include "addresses.h"

#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "fatal.h"
#include "hash.h"

enum { KEPT_MAX = 64, KEPT_PART = 8 }; /* descriptors kept: so many, or an eighth if the limit is low */

typedef struct {
    zr_address_t address;
    size_t connections;
    bucket_t made; /* connections */
    bool shed;     /* is one of those */
    UT_hash_handle hh;
} source_t;

typedef struct {
    source_t *source; /* NULL: not counted */
    uint64_t inode;
    int side;
} place_t;

struct addresses {
    size_t max_connections;
    bucket_rate_t rate; /* of new ones */
    source_t *sources;
    place_t *places; /* by descriptor */
    size_t size;
    source_t *shed[ADDRESSES_SHED_MAX];
    size_t shed_count;
    bool shed_changed;
};

static source_t *s_source(addresses_t *all, const zr_address_t *address) {
    source_t *source;
    HASH_FIND(hh, all->sources, address, sizeof *address, source);
    if (source)
        return source;
    source = fatal_calloc(sizeof *source);
    source->address = *address;
    HASH_ADD(hh, all->sources, address, sizeof source->address, source);
    return source;
}

/* May the address make so many seconds' worth of connections? */
static bool s_may_make(const addresses_t *all, source_t *source, uint64_t seconds, uint64_t now_ms) {
    return bucket_wait(&source->made, &all->rate, seconds * all->rate.per_second, now_ms * 1000) == 0;
}

/* --- Connections --- */

addresses_t *addresses_new(size_t max_connections, uint64_t per_second) {
    addresses_t *all = fatal_calloc(sizeof *all);
    all->max_connections = max_connections;
    all->rate = bucket_rate(per_second, per_second * ADDRESSES_DEBT_S);
    return all;
}

void addresses_destroy(addresses_t *all) {
    if (!all)
        return;
    source_t *source, *next;
    HASH_ITER(hh, all->sources, source, next) {
        HASH_DEL(all->sources, source);
        free(source);
    }
    free(all->places);
    free(all);
}

static place_t *s_place(addresses_t *all, int fd) {
    size_t size = all->size ? all->size : 64;
    while (size <= (size_t)fd)
        size *= 2;
    if (size > all->size) {
        all->places = fatal_realloc(all->places, size * sizeof *all->places);
        memset(all->places + all->size, 0, (size - all->size) * sizeof *all->places);
        all->size = size;
    }
    return &all->places[fd];
}

static void s_forget(place_t *place) {
    if (place->source)
        place->source->connections--;
    *place = (place_t){0};
}

static void s_shed(addresses_t *all, source_t *source) {
    if (source->shed || all->shed_count == ADDRESSES_SHED_MAX)
        return;
    source->shed = all->shed_changed = true;
    all->shed[all->shed_count++] = source;
}

bool addresses_opened(
    addresses_t *all, int side, int fd, uint64_t inode, const zr_address_t *address, uint64_t now_ms) {
    place_t *place = s_place(all, fd);
    if (place->source && place->inode == inode)
        return true;
    s_forget(place);
    source_t *source = s_source(all, address);
    if (bucket_wait(&source->made, &all->rate, 1, now_ms * 1000)) {
        s_shed(all, source);
        return false;
    }
    bucket_take(&source->made, &all->rate, 1, now_ms * 1000);
    *place = (place_t){.source = source, .inode = inode, .side = side};
    return ++source->connections <= all->max_connections;
}

bool addresses_find(const addresses_t *all, int fd, zr_address_t *address) {
    bool counted = (size_t)fd < all->size && all->places[fd].source;
    if (counted)
        *address = all->places[fd].source->address;
    return counted;
}

bool addresses_has_room(int side, int fd, uint64_t descriptors) {
    uint64_t kept = descriptors / KEPT_PART < KEPT_MAX ? descriptors / KEPT_PART : KEPT_MAX;
    if (side == 1)
        kept /= 2;
    return descriptors == 0 || (uint64_t)fd < descriptors - kept;
}

void addresses_closed(addresses_t *all, int side, int fd) {
    if ((size_t)fd < all->size && all->places[fd].side == side)
        s_forget(&all->places[fd]);
}

void addresses_charge(addresses_t *all, int fd, uint64_t inode, uint64_t now_ms) {
    if (fd < 0 || (size_t)fd >= all->size || all->places[fd].inode != inode || !all->places[fd].source)
        return;
    uint64_t cost = all->rate.per_second * BUCKET_SECONDS;
    bucket_take(&all->places[fd].source->made, &all->rate, cost, now_ms * 1000);
}

bool addresses_shed_changed(addresses_t *all, uint64_t now_ms) {
    size_t left = 0;
    for (size_t i = 0; i < all->shed_count; i++) {
        source_t *source = all->shed[i];
        source->shed = !s_may_make(all, source, ADDRESSES_SHED_S, now_ms);
        if (source->shed)
            all->shed[left++] = source;
    }
    bool changed = all->shed_changed || left != all->shed_count;
    all->shed_count = left;
    all->shed_changed = false;
    return changed;
}

size_t addresses_shed(const addresses_t *all, zr_address_t *addresses) {
    for (size_t i = 0; i < all->shed_count; i++)
        addresses[i] = all->shed[i]->address;
    return all->shed_count;
}

void addresses_sweep(addresses_t *all, addresses_alive_fn *alive, void *ctx, uint64_t now_ms) {
    for (size_t fd = 0; fd < all->size; fd++)
        if (all->places[fd].source && !alive(ctx, (int)fd, all->places[fd].inode))
            s_forget(&all->places[fd]);
    source_t *source, *next;
    HASH_ITER(hh, all->sources, source, next) {
        if (source->connections > 0 || source->shed || !s_may_make(all, source, BUCKET_SECONDS, now_ms))
            continue;
        HASH_DEL(all->sources, source);
        free(source);
    }
}

size_t addresses_count(const addresses_t *all) {
    return HASH_COUNT(all->sources);
}
