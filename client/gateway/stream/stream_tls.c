/* See stream_tls.h. */
#include "stream_tls.h"

#include <errno.h>
#include <string.h>

#include "fatal.h"
#include "tls_files.h"

enum { RECORD = 16384 }; /* bytes of a record of TLS at most (RFC 8446, 5.1) */

struct stream_tls {
    gnutls_certificate_credentials_t credentials;
};

struct tls_session {
    gnutls_session_t tls;
    bool ready;
    bool sending; /* GnuTLS holds a record that the socket did not take */
};

/* --- The certificate --- */

stream_tls_t *stream_tls_new(const gateway_config_t *config, zr_error_t *error) {
    tls_files_t files;
    stream_tls_t *tls = NULL;
    if (tls_files_read(&files, config->tls_cert, config->tls_key, error)) {
        tls = fatal_calloc(sizeof *tls);
        tls->credentials = files.credentials;
        files.credentials = NULL;
    }
    tls_files_finish(&files);
    return tls;
}

void stream_tls_destroy(stream_tls_t *tls) {
    if (!tls)
        return;
    gnutls_certificate_free_credentials(tls->credentials);
    free(tls);
}

/* --- A session --- */

tls_session_t *tls_session_new(stream_tls_t *tls, int fd) {
    tls_session_t *session = fatal_calloc(sizeof *session);
    FATAL_UNLESS(gnutls_init(&session->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) == 0);
    FATAL_UNLESS(gnutls_set_default_priority(session->tls) == 0);
    FATAL_UNLESS(gnutls_credentials_set(session->tls, GNUTLS_CRD_CERTIFICATE, tls->credentials) == 0);
    gnutls_transport_set_int(session->tls, fd);
    return session;
}

void tls_session_destroy(tls_session_t *session) {
    if (!session)
        return;
    gnutls_deinit(session->tls);
    free(session);
}

bool tls_session_is_ready(const tls_session_t *session) {
    return session->ready;
}

static ssize_t s_result(ssize_t code) {
    if (code >= 0)
        return code;
    if (code == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
    errno = code == GNUTLS_E_AGAIN             ? EAGAIN
            : code == GNUTLS_E_INTERRUPTED     ? EINTR
            : gnutls_error_is_fatal((int)code) ? EPROTO
                                               : EINTR; /* such as a warning, or a key update: go on */
    return -1;
}

ssize_t tls_session_receive(tls_session_t *session, void *out, size_t len) {
    if (!session->ready) {
        ssize_t done = s_result(gnutls_handshake(session->tls));
        if (done < 0)
            return done;
        session->ready = true;
    }
    return s_result(gnutls_record_recv(session->tls, out, len));
}

/* One record holds many small pieces. */
static size_t s_gather(uint8_t *out, const struct iovec *pieces, size_t count) {
    size_t len = 0;
    for (size_t i = 0; i < count && len < RECORD; i++) {
        size_t part = pieces[i].iov_len < RECORD - len ? pieces[i].iov_len : RECORD - len;
        memcpy(out + len, pieces[i].iov_base, part);
        len += part;
    }
    return len;
}

/* A record that was not taken goes on with its own bytes, which GnuTLS has kept. */
ssize_t tls_session_send(tls_session_t *session, const struct iovec *pieces, size_t count) {
    uint8_t record[RECORD];
    if (!session->ready) {
        errno = EAGAIN;
        return -1;
    }
    size_t len = session->sending ? 0 : s_gather(record, pieces, count);
    ssize_t sent = s_result(gnutls_record_send(session->tls, len ? record : NULL, len));
    session->sending = sent < 0 && (errno == EAGAIN || errno == EINTR);
    return sent;
}

void tls_session_end(tls_session_t *session) {
    if (session->ready)
        gnutls_bye(session->tls, GNUTLS_SHUT_WR);
}
