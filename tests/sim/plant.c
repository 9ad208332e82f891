#include "plant.h"

#include <string.h>

#include "client.h"
#include "control.h"
#include "sim.h"

static const char *const s_names[PLANT_COUNT] = {
#define X(name, text, about) [PLANT_##name] = text,
    PLANTS(X)
#undef X
};

static const char *const s_abouts[PLANT_COUNT] = {
#define X(name, text, about) [PLANT_##name] = about,
    PLANTS(X)
#undef X
};

const char *plant_name(plant_t plant) {
    return s_names[plant];
}

const char *plant_about(plant_t plant) {
    return s_abouts[plant];
}

bool plant_from_name(const char *name, plant_t *plant) {
    for (unsigned i = 0; i < PLANT_COUNT; i++)
        if (strcmp(s_names[i], name) == 0) {
            *plant = (plant_t)i;
            return true;
        }
    return false;
}

static zr_span_t s_span(zr_blob_t *frame) {
    return zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
}

/* A copy that may be changed, instead of `frame`. */
static zr_blob_t *s_own(zr_blob_t *frame) {
    zr_blob_t *copy = zr_blob_copy(zr_blob_data(frame), zr_blob_len(frame));
    zr_blob_unref(frame);
    return copy;
}

static void s_put_u64(uint8_t *to, uint64_t value) {
    for (int i = 7; i >= 0; i--, value >>= 8)
        to[i] = (uint8_t)value;
}

/* --- Into the relay --- */

static zr_blob_t *s_alias(client_t *client, bool first, zr_blob_t *frame) {
    if (!zr_span_starts(s_span(frame), zr_span("{\"op\":\"hello\"")))
        return frame;
    if (first && memmem(zr_blob_data(frame), zr_blob_len(frame), "\"resume\"", 8))
        client->alias++;
    frame = s_own(frame);
    char *at = memmem(zr_blob_data(frame), zr_blob_len(frame), "\"client\":\"", 10);
    if (client->alias > 0)
        for (int i = 0; i < 4; i++)
            at[10 + i] = "0123456789abcdef"[client->alias >> (4 * i) & 15];
    return frame;
}

static zr_blob_t *s_without_expect(zr_blob_t *frame) {
    zr_publish_reader_t reader;
    zr_publish_entry_t entry;
    size_t count;
    uint64_t first, last;
    zr_buffer_t out = {0};
    if (zr_publish_read(&reader, s_span(frame), &count, &first, &last) != ZR_OK)
        return frame;
    zr_publish_begin(&out, reader.room);
    while (zr_publish_next(&reader, &entry)) {
        entry.flags &= (uint8_t)~ZR_ENTRY_EXPECT;
        zr_publish_add(&out, &entry);
    }
    zr_blob_unref(frame);
    frame = zr_buffer_to_blob(&out);
    zr_buffer_finish(&out);
    return frame;
}

zr_blob_t *plant_in(sim_t *sim, client_t *client, bool first, zr_blob_t *frame) {
    if (sim->plant == PLANT_LOST_DEDUPE)
        return s_alias(client, first, frame);
    if (sim->plant == PLANT_BLIND_CAS)
        return s_without_expect(frame);
    return frame;
}

/* --- Out of it --- */

static zr_blob_t *s_without(zr_blob_t *frame, size_t skip, const char *member, json_t *instead) {
    json_t *object = NULL;
    zr_span_t text = s_span(frame);
    zr_control_read(zr_span_of(text.ptr + skip, text.len - skip), &object);
    json_object_set_new(object, member, instead);
    zr_blob_t *json = zr_control_write(object);
    zr_blob_t *out = zr_blob_new(skip + zr_blob_len(json));
    memcpy(zr_blob_data(out), text.ptr, skip);
    memcpy(zr_blob_data(out) + skip, zr_blob_data(json), zr_blob_len(json));
    zr_blob_unref(json);
    zr_blob_unref(frame);
    return out;
}

/* The first entry left out, and the link drawn over the hole. */
static zr_blob_t *s_holed(zr_blob_t *frame) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_buffer_t out = {0};
    size_t count = 0;
    if (!zr_deliver_read(&reader, s_span(frame)) || !(reader.flags & ZR_FRAME_REPLAY))
        return frame;
    zr_deliver_begin(&out, reader.room, reader.flags, reader.epoch, reader.prev);
    while (zr_deliver_next(&reader, &entry))
        if (count++ > 0)
            zr_deliver_add(&out, &entry);
    if (count > 1) {
        zr_blob_unref(frame);
        frame = zr_buffer_to_blob(&out);
    }
    zr_buffer_finish(&out);
    return frame;
}

static zr_blob_t *s_altered_ack(sim_t *sim, zr_blob_t *frame) {
    zr_ack_t ack;
    if (!zr_ack_read(&ack, s_span(frame)) || !rng_chance(&sim->world.rng, 1, 4))
        return frame;
    if (sim->plant == PLANT_WRONG_LEVEL)
        ack.level = ack.level == ZR_LEVEL_DISK ? ZR_LEVEL_MEMORY : ZR_LEVEL_DISK;
    else
        ack.upto++;
    frame = s_own(frame);
    zr_ack_write(zr_blob_data(frame), &ack);
    return frame;
}

zr_blob_t *plant_send(sim_t *sim, zr_blob_t *frame) {
    zr_span_t text = s_span(frame);
    switch (sim->plant) {
    case PLANT_SILENT_PONG:
        return zr_span_starts(text, zr_span("{\"op\":\"pong\"")) ? s_without(frame, 0, "heads", json_object()) : frame;
    case PLANT_SILENT_VERSIONS:
        return zr_span_starts(text, zr_span("{\"op\":\"pong\"")) ? s_without(frame, 0, "versions", json_object())
                                                                 : frame;
    case PLANT_WRONG_LEVEL:
    case PLANT_EAGER_ACK:
        return s_altered_ack(sim, frame);
    case PLANT_LOST_REFUSAL:
        if (!zr_span_starts(text, zr_span("{\"op\":\"error\"")) || !memmem(text.ptr, text.len, "\"mid\"", 5))
            return frame;
        zr_blob_unref(frame);
        return NULL;
    case PLANT_HOLED_REPLAY:
        return s_holed(frame);
    default:
        return frame;
    }
}

static zr_blob_t *s_old_prev(sim_t *sim, zr_blob_t *frame) {
    zr_deliver_reader_t reader;
    if (!zr_deliver_read(&reader, s_span(frame)))
        return frame;
    uint64_t *before = &sim->plant_prev[room_number(reader.room)], prev = *before;
    *before = reader.prev;
    if (prev >= reader.prev || !rng_chance(&sim->world.rng, 1, 2))
        return frame;
    size_t at = ZR_DELIVER_HEAD(reader.room.len) - 8;
    frame = s_own(frame);
    s_put_u64(zr_blob_data(frame) + at, prev);
    return frame;
}

uint32_t plant_channel(sim_t *sim, uint32_t channel, size_t channels) {
    if (sim->plant == PLANT_CROSSED_CHANNELS && channels > 0 && rng_chance(&sim->world.rng, 1, 20))
        return (uint32_t)rng_between(&sim->world.rng, 1, channels);
    return channel;
}

zr_blob_t *plant_publish(sim_t *sim, zr_blob_t *frame) {
    zr_span_t room, json;
    zr_back_kind_t kind = zr_back_read(s_span(frame), &room, &json);
    if (sim->plant == PLANT_PREV_OFF_BY_ONE_BATCH && kind == ZR_BACK_ENTRIES)
        return s_old_prev(sim, frame);
    if (sim->plant == PLANT_FORGOTTEN_LEAVE && kind == ZR_BACK_PRESENCE)
        return s_without(frame, room.len + 1, "left", json_array());
    if (sim->plant == PLANT_UNTOLD_CROWD && kind == ZR_BACK_PRESENCE)
        return s_without(frame, room.len + 1, "crowded", json_null());
    if (sim->plant == PLANT_STALE_META && kind == ZR_BACK_PRESENCE)
        return s_without(frame, room.len + 1, "changed", json_array());
    if (sim->plant == PLANT_WRONG_COUNT && kind == ZR_BACK_PRESENCE)
        return s_without(frame, room.len + 1, "count", json_integer(SLOTS + 1));
    return frame;
}

zr_blob_t *plant_web(sim_t *sim, zr_blob_t *frame) {
    char *at = memmem(zr_blob_data(frame), zr_blob_len(frame), "\"client\":\"", 10);
    if (sim->plant == PLANT_LOST_KEYS && at && zr_blob_data(frame)[0] == ZR_TYPE_TRUNK)
        at[10] = "0123456789abcdef"[rng_below(&sim->world.rng, 16)];
    return frame;
}

log_slice_t plant_read(sim_t *sim, const log_slice_t *slice) {
    log_slice_t told = *slice;
    if (sim->plant == PLANT_FALSE_LOSS && rng_chance(&sim->world.rng, 1, 3) && slice->count > 0) {
        /* The answer of a log that has lost its first frame. */
        told.complete = false;
        if (slice->frame_count > 1) {
            told.frames = slice->frames + 1;
            told.frame_count--;
        }
    }
    return told;
}
