/* See group_feed.h. A group keeps few frames: those of entries that workers will take soon. */
#include "group_feed.h"

#include <utlist.h>

#include "fatal.h"
#include "rooms.h"
#include "state.h"

enum {
    AHEAD = 1024,         /* entries that wait for a worker in memory, about */
    AGAIN = 64,           /* those of them that were handed out before */
    UNREAD_SPAN = 256,    /* entries that one read for items may go over */
    READ_BYTES = 1 << 20, /* of one read */
    READ_FRAMES = 64,
    GROUP_BYTES = 4 << 20, /* of the frames that a group keeps, and one read more */
    LEAST = 16,            /* items that a group may have, whatever the others have */
};

/* Above all tickets of readings. */
static const uint64_t s_tickets = 1ULL << 63;

static bool s_is_full(const relay_t *relay, const group_t *group) {
    const group_pool_t *pool = &relay->groups.pool;
    /* One read is always allowed, so that no group starves while others keep all memory; they keep it for a tick. */
    return group->frame_bytes >= GROUP_BYTES ||
           (group->frame_bytes > 0 && pool->frame_bytes >= relay->config.max_group_bytes);
}

/* Entries beyond the cursor that may become items now. */
static size_t s_space(const relay_t *relay, const group_t *group) {
    size_t used = relay->groups.pool.used, all = relay->config.max_group_entries;
    size_t space = group_space(group), left = used < all ? all - used : 0;
    size_t count = HASH_COUNT(group->items);
    if (left == 0 && count < LEAST)
        left = LEAST - count;
    return space < left ? space : left;
}

static bool s_is_open(const room_group_t *group) {
    return !group->fresh && !group->going && !group->group.paused;
}

/* --- From memory --- */

static void s_take_all(group_t *group, zr_blob_t *blob, uint64_t after, uint64_t upto) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_span_t bytes = zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
    if (!zr_deliver_read(&reader, bytes))
        return;
    group_frame_t *frame = group_frame(group, blob);
    for (const char *at = reader.rest.ptr; zr_deliver_next(&reader, &entry); at = reader.rest.ptr)
        if (entry.seq > after && entry.seq <= upto)
            group_take(group, frame, (size_t)(at - bytes.ptr), (size_t)(reader.rest.ptr - at), &entry);
    group_frame_end(group, frame);
}

static size_t s_count(zr_deliver_reader_t reader) {
    size_t count = 0;
    uint64_t seq;
    while (zr_deliver_skip(&reader, &seq))
        count++;
    return count;
}

void groups_frame(relay_t *relay, const room_t *room, zr_blob_t *frame) {
    zr_deliver_reader_t reader;
    if (!room->groups || !zr_deliver_read(&reader, zr_span_of(zr_blob_data(frame), zr_blob_len(frame))))
        return;
    size_t count = s_count(reader);
    for (room_group_t *each = room->groups; each; each = each->hh.next) {
        group_t *group = &each->group;
        bool fits = group->cursor == reader.prev && !each->read.ticket && group->unkeyed == 0 &&
                    group->counts[ITEM_READY] < AHEAD && count <= s_space(relay, group) && !s_is_full(relay, group);
        if (s_is_open(each) && group->wanted > 0 && fits)
            s_take_all(group, frame, reader.prev, room->stored);
        groups_touch(relay, each, false);
    }
}

/* --- From the log --- */

static void s_ask(relay_t *relay, room_group_t *group, uint64_t after, uint64_t until, size_t entries, bool ahead) {
    const room_t *room = group->room;
    log_read_t *read = fatal_calloc(sizeof *read);
    *read = (log_read_t){.ticket = s_tickets | ++relay->last_ticket,
        .room_len = room->name_len,
        .after = after,
        .until = until,
        .begun = room->begun,
        .entries = entries,
        .frames = READ_FRAMES,
        .bytes = READ_BYTES};
    memcpy(read->room, room->name, room->name_len);
    group->read.ticket = read->ticket;
    group->read.after = after;
    group->read.until = until;
    group->read.ahead = ahead;
    HASH_ADD(by_ticket, relay->groups.by_ticket, read.ticket, sizeof group->read.ticket, group);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_READ, .read = read});
}

/* The log has nothing of the room: all that the group did not come to is gone. */
static void s_nothing(relay_t *relay, room_group_t *each) {
    group_t *group = &each->group;
    uint64_t head = each->room->stored;
    group_lose(group, 0, head);
    if (group->cursor < head) {
        group->lost += head - group->cursor;
        group->cursor = head;
    }
    groups_touch(relay, each, true);
}

static void s_feed_unread(relay_t *relay, room_group_t *each) {
    const item_t *first = each->group.lists[ITEM_UNREAD], *last = first;
    while (last->next && last->next->seq > last->seq && last->next->seq < first->seq + UNREAD_SPAN)
        last = last->next;
    s_ask(relay, each, first->seq - 1, last->seq, UNREAD_SPAN, false);
}

static void s_feed_ahead(relay_t *relay, room_group_t *each) {
    size_t space = s_space(relay, &each->group);
    if (each->group.cursor < each->room->stored && space > 0)
        s_ask(relay, each, each->group.cursor, each->room->stored, space < AHEAD ? space : AHEAD, true);
}

void group_feed(relay_t *relay, room_group_t *each) {
    group_t *group = &each->group;
    const item_t *unread = group->lists[ITEM_UNREAD];
    bool hungry = s_is_open(each) && group->wanted > group_ready(group);
    /* Also while all credit is taken: else new entries would always come before them. */
    bool again = unread && s_is_open(each) && group->workers && group->counts[ITEM_AGAIN] < AGAIN;
    bool dead = unread && unread->reason != DEAD_NOT && !each->fresh && !each->going;
    if (each->read.ticket || (!hungry && !again && !dead) || s_is_full(relay, group))
        return;
    if ((unread || group->cursor < each->room->stored) && room_is_hollow(relay, room_name(each->room)))
        s_nothing(relay, each);
    else if (unread)
        s_feed_unread(relay, each);
    else
        s_feed_ahead(relay, each);
}

void group_feed_stop(relay_t *relay, room_group_t *group) {
    if (!group->read.ticket)
        return;
    HASH_DELETE(by_ticket, relay->groups.by_ticket, group);
    group->read.ticket = 0;
}

/* The seq of the first entry of the slice; 0: it has none. */
static uint64_t s_first(const log_slice_t *slice) {
    if (slice->frame_count == 0)
        return 0;
    zr_blob_t *blob = slice->frames[0];
    return zr_deliver_after(zr_span_of(zr_blob_data(blob), zr_blob_len(blob)), 0);
}

/* What the log forgot before the slice's first entry is lost to the group. */
static void s_lose_ahead(group_t *group, uint64_t after, const log_slice_t *slice) {
    uint64_t first = s_first(slice), end = first ? first - 1 : slice->seq;
    if (!slice->complete && end > after)
        group->lost += end - after;
}

bool groups_read_done(relay_t *relay, uint64_t ticket, const log_slice_t *slice) {
    room_group_t *each;
    if (!(ticket & s_tickets))
        return false;
    HASH_FIND(by_ticket, relay->groups.by_ticket, &ticket, sizeof ticket, each);
    if (!each)
        return true;
    uint64_t lost = each->group.lost;
    group_feed_stop(relay, each);
    if (each->read.ahead)
        s_lose_ahead(&each->group, each->read.after, slice);
    for (size_t i = 0; i < slice->frame_count; i++)
        s_take_all(&each->group, slice->frames[i], each->read.after, slice->seq);
    if (each->read.ahead && slice->seq > each->group.cursor)
        each->group.cursor = slice->seq;
    if (!each->read.ahead)
        group_lose(&each->group, each->read.after, slice->seq);
    groups_touch(relay, each, each->group.lost > lost);
    return true;
}
