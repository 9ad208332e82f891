/* See sockets.h. Options are set before bind, and all of them, so that no default of libzmq or CZMQ decides. Not set on
 * purpose: ZMQ_HEARTBEAT_* (clients have heartbeats of their own), ZMQ_XPUB_MANUAL (use after free),
 * ZMQ_ROUTER_HANDOVER (lets anyone take over a routing id). */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "key_file.h"
#include "descriptor.h"
#include "fatal.h"
#include "inflow_calls.h"
#include "options.h"
#include "zap.h"

enum {
    /* libzmq reads ahead without a limit. With one, libzmq 4.3.4 stops reading a connection whose queue is full. If
     * the peer then resets it, and a PING of the peer is among what was read, libzmq aborts the process (restart_input
     * in stream_engine_base.cpp). inflow.h has the limits instead. */
    RCVHWM = 0,
    BACK_MAXMSGSIZE = 1024, /* subscriptions; the handshake's metadata must fit too */
    QUEUE = 4096,           /* connections that the kernel holds until they are accepted */
    LINGER_MS = 1000,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_COUNT = 3,
    MAXRT_MS = 30000,
    FIRST_MORE = 16 << 10,
    PART_MORE = 64 << 10,
    QUEUE_WINDOWS = 2,
    BACK_TURN = 2 << 10, /* a score of subscriptions, so that many readers have their turn */
    BACK_ALL = 1 << 20,
    TURN_FRAMES = 10000,           /* XPUB takes those of the back at once, in some 20 ms */
    DESCRIPTORS_UNKNOWN = 1 << 20, /* as many as there can be (main.c: NOFILE_MAX) */
};

/* --- Options --- */

static void s_set(void *socket, int option, int value) {
    if (zmq_setsockopt(socket, option, &value, sizeof value) != 0)
        zr_log(ZR_LOG_WARN, "cannot set socket option %d to %d: %s", option, value, zmq_strerror(errno));
}

/* Bytes of the largest message part that libzmq takes at the front. */
static int64_t s_max_message(const settings_t *settings) {
    size_t max_frame = settings->relay.max_frame, max_control = settings->relay.max_control;
    return 2 * (int64_t)(max_frame > max_control ? max_frame : max_control);
}

/* Sets the limits on libzmq's reading (inflow.h). The handshake counts to a connection's first message. A client has a
 * window of publishes under way at most; a second window leaves room for a client that counts late. */
static void s_limit_inflow(sockets_t *sockets, const settings_t *settings) {
    inflow_t *inflow = &sockets->inflow;
    uint64_t descriptors = descriptor_limit(), message = (uint64_t)s_max_message(settings);
    inflow_init(inflow, descriptors ? (size_t)descriptors : DESCRIPTORS_UNKNOWN);
    inflow->max_incomplete = settings->relay.max_waiting;
    inflow->limits[INFLOW_FRONT] = (inflow_limits_t){.first = settings->relay.max_control + FIRST_MORE,
        .frame = message,
        .part = message + PART_MORE,
        .turn = message + PART_MORE + QUEUE_WINDOWS * (uint64_t)settings->relay.window,
        .all = settings->relay.max_waiting,
        .frames = TURN_FRAMES};
    inflow->limits[INFLOW_BACK] = (inflow_limits_t){.first = PART_MORE,
        .frame = BACK_MAXMSGSIZE,
        .part = PART_MORE,
        .turn = BACK_TURN,
        .all = BACK_ALL,
        .frames = TURN_FRAMES};
}

static void s_set_common(void *socket) {
    s_set(socket, ZMQ_LINGER, LINGER_MS);
    s_set(socket, ZMQ_RCVHWM, RCVHWM);
    s_set(socket, ZMQ_SNDTIMEO, 0);
    s_set(socket, ZMQ_RCVTIMEO, 0);
    s_set(socket, ZMQ_HANDSHAKE_IVL, 0); /* login-timeout bounds it, and the timer would never run (inflow_calls.h) */
    s_set(socket, ZMQ_BACKLOG, QUEUE);
    s_set(socket, ZMQ_TCP_KEEPALIVE, 1);
    s_set(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S);
    s_set(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S);
    s_set(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT);
    s_set(socket, ZMQ_TCP_MAXRT, MAXRT_MS);
}

static void s_set_max_size(void *socket, int64_t size) {
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size, sizeof size) != 0)
        zr_log(ZR_LOG_WARN, "cannot limit the size of messages: %s", zmq_strerror(errno));
}

static void s_set_front(void *front, const settings_t *settings) {
    s_set_common(front);
    s_set(front, ZMQ_ROUTER_MANDATORY, 1);
    s_set(front, ZMQ_SNDHWM, (int)settings->route_queue);
    s_set_max_size(front, s_max_message(settings));
}

static void s_set_back(void *back, const settings_t *settings) {
    s_set_common(back);
    s_set(back, ZMQ_SNDHWM, (int)settings->reader_queue);
    /* A peer that reconnects may subscribe to its old nonce before its old connection is known to be dead. And each
     * connection's subscriptions are counted, in both directions. */
    s_set(back, ZMQ_XPUB_VERBOSER, 1);
    s_set_max_size(back, BACK_MAXMSGSIZE);
}

static void s_set_domain(void *socket, const char *domain) {
    FATAL_UNLESS(zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0);
}

/* Options are copied at each bind. So one socket has plain and encrypted listeners, and each refuses a peer that speaks
 * as on the other. Every listener has a ZAP domain, since libzmq then refuses peers of ZMTP 1 and 2, whose messages do
 * not tell their connection (zmtp_engine.cpp). If any listener is encrypted, the ZAP handler is there before the first
 * bind. It ends after the sockets (sockets_close). Without a handler libzmq lets every peer in. */
static void s_encrypt(void *socket, const uint8_t *key) {
    int server = 1;
    s_set_domain(socket, ZAP_DOMAIN_CURVE);
    FATAL_UNLESS(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key, ZR_CURVE_BYTES) == 0);
    FATAL_UNLESS(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server) == 0);
}

/* --- Binding --- */

static const char *s_advice(int code) {
    switch (code) {
    case EADDRINUSE:
        return "something else listens there; stop it, or choose another port or path (port * is a free one)";
    case EACCES:
    case EPERM:
        return "not allowed; ports below 1024 need a privilege, a path needs a directory that can be written";
    case EADDRNOTAVAIL:
    case ENODEV:
        return "this machine has no such address; use one of its own, or * for all";
    case EEXIST:
        return "a file that is no socket stands there; move it, or choose another path";
    case ENOENT:
    case ENOTDIR:
        return "the directory does not exist; create it, or choose another path";
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
        return "this machine does not speak that protocol; use IPv4";
    default:
        return zmq_strerror(code);
    }
}

/* libzmq unlinks any file at the path of an ipc endpoint, even another broker's live socket or a user's file. Only a
 * socket without a listener may be unlinked. Returns 0, or an errno. */
static int s_check_path(const char *path) {
    struct stat about;
    if (path[0] == '@' || lstat(path, &about) != 0)
        return 0;
    if (!S_ISSOCK(about.st_mode))
        return EEXIST;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path); /* the parser checked its length */
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered = probe >= 0 && (connect(probe, (struct sockaddr *)&address, sizeof address) == 0 ||
                                      errno == EAGAIN); /* EAGAIN: alive, its backlog is full */
    if (probe >= 0)
        close(probe);
    return answered ? EADDRINUSE : 0;
}

static bool s_is_path(const endpoint_t *endpoint) {
    return endpoint->kind == ENDPOINT_IPC && endpoint->path[0] != '@';
}

static bool s_is_member(gid_t group) {
    gid_t groups[NGROUPS_MAX];
    int count = getgroups(NGROUPS_MAX, groups);
    bool member = geteuid() == 0 || group == getegid();
    for (int i = 0; i < count; i++)
        member |= groups[i] == group;
    return member;
}

static bool s_find_group(const char *name, gid_t *group, zr_error_t *error) {
    *group = (gid_t)-1;
    if (!name[0])
        return true;
    const struct group *found = getgrnam(name);
    uint64_t number;
    if (found)
        *group = found->gr_gid;
    else if (zr_number_parse(name, INT32_MAX, &number)) /* groups of a container need no name */
        *group = (gid_t)number;
    else
        return zr_fail(error, "server/ipc-group: there is no group \"%s\"; groupadd makes it", name);
    return s_is_member(*group) ||
           zr_fail(error,
               "server/ipc-group: this account is not in the group \"%s\", so it cannot give a socket to it; add it "
               "(usermod -aG, or SupplementaryGroups= in the unit)",
               name);
}

/* Lets others use the socket's file. Until then it is for this account alone (s_bind_text). */
static bool s_open_path(const sockets_t *sockets, const char *path, zr_error_t *error) {
    if ((sockets->ipc_group == (gid_t)-1 || chown(path, (uid_t)-1, sockets->ipc_group) == 0) &&
        chmod(path, sockets->ipc_mode) == 0)
        return true;
    return zr_fail(error, "cannot set the permissions of ipc://%s: %s", path, strerror(errno));
}

/* Returns 0, or an errno. */
static int s_bind_text(void *handle, const endpoint_t *wanted, const char *text) {
    mode_t before = s_is_path(wanted) ? umask(0177) : 0;
    int code = zmq_bind(handle, text) == 0 ? 0 : errno;
    if (s_is_path(wanted))
        umask(before);
    return code;
}

/* Binds `wanted`; `*bound` is then what it became. */
static bool s_bind(
    const sockets_t *sockets, zsock_t *socket, const endpoint_t *wanted, endpoint_t *bound, zr_error_t *error) {
    char text[ENDPOINT_TEXT_SIZE];
    void *handle = zsock_resolve(socket);
    size_t size = sizeof text;
    endpoint_format(wanted, text);
    s_set(handle, ZMQ_IPV6, endpoint_is_ipv6(wanted)); /* copied at each bind */
    int code = wanted->kind == ENDPOINT_IPC ? s_check_path(wanted->path) : 0;
    if (code == 0)
        code = s_bind_text(handle, wanted, text);
    if (code != 0)
        return zr_fail(error, "cannot bind %s: %s", text, s_advice(code));
    *bound = *wanted;
    endpoint_t last;
    if (zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, text, &size) == 0 && !endpoint_parse(&last, text)) {
        *bound = last;
        bound->encrypted = wanted->encrypted;
        if (strcmp(wanted->host, "*") == 0)
            strcpy(bound->host, "*"); /* libzmq says [::], or 0.0.0.0 on a machine without IPv6 */
    }
    return !s_is_path(wanted) || s_open_path(sockets, wanted->path, error);
}

/* Binds the plain or the encrypted endpoints. Each has its place in `bound`; the others' places stay as they are. */
static bool s_bind_way(const sockets_t *sockets, zsock_t *socket, const settings_endpoints_t *wanted, bool encrypted,
    settings_endpoints_t *bound, zr_error_t *error) {
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->items[i].encrypted == encrypted &&
            !s_bind(sockets, socket, &wanted->items[i], &bound->items[i], error))
            return false;
    return true;
}

static bool s_bind_all(const sockets_t *sockets, zsock_t *socket, const settings_endpoints_t *wanted,
    const uint8_t *key, settings_endpoints_t *bound, zr_error_t *error) {
    static const uint8_t nothing[ZR_CURVE_BYTES];
    bound->count = wanted->count; /* endpoints not bound yet stay zeroed */
    s_set_domain(zsock_resolve(socket), ZAP_DOMAIN_PLAIN);
    if (!s_bind_way(sockets, socket, wanted, false, bound, error))
        return false;
    if (!key)
        return true;
    s_encrypt(zsock_resolve(socket), key);
    bool ok = s_bind_way(sockets, socket, wanted, true, bound, error);
    /* The listeners have their copies, and give them to their connections; the socket needs its own no more. */
    s_encrypt(zsock_resolve(socket), nothing);
    return ok;
}

/* A peer may name a routing id for itself in the handshake. libzmq 4.3.4 does not read the connection of a peer whose id
 * another peer has. It never frees the bytes of that connection, even after its end (identify_peer in router.cpp). A
 * peer that names the next id that ROUTER gives out ends the process.
 *
 * After this ROUTER gives an id of its own to every peer, and skips the id that the peer named. The option is for peers
 * that do not speak ZMTP. But a listener keeps the options that it was bound with, so ours speak ZMTP on. Hence it is set
 * after the last bind. The second call takes back all else that the option does. */
static void s_ignore_named_ids(void *front) {
    s_set(front, ZMQ_ROUTER_RAW, 1);
    s_set(front, ZMQ_ROUTER_RAW, 0);
}

bool sockets_open(sockets_t *sockets, const settings_t *settings, const uint8_t *key, zr_error_t *error) {
    FATAL_UNLESS(key || !settings_some_encrypted(settings));
    memset(sockets, 0, sizeof *sockets);
    sockets->paired = settings->paired;
    strcpy(sockets->advertise, settings->advertise);
    sockets->ipc_mode = settings->ipc_mode;
    if (!s_find_group(settings->ipc_group, &sockets->ipc_group, error))
        return false;
    s_limit_inflow(sockets, settings);
    inflow_calls_begin(&sockets->inflow);
    sockets->front = zsock_new(ZMQ_ROUTER);
    sockets->back = zsock_new(ZMQ_XPUB);
    s_set_front(zsock_resolve(sockets->front), settings);
    s_set_back(zsock_resolve(sockets->back), settings);
    /* The front first, so that an error names the configured endpoint, not the derived one. */
    inflow_calls_bind(INFLOW_FRONT);
    bool ok = s_bind_all(sockets, sockets->front, &settings->listen, key, &sockets->listen, error);
    s_ignore_named_ids(zsock_resolve(sockets->front));
    inflow_calls_bind(INFLOW_BACK);
    if (ok && s_bind_all(sockets, sockets->back, &settings->back, key, &sockets->backs, error))
        return true;
    sockets_close(sockets);
    return false;
}

/* --- Checking --- */

/* An errno, or 0. Nothing listens there meanwhile. */
static int s_try_address(const endpoint_t *endpoint) {
    struct sockaddr_storage address;
    socklen_t len;
    if (!endpoint_address(endpoint, &address, &len))
        return ENODEV;
    int one = 1, probe = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return errno == EAFNOSUPPORT && strcmp(endpoint->host, "*") == 0 ? 0 : errno; /* it becomes IPv4 */
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int code = bind(probe, (struct sockaddr *)&address, len) == 0 ? 0 : errno;
    close(probe);
    return code;
}

static int s_try_path(const char *path) {
    char copy[ENDPOINT_PATH_MAX + 1];
    int code = s_check_path(path);
    if (code || path[0] == '@')
        return code;
    snprintf(copy, sizeof copy, "%s", path);
    const char *folder = dirname(copy);
    struct stat about;
    if (stat(folder, &about) == 0 && !S_ISDIR(about.st_mode))
        return ENOTDIR;
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

static bool s_check_all(const settings_endpoints_t *wanted, zr_error_t *error) {
    bool ok = true;
    for (size_t i = 0; i < wanted->count; i++) {
        char text[ENDPOINT_TEXT_SIZE];
        const endpoint_t *one = &wanted->items[i];
        int code = one->kind == ENDPOINT_TCP ? s_try_address(one) : s_try_path(one->path);
        endpoint_format(one, text);
        if (code && code != EADDRINUSE)
            ok = zr_fail(error, "cannot bind %s: %s", text, s_advice(code));
    }
    return ok;
}

bool sockets_check(const settings_t *settings, zr_error_t *error) {
    gid_t group;
    bool ok = s_find_group(settings->ipc_group, &group, error);
    ok &= s_check_all(&settings->listen, error);
    return s_check_all(&settings->back, error) && ok;
}

/* --- Closing --- */

/* libzmq leaves the files of its sockets behind. They go while the sockets still listen, so that they are surely ours.
 */
static void s_unlink_all(const settings_endpoints_t *bound) {
    for (size_t i = 0; i < bound->count; i++)
        if (s_is_path(&bound->items[i]))
            unlink(bound->items[i].path);
}

void sockets_close(sockets_t *sockets) {
    s_unlink_all(&sockets->listen);
    s_unlink_all(&sockets->backs);
    inflow_calls_start_time();
    zsock_destroy(&sockets->front);
    zsock_destroy(&sockets->back);
    inflow_calls_finish();
    inflow_finish(&sockets->inflow);
}

/* --- The back for a peer --- */

void sockets_back_for(const sockets_t *sockets, zmq_msg_t *frame, char out[ENDPOINT_TEXT_SIZE]) {
    const endpoint_set_t set = {.listen = sockets->listen.items,
        .listen_count = sockets->listen.count,
        .back = sockets->backs.items,
        .back_count = sockets->backs.count,
        .paired = sockets->paired,
        .advertise = sockets->advertise};
    struct sockaddr_storage local;
    socklen_t len = sizeof local;
    /* The peer may be gone and its descriptor reused: then the answer goes nowhere, whatever it says. */
    int fd = zmq_msg_get(frame, ZMQ_SRCFD);
    bool known = fd >= 0 && getsockname(fd, (struct sockaddr *)&local, &len) == 0;
    endpoint_choose_back(&set, known ? (struct sockaddr *)&local : NULL, len, out);
}
