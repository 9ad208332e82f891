#include "stream_tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <sys/socket.h>

#include "clock.h"
#include "fixture_dir.h"
#include "stream.h"
#include "unit.h"

static gateway_config_t s_config;
static stream_tls_t *s_tls;
static poller_t *s_poller;
static queue_budget_t s_budget = {.most = 1 << 24};
static stream_pool_t *s_pool;
static gnutls_certificate_credentials_t s_trust;

static void s_write_pem(const char *name, const gnutls_datum_t *pem, char *path, size_t size) {
    char text[8192];
    snprintf(text, sizeof text, "%.*s", (int)pem->size, (const char *)pem->data);
    snprintf(path, size, "%s", dir_write(name, text, 0600));
}

/* A certificate of its own making. */
static void s_make_pair(void) {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
    gnutls_datum_t pem;
    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_init(&cert);
    gnutls_x509_crt_set_version(cert, 3);
    gnutls_x509_crt_set_serial(cert, "1", 1);
    gnutls_x509_crt_set_activation_time(cert, 0);
    gnutls_x509_crt_set_expiration_time(cert, 4102444800);
    gnutls_x509_crt_set_dn(cert, "CN=localhost", NULL);
    gnutls_x509_crt_set_key(cert, key);
    ck_assert_int_eq(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
    ck_assert_int_eq(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem), 0);
    s_write_pem("cert.pem", &pem, s_config.tls_cert, sizeof s_config.tls_cert);
    gnutls_free(pem.data);
    ck_assert_int_eq(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
    s_write_pem("key.pem", &pem, s_config.tls_key, sizeof s_config.tls_key);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_privkey_deinit(key);
}

static void s_begin(void) {
    zr_error_t error = {0};
    dir_begin();
    gateway_config_default(&s_config);
    s_make_pair();
    s_tls = stream_tls_new(&s_config, &error);
    ck_assert_msg(s_tls != NULL, "%s", error.text);
    s_poller = poller_new();
    s_pool = stream_pool_new(&s_config, s_poller, &s_budget);
    gnutls_certificate_allocate_credentials(&s_trust);
}

static void s_end(void) {
    stream_pool_destroy(s_pool);
    poller_destroy(s_poller);
    stream_tls_destroy(s_tls);
    gnutls_certificate_free_credentials(s_trust);
    dir_end();
}

/* --- A client --- */

typedef struct {
    stream_t *stream;
    int fd;
    gnutls_session_t tls;
    char log[256];
    bool ended, gone;
} peer_t;

static size_t s_on_bytes(void *ctx, zr_span_t bytes) {
    peer_t *peer = ctx;
    size_t used = strlen(peer->log);
    snprintf(peer->log + used, sizeof peer->log - used, "%.*s", (int)bytes.len, bytes.ptr);
    return bytes.len;
}

static void s_on_end(void *ctx) {
    ((peer_t *)ctx)->ended = true;
}

static bool s_on_paused(void *ctx) {
    (void)ctx;
    return false;
}

static void s_on_nothing(void *ctx) {
    (void)ctx;
}

static void s_on_gone(void *ctx) {
    ((peer_t *)ctx)->gone = true;
}

static const stream_events_t s_events = {s_on_bytes, s_on_end, s_on_paused, s_on_nothing, s_on_nothing, s_on_gone};

static void s_open(peer_t *peer) {
    int fds[2], small = 4096;
    stream_from_t from = {.tls = s_tls};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    *peer = (peer_t){.fd = fds[1]};
    from.fd = fds[0];
    peer->stream = stream_new(s_pool, &from, NULL, &s_events, peer);
    gnutls_init(&peer->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    gnutls_set_default_priority(peer->tls);
    gnutls_credentials_set(peer->tls, GNUTLS_CRD_CERTIFICATE, s_trust);
    gnutls_transport_set_int(peer->tls, peer->fd);
}

static void s_close(peer_t *peer) {
    gnutls_deinit(peer->tls);
    close(peer->fd);
}

static void s_turn(void) {
    poller_wait(s_poller, 0);
    stream_pool_turn(s_pool, false, zr_mono_ms());
}

static void s_shake_hands(peer_t *peer) {
    int code = GNUTLS_E_AGAIN;
    for (int i = 0; i < 100 && code == GNUTLS_E_AGAIN; i++) {
        code = gnutls_handshake(peer->tls);
        s_turn();
    }
    ck_assert_int_eq(code, 0);
    s_turn();
}

/* Reads until so many bytes came, or the peer ended. */
static size_t s_read(peer_t *peer, char *out, size_t len) {
    size_t done = 0;
    for (int i = 0; i < 10000 && done < len; i++) {
        ssize_t got = gnutls_record_recv(peer->tls, out + done, len - done);
        if (got == 0)
            break;
        done += got > 0 ? (size_t)got : 0;
        s_turn();
    }
    return done;
}

TEST(test_bytes_go_both_ways) {
    static peer_t peer;
    char text[20] = {0};
    s_open(&peer);
    stream_put(peer.stream, LIT("before ")); /* it waits for the handshake */
    s_turn();
    s_shake_hands(&peer);
    stream_put(peer.stream, LIT("and after"));
    ck_assert_uint_eq(s_read(&peer, text, 16), 16);
    ck_assert_str_eq(text, "before and after");
    ck_assert_int_eq(gnutls_record_send(peer.tls, "hello", 5), 5);
    s_turn();
    ck_assert_str_eq(peer.log, "hello");
    s_close(&peer);
}

TEST(test_a_megabyte_in_small_pieces_of_the_socket) {
    enum { SIZE = 1 << 20 };
    static peer_t peer;
    static char sent[SIZE], got[SIZE];
    s_open(&peer);
    s_shake_hands(&peer);
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (char)(i * 31 >> 3);
    for (size_t at = 0; at < SIZE; at += 1024)
        stream_put(peer.stream, zr_span_of(sent + at, 1024));
    ck_assert_uint_eq(s_read(&peer, got, SIZE), SIZE);
    ck_assert_mem_eq(sent, got, SIZE);
    s_close(&peer);
}

TEST(test_both_ends_are_told) {
    static peer_t peer;
    char text[10];
    s_open(&peer);
    s_shake_hands(&peer);
    gnutls_bye(peer.tls, GNUTLS_SHUT_WR);
    s_turn();
    ck_assert(peer.ended);
    stream_put(peer.stream, LIT("bye"));
    stream_close(peer.stream);
    s_turn();
    ck_assert_uint_eq(s_read(&peer, text, sizeof text), 3);
    ck_assert(peer.gone);
    s_close(&peer);
}

TEST(test_what_is_not_tls_is_disconnected) {
    static peer_t peer;
    s_open(&peer);
    ck_assert_int_eq(send(peer.fd, "NICK ann\r\n", 10, 0), 10);
    s_turn();
    ck_assert(peer.gone);
    ck_assert_str_eq(peer.log, "");
    s_close(&peer);
}

TEST(test_a_handshake_takes_a_bounded_time) {
    static peer_t peer;
    s_open(&peer);
    s_turn();
    stream_pool_turn(s_pool, false, zr_mono_ms() + s_config.request_timeout_ms + s_config.ping_ms);
    ck_assert(peer.gone);
    s_close(&peer);
}

TEST(test_files_that_do_not_fit) {
    zr_error_t error = {0};
    strcpy(s_config.tls_cert, s_config.tls_key);
    ck_assert_ptr_null(stream_tls_new(&s_config, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "do not fit together"));
}

UNIT_SUITE_WITH("client.gateway.stream.stream_tls", s_begin, s_end)
