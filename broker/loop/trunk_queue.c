/* See trunk_queue.h. */
#include "trunk_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "fatal.h"
#include "hash.h"

typedef struct waiting_frame {
    zmq_msg_t msg;
    struct waiting_frame *next;
} waiting_frame_t;

typedef struct trunk_waiting {
    route_t connection;
    waiting_frame_t *first, *last;
    uint64_t bytes;
    uint64_t moved; /* when it took a frame last, or began to wait */
    UT_hash_handle hh;
} trunk_waiting_t;

static uint64_t s_size(zmq_msg_t *msg) {
    return zmq_msg_size(msg) + TRUNK_QUEUE_MESSAGE;
}

static trunk_waiting_t *s_find(const trunk_queue_t *queue, route_t connection) {
    trunk_waiting_t *trunk = NULL;
    unsigned hash = route_hash(connection);
    if (queue->by_connection)
        HASH_FIND_BYHASHVALUE(hh, queue->by_connection, &connection, sizeof connection, hash, trunk);
    return trunk;
}

/* Takes the first frame out, which is sent or dropped. */
static void s_take(trunk_queue_t *queue, trunk_waiting_t *trunk, uint64_t bytes) {
    waiting_frame_t *frame = trunk->first;
    trunk->first = frame->next;
    trunk->bytes -= bytes;
    queue->bytes -= bytes;
    free(frame);
}

static void s_forget(trunk_queue_t *queue, trunk_waiting_t *trunk) {
    while (trunk->first) {
        uint64_t bytes = s_size(&trunk->first->msg);
        zmq_msg_close(&trunk->first->msg);
        s_take(queue, trunk, bytes);
    }
    HASH_DEL(queue->by_connection, trunk);
    free(trunk);
}

void trunk_queue_finish(trunk_queue_t *queue) {
    trunk_waiting_t *trunk, *next;
    HASH_ITER(hh, queue->by_connection, trunk, next)
    s_forget(queue, trunk);
}

bool trunk_queue_holds(const trunk_queue_t *queue, route_t connection) {
    return s_find(queue, connection) != NULL;
}

uint64_t trunk_queue_bytes(const trunk_queue_t *queue, route_t connection) {
    const trunk_waiting_t *trunk = s_find(queue, connection);
    return trunk ? trunk->bytes : 0;
}

bool trunk_queue_add(trunk_queue_t *queue, route_t connection, zmq_msg_t *msg, uint64_t now) {
    trunk_waiting_t *trunk = s_find(queue, connection);
    uint64_t bytes = s_size(msg);
    if (bytes + (trunk ? trunk->bytes : 0) > queue->trunk_bytes || bytes + queue->bytes > queue->all_bytes)
        return false;
    if (!trunk) {
        trunk = fatal_calloc(sizeof *trunk);
        trunk->connection = connection;
        trunk->moved = now;
        HASH_ADD_BYHASHVALUE(
            hh, queue->by_connection, connection, sizeof trunk->connection, route_hash(connection), trunk);
    }
    waiting_frame_t *frame = fatal_calloc(sizeof *frame);
    zmq_msg_init(&frame->msg);
    zmq_msg_move(&frame->msg, msg);
    zmq_msg_close(msg);
    if (trunk->first)
        trunk->last->next = frame;
    else
        trunk->first = frame;
    trunk->last = frame;
    trunk->bytes += bytes;
    queue->bytes += bytes;
    return true;
}

/* Returns 0 when all is sent, or why not. */
static int s_send(trunk_queue_t *queue, trunk_waiting_t *trunk, const trunk_queue_calls_t *calls, uint64_t now) {
    while (trunk->first) {
        uint64_t bytes = s_size(&trunk->first->msg);
        int code = calls->send(calls->ctx, trunk->connection, &trunk->first->msg);
        if (code != 0)
            return code;
        s_take(queue, trunk, bytes);
        trunk->moved = now;
    }
    return 0;
}

void trunk_queue_send(trunk_queue_t *queue, const trunk_queue_calls_t *calls, uint64_t now) {
    trunk_waiting_t *trunk, *next;
    HASH_ITER(hh, queue->by_connection, trunk, next) {
        int code = s_send(queue, trunk, calls, now);
        if (code == EAGAIN && now < trunk->moved + TRUNK_QUEUE_STUCK_MS)
            continue;
        route_t connection = trunk->connection;
        s_forget(queue, trunk);
        if (code != 0)
            calls->lost(calls->ctx, connection);
    }
}
