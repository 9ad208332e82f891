/* See store.h. */
#include "store.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum { KEY_MAX = 16 };

typedef struct {
    unsigned room;
    char key[KEY_MAX];
    uint64_t seq;
    zr_blob_t *frame; /* that holds it */
} value_t;

typedef struct {
    stored_t *entries;
    size_t count, size;
    uint64_t *prevs; /* of the frames, which rise */
    size_t frame_count, frame_size;
} room_t;

struct store {
    log_t *frames;
    room_t rooms[STORE_ROOMS];
    value_t *values; /* in order of seq within a room */
    size_t value_count, value_size;
    log_mark_t *marks; /* longest unused first */
    size_t mark_count, mark_size;
};

static const char *const s_rooms[STORE_ROOMS] = {"r", "s"};

const char *store_room(unsigned room) {
    return s_rooms[room];
}

int store_room_number(zr_span_t name) {
    for (int i = 0; i < STORE_ROOMS; i++)
        if (zr_span_equal(name, zr_span(s_rooms[i])))
            return i;
    return -1;
}

store_t *store_new(void) {
    store_t *store = world_calloc(sizeof *store);
    store->frames = log_memory_new(&(log_memory_limits_t){1000000, 1 << 30, 1000000, 1 << 30});
    return store;
}

void store_destroy(store_t *store) {
    if (!store)
        return;
    for (unsigned r = 0; r < STORE_ROOMS; r++) {
        free(store->rooms[r].entries);
        free(store->rooms[r].prevs);
    }
    for (size_t i = 0; i < store->value_count; i++)
        zr_blob_unref(store->values[i].frame);
    for (size_t i = 0; i < store->mark_count; i++)
        zr_blob_unref(store->marks[i].refusals);
    log_destroy(store->frames);
    free(store->values);
    free(store->marks);
    free(store);
}

uint64_t store_tag(zr_span_t body) {
    uint64_t tag = 0;
    for (size_t i = 0; i < body.len && body.ptr[i] >= '0' && body.ptr[i] <= '9'; i++)
        tag = 10 * tag + (uint64_t)(body.ptr[i] - '0');
    return tag;
}

/* --- Writing --- */

static bool s_is_value(const value_t *value, unsigned room, zr_span_t key) {
    return value->room == room && zr_span_equal(key, zr_span(value->key));
}

static void s_set_value(store_t *store, unsigned room, const zr_entry_t *entry, zr_blob_t *frame) {
    size_t kept = 0;
    for (size_t i = 0; i < store->value_count; i++)
        if (s_is_value(&store->values[i], room, entry->key))
            zr_blob_unref(store->values[i].frame);
        else
            store->values[kept++] = store->values[i];
    store->value_count = kept;
    if (entry->flags & ZR_ENTRY_DELETE || entry->key.len >= KEY_MAX)
        return;
    if (store->value_count == store->value_size)
        store->values = world_grow(store->values, &store->value_size, sizeof *store->values);
    value_t *value = &store->values[store->value_count++];
    *value = (value_t){.room = room, .seq = entry->seq, .frame = zr_blob_ref(frame)};
    memcpy(value->key, entry->key.ptr, entry->key.len);
}

static void s_add_entry(room_t *room, const zr_entry_t *entry, uint64_t prev) {
    if (room->count == room->size)
        room->entries = world_grow(room->entries, &room->size, sizeof *room->entries);
    room->entries[room->count++] =
        (stored_t){.seq = entry->seq, .prev = prev, .time = entry->time, .tag = store_tag(entry->body)};
}

void store_append(store_t *store, const log_append_t *append) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    unsigned number = (unsigned)store_room_number(append->room);
    room_t *room = &store->rooms[number];
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame)));
    uint64_t prev = reader.prev;
    if (room->frame_count == room->frame_size)
        room->prevs = world_grow(room->prevs, &room->frame_size, sizeof *room->prevs);
    room->prevs[room->frame_count++] = prev;
    while (zr_deliver_next(&reader, &entry)) {
        s_add_entry(room, &entry, prev);
        prev = entry.seq;
        if (entry.key.len)
            s_set_value(store, number, &entry, append->frame);
    }
    zr_blob_ref(append->frame);
    store->frames->engine->append(store->frames, append);
}

void store_mark(store_t *store, const log_mark_t *given) {
    size_t at = 0;
    while (at < store->mark_count && memcmp(store->marks[at].client, given->client, sizeof given->client) != 0)
        at++;
    log_mark_t mark = *given;
    if (at < store->mark_count) {
        mark.refusals = store->marks[at].refusals;
        memmove(&store->marks[at], &store->marks[at + 1], (store->mark_count - at - 1) * sizeof mark);
    } else {
        mark.refusals = NULL;
        if (store->mark_count == store->mark_size)
            store->marks = world_grow(store->marks, &store->mark_size, sizeof *store->marks);
        store->mark_count++;
    }
    if (given->refusals) {
        zr_blob_unref(mark.refusals);
        mark.refusals = zr_blob_ref(given->refusals);
    }
    store->marks[store->mark_count - 1] = mark;
}

/* --- Reading --- */

uint64_t store_head(const store_t *store, unsigned room) {
    const room_t *self = &store->rooms[room];
    return self->count ? self->entries[self->count - 1].seq : 0;
}

bool store_has_prev(const store_t *store, unsigned room, uint64_t prev) {
    const room_t *self = &store->rooms[room];
    for (size_t i = self->frame_count; i-- > 0;)
        if (self->prevs[i] == prev)
            return true;
    return false;
}

const stored_t *store_entry(const store_t *store, unsigned room, uint64_t seq) {
    const room_t *self = &store->rooms[room];
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->entries[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->count && self->entries[low].seq == seq ? &self->entries[low] : NULL;
}

uint64_t store_value(const store_t *store, unsigned room, zr_span_t key) {
    for (size_t i = 0; i < store->value_count; i++)
        if (s_is_value(&store->values[i], room, key))
            return store->values[i].seq;
    return 0;
}

typedef struct {
    const log_sink_t *sink;
    uint64_t epoch;
} reading_t;

static zr_blob_t *s_stamp(zr_blob_t *frame, uint64_t epoch) {
    zr_blob_t *copy = zr_blob_copy(zr_blob_data(frame), zr_blob_len(frame));
    zr_deliver_reader_t reader;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(copy), zr_blob_len(copy)));
    epoch = htobe64(epoch);
    memcpy(zr_blob_data(copy) + reader.room.len + 3, &epoch, sizeof epoch);
    return copy;
}

static void s_on_read(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    const reading_t *reading = ctx;
    log_slice_t stamped = *slice;
    stamped.frames = world_calloc((slice->frame_count + 1) * sizeof *stamped.frames);
    for (size_t i = 0; i < slice->frame_count; i++)
        stamped.frames[i] = s_stamp(slice->frames[i], reading->epoch);
    reading->sink->read_done(reading->sink->ctx, ticket, &stamped);
    for (size_t i = 0; i < slice->frame_count; i++)
        zr_blob_unref(stamped.frames[i]);
    free(stamped.frames);
}

void store_read(store_t *store, const log_sink_t *sink, uint64_t epoch, const log_read_t *read) {
    reading_t reading = {sink, epoch};
    store->frames->sink = (log_sink_t){.ctx = &reading, .read_done = s_on_read};
    store->frames->engine->read(store->frames, read);
}

log_bounds_t store_bounds(const store_t *store, unsigned room) {
    return store->frames->engine->bounds(store->frames, zr_span(s_rooms[room]));
}

static void s_restore_value(const value_t *value, const log_restore_t *restore) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(value->frame), zr_blob_len(value->frame)));
    while (zr_deliver_next(&reader, &entry))
        if (entry.seq == value->seq)
            restore->value(restore->ctx, reader.room, &entry);
}

void store_restore(const store_t *store, const log_restore_t *restore, bool marks) {
    for (unsigned r = 0; r < STORE_ROOMS; r++) {
        log_bounds_t bounds = store_bounds(store, r);
        if (bounds.head > 0)
            restore->room(restore->ctx, zr_span(s_rooms[r]), &bounds);
    }
    for (size_t i = 0; i < store->value_count; i++)
        s_restore_value(&store->values[i], restore);
    for (size_t i = 0; marks && i < store->mark_count; i++)
        restore->mark(restore->ctx, &store->marks[i]);
}
