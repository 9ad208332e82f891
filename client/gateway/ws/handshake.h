/* The opening handshake of a WebSocket (RFC 6455, section 4.2), and the choice of a subprotocol. Pure. */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include "span.h"

enum { HANDSHAKE_ACCEPT = 29 }; /* bytes of the answer's Sec-WebSocket-Accept, with its zero byte */

/* The request's headers; NULL: it is missing. */
typedef struct {
    const char *method, *upgrade, *connection, *version, *key;
} handshake_t;

/* NULL, or the fault in a sentence. `*status` is that of the answer then: 400, 405 or 426. */
const char *handshake_fault(const handshake_t *request, unsigned *status);

/* The answer to a key. */
void handshake_accept(const char *key, char out[HANDSHAKE_ACCEPT]);

/* Whether the list of tokens, such as a Connection header, has `token`, whatever its case; NULL has no token. */
bool handshake_has_token(const char *list, const char *token);

#endif
