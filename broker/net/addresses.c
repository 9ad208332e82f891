/* See addresses.h. */
#include "addresses.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"
#include "origins.h"

enum { KEPT_MAX = 64, KEPT_PART = 8 }; /* descriptors kept: so many, or an eighth if the limit is low */

typedef struct {
    origin_t *origin; /* NULL: not counted */
    uint64_t inode;
    int side;
} place_t;

struct addresses {
    origins_t origins;
    place_t *places; /* by descriptor */
    size_t size;
    origin_t *shed[ADDRESSES_SHED_MAX]; /* they are `kept` */
    size_t shed_count;
    bool shed_changed;
};

/* --- Connections --- */

void addresses_set_limits(addresses_t *all, size_t max_connections, uint64_t per_second) {
    all->origins.max = max_connections;
    all->origins.rate = origins_rate(per_second);
}

addresses_t *addresses_new(size_t max_connections, uint64_t per_second) {
    addresses_t *all = fatal_calloc(sizeof *all);
    addresses_set_limits(all, max_connections, per_second);
    return all;
}

void addresses_destroy(addresses_t *all) {
    if (!all)
        return;
    origins_finish(&all->origins);
    free(all->places);
    free(all);
}

static place_t *s_place(addresses_t *all, int fd) {
    FATAL_REACH(all->places, all->size, (size_t)fd);
    return &all->places[fd];
}

static void s_forget(place_t *place) {
    origins_close(place->origin);
    *place = (place_t){0};
}

static void s_shed(addresses_t *all, origin_t *origin) {
    if (origin->kept || all->shed_count == ADDRESSES_SHED_MAX)
        return;
    origin->kept = all->shed_changed = true;
    all->shed[all->shed_count++] = origin;
}

bool addresses_opened(
    addresses_t *all, int side, int fd, uint64_t inode, const zr_address_t *address, uint64_t now_ms) {
    place_t *place = s_place(all, fd);
    if (place->origin && place->inode == inode)
        return true;
    s_forget(place);
    origin_t *origin = origins_of(&all->origins, address);
    if (origins_wait(&all->origins, origin, 1, now_ms * 1000)) {
        s_shed(all, origin);
        return false;
    }
    origins_count_open(&all->origins, origin, now_ms * 1000);
    *place = (place_t){.origin = origin, .inode = inode, .side = side};
    return origin->open <= all->origins.max;
}

bool addresses_find(const addresses_t *all, int fd, zr_address_t *address) {
    bool counted = (size_t)fd < all->size && all->places[fd].origin;
    if (counted)
        *address = all->places[fd].origin->address;
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
    if (fd < 0 || (size_t)fd >= all->size || all->places[fd].inode != inode || !all->places[fd].origin)
        return;
    origins_charge(&all->origins, all->places[fd].origin, now_ms * 1000);
}

bool addresses_shed_changed(addresses_t *all, uint64_t now_ms) {
    uint64_t enough = ADDRESSES_SHED_S * all->origins.rate.per_second;
    size_t left = 0;
    for (size_t i = 0; i < all->shed_count; i++) {
        origin_t *origin = all->shed[i];
        origin->kept = origins_wait(&all->origins, origin, enough, now_ms * 1000) > 0;
        if (origin->kept)
            all->shed[left++] = origin;
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
        if (all->places[fd].origin && !alive(ctx, (int)fd, all->places[fd].inode))
            s_forget(&all->places[fd]);
    origins_sweep(&all->origins, now_ms * 1000);
}

size_t addresses_count(const addresses_t *all) {
    return origins_count(&all->origins);
}
