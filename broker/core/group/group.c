/* See group.h. */
#include "group.h"

#include <stdlib.h>
#include <utlist.h>

#include "fatal.h"
#include "group_items.h"

void group_init(group_t *group, group_pool_t *pool, zr_span_t name, const group_options_t *options) {
    memcpy(group->name, name.ptr, name.len);
    group->name_len = name.len;
    group->options = *options;
    group->pool = pool;
}

static void s_end_all(group_t *group) {
    item_t *item, *next;
    HASH_ITER(hh, group->items, item, next)
    item_end(item);
}

void group_finish(group_t *group) {
    FATAL_UNLESS(!group->workers);
    s_end_all(group);
}

/* --- Entries come --- */

static uint64_t s_key(const group_t *group, const zr_entry_t *entry) {
    if (!group->options.ordered || !entry->key.len)
        return 0;
    return (uint64_t)zr_hash(entry->key.ptr, entry->key.len) << 8 | (entry->key.len & 0xff);
}

void group_take(group_t *group, group_frame_t *frame, size_t at, size_t len, const zr_entry_t *entry) {
    item_t *item;
    if (entry->seq > group->cursor) {
        item = item_add(group, entry->seq);
        group->cursor = entry->seq;
        item->time = entry->time;
        item_key(item, s_key(group, entry));
    } else {
        item = item_find(group, entry->seq);
        if (!item || item->state != ITEM_UNREAD)
            return;
        item->time = entry->time;
        if (item->unkeyed)
            item_key(item, s_key(group, entry));
    }
    item_point(item, frame, at, len);
    item_ready(item);
}

void group_lose(group_t *group, uint64_t after, uint64_t upto) {
    /* An item that ends may free the next of its key, which goes to the end of this list and is not lost: the walk ends
     * before it. */
    item_t *item = group->lists[ITEM_UNREAD], *next;
    for (size_t left = group->counts[ITEM_UNREAD]; left > 0; left--, item = next) {
        next = item->next;
        if (item->seq <= after || item->seq > upto)
            continue;
        item_end(item);
        group->lost++;
    }
}

item_t *group_restore(group_t *group, uint64_t seq, uint16_t deliveries, dead_reason_t reason) {
    bool spent = deliveries >= group->options.deliveries;
    if ((spent || reason != DEAD_NOT) && group->options.dead_len == 0) {
        group->died++;
        return NULL;
    }
    item_t *item = item_add(group, seq);
    item->deliveries = deliveries;
    item->reason = (uint8_t)(spent && reason == DEAD_NOT ? DEAD_ENDED : reason);
    item->unkeyed = true;
    group->unkeyed++;
    return item;
}

void group_because(item_t *item, zr_blob_t *why) {
    group_t *group = item->group;
    if (!why || group->reason_bytes + zr_blob_len(why) > GROUP_REASONS)
        return;
    item->why = zr_blob_ref(why);
    group->reason_bytes += zr_blob_len(why);
    item_changed(item);
}

size_t group_space(const group_t *group) {
    size_t count = HASH_COUNT(group->items);
    return count < group->options.total ? (size_t)group->options.total - count : 0;
}

static void s_release(item_t *list) {
    item_t *item, *next;
    DL_FOREACH_SAFE(list, item, next) {
        item_point(item, NULL, 0, 0);
        item_ready(item);
    }
}

void group_release(group_t *group) {
    s_release(group->lists[ITEM_AGAIN]);
    s_release(group->lists[ITEM_READY]);
}

/* --- Workers --- */

void group_worker_add(group_t *group, group_worker_t *worker) {
    DL_APPEND(group->workers, worker);
    group->worker_count++;
}

void group_worker_credit(group_worker_t *worker, uint64_t credit) {
    worker->group->wanted -= group_worker_wants(worker);
    worker->credit = credit;
    worker->group->wanted += group_worker_wants(worker);
}

void group_worker_turn(group_worker_t *worker) {
    DL_DELETE(worker->group->workers, worker);
    DL_APPEND(worker->group->workers, worker);
}

item_t *group_next(const group_t *group) {
    return group->lists[ITEM_AGAIN] ? group->lists[ITEM_AGAIN] : group->lists[ITEM_READY];
}

void group_give(group_worker_t *worker, item_t *item, uint64_t due) {
    item->deliveries++;
    item_changed(item);
    worker->group->retried += item->deliveries > 1;
    item_point(item, NULL, 0, 0);
    item_hold(item, worker, due);
}

/* --- What becomes of an entry --- */

static void s_kill(item_t *item, dead_reason_t reason, zr_blob_t *why) {
    group_t *group = item->group;
    if (group->options.dead_len == 0) {
        group->died++;
        item_end(item);
        return;
    }
    item->reason = (uint8_t)reason;
    item_changed(item);
    group_because(item, why);
    item_ready(item);
}

/* It is not done: another time, or never. */
static void s_back(item_t *item, uint64_t wait_ms, uint64_t rising, dead_reason_t reason) {
    if (item->deliveries >= item->group->options.deliveries)
        s_kill(item, reason, NULL);
    else if (wait_ms)
        item_wait(item, ITEM_LATER, rising + wait_ms * 1000);
    else
        item_ready(item);
}

/* It goes to others at once. `counts`: the worker had it, and this counts as a delivery. */
static void s_give_back(item_t *item, bool counts) {
    item->deliveries -= !counts;
    item_changed(item);
    s_back(item, 0, 0, DEAD_ENDED);
}

void group_worker_remove(group_worker_t *worker, bool counts) {
    group_t *group = worker->group;
    group_worker_credit(worker, 0);
    while (worker->held)
        s_give_back(worker->held, counts);
    DL_DELETE(group->workers, worker);
    if (--group->worker_count == 0)
        group_release(group);
}

void group_expire(item_t *item, uint64_t rising) {
    if (item->state == ITEM_HELD)
        s_back(item, group_backoff_ms(&item->group->options, item->deliveries), rising, DEAD_EXPIRED);
    else
        item_ready(item);
}

static void s_settle(item_t *item, const group_said_t *said, uint64_t rising) {
    group_t *group = item->group;
    const group_options_t *options = &group->options;
    uint64_t ms = said->ms;
    switch (said->verb) {
    case ZR_SETTLE_DONE:
        group->done++;
        item_end(item);
        break;
    case ZR_SETTLE_RETRY:
        s_back(item, ms ? ms : group_backoff_ms(options, item->deliveries), rising, DEAD_RETRIED);
        break;
    case ZR_SETTLE_REJECT:
        s_kill(item, DEAD_REJECTED, said->why);
        break;
    case ZR_SETTLE_EXTEND:
        item_hold(item, item->worker, rising + (ms ? ms : options->time_ms) * 1000);
        break;
    case ZR_SETTLE_RETURN:
        s_give_back(item, false);
        break;
    }
}

static zr_became_t s_became(const group_t *group, const item_t *item, uint64_t seq) {
    if (!item)
        return seq > group->cursor ? ZR_BECAME_AHEAD : ZR_BECAME_SETTLED;
    if (item->state == ITEM_HELD)
        return ZR_BECAME_TAKEN;
    return item->reason != DEAD_NOT ? ZR_BECAME_SETTLED : ZR_BECAME_WAITING;
}

/* The work is done, even if its time was over: nobody needs to do it again. */
static bool s_is_late(const item_t *item, zr_verb_t verb) {
    return verb == ZR_SETTLE_DONE && item->deliveries > 0 && item->state != ITEM_HELD && item->reason == DEAD_NOT;
}

static size_t s_settle_one(
    group_worker_t *worker, const group_said_t *said, uint64_t seq, uint64_t rising, zr_became_t *became) {
    item_t *item = item_find(worker->group, seq);
    if (item && (item->worker == worker || s_is_late(item, said->verb))) {
        s_settle(item, said, rising);
        return 1;
    }
    *became = s_became(worker->group, item, seq);
    return 0;
}

static int s_compare(const void *a, const void *b) {
    const zr_range_t *one = a, *other = b;
    return (one->first > other->first) - (one->first < other->first);
}

/* Sorts the ranges, and joins those that overlap. Returns how many are left. */
static size_t s_join(zr_range_t *ranges, size_t count) {
    size_t rising = 1, used = 1;
    while (rising < count && ranges[rising - 1].first <= ranges[rising].first)
        rising++;
    if (rising < count) /* workers mostly settle in order */
        qsort(ranges, count, sizeof *ranges, s_compare);
    for (size_t i = 1; i < count; i++)
        if (ranges[i].first > ranges[used - 1].last)
            ranges[used++] = ranges[i];
        else if (ranges[i].last > ranges[used - 1].last)
            ranges[used - 1].last = ranges[i].last;
    return used;
}

static bool s_is_in(const zr_range_t *ranges, size_t count, uint64_t seq) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ranges[low].first <= seq;
}

/* Do the joined ranges name fewer entries than `most`? */
static bool s_are_narrow(const zr_range_t *ranges, size_t count, size_t most) {
    uint64_t named = 0;
    for (size_t i = 0; i < count && named < most; i++)
        named += ranges[i].last - ranges[i].first + 1;
    return named < most;
}

static size_t s_settle_named(group_worker_t *worker, const group_said_t *said, zr_range_t range, uint64_t rising) {
    size_t count = 0;
    for (uint64_t seq = range.first; seq <= range.last; seq++) {
        item_t *item = item_find(worker->group, seq);
        if (!item || item->worker != worker)
            continue;
        s_settle(item, said, rising);
        count++;
    }
    return count;
}

size_t group_settle_ranges(
    group_worker_t *worker, const group_said_t *said, zr_range_t *ranges, size_t count, uint64_t rising) {
    size_t settled = 0;
    if (count == 0)
        return 0;
    count = s_join(ranges, count);
    if (s_are_narrow(ranges, count, worker->held_count)) {
        for (size_t i = 0; i < count; i++)
            settled += s_settle_named(worker, said, ranges[i], rising);
        return settled;
    }
    /* What is extended goes to the end of the list: the walk ends where that began. */
    item_t *item = worker->held, *next;
    for (size_t left = worker->held_count; left > 0; left--, item = next) {
        next = item->next;
        if (!s_is_in(ranges, count, item->seq))
            continue;
        s_settle(item, said, rising);
        settled++;
    }
    return settled;
}

size_t group_settle(
    group_worker_t *worker, const group_said_t *said, zr_range_t range, uint64_t rising, zr_became_t *became) {
    *became = ZR_BECAME_HELD;
    if (range.first == range.last)
        return s_settle_one(worker, said, range.first, rising, became);
    return group_settle_ranges(worker, said, &range, 1, rising);
}

/* --- Dead entries --- */

void group_bury(item_t *item, uint64_t pass) {
    item_point(item, NULL, 0, 0);
    item_wait(item, ITEM_BURIED, pass);
}

void group_bury_later(item_t *item, uint64_t due) {
    item_point(item, NULL, 0, 0);
    item_wait(item, ITEM_LATER, due);
}

void group_buried(group_t *group, uint64_t pass, bool ok, uint64_t due) {
    item_t *item, *next;
    DL_FOREACH_SAFE(group->lists[ITEM_BURIED], item, next) {
        if (item->due.at > pass)
            continue;
        if (!ok && group->options.dead_len > 0) {
            item_wait(item, ITEM_LATER, due);
            continue;
        }
        group->died++;
        item_end(item);
    }
}

/* --- The operator --- */

void group_seek(group_t *group, uint64_t cursor) {
    group->died += group->counts[ITEM_BURIED];
    s_end_all(group);
    group->cursor = cursor;
}

/* Dead entries that waited for a room have none to go to. */
static void s_drop_dead(group_t *group) {
    item_t *item, *next;
    HASH_ITER(hh, group->items, item, next) {
        if (item->reason == DEAD_NOT || item->state == ITEM_BURIED)
            continue;
        group->died++;
        item_end(item);
    }
}

void group_set(group_t *group, const group_options_t *options) {
    group->options = *options;
    for (group_worker_t *worker = group->workers; worker; worker = worker->next)
        if (worker->credit > options->each)
            group_worker_credit(worker, options->each);
    if (options->dead_len == 0)
        s_drop_dead(group);
}

uint64_t group_finished(const group_t *group) {
    const item_t *item = group->items;
    while (item && item->state == ITEM_BURIED)
        item = item->hh.next;
    return item ? item->seq - 1 : group->cursor;
}

uint64_t group_oldest(const group_t *group) {
    for (const item_t *item = group->items; item; item = item->hh.next)
        if (item->time && item->state != ITEM_BURIED)
            return item->time;
    return 0;
}
