/* See retain_plan.h. A frame goes when all of its entries are beyond a limit. Of the first frame that stays, entries
 * beyond the limits on number and bytes are cut off. */
#include "retain_plan.h"

#include "clock.h"

static bool s_exceeds(const policy_t *policy, uint64_t entries, uint64_t bytes) {
    return (policy->max_entries && entries > policy->max_entries) || (policy->max_bytes && bytes > policy->max_bytes);
}

static bool s_goes(const retain_room_t *room, const retain_row_t *row, uint64_t time) {
    const policy_t *policy = room->policy;
    bool aged = policy->max_age && room->now > policy->max_age && time < room->now - policy->max_age;
    return aged || row->last <= room->upto ||
           (policy->max_entries && room->entries - row->entries >= policy->max_entries) ||
           (policy->max_bytes && room->bytes - row->bytes >= policy->max_bytes);
}

/* Is the frame dated ahead of the clock, and not known to be older? Else `*time` is to be believed. */
static bool s_is_ahead(const retain_room_t *room, uint64_t last, uint64_t *time) {
    if (!room->policy->max_age || !room->now || *time <= room->now + ZR_CLOCK_SLACK)
        return false;
    if (last > room->ahead.upto || room->ahead.time > room->now + ZR_CLOCK_SLACK)
        return true;
    *time = room->ahead.time;
    return false;
}

retain_plan_t retain_plan_begin(const retain_room_t *room, uint64_t oldest, uint64_t entries, uint64_t bytes) {
    return (retain_plan_t){.began = oldest,
        .oldest = oldest,
        .entries = entries,
        .bytes = bytes,
        .dropped = oldest,
        .ahead = {room->head, room->now}};
}

/* Frames dated ahead of the clock come from a clock that was wrong, and would stay until it is as late as that. They
 * count as of the next frame with a possible time. If that frame is too far away, they count as of now. */
bool retain_plan_add(retain_plan_t *plan, const retain_room_t *room, const retain_row_t *row, size_t max) {
    uint64_t time = row->time;
    bool ahead = s_is_ahead(room, row->last, &time), goes = s_goes(room, row, time);
    if (!goes && !ahead) {
        plan->ahead = (retain_ahead_t){plan->pending, time};
        return false;
    }
    if (goes && row->last > room->upto && log_keeps(&room->keep, row->last, room->bytes - plan->bytes)) {
        plan->pending = 0;
        return false;
    }
    if (plan->rows++ == max) {
        plan->more = goes || plan->oldest > plan->began;
        return false;
    }
    if (goes) {
        plan->oldest = plan->dropped = row->last;
        plan->entries = row->entries;
        plan->bytes = row->bytes;
    }
    plan->pending = goes ? 0 : row->last;
    return true;
}

void retain_plan_end(retain_plan_t *plan) {
    if (!plan->pending || plan->more)
        plan->ahead.upto = 0;
}

bool retain_plan_cuts(const retain_plan_t *plan, const retain_room_t *room) {
    return plan->oldest < room->upto ||
           s_exceeds(room->policy, room->entries - plan->entries, room->bytes - plan->bytes);
}

void retain_plan_cut(retain_plan_t *plan, const retain_room_t *room, uint64_t last, size_t count, zr_span_t frame) {
    uint64_t entries = room->entries - plan->entries, bytes = room->bytes - plan->bytes, after = 0, end = last;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame))
        return; /* it is damaged; readers are told */
    while (zr_deliver_next(&reader, &entry) && entry.seq < room->head &&
           (entry.seq <= room->upto ||
               (s_exceeds(room->policy, entries, bytes) && !log_keeps(&room->keep, entry.seq, bytes)))) {
        after = entry.seq;
        entries--;
        bytes -= zr_entry_size(&entry);
    }
    if (after == last) {
        plan->dropped = last;
    } else if (after) {
        plan->cut = zr_deliver_cut(frame, 0, after, last, count, &plan->cut_count, &end);
        if (!plan->cut)
            return;
        plan->cut_last = last;
    } else {
        return;
    }
    plan->oldest = after;
    plan->entries += count - plan->cut_count;
    plan->bytes += frame.len - (plan->cut ? zr_blob_len(plan->cut) : 0);
}
