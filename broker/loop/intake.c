/* See intake.h. */
#include "intake.h"

#include "clock.h"
#include "cluster.h"

/* The most that one wake-up takes from a socket before timers, signals and the other socket have their turn. The frames
 * are so few that their answers do not fill a peer's queue (limits/route-queue) at once. */
enum { BATCH_FRAMES = 250, BATCH_BYTES = 4 << 20, BATCH_US = 1000 };
/* Reading the clock costs as much as a tenth of a small PUBLISH frame, so it is read only after so many of them. It is
 * also read after each larger one and each request, as those may take a thousand times longer. */
enum { CLOCK_FRAMES = 16, SMALL_FRAME = 1024 };
enum { TURN_US = 1000 };      /* for the effects of a pass, and for the work that waits, in a turn of the loop */
enum { ROUTING_ID_SIZE = 5 }; /* of an automatic one, whose first byte is 0 */

/* The automatic routing id of `size` bytes as a route. 0: the peer claimed one of its own, on a connection that came
 * before all listeners were bound (sockets.c). */
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

/* The work that one wake-up took from the front. */
typedef struct {
    size_t frames, bytes;
    size_t unclocked; /* small PUBLISH frames since the clock was read */
} taken_t;

/* A PUBLISH, on a channel or not, is handled fast. */
static bool s_is_publish(zr_span_t frame) {
    size_t at = frame.len > ZR_TRUNK_HEAD && frame.ptr[0] == ZR_TYPE_TRUNK ? ZR_TRUNK_HEAD : 0;
    return frame.len > 0 && frame.ptr[at] == ZR_TYPE_PUBLISH;
}

static void s_count(taken_t *taken, zr_span_t frame) {
    bool small = frame.len <= SMALL_FRAME && s_is_publish(frame);
    taken->frames++;
    taken->bytes += frame.len;
    taken->unclocked = small ? taken->unclocked + 1 : CLOCK_FRAMES;
}

/* A part of a message whose first part was refused. A message may have parts without end, so each counts as one. */
static void s_skip_part(server_t *server, taken_t *taken) {
    zmq_msg_t *part = &server->frame;
    int size = zmq_msg_recv(part, server->front, ZMQ_DONTWAIT);
    server->skipping = size >= 0 && zmq_msg_more(part);
    if (size < 0)
        return;
    s_count(taken, zr_span_of(zmq_msg_data(part), (size_t)size));
    peers_took(server->peers, server->skipped_fd);
}

/* Ends a connection that broke the rules of the protocol with this frame. */
static void s_refuse(server_t *server, int fd, uint64_t *counter, const char *what) {
    server->skipping = zmq_msg_more(&server->frame);
    server->skipped_fd = fd;
    peers_end_front(server->peers, fd);
    s_count_drop(server, counter, what);
}

/* The parts of one message at the front: the routing id, then the frame. */
static void s_take_frame(server_t *server, route_t route, uint64_t now, taken_t *taken) {
    zmq_msg_t *frame = &server->frame;
    int size = zmq_msg_more(frame) ? zmq_msg_recv(frame, server->front, ZMQ_DONTWAIT) : -1;
    if (size < 0) {
        taken->frames++;
        return;
    }
    zr_span_t text = zr_span_of(zmq_msg_data(frame), (size_t)size);
    int fd = peers_descriptor(server->peers, route, frame);
    s_count(taken, text);
    peers_took(server->peers, fd);
    if (route == 0 || peers_claims(server->peers, route))
        s_refuse(server, fd, &server->claimed, "a frame of a peer that set a routing id of its own");
    else if (zmq_msg_more(frame))
        s_refuse(server, fd, &server->multipart, "a message of several parts");
    else if (peers_hear(server->peers, fd))
        core_frame(&server->core, route, text, now);
}

/* One message of the front, or one part. false: nothing waited. */
static bool s_read_front(server_t *server, uint64_t now, taken_t *taken) {
    zmq_msg_t *frame = &server->frame;
    if (server->skipping) {
        s_skip_part(server, taken);
        return true;
    }
    int size = zmq_msg_recv(frame, server->front, ZMQ_DONTWAIT);
    if (size < 0) {
        peers_found_empty(server->peers, INFLOW_FRONT);
        return false;
    }
    s_take_frame(server, s_route(frame, size), now, taken);
    return true;
}

/* A turn's share of the work that waits. */
static int s_on_work(zloop_t *loop, int timer_id, void *arg) {
    server_t *server = arg;
    int64_t end = zclock_usecs() + TURN_US;
    cluster_await_lease(server);
    core_rise(&server->core, zr_clock(CLOCK_MONOTONIC) / 1000);
    bool done = effects_carry_out(&server->effects, end);
    while (done && core_has_work(&server->core) && zclock_usecs() < end) {
        core_work(&server->core);
        done = effects_carry_out(&server->effects, end);
    }
    if (done && !core_has_work(&server->core)) {
        zloop_timer_end(loop, timer_id);
        server->work_timer = 0;
    }
    return 0;
}

/* A timer without delay runs once in each turn, so that sockets have theirs. */
static void s_end_pass(server_t *server, int64_t until) {
    core_flush(&server->core);
    cluster_await_lease(server);
    bool done = effects_carry_out(&server->effects, until);
    if (!server->work_timer && (!done || core_has_work(&server->core)))
        server->work_timer = zloop_timer(server->loop, 0, 0, s_on_work, server);
}

void intake_end_pass(server_t *server) {
    s_end_pass(server, zclock_usecs() + TURN_US);
}

void intake_finish_pass(server_t *server) {
    s_end_pass(server, INT64_MAX);
}

bool intake_is_free(const server_t *server) {
    return outbox_is_empty(&server->outbox);
}

static bool s_may_take(taken_t *taken, int64_t end) {
    if (taken->frames >= BATCH_FRAMES || taken->bytes >= BATCH_BYTES)
        return false;
    if (taken->unclocked < CLOCK_FRAMES)
        return true;
    taken->unclocked = 0;
    return zclock_usecs() < end;
}

void intake_take_batch(server_t *server) {
    uint64_t now = timekeeper_now(&server->time);
    int64_t end = zclock_usecs() + BATCH_US;
    core_rise(&server->core, zr_clock(CLOCK_MONOTONIC) / 1000);
    taken_t taken = {0};
    while (s_may_take(&taken, end) && s_read_front(server, now, &taken))
        ;
    intake_end_pass(server);
}

/* zloop's next poll finds the rest, as it asks the socket before it sleeps. While the disk does not keep up, frames
 * wait in the front's queues, and then at the clients. */
int intake_on_front(zloop_t *loop, zsock_t *socket, void *arg) {
    server_t *server = arg;
    if (!intake_is_free(server))
        return 0;
    intake_take_batch(server);
    if (log_is_full(server->log) || core_is_full(&server->core)) {
        zloop_reader_end(loop, socket);
        server->paused = true;
    }
    return 0;
}

void intake_resume(server_t *server) {
    if (!server->paused || log_is_full(server->log) || core_is_full(&server->core))
        return;
    server->paused = false;
    server->resumed = zclock_mono();
    zloop_reader(server->loop, server->sockets.front, intake_on_front, server);
}

int intake_on_log(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    (void)item;
    server_t *server = arg;
    if (!intake_is_free(server))
        return 0;
    log_answer(server->log);
    intake_end_pass(server);
    intake_resume(server);
    return 0;
}

static void s_refuse_back(server_t *server, uint64_t *counter, const char *what) {
    peers_end_back(server->peers, &server->frame);
    s_count_drop(server, counter, what);
}

/* One message of the back, or one part. false: nothing waited. */
static bool s_read_back(server_t *server) {
    zmq_msg_t *frame = &server->frame;
    if (zmq_msg_recv(frame, server->back, ZMQ_DONTWAIT) < 0) {
        peers_found_empty(server->peers, INFLOW_BACK);
        return false;
    }
    peers_took(server->peers, peers_descriptor(server->peers, 0, frame));
    const uint8_t *data = zmq_msg_data(frame);
    zr_span_t user = peers_user(frame);
    if (zmq_msg_more(frame) || zmq_msg_size(frame) == 0 || data[0] > 1)
        s_refuse_back(server, &server->stray, "a message on the back that is no subscription");
    else if (user.len && (!access_user(server->access, user) || peers_is_revoked(server->peers, frame) ||
                             core_shuts_out(&server->core, user)))
        s_refuse_back(server, &server->revoked, "a subscription of a user that is not let in any more");
    else if (!peers_subscribe(server->peers, frame, data[0] == 1))
        s_count_drop(server, &server->greedy, "a subscription of a reader that has too many, or is too fast");
    else
        core_subscription(&server->core, zr_span_of(data, zmq_msg_size(frame)));
    return true;
}

int intake_on_back(zloop_t *loop, zsock_t *socket, void *arg) {
    (void)loop;
    (void)socket;
    server_t *server = arg;
    if (!intake_is_free(server))
        return 0;
    int64_t end = zclock_usecs() + BATCH_US;
    for (size_t frames = 0; frames < BATCH_FRAMES && (frames % CLOCK_FRAMES || zclock_usecs() < end); frames++)
        if (!s_read_back(server))
            break;
    intake_end_pass(server);
    return 0;
}
