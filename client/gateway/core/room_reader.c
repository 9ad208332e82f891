/* See room_reader.h. */
#include "room_reader.h"

#include <stddef.h>

static uint64_t s_number(const json_t *object, const char *name) {
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static bool s_is_ours(const room_reader_t *r, const json_t *answer) {
    const char *room = json_string_value(json_object_get(answer, "room"));
    return r->room[0] && (!room || strcmp(room, r->room) == 0);
}

static void s_ask(room_reader_t *r, const char *member, uint64_t value) {
    r->replaying = true;
    channel_say(r->channel,
        json_pack("{s:s,s:s,s:s,s:I}", "op", "replay", "id", "replay", "room", r->room, member, (json_int_t)value));
}

/* A replay is asked for only when there is room for all of it, so nothing of it is dropped. */
static void s_replay(room_reader_t *r) {
    if (r->replaying || r->full || !r->joined)
        return;
    r->full = !r->calls->ready(r->ctx);
    if (r->full)
        return;
    if (r->begun)
        s_ask(r, "after", r->last);
    else
        s_ask(r, "last", r->history);
}

static void s_go_on(room_reader_t *r) {
    if (!r->begun || r->heard > r->last)
        s_replay(r);
}

static void s_join(room_reader_t *r) {
    if (r->room[0] && r->alive && r->live && !r->joined)
        channel_say(r->channel, json_pack("{s:s,s:s,s:s}", "op", "join", "id", "join", "room", r->room));
}

static bool s_give(room_reader_t *r, delivery_t *delivery) {
    uint64_t after = r->begun ? r->last : 0;
    bool given = r->calls->give(r->ctx, delivery, after);
    if (given)
        r->last = delivery->last;
    return given;
}

static bool s_is_of_it(const room_reader_t *r, const delivery_t *delivery) {
    return r->started && delivery->epoch == r->epoch && delivery->kind == ZR_BACK_ENTRIES &&
           zr_span_equal(delivery->room, zr_span(r->room));
}

void room_reader_take(room_reader_t *r, delivery_t *delivery) {
    bool replay = delivery->flags & ZR_FRAME_REPLAY;
    if (!s_is_of_it(r, delivery))
        return;
    r->heard = delivery->last > r->heard ? delivery->last : r->heard;
    if (replay && r->showing) {
        r->calls->give(r->ctx, delivery, 0);
        return;
    }
    if (delivery->last <= r->last || (!replay && (r->full || r->replaying)))
        return; /* the peer has that already, or gets it by a replay */
    if (!replay && (!r->begun || delivery->prev > r->last))
        s_replay(r);
    else
        r->full = !s_give(r, delivery);
}

static void s_on_feed(feed_reader_t *feed, delivery_t *delivery) {
    room_reader_t *r = (room_reader_t *)(void *)((char *)feed - offsetof(room_reader_t, feed));
    if (r->joined)
        room_reader_take(r, delivery);
    else if (delivery->last > r->heard)
        r->heard = delivery->last; /* the answer to `join` may come after the first entry */
}

/* The SUB may be a new one, which missed something. */
static void s_on_live(feed_reader_t *feed) {
    room_reader_t *r = (room_reader_t *)(void *)((char *)feed - offsetof(room_reader_t, feed));
    r->live = true;
    if (r->joined)
        s_replay(r);
    else
        s_join(r);
}

bool room_reader_begin(room_reader_t *r, feeds_t *feeds, zr_span_t room, unsigned history,
    const room_reader_calls_t *calls, void *ctx, uint64_t now) {
    uint8_t topic[FEED_TOPIC_MAX];
    size_t len = feed_topic(room, false, topic);
    *r = (room_reader_t){.feed = {.frame = s_on_feed, .live = s_on_live},
        .channel = r->channel,
        .calls = calls,
        .ctx = ctx,
        .history = history,
        .alive = r->alive,
        .epoch = r->epoch};
    feed_joined_t joined = feeds_join(feeds, &r->feed, zr_span_of(topic, len), now);
    if (joined == FEED_FULL)
        return false;
    memcpy(r->room, room.ptr, room.len);
    r->live = joined == FEED_LIVE;
    s_join(r);
    return true;
}

void room_reader_finish(room_reader_t *r, uint64_t now) {
    feeds_leave(&r->feed, now);
    r->room[0] = '\0';
    r->joined = r->started = r->replaying = r->showing = false;
}

void room_reader_welcome(room_reader_t *r, uint64_t epoch) {
    if (epoch != r->epoch)
        r->last = r->heard = 0; /* of another log: all that it has is new */
    r->epoch = epoch;
    r->alive = true;
    r->joined = r->replaying = r->showing = false;
    s_join(r);
}

void room_reader_part(room_reader_t *r) {
    r->alive = r->joined = r->replaying = r->showing = false;
}

/* A peer that wants no history gets what is new from now on. */
bool room_reader_joined(room_reader_t *r, const json_t *joined) {
    uint64_t seq = s_number(joined, "seq");
    bool first = !r->started;
    if (!s_is_ours(r, joined) || !r->alive)
        return false;
    r->joined = r->started = true;
    r->heard = seq > r->heard ? seq : r->heard;
    if (first && (r->history == 0 || r->heard == 0)) {
        r->begun = true;
        r->last = seq;
    }
    s_go_on(r);
    return first;
}

void room_reader_replayed(room_reader_t *r, const json_t *replayed) {
    uint64_t seq = s_number(replayed, "seq");
    bool more = json_is_true(json_object_get(replayed, "more"));
    if (!s_is_ours(r, replayed) || !r->replaying)
        return;
    r->replaying = false;
    if (r->showing) {
        r->showing = false;
        s_go_on(r);
        return;
    }
    bool moved = seq > r->last || s_number(replayed, "count") > 0; /* else what is gone comes behind it all */
    if (r->begun && r->last > 0 && moved && json_is_false(json_object_get(replayed, "complete")) && r->calls->lost)
        r->calls->lost(r->ctx);
    r->begun = true;
    r->last = seq > r->last ? seq : r->last;
    if (more || r->heard > r->last)
        s_replay(r);
}

void room_reader_pong(room_reader_t *r, const json_t *pong) {
    uint64_t head = r->room[0] ? s_number(json_object_get(pong, "heads"), r->room) : 0;
    r->heard = head > r->heard ? head : r->heard;
    s_go_on(r);
}

void room_reader_refused(room_reader_t *r) {
    r->replaying = r->showing = false;
}

void room_reader_drained(room_reader_t *r) {
    if (!r->full)
        return;
    r->full = false;
    s_go_on(r);
}

bool room_reader_show(room_reader_t *r, unsigned count) {
    if (!r->joined || !r->begun || r->replaying || count == 0)
        return false;
    r->showing = true;
    s_ask(r, "last", count);
    return true;
}
