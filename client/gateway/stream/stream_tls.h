/* TLS of a stream, by GnuTLS: the gateway's certificate, and a session for each connection. A session never blocks. */
#ifndef STREAM_TLS_H
#define STREAM_TLS_H

#include <sys/types.h>
#include <sys/uio.h>

#include "errors.h"
#include "gateway_config.h"

/* The certificate and its key, which all sessions share. */
typedef struct stream_tls stream_tls_t;

typedef struct tls_session tls_session_t;

/* Reads http/tls-cert and http/tls-key, which must be set. NULL: `error` says why. */
stream_tls_t *stream_tls_new(const gateway_config_t *config, zr_error_t *error);
void stream_tls_destroy(stream_tls_t *tls); /* no session may be left; NULL is accepted */

/* A session over `fd`, which stays the caller's. */
tls_session_t *tls_session_new(stream_tls_t *tls, int fd);
void tls_session_destroy(tls_session_t *session); /* NULL is accepted */

/* The handshake is complete. tls_session_receive carries it on. */
bool tls_session_is_ready(const tls_session_t *session);

/* As recv and sendmsg: -1 with EAGAIN in `errno` when the socket has to be waited for. A fault of TLS is EPROTO. A peer
 * that ends without saying so counts as ended. */
ssize_t tls_session_receive(tls_session_t *session, void *out, size_t len);
ssize_t tls_session_send(tls_session_t *session, const struct iovec *pieces, size_t count);

/* Tells the peer that nothing more comes. */
void tls_session_end(tls_session_t *session);

#endif
