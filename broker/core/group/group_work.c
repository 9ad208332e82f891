/* The pieces of work of groups (groups.h): timers, dead entries, frames for workers. */
#include <utlist.h>

#include "batch.h"
#include "control.h"
#include "fatal.h"
#include "group_feed.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

enum {
    TIMERS = 256,         /* that one piece looks at */
    BURIALS = 64,         /* of one piece */
    FRAME_ENTRIES = 1024, /* of a frame for a worker */
    FRAME_BYTES = 256 << 10,
    QUEUE_LEAST = 64 << 10, /* bytes that a worker's queue must take */
    BURY_AGAIN_US = 1000000,
    LOST_EVERY_US = 1000000, /* workers of a group are told of losses */
};

/* --- Timers --- */

static item_t *s_due(const relay_t *relay) {
    deadline_t *next = deadlines_next(&relay->groups.pool.due);
    return next && next->at <= relay->groups.rising ? DEADLINE_ITEM(next, item_t, due) : NULL;
}

static void s_expire(relay_t *relay) {
    item_t *item;
    for (size_t i = 0; i < TIMERS && (item = s_due(relay)); i++) {
        room_group_t *group = (room_group_t *)item->group;
        bool held = item->state == ITEM_HELD;
        group_expire(item, relay->groups.rising);
        groups_touch(relay, group, held);
    }
}

/* --- Dead entries --- */

static const char *const s_reasons[DEAD_REASONS] = {"", "rejected", "retried", "expired", "ended"};

/* The room for dead entries; NULL: it is missing, and cannot be made now. */
static room_t *s_graveyard(relay_t *relay, const group_t *group) {
    zr_span_t name = group_options_dead(&group->options);
    room_t *room = room_find(relay, name);
    if (!room && HASH_COUNT(relay->rooms) + makers_shared(&relay->makers) < relay->config.max_rooms)
        room = room_add(relay, name);
    return room;
}

/* A line about the entry, and then its body. */
static void s_bury(relay_t *relay, room_group_t *each, room_t *graveyard, item_t *item) {
    zr_deliver_reader_t reader = {
        .rest = zr_span_of((const char *)zr_blob_data(item->frame->blob) + item->at, item->len)};
    zr_entry_t entry;
    FATAL_UNLESS(zr_deliver_next(&reader, &entry));
    json_t *about = json_pack("{so so sI sI so sI ss}", "room", zr_json_string(room_name(each->room)), "group",
        zr_json_string(group_name(&each->group)), "seq", (json_int_t)entry.seq, "time", (json_int_t)entry.time, "key",
        zr_json_string(entry.key), "deliveries", (json_int_t)item->deliveries, "reason", s_reasons[item->reason]);
    if (item->why)
        json_object_set_new(about, "text", zr_json_string(zr_span_of(zr_blob_data(item->why), zr_blob_len(item->why))));
    zr_blob_t *line = zr_control_write(about);
    zr_buffer_t body = {0};
    zr_buffer_append(&body, zr_blob_data(line), zr_blob_len(line));
    zr_buffer_u8(&body, '\n');
    zr_buffer_append(&body, entry.body.ptr, entry.body.len);
    zr_entry_t copy = {.sender = entry.sender, .body = zr_span_of(body.data, body.len)};
    batch_add(relay, graveyard, &copy, relay->now);
    zr_buffer_finish(&body);
    zr_blob_unref(line);
    groups_store(relay, each);
    group_bury(item, relay->batch.current->number);
}

static void s_bury_some(relay_t *relay, room_group_t *each) {
    group_t *group = &each->group;
    item_t *item;
    for (size_t i = 0; i < BURIALS && (item = group->lists[ITEM_DOOMED]); i++) {
        room_t *graveyard = s_graveyard(relay, group);
        if (graveyard)
            s_bury(relay, each, graveyard, item);
        else
            group_bury_later(item, relay->groups.rising + BURY_AGAIN_US);
    }
}

/* --- Frames for workers --- */

static bool s_may_get(relay_t *relay, group_worker_t *worker) {
    const relay_config_t *config = &relay->config;
    const session_t *session = session_by_id(&relay->sessions, worker->session);
    if (group_worker_wants(worker) == 0 || !session->route)
        return false;
    return !config->room || config->room(config->room_ctx, session->route) >= QUEUE_LEAST;
}

/* The worker whose turn it is, and the number of those that want entries. */
static group_worker_t *s_choose(relay_t *relay, group_t *group, size_t *hungry) {
    group_worker_t *chosen = NULL;
    *hungry = 0;
    for (group_worker_t *worker = group->workers; worker; worker = worker->next) {
        if (!s_may_get(relay, worker))
            continue;
        chosen = chosen ? chosen : worker;
        ++*hungry;
    }
    return chosen;
}

/* So much that each of the hungry workers gets as much in this round. */
static size_t s_share(group_t *group, const group_worker_t *worker, size_t hungry) {
    if (group->round.left == 0 || group->round.left > hungry) {
        group->round.left = hungry;
        group->round.share = (group_ready(group) + hungry - 1) / hungry;
    }
    group->round.left--;
    size_t share = group->round.share;
    uint64_t wants = group_worker_wants(worker);
    if (share > wants)
        share = (size_t)wants;
    return share < FRAME_ENTRIES ? share : FRAME_ENTRIES;
}

/* Entries of a frame have the same count of deliveries. */
static void s_hand_out(relay_t *relay, room_group_t *each, group_worker_t *worker, size_t share) {
    group_t *group = &each->group;
    zr_buffer_t *out = &relay->groups.frame;
    item_t *item = group_next(group);
    uint16_t before = item->deliveries;
    uint64_t due = relay->groups.rising + group->options.time_ms * 1000;
    zr_work_begin(out, worker->number, (uint16_t)(before + 1), room_name(each->room), relay->config.epoch,
        item->seq ? item->seq - 1 : 0);
    for (size_t i = 0; i < share && item && item->deliveries == before; i++, item = group_next(group)) {
        if (i > 0 && out->len + item->len > FRAME_BYTES)
            break;
        zr_buffer_append(out, zr_blob_data(item->frame->blob) + item->at, item->len);
        group_give(worker, item, due);
    }
    send_frame(relay, session_by_id(&relay->sessions, worker->session)->route, zr_buffer_to_blob(out));
    group_worker_turn(worker);
}

/* Hands out one frame; false: nothing can be handed out now. */
static bool s_serve(relay_t *relay, room_group_t *each) {
    group_t *group = &each->group;
    size_t hungry;
    if (each->fresh || each->going || group->paused || !group_next(group))
        return false;
    group_worker_t *worker = s_choose(relay, group, &hungry);
    if (worker)
        s_hand_out(relay, each, worker, s_share(group, worker, hungry));
    return worker;
}

/* --- Losses --- */

static void s_tell_lost(relay_t *relay, room_group_t *each) {
    const group_t *group = &each->group;
    uint64_t count = group->lost - each->lost.told;
    if (count == 0)
        return;
    if (relay->groups.rising < each->lost.due) {
        groups_park(relay, each);
        return;
    }
    each->lost.told = group->lost;
    each->lost.due = relay->groups.rising + LOST_EVERY_US;
    if (zr_log_pass(&relay->groups.lost_lines, relay->groups.rising / 1000))
        zr_log(ZR_LOG_WARN, "the group %.*s of %.*s lost %llu entries: the room did not keep them so long",
            (int)group->name_len, group->name, (int)each->room->name_len, each->room->name, (unsigned long long)count);
    for (const group_worker_t *worker = group->workers; worker; worker = worker->next)
        send_frame(relay, session_by_id(&relay->sessions, worker->session)->route,
            zr_control_write(json_pack("{ss sI so so sI}", "op", "lost", "worker", (json_int_t)worker->number, "room",
                zr_json_string(room_name(each->room)), "group", zr_json_string(group_name(group)), "count",
                (json_int_t)count)));
}

/* --- A piece --- */

static void s_rest(relay_t *relay, room_group_t *each) {
    if (!each->busy)
        return;
    each->busy = false;
    DL_DELETE(relay->groups.busy, each);
}

/* Some worker wants entries, there are some, and it does not get them now. */
static bool s_waits(const room_group_t *each) {
    const group_t *group = &each->group;
    bool more = group_next(group) || group->lists[ITEM_UNREAD] || group->cursor < each->room->stored;
    return !each->fresh && !each->going && !group->paused && !each->read.ticket && group->wanted > 0 && more;
}

bool groups_is_due(const relay_t *relay) {
    return relay->groups.busy || s_due(relay);
}

void groups_work(relay_t *relay) {
    s_expire(relay);
    room_group_t *each = relay->groups.busy;
    if (!each)
        return;
    s_rest(relay, each);
    if (!each->fresh && !each->going)
        s_bury_some(relay, each);
    s_tell_lost(relay, each);
    bool served = s_serve(relay, each);
    if (each->dirty && !each->fresh && !each->going)
        groups_store(relay, each);
    s_rest(relay, each);
    group_feed(relay, each);
    if (served || each->group.lists[ITEM_DOOMED])
        groups_touch(relay, each, false);
    else if (s_waits(each))
        groups_park(relay, each);
    if (relay->batch.current) /* the log may answer before the edge ends its pass */
        batch_flush(relay);
}
