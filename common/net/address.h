/* Addresses of peers, as limits count them: an IPv4 address, or the first 64 bits of an IPv6 address, as one customer gets
 * all of those. Pure. */
#ifndef ZR_ADDRESS_H
#define ZR_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>

#include "span.h"

enum {
    ZR_ADDRESS_MAX = 45,       /* bytes of an address as text, as zr_address_read takes it */
    ZR_ADDRESS_TEXT_SIZE = 49, /* of one that zr_address_format writes */
};

typedef struct {
    uint8_t bytes[16];
} zr_address_t;

typedef enum { ZR_ADDRESS_BAD, ZR_ADDRESS_LOCAL, ZR_ADDRESS_COUNTED } zr_address_kind_t;

/* BAD: it is of no internet protocol; a local socket has such a one. LOCAL: loopback, which no limit counts. `*address`
 * is set if it is COUNTED. */
zr_address_kind_t zr_address_of(const struct sockaddr *peer, socklen_t len, zr_address_t *address);

/* The same of a text: numbers, without port, brackets and zone. */
zr_address_kind_t zr_address_read(zr_span_t text, zr_address_t *address);

bool zr_address_is_ipv4(const zr_address_t *address); /* in the last four bytes */

/* As text: 192.0.2.1, or 2001:db8:1:2::/64 for all addresses that count as one. */
void zr_address_format(const zr_address_t *address, char out[ZR_ADDRESS_TEXT_SIZE]);

#endif
