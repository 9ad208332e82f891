/* See server.h: frames, subscriptions and the log's answers, in turns. */
#include "server_internal.h"

#include "hash.h"
#include "log_sqlite.h"

/* What one wake-up takes from a socket before timers, signals and the other socket have their turn. So few frames that
 * their answers do not fill a peer's queue (limits/route-queue) at once. */
enum { BATCH_FRAMES = 250, BATCH_BYTES = 4 << 20, BATCH_READS = 16, BATCH_US = 1000 };
/* Reading the clock costs as much as a tenth of a small PUBLISH frame: it is read after so many of them, and after each
 * larger one or request, as those may take a thousand times longer. */
enum { CLOCK_FRAMES = 16, SMALL_FRAME = 1024 };
enum { ROUTING_ID_SIZE = 5 }; /* of an automatic one, whose first byte is 0 */

/* Whatever is left of a message whose first parts came by `fd`. */
static void s_skip_parts(server_t *server, void *socket, zmq_msg_t *part, int fd) {
    while (zmq_msg_more(part)) {
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0)
            return;
        peers_took(server->peers, fd, zmq_msg_size(part));
    }
}

/* The automatic routing id of `size` bytes as a route; 0 when the peer claimed one of its own. */
static route_t s_route(zmq_msg_t *id, int size) {
    const uint8_t *bytes = zmq_msg_data(id);
    if (size != ROUTING_ID_SIZE || bytes[0] != 0)
        return 0;
    return (route_t)bytes[1] << 24 | (route_t)bytes[2] << 16 | (route_t)bytes[3] << 8 | bytes[4];
}

static void s_count_drop(server_t *server, uint64_t *counter, const char *what) {
    ++*counter;
    if (zr_log_pass(&server->drop_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_WARN, "dropped %s (%llu so far)", what, (unsigned long long)*counter);
}

/* What one wake-up took from the front. */
typedef struct {
    size_t frames, bytes;
    size_t unclocked; /* small PUBLISH frames since the clock was read */
} taken_t;

static void s_count(taken_t *taken, zr_span_t frame) {
    bool small = frame.len > 0 && frame.len <= SMALL_FRAME && frame.ptr[0] == ZR_TYPE_PUBLISH;
    taken->frames++;
    taken->bytes += frame.len;
    taken->unclocked = small ? taken->unclocked + 1 : CLOCK_FRAMES;
}

/* One message of the front. false: there was none. */
static bool s_read_front(server_t *server, uint64_t now, taken_t *taken) {
    zmq_msg_t *frame = &server->frame;
    int size = zmq_msg_recv(frame, server->front, ZMQ_DONTWAIT);
    if (size < 0) {
        peers_found_empty(server->peers, false);
        return false;
    }
    route_t route = s_route(frame, size);
    uint32_t claimed = route ? 0 : zr_hash(zmq_msg_data(frame), (size_t)size);
    if (!zmq_msg_more(frame) || (size = zmq_msg_recv(frame, server->front, ZMQ_DONTWAIT)) < 0) {
        taken->frames++;
        return true;
    }
    zr_span_t text = zr_span_of(zmq_msg_data(frame), (size_t)size);
    int fd = peers_descriptor(server->peers, route, frame);
    s_count(taken, text);
    peers_took(server->peers, fd, text.len);
    if (route == 0) {
        peers_end_claimed(server->peers, fd, claimed);
        s_skip_parts(server, server->front, frame, fd);
        s_count_drop(server, &server->claimed, "a frame of a peer that set a routing id of its own");
    } else if (!peers_hear(server->peers, fd)) {
        s_skip_parts(server, server->front, frame, fd);
    } else if (zmq_msg_more(frame)) {
        s_skip_parts(server, server->front, frame, fd);
        relay_multipart(server->relay, route);
    } else {
        relay_frame(server->relay, route, text, now);
    }
    return true;
}

void server_end_pass(server_t *server) {
    relay_flush(server->relay);
    effects_carry_out(&server->effects);
}

static bool s_may_take(const server_t *server, taken_t *taken, int64_t end) {
    if (taken->frames >= BATCH_FRAMES || taken->bytes >= BATCH_BYTES || server->outbox.reads >= BATCH_READS)
        return false;
    if (taken->unclocked < CLOCK_FRAMES)
        return true;
    taken->unclocked = 0;
    return zclock_usecs() < end;
}

void server_take_batch(server_t *server) {
    uint64_t now = server_now();
    int64_t end = zclock_usecs() + BATCH_US;
    taken_t taken = {0};
    while (s_may_take(server, &taken, end) && s_read_front(server, now, &taken))
        ;
    server_end_pass(server);
}

/* What is left is found by zloop's next poll, which asks the socket before it sleeps. While the disk does not keep up,
 * frames wait in the front's queues, and then at the clients. */
int server_on_front(zloop_t *loop, zsock_t *socket, void *arg) {
    server_t *server = arg;
    server_take_batch(server);
    if (server->durable && log_sqlite_full(server->log)) {
        zloop_reader_end(loop, socket);
        server->paused = true;
    }
    return 0;
}

void server_take_answers(server_t *server) {
    log_sqlite_answer(server->log);
    server_end_pass(server);
}

int server_on_log(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)item;
    server_t *server = arg;
    server_take_answers(server);
    if (server->paused && !log_sqlite_full(server->log)) {
        server->paused = false;
        server->resumed = zclock_mono();
        zloop_reader(loop, server->sockets.front, server_on_front, server);
    }
    return 0;
}

/* One message of the back. false: there was none. */
static bool s_read_back(server_t *server) {
    zmq_msg_t *frame = &server->frame;
    if (zmq_msg_recv(frame, server->back, ZMQ_DONTWAIT) < 0) {
        peers_found_empty(server->peers, true);
        return false;
    }
    int fd = peers_descriptor(server->peers, 0, frame);
    peers_took(server->peers, fd, zmq_msg_size(frame));
    const uint8_t *data = zmq_msg_data(frame);
    zr_span_t user = peers_user(frame);
    if (zmq_msg_more(frame) || zmq_msg_size(frame) == 0 || data[0] > 1) {
        s_skip_parts(server, server->back, frame, fd);
        s_count_drop(server, &server->stray, "a message on the back that is no subscription");
    } else if (user.len && (!access_user(server->access, user) || peers_is_revoked(server->peers, frame))) {
        peers_end(frame); /* let in before that changed, and not heard of since */
        s_count_drop(server, &server->revoked, "a subscription of a user who is not let in any more");
    } else if (!peers_subscribe(server->peers, frame, data[0] == 1)) {
        s_count_drop(server, &server->greedy, "a subscription of a reader that has too many, or is too fast");
    } else {
        relay_subscription(server->relay, zr_span_of(data, zmq_msg_size(frame)));
    }
    return true;
}

int server_on_back(zloop_t *loop, zsock_t *socket, void *arg) {
    (void)loop;
    (void)socket;
    server_t *server = arg;
    for (size_t frames = 0; frames < BATCH_FRAMES; frames++)
        if (!s_read_back(server))
            break;
    server_end_pass(server);
    return 0;
}
