/* A follower's sockets to its leader. */
#include "node_state.h"

static void s_push(node_t *node, came_t kind, zr_blob_t *frame) {
    bool back = kind == CAME_UP_BACK || kind == CAME_UP_BACK_ENDED;
    node_push(node, &(arrival_t){.kind = kind, .made = back ? node->made_back : node->made_front, .frame = frame});
}

static void s_receive(void *owner, conn_kind_t kind, zr_blob_t *frame) {
    s_push(owner, kind == CONN_FRONT ? CAME_UP_FRAME : CAME_UP_BACK, frame);
}

static void s_changed(void *owner, bool up) {
    s_push(owner, up ? CAME_UP_STANDS : CAME_UP_ENDED, NULL);
}

static void s_failed(void *owner, conn_kind_t kind) {
    s_push(owner, kind == CONN_FRONT ? CAME_UP_ENDED : CAME_UP_BACK_ENDED, NULL);
}

static socket_t s_socket(node_t *node, conn_kind_t kind) {
    socket_t socket = {.network = &node->sim->network,
        .kind = kind,
        .heeded = true,
        .once = true,
        .receive = s_receive,
        .changed = s_changed,
        .failed = s_failed,
        .owner = node};
    socket.name[0] = 'n';
    socket.name[1] = (char)('0' + node->number);
    return socket;
}

void node_init_sockets(node_t *node) {
    node->up_front = s_socket(node, CONN_FRONT);
    node->up_back = s_socket(node, CONN_BACK);
}

/* --- The leaf's calls --- */

static void s_connect(void *ctx, const zr_server_t *server) {
    node_t *node = ctx;
    node->made_front++;
    world_trace(&node->sim->world, "n%u connects to %s", node->number, server->endpoint);
    socket_connect(&node->up_front, server->endpoint);
}

static void s_disconnect(void *ctx) {
    node_t *node = ctx;
    node->made_front++;
    node->made_back++;
    socket_close(&node->up_front);
    socket_close(&node->up_back);
}

static void s_connect_back(void *ctx, const char *endpoint) {
    node_t *node = ctx;
    node->made_back++;
    socket_connect(&node->up_back, endpoint);
}

static void s_subscribe(void *ctx, bool on, zr_span_t topic) {
    node_t *node = ctx;
    if (node->up_back.open && node->sim->plant != PLANT_DEAF_LEAF)
        socket_subscribe(&node->up_back, (const uint8_t *)topic.ptr, topic.len, on);
}

static void s_send(void *ctx, uint32_t channel, zr_span_t frame) {
    node_t *node = ctx;
    zr_blob_t *blob = channel ? zr_trunk_frame(channel, frame) : zr_blob_copy(frame.ptr, frame.len);
    if (!channel)
        world_trace(&node->sim->world, "n%u says %.*s", node->number, (int)frame.len, frame.ptr);
    socket_send(&node->up_front, blob);
}

const leaf_calls_t node_leaf_calls = {.connect = s_connect,
    .disconnect = s_disconnect,
    .connect_back = s_connect_back,
    .subscribe = s_subscribe,
    .send = s_send};

/* --- What came --- */

static void s_cross(node_t *node, zr_blob_t *frame) {
    uint32_t channel;
    zr_span_t inner;
    if (zr_trunk_read(zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), &channel, &inner) &&
        rng_chance(&node->sim->world.rng, 1, 20))
        zr_trunk_head(zr_blob_data(frame), 1 + (uint32_t)rng_below(&node->sim->world.rng, 3));
}

void node_up(node_t *node, const arrival_t *arrival) {
    bool back = arrival->kind == CAME_UP_BACK || arrival->kind == CAME_UP_BACK_ENDED;
    zr_blob_t *frame = arrival->frame;
    if (arrival->made != (back ? node->made_back : node->made_front)) {
        zr_blob_unref(frame); /* of a socket that was given up */
        return;
    }
    switch (arrival->kind) {
    case CAME_UP_FRAME:
        if (node->sim->plant == PLANT_CROSSED)
            s_cross(node, frame);
        leaf_take_front(node->leaf, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
        zr_blob_unref(frame);
        break;
    case CAME_UP_BACK:
        leaf_take_back(node->leaf, frame);
        break;
    case CAME_UP_STANDS:
        leaf_up(node->leaf);
        break;
    case CAME_UP_ENDED:
        leaf_down(node->leaf, "the connection ended");
        break;
    default:
        leaf_back_down(node->leaf);
    }
}
