/* SETTLE: a worker says what became of entries. It is answered once that is stored. */
#include "batch.h"
#include "commands.h"
#include "flood.h"
#include "groups.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

static void s_fail(relay_t *relay, const session_t *session, zr_code_t code, const zr_settle_t *settle) {
    json_t *about = NULL;
    if (settle->worker && settle->number <= ZR_INT_MAX)
        about = json_pack("{sI sI}", "worker", (json_int_t)settle->worker, "settle", (json_int_t)settle->number);
    send_error(relay, session->route, code, about);
}

/* Does what it says with single entries, and tells what became of others. Ranges of several are put aside. Returns how
 * many entries are settled. */
static size_t s_settle_single(relay_t *relay, group_worker_t *worker, zr_settle_t *settle, const group_said_t *said,
    zr_buffer_t *out, size_t *aside) {
    size_t count = 0;
    zr_range_t range;
    while (zr_settle_next(settle, &range)) {
        if (range.first != range.last) {
            relay->groups.ranges[(*aside)++] = range;
            continue;
        }
        zr_became_t became;
        size_t settled = group_settle(worker, said, range, relay->groups.rising, &became);
        count += settled;
        if (settled == 0)
            zr_settled_add(out, became, range);
    }
    return count;
}

/* Was it sent before, as its answer did not come? Meanwhile the worker may have been given the entries anew, so they may
 * not be taken from it again. Entries that are done or dead stay so, and more time does no harm. */
static bool s_is_again(group_worker_t *worker, const zr_settle_t *settle) {
    bool again = settle->number < worker->next_number;
    if (!again)
        worker->next_number = settle->number + 1;
    return again && (settle->verb == ZR_SETTLE_RETRY || settle->verb == ZR_SETTLE_RETURN);
}

static void s_settle(relay_t *relay, session_t *session, group_worker_t *worker, zr_settle_t *settle) {
    room_group_t *each = groups_of(worker);
    zr_buffer_t out = {0};
    size_t aside = 0;
    group_said_t said = {.verb = settle->verb,
        .ms = settle->ms,
        .why = settle->reason.len ? zr_blob_copy(settle->reason.ptr, settle->reason.len) : NULL};
    zr_settled_begin(&out, settle->worker, settle->number);
    size_t count = 0;
    if (!s_is_again(worker, settle)) {
        count = s_settle_single(relay, worker, settle, &said, &out, &aside);
        count += group_settle_ranges(worker, &said, relay->groups.ranges, aside, relay->groups.rising);
    }
    zr_settled_end(&out, each->room->level, (uint32_t)count);
    zr_blob_unref(said.why);
    groups_store(relay, each); /* also when nothing changed now: what is told must be stored */
    batch_settled(relay, session, zr_buffer_to_blob(&out), settle->worker, settle->number);
    zr_buffer_finish(&out);
}

void cmd_settle(relay_t *relay, session_t *session, zr_span_t frame, uint64_t now) {
    zr_settle_t settle;
    bool good = zr_settle_read(&settle, frame);
    size_t ranges = frame.len / ZR_SETTLE_RANGE;
    rate_cost_t cost = {{[RATE_ENTRIES] = ranges, [RATE_BYTES] = frame.len + RATE_MESSAGE}};
    if (!flood_publish(relay, session, cost, now))
        return;
    group_worker_t *worker = good ? groups_worker(session, settle.worker) : NULL;
    if (worker)
        s_settle(relay, session, worker, &settle);
    else if (flood_publish(relay, session, (rate_cost_t){{[RATE_OPS] = 1}}, now))
        s_fail(relay, session, good ? ZR_NO_GROUP : ZR_BAD_FRAME, &settle);
}
