/* See gate.h. */
#include "gate.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fatal.h"
#include "hash.h"

enum { HANDSHAKE = 1000 }; /* what one costs: the bucket is in thousandths, which makes the rate thousandths a ms */
enum { KEPT_MAX = 64, KEPT_PART = 8 }; /* descriptors kept: so many, of few an eighth */

typedef struct {
    gate_address_t address;
    size_t connections;
    uint64_t owed; /* for those it made lately */
    uint64_t at;   /* when that was so (ms) */
    bool shed;     /* is one of those */
    UT_hash_handle hh;
} source_t;

typedef struct {
    source_t *source; /* NULL: not counted */
    uint64_t inode;
    int side;
} place_t;

struct gate {
    size_t max_connections;
    uint64_t per_second;
    source_t *sources;
    place_t *places; /* by descriptor */
    size_t size;
    source_t *shed[GATE_SHED_MAX];
    size_t shed_count;
    bool shed_changed;
};

/* --- Addresses --- */

static const uint8_t s_mapped[12] = {[10] = 0xff, [11] = 0xff};

bool gate_is_ipv4(const gate_address_t *address) {
    return memcmp(address->bytes, s_mapped, sizeof s_mapped) == 0;
}

bool gate_address(const struct sockaddr *peer, socklen_t len, gate_address_t *address) {
    uint8_t bytes[16];
    if (peer->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        memcpy(bytes, s_mapped, sizeof s_mapped);
        memcpy(bytes + sizeof s_mapped, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    } else if (peer->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)peer)->sin6_addr;
        if (IN6_IS_ADDR_LOOPBACK(in6))
            return false;
        memcpy(bytes, in6->s6_addr, sizeof bytes);
    } else {
        return false;
    }
    bool ipv4 = memcmp(bytes, s_mapped, sizeof s_mapped) == 0;
    if (ipv4 && bytes[12] == 127)
        return false;
    if (!ipv4)
        memset(bytes + 8, 0, 8);
    memcpy(address->bytes, bytes, sizeof bytes);
    return true;
}

static source_t *s_source(gate_t *gate, const gate_address_t *address) {
    source_t *source;
    HASH_FIND(hh, gate->sources, address, sizeof *address, source);
    if (source)
        return source;
    source = fatal_calloc(sizeof *source);
    source->address = *address;
    HASH_ADD(hh, gate->sources, address, sizeof source->address, source);
    return source;
}

static uint64_t s_worth(const gate_t *gate, uint64_t seconds) {
    return seconds * gate->per_second * HANDSHAKE;
}

static void s_refill(const gate_t *gate, source_t *source, uint64_t now_ms) {
    uint64_t passed = now_ms > source->at ? now_ms - source->at : 0;
    bool all = passed >= (GATE_BURST_S + GATE_DEBT_S) * 1000 || passed * gate->per_second >= source->owed;
    source->owed = all ? 0 : source->owed - passed * gate->per_second;
    source->at = now_ms;
}

/* --- Connections --- */

gate_t *gate_new(size_t max_connections, uint64_t per_second) {
    gate_t *gate = fatal_calloc(sizeof *gate);
    gate->max_connections = max_connections;
    gate->per_second = per_second;
    return gate;
}

void gate_destroy(gate_t *gate) {
    if (!gate)
        return;
    source_t *source, *next;
    HASH_ITER(hh, gate->sources, source, next) {
        HASH_DEL(gate->sources, source);
        free(source);
    }
    free(gate->places);
    free(gate);
}

static place_t *s_place(gate_t *gate, int fd) {
    size_t size = gate->size ? gate->size : 64;
    while (size <= (size_t)fd)
        size *= 2;
    if (size > gate->size) {
        gate->places = fatal_realloc(gate->places, size * sizeof *gate->places);
        memset(gate->places + gate->size, 0, (size - gate->size) * sizeof *gate->places);
        gate->size = size;
    }
    return &gate->places[fd];
}

static void s_forget(place_t *place) {
    if (place->source)
        place->source->connections--;
    *place = (place_t){0};
}

static void s_shed(gate_t *gate, source_t *source) {
    if (source->shed || gate->shed_count == GATE_SHED_MAX)
        return;
    source->shed = gate->shed_changed = true;
    gate->shed[gate->shed_count++] = source;
}

bool gate_opened(gate_t *gate, int side, int fd, uint64_t inode, const gate_address_t *address, uint64_t now_ms) {
    place_t *place = s_place(gate, fd);
    if (place->source && place->inode == inode)
        return true;
    s_forget(place);
    source_t *source = s_source(gate, address);
    s_refill(gate, source, now_ms);
    if (gate->per_second && source->owed + HANDSHAKE > s_worth(gate, GATE_BURST_S)) {
        s_shed(gate, source);
        return false;
    }
    source->owed += gate->per_second ? HANDSHAKE : 0;
    *place = (place_t){.source = source, .inode = inode, .side = side};
    return ++source->connections <= gate->max_connections;
}

bool gate_address_of(const gate_t *gate, int fd, gate_address_t *address) {
    bool counted = (size_t)fd < gate->size && gate->places[fd].source;
    if (counted)
        *address = gate->places[fd].source->address;
    return counted;
}

bool gate_has_room(int side, int fd, uint64_t descriptors) {
    uint64_t kept = descriptors / KEPT_PART < KEPT_MAX ? descriptors / KEPT_PART : KEPT_MAX;
    if (side == 1)
        kept /= 2;
    return descriptors == 0 || (uint64_t)fd < descriptors - kept;
}

void gate_closed(gate_t *gate, int side, int fd) {
    if ((size_t)fd < gate->size && gate->places[fd].side == side)
        s_forget(&gate->places[fd]);
}

void gate_charge(gate_t *gate, int fd, uint64_t inode, uint64_t now_ms) {
    if (fd < 0 || (size_t)fd >= gate->size || gate->places[fd].inode != inode || !gate->places[fd].source)
        return;
    source_t *source = gate->places[fd].source;
    uint64_t most = s_worth(gate, GATE_BURST_S + GATE_DEBT_S);
    s_refill(gate, source, now_ms);
    source->owed += s_worth(gate, GATE_FLOOD_S);
    source->owed = source->owed < most ? source->owed : most;
}

bool gate_shed_changed(gate_t *gate, uint64_t now_ms) {
    size_t left = 0;
    for (size_t i = 0; i < gate->shed_count; i++) {
        source_t *source = gate->shed[i];
        s_refill(gate, source, now_ms);
        source->shed = source->owed > s_worth(gate, GATE_BURST_S - GATE_SHED_S);
        if (source->shed)
            gate->shed[left++] = source;
    }
    bool changed = gate->shed_changed || left != gate->shed_count;
    gate->shed_count = left;
    gate->shed_changed = false;
    return changed;
}

size_t gate_shed(const gate_t *gate, gate_address_t *addresses) {
    for (size_t i = 0; i < gate->shed_count; i++)
        addresses[i] = gate->shed[i]->address;
    return gate->shed_count;
}

void gate_sweep(gate_t *gate, gate_alive_fn *alive, void *ctx, uint64_t now_ms) {
    for (size_t fd = 0; fd < gate->size; fd++)
        if (gate->places[fd].source && !alive(ctx, (int)fd, gate->places[fd].inode))
            s_forget(&gate->places[fd]);
    source_t *source, *next;
    HASH_ITER(hh, gate->sources, source, next) {
        s_refill(gate, source, now_ms);
        if (source->connections > 0 || source->owed > 0 || source->shed)
            continue;
        HASH_DEL(gate->sources, source);
        free(source);
    }
}

size_t gate_addresses(const gate_t *gate) {
    return HASH_COUNT(gate->sources);
}
