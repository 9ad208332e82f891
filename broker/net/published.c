/* See published.h. */
#include "published.h"

#include <stdatomic.h>

#include "fatal.h"

static _Atomic uint64_t s_bytes;

static uint64_t s_cost(const zr_blob_t *frame) {
    return zr_blob_len(frame) + PUBLISHED_MESSAGE;
}

static void s_give_back(void *data, void *hint) {
    (void)data;
    atomic_fetch_sub_explicit(&s_bytes, s_cost(hint), memory_order_relaxed);
    zr_blob_unref(hint);
}

void published_wrap(zmq_msg_t *msg, zr_blob_t *frame) {
    atomic_fetch_add_explicit(&s_bytes, s_cost(frame), memory_order_relaxed);
    FATAL_UNLESS(zmq_msg_init_data(msg, zr_blob_data(frame), zr_blob_len(frame), s_give_back, frame) == 0);
}

uint64_t published_bytes(void) {
    return atomic_load_explicit(&s_bytes, memory_order_relaxed);
}
