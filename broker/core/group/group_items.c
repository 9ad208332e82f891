/* See group_items.h. */
#include "group_items.h"

#include <utlist.h>

#include "fatal.h"

enum { CHUNK = 128 };

typedef struct item_chunk {
    struct item_chunk *next;
    item_t items[CHUNK];
} item_chunk_t;

static item_t *s_new(group_pool_t *pool) {
    if (!pool->unused) {
        item_chunk_t *chunk = fatal_calloc(sizeof *chunk);
        LL_PREPEND(pool->chunks, chunk);
        for (size_t i = 0; i < CHUNK; i++)
            LL_PREPEND(pool->unused, &chunk->items[i]);
    }
    item_t *item = pool->unused;
    LL_DELETE(pool->unused, item);
    pool->used++;
    *item = (item_t){0};
    return item;
}

static void s_free(group_pool_t *pool, item_t *item) {
    LL_PREPEND(pool->unused, item);
    pool->used--;
}

void group_pool_finish(group_pool_t *pool) {
    item_chunk_t *chunk, *next;
    LL_FOREACH_SAFE(pool->chunks, chunk, next)
    free(chunk);
    deadlines_finish(&pool->due);
    *pool = (group_pool_t){0};
}

/* --- Lists and timers --- */

static bool s_is_timed(const item_t *item) {
    return item->state == ITEM_HELD || item->state == ITEM_LATER;
}

static void s_leave(item_t *item) {
    group_t *group = item->group;
    group->counts[item->state]--;
    if (item->state == ITEM_BURIED) /* which is not stored */
        item_changed(item);
    if (s_is_timed(item))
        deadlines_remove(&group->pool->due, &item->due);
    if (item->state != ITEM_HELD) {
        DL_DELETE(group->lists[item->state], item);
        return;
    }
    group_worker_t *worker = item->worker;
    uint64_t before = group_worker_wants(worker);
    DL_DELETE(worker->held, item);
    worker->held_count--;
    group->wanted += group_worker_wants(worker) - before;
    item->worker = NULL;
}

static void s_enter(item_t *item, item_state_t state, bool first) {
    group_t *group = item->group;
    item->state = (uint8_t)state;
    group->counts[state]++;
    if (state == ITEM_BURIED)
        item_changed(item);
    if (first)
        DL_PREPEND(group->lists[state], item);
    else
        DL_APPEND(group->lists[state], item);
}

void item_move(item_t *item, item_state_t state) {
    s_leave(item);
    s_enter(item, state, false);
}

void item_wait(item_t *item, item_state_t state, uint64_t due) {
    item_move(item, state);
    item->due.at = due;
    if (s_is_timed(item))
        deadlines_add(&item->group->pool->due, &item->due);
}

void item_hold(item_t *item, group_worker_t *worker, uint64_t due) {
    group_t *group = item->group;
    s_leave(item);
    uint64_t before = group_worker_wants(worker);
    item->state = ITEM_HELD;
    item->worker = worker;
    item->due.at = due;
    group->counts[ITEM_HELD]++;
    DL_APPEND(worker->held, item);
    worker->held_count++;
    group->wanted -= before - group_worker_wants(worker);
    deadlines_add(&group->pool->due, &item->due);
}

item_t *item_find(const group_t *group, uint64_t seq) {
    item_t *item;
    HASH_FIND(hh, group->items, &seq, sizeof seq, item);
    return item;
}

/* --- Frames --- */

group_frame_t *group_frame(group_t *group, zr_blob_t *blob) {
    group_frame_t *frame = fatal_calloc(sizeof *frame);
    *frame = (group_frame_t){.blob = zr_blob_ref(blob), .users = 1};
    group->frame_bytes += zr_blob_len(blob);
    group->pool->frame_bytes += zr_blob_len(blob);
    return frame;
}

void group_frame_end(group_t *group, group_frame_t *frame) {
    if (--frame->users > 0)
        return;
    group->frame_bytes -= zr_blob_len(frame->blob);
    group->pool->frame_bytes -= zr_blob_len(frame->blob);
    zr_blob_unref(frame->blob);
    free(frame);
}

void item_point(item_t *item, group_frame_t *frame, size_t at, size_t len) {
    if (frame)
        frame->users++;
    if (item->frame)
        group_frame_end(item->group, item->frame);
    item->frame = frame;
    item->at = (uint32_t)at;
    item->len = (uint32_t)len;
}

/* --- Keys --- */

static item_t *s_first_of(const group_t *group, uint64_t key) {
    item_t *first;
    HASH_FIND(by_key, group->keys, &key, sizeof key, first);
    return first;
}

void item_key(item_t *item, uint64_t key) {
    group_t *group = item->group;
    group->unkeyed -= item->unkeyed;
    item->unkeyed = false;
    item->key = key;
    if (!key)
        return;
    item_t *first = s_first_of(group, key);
    if (!first) {
        item->key_last = item;
        HASH_ADD(by_key, group->keys, key, sizeof item->key, item);
        return;
    }
    first->key_last->key_next = item;
    first->key_last = item;
}

static bool s_is_behind(const item_t *item) {
    return item->key && s_first_of(item->group, item->key) != item;
}

/* An item of the key ends. It is the first, unless the group forgets all. */
static void s_unkey(item_t *item) {
    group_t *group = item->group;
    item_t *first = s_first_of(group, item->key), *next = item->key_next;
    if (first != item) {
        while (first->key_next != item) {
            first = first->key_next;
            FATAL_UNLESS(first);
        }
        first->key_next = next;
        item_t *head = s_first_of(group, item->key);
        if (head->key_last == item)
            head->key_last = first;
        return;
    }
    HASH_DELETE(by_key, group->keys, item);
    if (!next)
        return;
    next->key_last = item->key_last;
    HASH_ADD(by_key, group->keys, key, sizeof next->key, next);
    if (next->state == ITEM_BEHIND)
        item_ready(next);
}

/* --- Parts --- */

static void s_join(item_t *item) {
    group_t *group = item->group;
    group_part_t *part = group->parts ? group->parts->prev : NULL;
    if (!part || part->count >= GROUP_PART) {
        part = fatal_calloc(sizeof *part);
        part->first = item;
        DL_APPEND(group->parts, part);
    }
    item->part = part;
    part->count++;
    part->dirty = true;
}

void item_part_free(group_t *group, group_part_t *part) {
    DL_DELETE(group->parts, part);
    zr_buffer_finish(&part->bytes);
    free(part);
}

static void s_part(item_t *item) {
    group_part_t *part = item->part;
    part->dirty = true;
    if (--part->count == 0)
        item_part_free(item->group, part);
    else if (part->first == item)
        part->first = item->hh.next;
}

/* --- Beginning and end --- */

item_t *item_add(group_t *group, uint64_t seq) {
    item_t *item = s_new(group->pool);
    item->group = group;
    item->seq = seq;
    HASH_ADD(hh, group->items, seq, sizeof item->seq, item);
    s_join(item);
    s_enter(item, ITEM_UNREAD, false);
    return item;
}

void item_end(item_t *item) {
    group_t *group = item->group;
    s_leave(item);
    s_part(item);
    HASH_DELETE(hh, group->items, item);
    group->unkeyed -= item->unkeyed;
    item_point(item, NULL, 0, 0);
    group->reason_bytes -= item->why ? zr_blob_len(item->why) : 0;
    zr_blob_unref(item->why);
    if (item->key)
        s_unkey(item);
    s_free(group->pool, item);
}

void item_ready(item_t *item) {
    s_leave(item);
    if (!item->frame)
        s_enter(item, ITEM_UNREAD, item->reason != DEAD_NOT);
    else if (item->reason != DEAD_NOT)
        s_enter(item, ITEM_DOOMED, false);
    else if (!s_is_behind(item))
        s_enter(item, item->deliveries > 0 ? ITEM_AGAIN : ITEM_READY, false);
    else {
        item_point(item, NULL, 0, 0); /* for long, perhaps, and others need the memory */
        s_enter(item, ITEM_BEHIND, false);
    }
}
