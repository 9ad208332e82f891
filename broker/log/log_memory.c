/* The log in memory: each room's frames in a ring, all frames in one list by age. An appended frame is stored at once.
 * The oldest frames are dropped when the room, or all rooms together, hold more than they may. What groups keep is
 * dropped only if all rooms together hold too much. If one frame alone is too much, it is cut. */
#include "log.h"

#include <stdlib.h>

#include "fatal.h"
#include "hash.h"
#include "keeps.h"
#include "names.h"

typedef struct room_log room_log_t;

typedef struct record {
    zr_blob_t *frame;
    uint64_t last, prev;
    size_t count;
    uint64_t index; /* entries of the room before it, forgotten ones counted */
    room_log_t *room;
    struct record *older, *newer; /* among all rooms' */
} record_t;

struct room_log {
    char name[ZR_ROOM_MAX];
    size_t name_len;
    record_t **ring; /* a power of two of places; `begin` is the oldest record */
    size_t size, begin, count;
    uint64_t entries, bytes;
    uint64_t total; /* entries there ever were */
    log_bounds_t bounds;
    UT_hash_handle hh;
};

typedef struct {
    log_t log;
    log_memory_limits_t limits;
    room_log_t *rooms;
    room_log_t *last; /* appended to last; NULL: none, or it is gone */
    record_t *oldest, *newest;
    record_t *spare; /* the one dropped last, for the next; NULL: none */
    uint64_t entries, bytes;
    uint64_t passes; /* stored */
    keep_t *keeps;
    uint64_t floor;    /* not below the head of any room that was forgotten */
    zr_blob_t **slice; /* kept between reads */
    size_t slice_size;
} log_memory_t;

/* The memory of a frame: its bytes, and about those of its record, which matter for many small frames. */
static uint64_t s_cost(const zr_blob_t *frame) {
    return zr_blob_len(frame) + sizeof(record_t) + 64;
}

static room_log_t *s_find(const log_memory_t *self, zr_span_t name) {
    room_log_t *room;
    HASH_FIND(hh, self->rooms, name.ptr, name.len, room);
    return room;
}

static room_log_t *s_find_or_add(log_memory_t *self, zr_span_t name) {
    room_log_t *room = self->last;
    if (room && zr_span_equal(zr_span_of(room->name, room->name_len), name))
        return room;
    room = s_find(self, name);
    if (!room) {
        room = fatal_calloc(sizeof *room);
        memcpy(room->name, name.ptr, name.len);
        room->name_len = name.len;
        HASH_ADD_KEYPTR(hh, self->rooms, room->name, name.len, room);
    }
    self->last = room;
    return room;
}

static record_t *s_record(const room_log_t *room, size_t index) {
    return room->ring[(room->begin + index) & (room->size - 1)];
}

static void s_push(room_log_t *room, record_t *record) {
    if (room->count == room->size) {
        size_t size = room->size ? 2 * room->size : 8;
        record_t **ring = fatal_calloc(size * sizeof *ring);
        for (size_t i = 0; i < room->count; i++)
            ring[i] = s_record(room, i);
        free(room->ring);
        room->ring = ring;
        room->size = size;
        room->begin = 0;
    }
    room->ring[(room->begin + room->count++) & (room->size - 1)] = record;
}

/* Drops the room's oldest frame. */
static void s_drop(log_memory_t *self, room_log_t *room) {
    record_t *record = s_record(room, 0);
    room->begin = (room->begin + 1) & (room->size - 1);
    room->count--;
    room->bounds.oldest = record->last;

    uint64_t bytes = s_cost(record->frame);
    room->entries -= record->count;
    room->bytes -= bytes;
    self->entries -= record->count;
    self->bytes -= bytes;

    *(record->older ? &record->older->newer : &self->oldest) = record->newer;
    *(record->newer ? &record->newer->older : &self->newest) = record->older;
    zr_blob_unref(record->frame);
    free(self->spare);
    self->spare = record;
}

static bool s_is_full(const log_memory_t *self, uint64_t entries, uint64_t bytes) {
    return self->entries - entries > self->limits.entries || self->bytes - bytes > self->limits.bytes;
}

/* Does the room hold too much, if it has so much less? Then its entries up to `seq` go, unless groups keep them. */
static bool s_exceeds(
    const log_memory_t *self, const room_log_t *room, uint64_t seq, uint64_t entries, uint64_t bytes) {
    uint64_t left = room->bytes - bytes;
    if (room->entries - entries <= self->limits.room_entries && left <= self->limits.room_bytes)
        return false;
    log_keep_t keep = keeps_of(self->keeps, zr_span_of(room->name, room->name_len));
    return !log_keeps(&keep, seq, left) || left > self->limits.bytes / 2;
}

/* Takes the first so many entries, up to `after`, off the room's oldest frame. */
static void s_cut_off(log_memory_t *self, room_log_t *room, uint64_t after, uint64_t entries, uint64_t bytes) {
    record_t *record = s_record(room, 0);
    zr_span_t frame = zr_span_of(zr_blob_data(record->frame), zr_blob_len(record->frame));
    size_t count;
    uint64_t last;
    if (entries == 0)
        return;
    zr_blob_t *rest = zr_deliver_cut(frame, 0, after, record->last, record->count, &count, &last);
    zr_blob_unref(record->frame);
    record->frame = rest;
    record->count -= entries;
    record->index += entries;
    record->prev = room->bounds.oldest = after;
    if (room->count == 1)
        room->bounds.tail = after;
    room->entries -= entries;
    self->entries -= entries;
    room->bytes -= bytes;
    self->bytes -= bytes;
}

/* The room's newest frame, and only one, is too much: cuts its oldest entries off, but not the last one. */
static void s_cut(log_memory_t *self, room_log_t *room) {
    record_t *record = s_record(room, 0);
    zr_span_t frame = zr_span_of(zr_blob_data(record->frame), zr_blob_len(record->frame));
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    uint64_t entries = 0, bytes = 0, after = record->prev;
    zr_deliver_read(&reader, frame);
    while (entries + 1 < record->count && zr_deliver_next(&reader, &entry) &&
           (s_is_full(self, entries, bytes) || s_exceeds(self, room, entry.seq, entries, bytes))) {
        after = entry.seq;
        entries++;
        bytes += zr_entry_size(&entry);
    }
    s_cut_off(self, room, after, entries, bytes);
}

/* Drops what is too much of the room, and of all rooms. */
static void s_drop_old(log_memory_t *self, room_log_t *room) {
    while (room->count > 1 && s_exceeds(self, room, s_record(room, 0)->last, 0, 0))
        s_drop(self, room);
    while (self->oldest != self->newest && s_is_full(self, 0, 0))
        s_drop(self, self->oldest->room);
}

static uint64_t s_next_seq(log_t *log, zr_span_t room, uint64_t head) {
    (void)log;
    (void)room;
    return head + 1;
}

static void s_append(log_t *log, const log_append_t *append) {
    log_memory_t *self = (log_memory_t *)log;
    room_log_t *room = s_find_or_add(self, append->room);
    record_t *record = self->spare ? self->spare : fatal_calloc(sizeof *record);
    self->spare = NULL;
    *record = (record_t){.frame = append->frame,
        .last = append->last,
        .prev = append->prev,
        .count = append->count,
        .index = room->total,
        .room = room,
        .older = self->newest};
    *(self->newest ? &self->newest->newer : &self->oldest) = record;
    self->newest = record;
    if (room->bounds.head == 0)
        room->bounds.oldest = room->bounds.begun = append->prev;
    s_push(room, record);
    room->bounds.tail = append->prev;
    room->bounds.head = append->last;
    room->bounds.time = append->time;

    uint64_t bytes = s_cost(append->frame);
    room->entries += append->count;
    room->total += append->count;
    room->bytes += bytes;
    self->entries += append->count;
    self->bytes += bytes;
    s_drop_old(self, room);
    if (room->count == 1)
        s_cut(self, room);
}

static void s_commit(log_t *log, const log_commit_t *commit) {
    ((log_memory_t *)log)->passes++;
    log_commit_finish(commit); /* nobody is remembered longer than the process lives */
    log->sink.stored(log->sink.ctx, commit->pass, true);
}

/* Index of the first record with an entry after `after`: room->count if no record has one. */
static size_t s_search(const room_log_t *room, uint64_t after) {
    size_t low = 0, high = room->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_record(room, middle)->last > after)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* How many entries of the room there were up to `until`, forgotten ones counted. There must be a record. */
static uint64_t s_entries_until(const room_log_t *room, uint64_t until) {
    size_t index = s_search(room, until);
    if (index == room->count)
        return room->total;
    const record_t *record = s_record(room, index);
    uint64_t entries = record->index;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(record->frame), zr_blob_len(record->frame)));
    while (zr_deliver_next(&reader, &entry) && entry.seq <= until)
        entries++;
    return entries;
}

/* The position before the last `last` entries up to `until`; `*enough` false when fewer are left than that. A peer may
 * ask for any number, so this searches and does not count. */
static uint64_t s_before_last(const room_log_t *room, uint64_t last, uint64_t until, bool *enough) {
    uint64_t entries = room->count > 0 ? s_entries_until(room, until) : 0;
    *enough = room->count > 0 && entries >= s_record(room, 0)->index + last;
    if (!*enough)
        return room->bounds.oldest < until ? room->bounds.oldest : until;

    size_t low = 0,
           high = room->count; /* the record with the first of them is the last one that does not begin after it */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (s_record(room, middle)->index <= entries - last)
            low = middle;
        else
            high = middle;
    }
    const record_t *record = s_record(room, low);
    uint64_t position = record->prev;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(record->frame), zr_blob_len(record->frame)));
    for (uint64_t skip = entries - last - record->index; skip > 0 && zr_deliver_next(&reader, &entry); skip--)
        position = entry.seq;
    return position;
}

static void s_slice_add(log_memory_t *self, log_slice_t *slice, zr_blob_t *frame) {
    FATAL_GROW(self->slice, slice->frame_count, self->slice_size);
    self->slice[slice->frame_count++] = frame;
    slice->frames = self->slice;
}

static void s_read_room(log_memory_t *self, const room_log_t *room, const log_read_t *read, log_slice_t *slice) {
    uint64_t after = read->after;
    slice->complete = after >= room->bounds.oldest && after <= room->bounds.head;
    if (read->last) {
        bool enough;
        after = s_before_last(room, read->last, read->until, &enough);
        slice->complete = enough || room->bounds.oldest <= read->begun;
    }
    /* Skips entries that are gone; else a reader without later entries would ask for them for ever. */
    uint64_t gone = room->bounds.oldest < read->until ? room->bounds.oldest : read->until;
    if (after < gone)
        after = gone;
    slice->seq = after;
    size_t bytes = 0;
    size_t index = s_search(room, after);
    while (index < room->count && slice->count < read->entries && slice->frame_count < read->frames) {
        const record_t *record = s_record(room, index);
        size_t len = zr_blob_len(record->frame);
        if (slice->frame_count > 0 && bytes + len > read->bytes)
            break;
        size_t count;
        uint64_t last;
        zr_blob_t *cut = zr_deliver_cut(zr_span_of(zr_blob_data(record->frame), len), ZR_FRAME_REPLAY, after,
            read->until, read->entries - slice->count, &count, &last);
        if (!cut)
            break;
        s_slice_add(self, slice, cut);
        bytes += zr_blob_len(cut);
        slice->count += count;
        slice->seq = after = last;
        if (last < record->last)
            break;
        index++;
    }
    /* Is there a next entry that was wanted? Its seq is known only from its frame, as positions need not be dense. */
    index = s_search(room, slice->seq);
    if (index < room->count) {
        zr_blob_t *frame = s_record(room, index)->frame;
        uint64_t next = zr_deliver_after(zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), slice->seq);
        slice->more = next && next <= read->until;
    }
}

static void s_read(log_t *log, const log_read_t *read) {
    log_memory_t *self = (log_memory_t *)log;
    room_log_t *room = s_find(self, zr_span_of(read->room, read->room_len));
    /* Of a room that it does not know: what there may have been up to the floor is gone. */
    uint64_t gone = self->floor < read->until ? self->floor : read->until;
    log_slice_t slice = {.seq = read->after < gone ? gone : read->after,
        .complete = read->last ? gone <= read->begun : gone <= read->after && read->after <= self->floor};
    if (room)
        s_read_room(self, room, read, &slice);
    log->sink.read_done(log->sink.ctx, read->ticket, &slice);
    for (size_t i = 0; i < slice.frame_count; i++)
        zr_blob_unref(slice.frames[i]);
}

static log_bounds_t s_bounds(log_t *log, zr_span_t name) {
    const log_memory_t *self = (log_memory_t *)log;
    const room_log_t *room = s_find(self, name);
    if (room)
        return room->bounds;
    return (log_bounds_t){.head = self->floor, .oldest = self->floor, .begun = self->floor, .tail = self->floor};
}

static void s_free(log_memory_t *self, room_log_t *room) {
    while (room->count > 0)
        s_drop(self, room);
    HASH_DEL(self->rooms, room);
    if (self->last == room)
        self->last = NULL;
    free(room->ring);
    free(room);
}

/* At once, as everything here is stored at once. */
static void s_forget(log_t *log, const log_forget_t *forget) {
    log_memory_t *self = (log_memory_t *)log;
    room_log_t *room = s_find(self, zr_span_of(forget->room, forget->room_len));
    if (room)
        s_free(self, room);
    log_memory_raise(log, forget->head);
}

static void s_keep(log_t *log, zr_span_t room, const log_keep_t *keep) {
    keeps_set(&((log_memory_t *)log)->keeps, room, keep);
}

void log_memory_raise(log_t *log, uint64_t floor) {
    log_memory_t *self = (log_memory_t *)log;
    if (floor > self->floor)
        self->floor = floor;
}

static void s_stats(log_t *log, log_stats_t *stats) {
    const log_memory_t *self = (log_memory_t *)log;
    stats->entries = self->entries;
    stats->bytes = self->bytes;
    stats->passes = self->passes;
}

/* Cuts the entries up to `upto` off the room's oldest frame, but not its last entry. */
static void s_cut_to(log_memory_t *self, room_log_t *room, uint64_t upto) {
    record_t *record = s_record(room, 0);
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    uint64_t entries = 0, bytes = 0, after = record->prev;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(record->frame), zr_blob_len(record->frame)));
    while (entries + 1 < record->count && zr_deliver_next(&reader, &entry) && entry.seq <= upto) {
        after = entry.seq;
        entries++;
        bytes += zr_entry_size(&entry);
    }
    s_cut_off(self, room, after, entries, bytes);
}

static void s_trim(log_t *log, const log_trim_t *trim) {
    log_memory_t *self = (log_memory_t *)log;
    room_log_t *room = s_find(self, zr_span_of(trim->room, trim->room_len));
    while (room && room->count > 1 && s_record(room, 0)->last <= trim->upto)
        s_drop(self, room);
    if (room && room->count > 0 && s_record(room, 0)->prev < trim->upto)
        s_cut_to(self, room, trim->upto);
    log->sink.trimmed(log->sink.ctx, trim->ticket, true);
}

static void s_limit(log_t *log, const log_limits_t *limits) {
    log_memory_t *self = (log_memory_t *)log;
    room_log_t *room, *next;
    self->limits = limits->memory;
    HASH_ITER(hh, self->rooms, room, next)
    s_drop_old(self, room);
}

static void s_destroy(log_t *log) {
    log_memory_t *self = (log_memory_t *)log;
    room_log_t *room, *next;
    HASH_ITER(hh, self->rooms, room, next)
    s_free(self, room);
    keeps_finish(&self->keeps);
    free(self->spare);
    free(self->slice);
    free(self);
}

log_t *log_memory_new(const log_memory_limits_t *limits) {
    static const log_engine_t engine = {
        .next_seq = s_next_seq,
        .append = s_append,
        .commit = s_commit,
        .read = s_read,
        .bounds = s_bounds,
        .forget = s_forget,
        .keep = s_keep,
        .destroy = s_destroy,
        .trim = s_trim,
        .stats = s_stats,
        .limit = s_limit,
    };
    log_memory_t *self = fatal_calloc(sizeof *self);
    self->log.engine = &engine;
    self->log.level = ZR_LEVEL_MEMORY;
    self->limits = *limits;
    return &self->log;
}
