/* See pacing.h. */
#include "pacing.h"

#include <sys/eventfd.h>

#include "arrivals.h"
#include "descriptor.h"
#include "inflow_calls.h"
#include "published.h"
#include "slow_readers.h"
#include "socket_bytes.h"

enum { LEAVE_MS = 1, LATE_MAX_MS = 100 }; /* from when readers leave to when the next may, at least */
enum { HEAVY_TURN = 4 << 20 };            /* bytes of memory that libzmq read in it */

void peers_took(peers_t *peers, int fd) {
    inflow_took(peers->inflow, fd);
    inflow_calls_took(fd);
}

void peers_found_empty(peers_t *peers, int side) {
    inflow_t *inflow = peers->inflow;
    uint64_t cost = atomic_load(&inflow->cost[side]);
    bool much = cost > inflow->limits[side].all / 2;
    peers->heavy_turns += cost >= HEAVY_TURN;
    inflow_end_turn(inflow, side);
    if (much)
        inflow_calls_sweep();
    inflow_calls_resume(side);
}

/* Ends the turn of each side that has no message to take: the loop does not read such a socket. */
void pacing_end_turns(peers_t *peers) {
    for (int side = 0; side < INFLOW_SIDES; side++)
        if (!(zsock_events(side == INFLOW_BACK ? peers->sockets->back : peers->sockets->front) & ZMQ_POLLIN))
            peers_found_empty(peers, side);
}

static void s_let_leave(peers_t *peers, int64_t ms);

/* When readers left and XPUB walked the topics for a while, this is late. Others get as much time before the next
 * leave. */
static int s_on_leave(zloop_t *loop, int timer_id, void *arg) {
    (void)loop;
    (void)timer_id;
    peers_t *peers = arg;
    inflow_calls_let_leave(inflow_let_leave(peers->inflow, topics_bytes(peers->topics)));
    int64_t late = zclock_mono() - peers->leave_at;
    peers->leave_at = 0;
    if (inflow_calls_must_leave())
        s_let_leave(peers, LEAVE_MS + (late < LATE_MAX_MS ? late : LATE_MAX_MS));
    return 0;
}

static void s_let_leave(peers_t *peers, int64_t ms) {
    if (peers->leave_at)
        return;
    peers->leave_at = zclock_mono() + ms;
    zloop_timer(peers->loop, (size_t)ms, 1, s_on_leave, peers);
}

/* Connections wait for the end of a turn, or to leave. */
int pacing_on_parked(zloop_t *loop, zmq_pollitem_t *item, void *arg) {
    (void)loop;
    peers_t *peers = arg;
    eventfd_t count;
    eventfd_read(item->fd, &count);
    arrivals_take(peers);
    pacing_end_turns(peers);
    if (inflow_calls_must_leave())
        s_let_leave(peers, LEAVE_MS);
    return 0;
}

void pacing_on_ended(peers_t *peers, uint64_t connection, inflow_reason_t reason) {
    static const char *const texts[INFLOW_REASONS] = {[INFLOW_PARTS] = "that sent a message of several parts",
        [INFLOW_INCOMPLETE] = "that sent an incomplete message which is larger than any may be",
        [INFLOW_HEARTBEATS] = "that sent too many heartbeats",
        [INFLOW_MALFORMED] = "that sent a malformed command",
        [INFLOW_BROKEN] = "of a reader that broke the rules of ZMTP",
        [INFLOW_MOST] = "with the largest incomplete message, as all together are more than limits/max-waiting"};
    addresses_charge(peers->addresses, descriptor_of(connection), connection, (uint64_t)zclock_mono());
    peers->incomplete++;
    if (zr_log_pass(&peers->ahead_lines, (uint64_t)zclock_mono()))
        zr_log(
            ZR_LOG_WARN, "closed a connection %s (%llu so far)", texts[reason], (unsigned long long)peers->incomplete);
}

/* --- Readers that do not read --- */

static void s_end_slow(peers_t *peers, int fd) {
    peers_end(connections_at(&peers->connections, fd));
    peers->too_slow++;
    if (zr_log_pass(&peers->slow_lines, (uint64_t)zclock_mono()))
        zr_log(ZR_LOG_WARN,
            "closed a connection that read too slowly, when frames for readers were more than limits/all-reader-bytes "
            "(%llu so far)",
            (unsigned long long)peers->too_slow);
}

/* The kernel does not tell how many bytes a local peer got. If fewer wait for it than before, it reads. */
static void s_look_at_reader(peers_t *peers, connection_t *one, int fd) {
    uint64_t confirmed, unsent = socket_bytes_unsent(fd);
    if (unsent == 0 || descriptor_handle(fd) != one->socket)
        return;
    if (!socket_bytes_confirmed(fd, &confirmed))
        confirmed = UINT64_MAX - unsent;
    slow_readers_look(one, peers->round, confirmed);
}

/* The frames that one of them holds are held by others too, so little is freed until the last of them goes. */
static void s_end_slowest(peers_t *peers) {
    int fd;
    for (unsigned i = 0; i < peers->slowest && (fd = slow_readers_slowest(&peers->connections, peers->round)) >= 0; i++)
        s_end_slow(peers, fd);
    peers->slowest = peers->slowest < UINT16_MAX ? 2 * peers->slowest : peers->slowest;
}

void pacing_end_slow_readers(peers_t *peers) {
    const connections_t *connections = &peers->connections;
    uint64_t held = published_bytes();
    if (held <= peers->all_reader_bytes)
        peers->slowest = 1;
    if (held < peers->all_reader_bytes / 2)
        return;
    peers->round++;
    for (int fd = 0; (size_t)fd < connections->size; fd++) {
        connection_t *one = connections_at(connections, fd);
        if (one && one->side == CONNECTIONS_BACK)
            s_look_at_reader(peers, one, fd);
    }
    if (held <= peers->all_reader_bytes)
        return;
    bool stuck = false;
    for (int fd = 0; (fd = slow_readers_next_stuck(connections, peers->round, fd)) >= 0; fd++, stuck = true)
        s_end_slow(peers, fd);
    if (!stuck)
        s_end_slowest(peers);
}
