/* Numeric addresses of peers, and blocks of them such as 10.0.0.0/8. Pure: no name is looked up. An IPv4 address that
 * came over IPv6 (::ffff:192.0.2.1) is that IPv4 address. */
#ifndef NETBLOCK_H
#define NETBLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "span.h"

enum { ADDRESS_TEXT = 46 }; /* bytes of an address as text, with its zero byte */

typedef struct {
    uint8_t bytes[16]; /* IPv4 is mapped into IPv6 */
} address_t;

typedef struct {
    address_t address;
    unsigned bits; /* of the 128 that count */
} netblock_t;

/* An IPv4 or IPv6 address, without brackets, port or zone. */
bool address_parse(zr_span_t text, address_t *out);

/* Of a socket's peer. False: it is neither IPv4 nor IPv6. */
bool address_from_socket(const struct sockaddr *socket, address_t *out);

/* The usual text; IPv4 with dots. */
void address_format(const address_t *address, char out[ADDRESS_TEXT]);

/* Whether the address is of this machine only (127.0.0.0/8, ::1). */
bool address_is_loopback(const address_t *address);

/* What counts as one peer: an IPv4 address, or the first 64 bits of an IPv6 address. The rest of `out` is zero. */
void address_peer(const address_t *address, address_t *out);

/* "192.0.2.1", "10.0.0.0/8", "2001:db8::/32". False: it has another form, or bits beyond the length are set. */
bool netblock_parse(zr_span_t text, netblock_t *out);

bool netblock_has(const netblock_t *block, const address_t *address);

#endif
