/* Endpoints the broker binds: parsing, checking, deriving the back from a listener, and choosing the back that a client
 * is told. No socket is touched here. Only endpoint_address and endpoint_collides ask the system, about interfaces and
 * folders. */
#ifndef ENDPOINTS_H
#define ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "span.h"

enum {
    ENDPOINT_HOST_MAX = 255, /* a DNS name */
    ENDPOINT_PATH_MAX = 107, /* the longest that a Unix socket's address holds */
    ENDPOINT_TEXT_SIZE = 300 /* of any endpoint's text, its NUL included */
};

typedef enum { ENDPOINT_TCP, ENDPOINT_IPC } endpoint_kind_t;

typedef struct {
    endpoint_kind_t kind;
    char host[ENDPOINT_HOST_MAX + 1]; /* tcp: an address without brackets, an interface, a name or "*" */
    uint16_t port;                    /* tcp; 0: a free one is picked at bind */
    char path[ENDPOINT_PATH_MAX + 1]; /* ipc: a path, or "@name" in the abstract namespace */
    bool encrypted;                   /* set by the caller that binds it: only CURVE is spoken there */
} endpoint_t;

/* Reads `text`. Returns NULL, or a sentence that says what is wrong and what to write instead (a static string;
 * `*endpoint` is then unspecified). "localhost" becomes 127.0.0.1, since libzmq binds no names. It is not encrypted. */
const char *endpoint_parse(endpoint_t *endpoint, const char *text);

/* As it is written for libzmq. */
void endpoint_format(const endpoint_t *endpoint, char out[ENDPOINT_TEXT_SIZE]);

/* The address to bind of a TCP endpoint: for "*" that of all of IPv6, for an interface its first IPv4 address. false:
 * there is no such interface. */
bool endpoint_address(const endpoint_t *endpoint, struct sockaddr_storage *address, socklen_t *len);

/* Not both can be bound: the same port of the same address, or of all; the same path. Port 0 collides with nothing. */
bool endpoint_collides(const endpoint_t *one, const endpoint_t *other);

/* Every address of the machine: "*", 0.0.0.0 or [::]. */
bool endpoint_is_wildcard(const endpoint_t *endpoint);

/* Reachable from this machine only. False for names and interfaces other than lo: nobody knows where they lead. */
bool endpoint_is_local(const endpoint_t *endpoint);

/* libzmq must be told to use IPv6: an IPv6 address, or "*", which is all of IPv6 and of IPv4. */
bool endpoint_is_ipv6(const endpoint_t *endpoint);

/* A listener on IPv6 sees an IPv4 peer as ::ffff:192.0.2.1. This is its address as it is shown and counted, a part of
 * `address`; any other text stays what it is. */
zr_span_t endpoint_unmapped(zr_span_t address);

/* The back that belongs to a listener when no back is configured: the next TCP port, or the path with "-back". For port
 * 0 it is port 0. It is encrypted if the listener is. Returns NULL or the fault, as endpoint_parse does. */
const char *endpoint_derive_back(const endpoint_t *listen, endpoint_t *back);

/* All that is bound, with real ports. */
typedef struct {
    const endpoint_t *listen;
    size_t listen_count;
    const endpoint_t *back;
    size_t back_count;
    bool paired;           /* back[i] was derived from listen[i] */
    const char *advertise; /* the back to name whatever is bound; empty: none */
} endpoint_set_t;

/* Is the advertised back told to clients of encrypted, or of plain, listeners? If some listeners are encrypted, only to
 * clients of those, as they are on other machines. */
bool endpoint_advertised_to(const endpoint_set_t *set, bool encrypted);

/* Writes the back for a client whose connection has the local address `local` (getsockname's; NULL: unknown). It is
 * encrypted if the client's listener is, and reachable the way the client came. That address replaces a wildcard. */
void endpoint_choose_back(
    const endpoint_set_t *set, const struct sockaddr *local, socklen_t local_len, char out[ENDPOINT_TEXT_SIZE]);

#endif
