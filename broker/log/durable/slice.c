/* See slice.h. A frame that is wanted whole is copied once and gets the REPLAY flag and the epoch where they stand; only
 * those at the ends are cut. */
#include "slice.h"

#include <endian.h>

/* Does the frame match its row? A frame that the disk damaged must not reach a reader. */
static bool s_sound(zr_span_t name, const slice_row_t *row) {
    zr_deliver_reader_t reader;
    zr_entry_t entry = {.seq = row->prev};
    if (!zr_deliver_read(&reader, row->frame) || reader.prev != row->prev || !zr_span_equal(reader.room, name))
        return false;
    uint64_t seq = row->prev;
    size_t entries = 0;
    while (zr_deliver_next(&reader, &entry)) {
        if (entry.seq <= seq)
            return false;
        seq = entry.seq;
        entries++;
    }
    return !reader.failed && seq == row->last && entries == row->count;
}

static void s_stamp(uint8_t *frame, size_t room_len, uint64_t epoch) {
    epoch = htobe64(epoch);
    frame[room_len + 2] = ZR_FRAME_REPLAY;
    memcpy(frame + room_len + 3, &epoch, sizeof epoch);
}

static bool s_has_room(const slice_builder_t *builder, size_t len) {
    const log_read_t *read = builder->read;
    const log_slice_t *slice = &builder->slice;
    return slice->count < read->entries && slice->frame_count < read->frames &&
           (slice->frame_count == 0 || builder->bytes + len <= read->bytes);
}

/* With frames before it, the next read meets it again; else it alone is skipped. */
static void s_meet_damaged(slice_builder_t *builder, uint64_t last) {
    log_slice_t *slice = &builder->slice;
    builder->damaged = slice->more = true;
    if (slice->frame_count == 0) {
        slice->seq = last < builder->until ? last : builder->until;
        slice->more = last < builder->until;
    }
}

slice_builder_t slice_begin(uint64_t epoch, const log_bounds_t *bounds, const log_read_t *read, zr_blob_t **frames) {
    return (slice_builder_t){.name = zr_span_of(read->room, read->room_len),
        .epoch = epoch,
        .read = read,
        .until = read->until < bounds->head ? read->until : bounds->head,
        .slice = {.frames = frames, .seq = read->after, .complete = read->after == 0}};
}

void slice_no_room(slice_builder_t *builder) {
    if (builder->slice.seq < builder->until)
        builder->slice.seq = builder->until;
    builder->slice.complete = false;
}

void slice_from(slice_builder_t *builder, const log_bounds_t *bounds, uint64_t oldest, uint64_t after, bool enough) {
    uint64_t gone = oldest < builder->until ? oldest : builder->until;
    builder->slice.complete =
        builder->read->last ? enough || oldest <= builder->read->begun : after >= oldest && after <= bounds->head;
    builder->slice.seq = after < gone ? gone : after;
}

uint64_t slice_count(zr_span_t frame, uint64_t until) {
    zr_deliver_reader_t reader;
    uint64_t seq, count = 0;
    if (zr_deliver_read(&reader, frame))
        while (zr_deliver_skip(&reader, &seq) && seq <= until)
            count++;
    return count;
}

uint64_t slice_position(zr_span_t frame, uint64_t prev, uint64_t count) {
    zr_deliver_reader_t reader;
    uint64_t position = prev;
    if (zr_deliver_read(&reader, frame))
        while (count-- > 0 && zr_deliver_skip(&reader, &position))
            ;
    return position;
}

bool slice_add(slice_builder_t *builder, const slice_row_t *row) {
    log_slice_t *slice = &builder->slice;
    if (slice->seq >= builder->until) /* this slice needs nothing of a damaged frame behind it */
        return false;
    if (!s_sound(builder->name, row)) {
        s_meet_damaged(builder, row->last);
        return false;
    }
    if (zr_deliver_after(row->frame, slice->seq) > builder->until)
        return false;
    slice->more = true;
    if (!s_has_room(builder, row->frame.len))
        return false;
    zr_blob_t *blob;
    size_t wanted = builder->read->entries - slice->count, count = row->count;
    uint64_t last = row->last;
    if (row->prev >= slice->seq && last <= builder->until && count <= wanted)
        blob = zr_blob_copy(row->frame.ptr, row->frame.len);
    else
        blob = zr_deliver_cut(row->frame, ZR_FRAME_REPLAY, slice->seq, builder->until, wanted, &count, &last);
    s_stamp(zr_blob_data(blob), builder->name.len, builder->epoch);
    slice->frames[slice->frame_count++] = blob;
    builder->bytes += zr_blob_len(blob);
    slice->count += count;
    slice->seq = last;
    uint64_t next = zr_deliver_after(row->frame, last);
    slice->more = next && next <= builder->until;
    return !next;
}

void slice_end(slice_builder_t *builder, bool ok, log_slice_t *slice) {
    log_slice_t *built = &builder->slice;
    *slice = *built;
    if (ok)
        return;
    for (size_t i = 0; i < built->frame_count; i++)
        zr_blob_unref(built->frames[i]);
    *slice = (log_slice_t){.frames = built->frames,
        .seq = builder->damaged ? built->seq : builder->read->until,
        .more = builder->damaged && built->more};
}
