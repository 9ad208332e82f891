/* state: the snapshot of a room's keyed entries, in slices, as delivery frames. */
#include "commands.h"
#include "control.h"
#include "reading.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

enum { FRAME_MOST = 64 << 10 }; /* bytes of a snapshot's frame, but at most batch-bytes */

typedef struct {
    zr_buffer_t frame;
    uint64_t after; /* of the request: `prev` of every frame */
    size_t in_frame, frames, bytes, count;
    size_t most; /* bytes */
    uint64_t next;
    bool more;
} snapshot_t;

static void s_send(relay_t *relay, const request_t *request, snapshot_t *snapshot) {
    if (!snapshot->in_frame)
        return;
    snapshot->frames++;
    snapshot->bytes += snapshot->frame.len;
    snapshot->in_frame = 0;
    send_frame(relay, request->route, zr_buffer_to_blob(&snapshot->frame));
}

static size_t s_frame_most(const relay_config_t *config) {
    return config->batch_bytes < FRAME_MOST ? config->batch_bytes : FRAME_MOST;
}

/* Adds one value; false when the slice is full. */
static bool s_add(
    relay_t *relay, const request_t *request, const room_t *room, const key_value_t *value, snapshot_t *snapshot) {
    const relay_config_t *config = &relay->config;
    zr_entry_t entry = room_state_entry(value);
    size_t size = zr_entry_size(&entry);
    if (snapshot->in_frame && snapshot->frame.len + size > s_frame_most(config))
        s_send(relay, request, snapshot);
    size_t bytes = snapshot->bytes + (snapshot->in_frame ? snapshot->frame.len : 0) + size;
    if (snapshot->count > 0 && (snapshot->count >= config->replay_entries || bytes > snapshot->most ||
                                   (!snapshot->in_frame && snapshot->frames >= config->replay_frames)))
        return false;
    if (!snapshot->in_frame && snapshot->frames > 0) /* another full one: to grow would copy it */
        zr_buffer_reserve(&snapshot->frame, s_frame_most(config));
    if (!snapshot->in_frame)
        zr_deliver_begin(&snapshot->frame, room_name(room), ZR_FRAME_STATE, config->epoch, snapshot->after);
    zr_deliver_add(&snapshot->frame, &entry);
    snapshot->in_frame++;
    snapshot->count++;
    snapshot->next = entry.seq;
    return true;
}

static bool s_begin(relay_t *relay, session_t *session, reading_t *reading) {
    request_t request = reading_request(session, reading);
    snapshot_t snapshot = {.after = reading->after, .next = reading->after, .most = reading_bytes(relay, session)};
    const room_t *room = room_find(relay, reading_room(reading));
    zr_span_t key = zr_span(NULL);
    if (reading->key)
        key = zr_span_of(zr_blob_data(reading->key), zr_blob_len(reading->key));
    const key_value_t *value = NULL;
    if (room)
        value = key.len ? room_state_find(&room->keys, key) : room_state_next(&room->keys, snapshot.after);
    if (value && value->seq <= snapshot.after)
        value = NULL;
    for (; value; value = key.len ? NULL : room_state_following(&room->keys, value)) {
        if (!s_add(relay, &request, room, value, &snapshot)) {
            snapshot.more = true;
            break;
        }
    }
    s_send(relay, &request, &snapshot);
    zr_buffer_finish(&snapshot.frame);
    json_t *ok = json_pack("{ss so sI sI sI sb}", "op", "ok", "room", zr_json_string(reading_room(reading)), "seq",
        (json_int_t)room_head(relay, reading_room(reading)), "count", (json_int_t)snapshot.count, "next",
        (json_int_t)snapshot.next, "more", snapshot.more);
    uint64_t age = policy_of(&relay->config.policies, reading_room(reading))->max_key_age;
    if (age)
        json_object_set_new(ok, "age", json_integer((json_int_t)(age / 1000)));
    reply(relay, &request, ok);
    return true;
}

void cmd_state(relay_t *relay, request_t *request) {
    zr_span_t key = {0};
    const char *wrong = NULL;
    reading_t reading = {.begin = s_begin};
    zr_get_uint_opt(request->object, "after", 0, &reading.after, &wrong);
    zr_get_string_opt(request->object, "key", SIZE_MAX, &key, &wrong);
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    if (zr_has(request->object, "key") && !zr_key_valid(key)) {
        fail(relay, request, ZR_BAD_KEY, zr_key_fault(key));
        return;
    }
    if (key.len) {
        reading.key = zr_blob_new(key.len);
        memcpy(zr_blob_data(reading.key), key.ptr, key.len);
    }
    reading_add(relay, request, &reading);
}
