/* See outflow.h. */
#include "outflow.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    PIECES = 64, /* of one system call */
    WRITES = 16  /* system calls at once */
};

void outflow_begin(outflow_t *out, const gateway_config_t *config, queue_budget_t *budget, outflow_counts_t *counts,
    void (*evict)(void *ctx), void *ctx) {
    *out = (outflow_t){.config = config, .counts = counts, .writable = true};
    out->queue.holder = (queue_holder_t){.budget = budget, .evict = evict, .ctx = ctx};
}

void outflow_clear(outflow_t *out) {
    out->counts->queued -= out->queue.bytes;
    blob_queue_finish(&out->queue);
}

void outflow_cut(outflow_t *out) {
    out->counts->queued -= out->queue.bytes;
    blob_queue_cut(&out->queue);
    out->counts->queued += out->queue.bytes;
}

outflow_verdict_t outflow_admit(outflow_t *out, size_t len, bool live) {
    size_t after = out->queue.bytes + len;
    bool waits = out->queue.count > 0;
    if (waits && live && after > out->config->reader_queue) {
        out->wants_room = true;
        out->counts->dropped++;
        return OUTFLOW_DROPPED;
    }
    if (waits && after > out->config->answer_queue) {
        out->counts->too_slow++;
        return OUTFLOW_TOO_SLOW;
    }
    return queue_budget_make_room(out->queue.holder.budget, len) ? OUTFLOW_OK : OUTFLOW_NO_ROOM;
}

void outflow_push(outflow_t *out, zr_blob_t *blob) {
    blob_queue_push(&out->queue, blob);
    out->counts->queued += zr_blob_len(blob);
}

static bool s_has_room(const outflow_t *out) {
    return out->queue.bytes <= out->config->reader_queue / 2;
}

bool outflow_is_ready(outflow_t *out) {
    out->wants_room |= !s_has_room(out);
    return s_has_room(out);
}

bool outflow_is_drained(outflow_t *out) {
    bool drained = out->wants_room && s_has_room(out);
    out->wants_room &= !drained;
    return drained;
}

bool outflow_write(outflow_t *out, outflow_send_fn *send, void *ctx) {
    struct iovec pieces[PIECES];
    for (int i = 0; i < WRITES && out->writable && out->queue.count > 0; i++) {
        ssize_t len = send(ctx, pieces, (size_t)blob_queue_peek(&out->queue, pieces, PIECES));
        if (len < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (len < 0) {
            out->writable = errno == EINTR;
            break;
        }
        blob_queue_drop(&out->queue, (size_t)len);
        out->written += (uint64_t)len;
        out->counts->bytes_out += (uint64_t)len;
        out->counts->queued -= (uint64_t)len;
    }
    return true;
}

ssize_t outflow_send(int fd, const struct iovec *pieces, size_t count) {
    const struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}
