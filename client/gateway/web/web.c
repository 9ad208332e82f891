/* See web.h. */
#include "web.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>
#include <utlist.h>

#include "address_counts.h"
#include "clock.h"
#include "exchange_mhd.h"
#include "fatal.h"
#include "tls_pair.h"

enum { POOL_EXTRA = 4096 }; /* bytes for a connection beside the headers of a request */

/* A connection. While its request is not complete, it has a deadline. */
typedef struct conn {
    web_t *web;
    int fd;
    address_t address;
    bool secure;
    bool waiting; /* in the list of deadlines */
    uint64_t deadline;
    struct conn *prev, *next;
} conn_t;

/* What a proxy told of a connection that libmicrohttpd has not begun with. */
typedef struct told {
    int fd;
    bool secure;
    struct told *next;
} told_t;

struct web {
    const gateway_config_t *config;
    poller_t *poller;
    poll_source_t source;
    struct MHD_Daemon *daemon;
    int fd; /* libmicrohttpd's epoll */
    exchange_host_t host;
    bool due;
    uint64_t now;
    address_counts_t *addresses;
    told_t *told;
    conn_t *deadlines; /* all have the same time, so the first one is due first */
    web_counts_t counts;
    zr_log_limit_t logged;
};

/* The pair that new handshakes use, first, and those that it took over from, which handshakes may still be using. A few
 * KB stay for each new certificate. GnuTLS gives its callback no context, and a process has one such server. */
static tls_pair_t *s_pairs;

/* --- Connections and their deadlines --- */

static void s_wait(conn_t *conn) {
    conn->deadline = conn->web->now + conn->web->config->request_timeout_ms;
    conn->waiting = true;
    DL_APPEND(conn->web->deadlines, conn);
}

static void s_unwait(conn_t *conn) {
    if (conn->waiting)
        DL_DELETE(conn->web->deadlines, conn);
    conn->waiting = false;
}

static conn_t *s_conn(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Forgets what a proxy told of the connection, and returns whether the client came over TLS. Without a proxy only this
 * machine is secure. */
static bool s_take_told(web_t *web, int fd, const address_t *address) {
    told_t *told;
    LL_SEARCH_SCALAR(web->told, told, fd, fd);
    if (!told)
        return address_is_loopback(address);
    bool secure = told->secure;
    LL_DELETE(web->told, told);
    free(told);
    return secure;
}

static void s_begin_conn(web_t *web, struct MHD_Connection *connection, void **context) {
    conn_t *conn = *context = fatal_calloc(sizeof *conn);
    conn->web = web;
    conn->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    address_from_socket(
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, &conn->address);
    conn->secure = s_take_told(web, conn->fd, &conn->address) || web->config->tls_cert[0];
    s_wait(conn);
}

static void s_forget(web_t *web, const address_t *address) {
    web->counts.connections--;
    address_counts_remove(web->addresses, address);
}

static void s_on_connection(
    void *ctx, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code) {
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        s_begin_conn(ctx, connection, context);
        return;
    }
    conn_t *conn = *context;
    s_unwait(conn);
    s_forget(ctx, &conn->address);
    free(conn);
}

/* Peers on this machine share one address: only the limit of all holds for them. */
static bool s_count(web_t *web, const address_t *address) {
    uint64_t most = address_is_loopback(address) ? UINT64_MAX : web->config->max_address_connections;
    return web->counts.connections < web->config->max_connections && address_counts_add(web->addresses, address, most);
}

void web_accept(web_t *web, int fd, const struct sockaddr *socket, socklen_t len) {
    address_t address;
    if (!address_from_socket(socket, &address) || !s_count(web, &address)) {
        web->counts.refused++;
        s_take_told(web, fd, &address);
        close(fd);
        return;
    }
    web->counts.connections++;
    web->due = true;
    if (MHD_add_connection(web->daemon, fd, socket, len) != MHD_YES) {
        s_take_told(web, fd, &address);
        s_forget(web, &address);
    }
}

void web_accept_proxied(web_t *web, int fd, const struct sockaddr *socket, socklen_t len, bool secure) {
    told_t *told = fatal_calloc(sizeof *told);
    *told = (told_t){fd, secure, NULL};
    LL_PREPEND(web->told, told);
    web_accept(web, fd, socket, len);
}

/* --- Requests --- */

static void *s_on_uri(void *ctx, const char *uri, struct MHD_Connection *connection) {
    web_t *web = ctx;
    conn_t *conn = s_conn(connection);
    exchange_t *e = exchange_new(&web->host, uri);
    exchange_place(e, connection, &conn->address, conn->secure);
    return e;
}

static enum MHD_Result s_on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_len, void **request) {
    web_t *web = ctx;
    bool whole = false;
    (void)url;
    (void)version;
    enum MHD_Result result = exchange_take(*request, method, upload, upload_len, &whole);
    if (whole) {
        web->counts.requests++;
        s_unwait(s_conn(connection));
    }
    return result;
}

static void s_on_completed(
    void *ctx, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code) {
    (void)ctx;
    (void)code;
    conn_t *conn = s_conn(connection);
    exchange_destroy(*request);
    *request = NULL;
    if (!conn)
        return;
    s_unwait(conn);
    s_wait(conn);
}

/* Nothing is decoded here: a decoded slash could not be told from one between segments. */
static size_t s_keep(void *ctx, struct MHD_Connection *connection, char *text) {
    (void)ctx;
    (void)connection;
    return strlen(text);
}

static void s_log(void *ctx, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void s_log(void *ctx, const char *format, va_list args) {
    web_t *web = ctx;
    zr_buffer_t line = {0};
    if (!zr_log_pass(&web->logged, zr_mono_ms()))
        return;
    zr_buffer_vprintf(&line, format, args);
    while (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    zr_log(ZR_LOG_DEBUG, "http: %.*s", (int)line.len, (const char *)line.data);
    zr_buffer_finish(&line);
}

/* --- The daemon --- */

/* GnuTLS asks at each handshake. */
static int s_choose_pair(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
    const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **chain, unsigned *chain_len,
    gnutls_privkey_t *key) {
    (void)session;
    (void)authorities;
    (void)authority_count;
    (void)algorithms;
    (void)algorithm_count;
    *chain = s_pairs->chain;
    *chain_len = s_pairs->chain_len;
    *key = s_pairs->key;
    return 0;
}

static tls_pair_t *s_load_pair(const gateway_config_t *config, zr_error_t *error) {
    return tls_pair_load(config->tls_cert, config->tls_key, error);
}

bool web_reload_tls(web_t *web, zr_error_t *error) {
    tls_pair_t *pair = web->config->tls_cert[0] ? s_load_pair(web->config, error) : NULL;
    if (pair && s_pairs && tls_pair_equal(pair, s_pairs))
        tls_pair_destroy(pair);
    else if (pair)
        LL_PREPEND(s_pairs, pair);
    return pair || !web->config->tls_cert[0];
}

bool web_check(const gateway_config_t *config, zr_error_t *error) {
    tls_pair_t *pair = config->tls_cert[0] ? s_load_pair(config, error) : NULL;
    bool ok = pair || !config->tls_cert[0];
    tls_pair_destroy(pair);
    return ok;
}

static void s_forget_pairs(void) {
    for (tls_pair_t *pair; (pair = s_pairs);) {
        LL_DELETE(s_pairs, pair);
        tls_pair_destroy(pair);
    }
}

static void s_ready(void *ctx, uint32_t events) {
    web_t *web = ctx;
    (void)events;
    web->due = true;
}

static bool s_start(web_t *web) {
    const gateway_config_t *config = web->config;
    bool tls = config->tls_cert[0];
    struct MHD_OptionItem options[] = {
        {tls ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END, 0, (void *)s_choose_pair},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                     MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0);
    web->daemon = MHD_start_daemon(flags, 0, NULL, NULL, s_on_request, web, MHD_OPTION_EXTERNAL_LOGGER, s_log, web,
        MHD_OPTION_URI_LOG_CALLBACK, s_on_uri, web, MHD_OPTION_UNESCAPE_CALLBACK, s_keep, web,
        MHD_OPTION_NOTIFY_COMPLETED, s_on_completed, web, MHD_OPTION_NOTIFY_CONNECTION, s_on_connection, web,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)config->max_connections + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)config->max_header + POOL_EXTRA, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(config->request_timeout_ms / 1000), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = web->daemon ? MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    web->fd = info ? info->epoll_fd : -1;
    return web->fd >= 0 && poller_add(web->poller, web->fd, EPOLLIN, &web->source);
}

web_t *web_new(const gateway_config_t *config, poller_t *poller, queue_budget_t *budget, web_handler_fn *handler,
    void *ctx, zr_error_t *error) {
    web_t *web = fatal_calloc(sizeof *web);
    web->config = config;
    web->poller = poller;
    web->source = (poll_source_t){s_ready, web};
    web->fd = -1;
    web->now = zr_mono_ms();
    web->host = (exchange_host_t){config->max_body, handler, ctx, &web->due, poller, budget, NULL};
    web->addresses = address_counts_new();
    if (!web_reload_tls(web, error) || (!s_start(web) && !zr_fail(error, "cannot start HTTP: %s",
                                                             errno ? strerror(errno) : "libmicrohttpd refused"))) {
        web_destroy(web);
        return NULL;
    }
    return web;
}

void web_destroy(web_t *web) {
    if (!web)
        return;
    if (web->fd >= 0)
        poller_remove(web->poller, web->fd, &web->source);
    exchange_resume_all(&web->host);
    if (web->daemon)
        MHD_stop_daemon(web->daemon);
    for (told_t *told; (told = web->told);) {
        LL_DELETE(web->told, told);
        free(told);
    }
    address_counts_destroy(web->addresses);
    s_forget_pairs();
    free(web);
}

/* libmicrohttpd notices the end of the connection, and closes it. */
static void s_end_late(web_t *web) {
    while (web->deadlines && web->deadlines->deadline <= web->now) {
        conn_t *conn = web->deadlines;
        s_unwait(conn);
        shutdown(conn->fd, SHUT_RDWR);
        web->counts.timeouts++;
        web->due = true;
    }
}

static bool s_is_due(const web_t *web) {
    MHD_UNSIGNED_LONG_LONG timeout;
    return web->due || (MHD_get_timeout(web->daemon, &timeout) == MHD_YES && timeout == 0);
}

void web_turn(web_t *web, uint64_t now) {
    web->now = now;
    s_end_late(web);
    for (int i = 0; i < 16 && s_is_due(web); i++) {
        web->due = false;
        MHD_run(web->daemon);
    }
}

int web_timeout(const web_t *web, uint64_t now) {
    MHD_UNSIGNED_LONG_LONG timeout;
    uint64_t wait = UINT64_MAX;
    if (web->due)
        return 0;
    if (MHD_get_timeout(web->daemon, &timeout) == MHD_YES)
        wait = timeout;
    if (web->deadlines) {
        uint64_t until = web->deadlines->deadline > now ? web->deadlines->deadline - now : 0;
        wait = until < wait ? until : wait;
    }
    return wait == UINT64_MAX ? -1 : wait > 60000 ? 60000 : (int)wait;
}

const web_counts_t *web_counts(const web_t *web) {
    return &web->counts;
}
