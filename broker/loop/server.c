/* See server.h. Connects sockets, clock and signals with the relay. All decisions are in core/. */
#include "server.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cluster.h"
#include "counters.h"
#include "key_file.h"
#include "fatal.h"
#include "hash.h"
#include "names.h"
#include "intake.h"
#include "open_log.h"
#include "relay_limits.h"
#include "server_state.h"
#include "service.h"
#include "settings_live.h"

enum { SHUTDOWN_BATCHES = 16 };
enum { CLOSE_S = 4 }; /* for libzmq to close all: the linger, and more */
enum { SECOND_MS = 1000, LOG_TICK_MS = 1000 };
enum { OUR_TICKET = 0 }; /* of a reload that no peer asked for */

/* --- Entropy, the peer of a frame, the client's back --- */

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    for (size_t got = 0; got < len;) {
        ssize_t more = getrandom((char *)out + got, len - got, 0);
        FATAL_UNLESS(more > 0 || errno == EINTR);
        got += more > 0 ? (size_t)more : 0;
    }
}

static zr_span_t s_back(void *ctx) {
    server_t *server = ctx;
    sockets_back_for(&server->sockets, &server->frame, server->told_back);
    return zr_span(server->told_back);
}

static uint64_t s_room(void *ctx, route_t route) {
    server_t *server = ctx;
    uint64_t room = front_queue_room(server->queued, route_connection(route));
    uint64_t waits = trunk_queue_bytes(&server->effects.trunks, route_connection(route));
    return room > waits ? room - waits : 0;
}

static uint64_t s_queued(void *ctx, route_t route) {
    server_t *server = ctx;
    return front_queue_of(server->queued, route_connection(route)) +
           trunk_queue_bytes(&server->effects.trunks, route_connection(route));
}

static void s_peer(void *ctx, peer_t *peer) {
    server_t *server = ctx;
    peers_meet(server->peers, &server->frame, peer);
}

/* --- Users --- */

static void s_take_answer(server_t *server, auth_answer_t *answer) {
    intake_finish_pass(server); /* the effects that were allowed until now */
    for (size_t i = 0; i < answer->voided.count; i++)
        peers_revoke(server->peers, zr_span(answer->voided.items[i]), answer->generation);
    if (answer->voided.count > 0) { /* before rooms open that they could not read */
        peers_drop_users(server->peers);
        peers_end_silent(server->peers);
    }
    if (answer->access) {
        server->access = answer->access;
        answer->access = NULL;
        core_set_access(&server->core, server->access);
        auth_applied(server->auth, answer->generation);
    }
    for (size_t i = 0; i < answer->disowned.count; i++)
        core_disown(&server->core, zr_span(answer->disowned.items[i]));
    bool login = answer->kind == AUTH_LOGIN || answer->kind == AUTH_JWT;
    server->logins_failed += login && answer->login == LOGIN_FAILED;
    server->logins_slowed += answer->kind == AUTH_LOGIN && answer->login == LOGIN_SLOW;
    if (answer->kind == AUTH_LOGIN)
        relay_login_done(server->relay, answer->ticket, answer->login, answer->wait_ms, timekeeper_now(&server->time));
    else if (answer->kind == AUTH_JWT)
        relay_jwt_done(server->relay, answer->ticket, answer->login == LOGIN_OK ? &answer->grant : NULL, answer->why,
            timekeeper_now(&server->time));
    else if (answer->ticket != OUR_TICKET)
        relay_admin_done(server->relay, answer->ticket, answer->code, answer->text);
    auth_answer_finish(answer);
    intake_end_pass(server);
}

static int s_on_auth(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    (void)item;
    server_t *server = arg;
    auth_answer_t answer;
    while (intake_is_free(server) && auth_take(server->auth, &answer))
        s_take_answer(server, &answer);
    return 0;
}

static int s_on_audit(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    (void)item;
    server_t *server = arg;
    if (intake_is_free(server)) {
        audit_feed_take(&server->audit, server->relay);
        intake_end_pass(server);
    }
    return 0;
}

/* --- Timers and signals --- */

static int s_on_tick(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    server_t *server = arg;
    core_rise(&server->core, zr_clock(CLOCK_MONOTONIC) / 1000);
    core_tick(&server->core);
    intake_end_pass(server);
    intake_resume(server);
    return 0;
}

/* While the front is not read, the broker cannot know which clients are silent. That also holds for a heartbeat after
 * it is read again, as frames have piled up. */
static bool s_is_deaf(const server_t *server) {
    return server->paused ||
           (server->resumed && zclock_mono() - server->resumed < (int64_t)server->settings->relay.heartbeat_ms);
}

static void s_on_silent(void *ctx, uint64_t session) {
    server_t *server = ctx;
    if (s_is_deaf(server))
        session_timers_alive(server->timers, session);
    else
        relay_silent(server->relay, session);
    intake_end_pass(server);
}

/* Gives back the free memory of all threads; most is of libzmq's I/O thread. After a thousand clients that takes 5 to
 * 10 ms. So it has a thread of its own: the loop waits only if it allocates from the part in work. */
static void *s_give_memory_back(void *arg) {
#ifdef __GLIBC__
    int64_t began = zclock_usecs();
    malloc_trim(0);
    zr_log(ZR_LOG_DEBUG, "memory given back in %lld us", (long long)(zclock_usecs() - began));
#endif
    return arg;
}

/* A second after many bytes waited, or after a connection ended because too many of its bytes waited, libzmq has freed
 * them. */
static bool s_much_was_freed(server_t *server) {
    uint64_t heavy = peers_heavy_turns(server->peers) + peers_incomplete(server->peers);
    bool calm = heavy == server->heavy;
    server->heavy = heavy;
    if (!calm || heavy == server->given_back)
        return false;
    server->given_back = heavy;
    return true;
}

static int s_on_second(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    server_t *server = arg;
    uint64_t now = timekeeper_now(&server->time);
    zr_service_watchdog(zr_mono_ms());
    core_second(&server->core, now, !timekeeper_doubts(&server->time));
    bool many_left = trim_due(&server->trim, core_stats(&server->core).sessions);
    if (s_much_was_freed(server) || many_left) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, s_give_memory_back, NULL) == 0)
            pthread_detach(thread);
    }
    intake_end_pass(server);
    return 0;
}

static int s_on_log_tick(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    server_t *server = arg;
    uint64_t now = timekeeper_now(&server->time);
    server->log->hold = timekeeper_doubts(&server->time) ? server->time.hold : 0;
    log_tick(server->log, now);
    return 0;
}

static int s_on_login_tick(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    server_t *server = arg;
    relay_login_tick(server->relay, timekeeper_now(&server->time));
    intake_end_pass(server);
    return 0;
}

/* What the relay is told of the settings. */
static void s_fill_limits(server_t *server) {
    relay_config_t *relay = &server->relay_config;
    const settings_t *settings = server->settings;
    *relay = settings->relay;
    relay->max_address_channels = settings->max_address_connections;
    relay->rate_channels = settings->rate_handshakes;
    relay->login_timeout_ms = settings->login_timeout_ms;
    relay->greeting = settings->greeting[0] ? settings->greeting : NULL;
    relay->peers = server->told_peers;
    relay->entropy = s_entropy;
    relay->back = s_back;
    relay->back_ctx = server;
    relay->peer = s_peer;
    relay->peer_ctx = server;
    relay->room = s_room;
    relay->room_ctx = server;
    relay->queued = s_queued;
    relay->queued_ctx = server;
    relay->cluster = cluster_rows;
    relay->cluster_ctx = server;
    relay->measure = counters_measure;
    relay->measure_ctx = server;
    relay->epoch = server->epoch;
    relay->presence_base = server->presence_base;
}

/* Without such a file a broker works as well. */
static void s_show_settings(server_t *server) {
    zr_error_t error = {0};
    if (server->settings->settings_file[0] && !settings_file_write(server->settings, &server->settings_file, &error))
        zr_log(ZR_LOG_WARN, "cannot show the settings in force: %s", error.text);
}

static void s_read_settings_again(server_t *server) {
    settings_t *settings = server->settings;
    zr_log_level_t level = settings->log_level;
    if (!reload_settings(settings, &server->source, "SIGHUP"))
        return;
    if (settings->log_level != level) /* else an operator's choice since the start stays */
        zr_log_set_level(settings->log_level);
    zr_log_set_json(settings->log_json);
    s_fill_limits(server);
    if (server->relay)
        relay_set_limits(server->relay, &server->relay_config);
    const log_limits_t limits = open_log_limits(settings);
    server->log->engine->limit(server->log, &limits);
    peers_set_limits(server->peers, settings);
    s_show_settings(server);
}

static void s_read_again(server_t *server) {
    s_read_settings_again(server);
    if (server->settings->users[0])
        auth_reload(server->auth, OUR_TICKET, zr_span("SIGHUP"));
}

static int s_on_signal(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    server_t *server = arg;
    unsigned number = zr_service_next_signal(item->fd);
    switch (number) {
    case 0:
        return 0;
    case SIGHUP:
        s_read_again(server);
        return 0;
    case SIGUSR1:
        counters_log(server, ZR_LOG_ASKED, "counters");
        return 0;
    case SIGUSR2:
        zr_service_log_anew(server->settings->log_file, "server/log-file");
        return 0;
    default:
        zr_log(ZR_LOG_INFO, "signal %u: saying bye to everybody; once more stops at once", number);
        server->stopping = true;
        return -1;
    }
}

/* --- The server --- */

/* The ZAP handler must be there before any peer can connect. */
static bool s_open_auth(server_t *server, zr_error_t *error) {
    const settings_t *settings = server->settings;
    auth_config_t config = {.users = settings->users[0] ? settings->users : NULL,
        .bans = settings->bans[0] ? settings->bans : NULL,
        .tokens = settings->relay.tokens,
        .plain = settings_some_plain(settings),
        .encrypted = settings_some_encrypted(settings),
        .jwt = settings->jwt_keys[0] ? settings->jwt_keys : NULL,
        .jwt_rules = {.issuer = settings->jwt_issuer[0] ? settings->jwt_issuer : NULL,
            .audience = settings->jwt_audience[0] ? settings->jwt_audience : NULL,
            .leeway = settings->jwt_leeway_ms * 1000}};
    server->auth = auth_new(&config, &server->access, error);
    return server->auth != NULL;
}

static bool s_open_sockets(server_t *server, zr_error_t *error) {
    const settings_t *settings = server->settings;
    if (!settings->server_key[0])
        return sockets_open(&server->sockets, settings, NULL, error);
    zr_pair_t pair;
    uint8_t key[ZR_CURVE_BYTES];
    if (zr_pair_load(&pair, settings->server_key, error) != ZR_FILE_READ)
        return false;
    bool ok = zmq_z85_decode(key, pair.secret_key) && sockets_open(&server->sockets, settings, key, error);
    if (ok)
        zr_log(ZR_LOG_INFO, "clients know this server by its public key, %s", pair.public_key);
    sodium_memzero(key, sizeof key);
    zr_pair_wipe(&pair);
    return ok;
}

/* A heartbeat; zloop's clock cuts off milliseconds, and nobody is to be expired early. */
static size_t s_ticket_ms(const settings_t *settings) {
    return settings->relay.heartbeat_ms + 1;
}

static size_t s_login_tick_ms(const settings_t *settings) {
    size_t quarter = settings->relay.heartbeat_ms / 4;
    return quarter < SECOND_MS ? quarter : SECOND_MS;
}

/* The relay, or a leaf of another broker. */
static bool s_open_core(server_t *server, zr_error_t *error) {
    if (!server->settings->upstream.endpoint[0]) {
        server->relay = fatal_check(relay_new(&server->relay_config, server->log, &server->outbox));
        server->core = relay_core(server->relay);
        return true;
    }
    return upstream_link_open(server, error);
}

server_t *server_new(settings_t *settings, const reload_source_t *source, zr_error_t *error) {
    server_t *server = fatal_calloc(sizeof *server);
    server->settings = settings;
    server->source = *source;
    server->settings_file = -1;
    server->began = zr_time_us();
    server->signals = zr_service_open_signals(error);
    zmq_msg_init(&server->frame);
    if (server->signals < 0 || !s_open_auth(server, error) || !s_open_sockets(server, error)) {
        server_destroy(server);
        return NULL;
    }
    server->front = zsock_resolve(server->sockets.front);
    server->back = zsock_resolve(server->sockets.back);
    s_entropy(NULL, &server->epoch, sizeof server->epoch);
    server->log = open_log(settings, &server->epoch, error);
    if (!server->log) {
        server_destroy(server);
        return NULL;
    }
    timekeeper_start(&server->time, server->log->newest, server->log->hold);
    server->presence_base = server->log->base ? server->log->base : server->time.time;
    strcpy(server->told_peers, settings->peers);
    s_fill_limits(server);
    server->relay_config.access = server->access;
    server->loop = fatal_check(zloop_new());
    if (!s_open_core(server, error)) {
        server_destroy(server);
        return NULL;
    }
    server->timers = session_timers_new(server->loop, s_ticket_ms(settings), s_on_silent, server);
    server->peers = peers_new(server->loop, &server->sockets, settings);
    server->queued = front_queue_new(settings->route_bytes, settings->all_route_bytes);
    server->effects = (effects_t){.front = server->front,
        .back = server->back,
        .timers = server->timers,
        .peers = server->peers,
        .auth = server->auth,
        .queued = server->queued,
        .loop = server->loop,
        .core = server->core,
        .trunks = {.trunk_bytes = settings->route_bytes, .all_bytes = settings->all_route_bytes}};
    effects_begin(&server->effects, server->relay, server->log, &server->outbox);

    zmq_pollitem_t signals = {.fd = server->signals, .events = ZMQ_POLLIN};
    zloop_set_nonstop(server->loop, true);
    zloop_poller(server->loop, &signals, s_on_signal, server);
    zmq_pollitem_t answers = {.fd = auth_fd(server->auth), .events = ZMQ_POLLIN};
    zloop_poller(server->loop, &answers, s_on_auth, server);
    audit_feed_begin(&server->audit);
    zmq_pollitem_t audit = {.fd = audit_feed_fd(&server->audit), .events = ZMQ_POLLIN};
    zloop_poller(server->loop, &audit, s_on_audit, server);
    zloop_reader(server->loop, server->sockets.back, intake_on_back, server);
    zloop_reader(server->loop, server->sockets.front, intake_on_front, server);
    zloop_timer(server->loop, settings->tick_ms, 0, s_on_tick, server);
    zloop_timer(server->loop, SECOND_MS, 0, s_on_second, server);
    if (server->upstream)
        upstream_link_start(server->upstream);
    if (settings->relay.tokens || settings->relay.jwt)
        zloop_timer(server->loop, s_login_tick_ms(settings), 0, s_on_login_tick, server);
    zmq_pollitem_t stored = {.fd = log_fd(server->log), .events = ZMQ_POLLIN};
    if (stored.fd >= 0)
        zloop_poller(server->loop, &stored, intake_on_log, server);
    zloop_timer(server->loop, LOG_TICK_MS, 0, s_on_log_tick, server);
    s_show_settings(server);
    server->cluster = cluster_begin(server);
    return server;
}

static void s_print_endpoints(FILE *out, const settings_endpoints_t *endpoints) {
    for (size_t i = 0; i < endpoints->count; i++) {
        char text[ENDPOINT_TEXT_SIZE];
        endpoint_format(&endpoints->items[i], text);
        fprintf(out, "%s%s%s", i ? " and " : "", text, endpoints->items[i].encrypted ? " (encrypted)" : "");
    }
}

char *server_banner(const server_t *server) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = fatal_check(open_memstream(&text, &size));
    fputs("zrelayd " ZRELAY_VERSION " listening on ", out);
    s_print_endpoints(out, &server->sockets.listen);
    fputs(", back ", out);
    s_print_endpoints(out, &server->sockets.backs);
    zr_buffer_t data = {0};
    const settings_t *settings = server->settings;
    zr_escape(&data, zr_span(settings->data[0] ? settings->data : settings->store)); /* one line, whatever its name */
    if (server->leaf) /* the epoch is the upstream's, which may not be there yet */
        fprintf(out, ", epoch %016llx, store upstream:%s", 0ULL, settings->upstream.endpoint);
    else
        fprintf(out, ", epoch %016llx, store %s%.*s", (unsigned long long)server->relay_config.epoch,
            settings->data[0]    ? "sqlite:"
            : settings->store[0] ? ""
                                 : "memory",
            (int)data.len, (const char *)data.data);
    zr_buffer_finish(&data);
    fclose(out);
    return fatal_check(text);
}

/* --- Running --- */

static void s_die_at_once(int number) {
    static const char text[] = "zrelayd: second signal, stopping at once\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(128 + number);
}

/* From now on a second signal ends the program at once: the operator does not want to wait. */
static void s_arm_second_signal(void) {
    struct sigaction action = {.sa_handler = s_die_at_once};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Until everything that was taken in is on the disk and answered. */
static void s_drain_log(server_t *server) {
    intake_finish_pass(server);
    while (!log_is_idle(server->log)) {
        struct pollfd answers = {.fd = log_fd(server->log), .events = POLLIN};
        poll(&answers, 1, -1);
        log_answer(server->log);
        intake_finish_pass(server);
    }
}

/* Takes in what has arrived, so that it is acked, then says bye. */
static void s_shut_down(server_t *server) {
    if (!server->again) /* else the service goes on */
        zr_service_notify("STOPPING=1");
    if (server->leaf) { /* it claims no lease any more */
        cluster_end(server->cluster);
        server->cluster = NULL;
    }
    s_arm_second_signal();
    for (int batch = 0; batch < SHUTDOWN_BATCHES; batch++) {
        if (log_is_full(server->log))
            s_drain_log(server);
        intake_take_batch(server);
        intake_finish_pass(server);
    }
    s_drain_log(server);
    core_shutdown(&server->core);
    intake_finish_pass(server);
    counters_log(server, ZR_LOG_INFO, "stopped");
}

int server_run(server_t *server) {
    zr_service_notify("READY=1");
    zr_service_watchdog_wait(0);
    while (!server->stopping) {
        int rc = zloop_start(server->loop);
        if (server->stopping)
            break;
        /* A stop and continue of the process may interrupt the poll; anything else that ends the loop is a fault. */
        if (errno != EINTR) {
            zr_log(ZR_LOG_ERROR, "the loop ended (%d): %s", rc, zmq_strerror(errno));
            s_shut_down(server);
            return EXIT_FAILURE;
        }
    }
    s_shut_down(server);
    return EXIT_SUCCESS;
}

bool server_goes_on(const server_t *server) {
    return server->again;
}

void server_destroy(server_t *server) {
    if (!server)
        return;
    audit_feed_end(&server->audit);
    cluster_end(server->cluster);
    session_timers_destroy(server->timers);
    zloop_destroy(&server->loop);
    peers_destroy(server->peers);
    if (server->auth)
        auth_applied(server->auth, UINT64_MAX); /* its answers are not taken any more; libzmq still asks it */
    upstream_link_destroy(server->upstream);
    if (server->relay)
        relay_destroy(server->relay);
    else if (server->leaf)
        leaf_destroy(server->leaf);
    else
        access_destroy(server->access);
    outbox_finish(&server->outbox);
    log_destroy(server->log);
    /* libzmq closes the back reader by reader, and for each walks the topics of all. With thousands of both that takes
     * minutes. By then nothing is left to do. */
    alarm(CLOSE_S);
    sockets_close(&server->sockets);
    auth_destroy(server->auth); /* after the sockets: without a ZAP handler libzmq would let every peer in */
    effects_finish(&server->effects);
    front_queue_destroy(server->queued);
    zmq_msg_close(&server->frame);
    if (server->signals >= 0)
        close(server->signals);
    if (server->settings_file >= 0)
        close(server->settings_file);
    free(server);
}
