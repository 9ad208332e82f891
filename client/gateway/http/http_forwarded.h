/* The address of a client behind proxies: X-Forwarded-For and X-Forwarded-Proto, from trusted proxies only, and the
 * header of the PROXY protocol, version 2. Pure. */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "netblock.h"

enum { HTTP_FORWARDED_HOPS_MAX = 32 }; /* entries of X-Forwarded-For that are looked at, from the right */

/* The list of trusted proxies, borrowed. A zeroed struct trusts nobody. */
typedef struct {
    const netblock_t *items;
    size_t count;
} http_proxies_t;

bool http_proxies_trust(const http_proxies_t *proxies, const address_t *address);

/* The client's address. `peer` is that of the connection, `forwarded` the values of all X-Forwarded-For fields in their
 * order with commas between them. Of an untrusted peer the field counts for nothing. Else the last entry that is no
 * trusted proxy is the client; an entry that is no address ends the search, and the proxy that named it is the client.
 */
address_t http_forwarded_for(const http_proxies_t *proxies, const address_t *peer, zr_span_t forwarded);

/* The client reached the outermost proxy over TLS: a trusted peer says so with "https" as the last value. */
bool http_forwarded_secure(const http_proxies_t *proxies, const address_t *peer, zr_span_t proto);

/* --- PROXY protocol, version 2 --- */

enum { HTTP_PROXY_HEAD = 16, HTTP_PROXY_MAX = HTTP_PROXY_HEAD + 4096 };

typedef enum {
    HTTP_PROXY_MORE, /* the header is not whole yet */
    HTTP_PROXY_BAD,  /* this is no header, or one that is too long */
    HTTP_PROXY_DONE,
} http_proxy_state_t;

typedef struct {
    size_t size;     /* bytes of the header */
    bool has_source; /* false: the proxy speaks for itself (a health check), or names no internet address */
    address_t source;
    uint16_t port;
    bool secure; /* the client reached the proxy over TLS */
} http_proxy_t;

/* Reads the header at the beginning of `bytes`, which may go on behind it. */
http_proxy_state_t http_proxy_read(http_proxy_t *proxy, zr_span_t bytes);

#endif
