/* replay: a slice of a room's log, over the DEALER. The log may take its time. */
#include "replay.h"

#include "commands.h"
#include "control.h"
#include "fatal.h"
#include "lead_check.h"
#include "reading.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

static void s_answer(relay_t *relay, session_t *session, const reading_t *reading, const log_slice_t *slice) {
    request_t request = reading_request(session, reading);
    if (!(session_rights(session, reading_room(reading)) & RIGHT_READ)) { /* any more */
        fail(relay, &request, ZR_FORBIDDEN, NULL);
        return;
    }
    for (size_t i = 0; i < slice->frame_count; i++)
        send_frame(relay, session->route, zr_blob_ref(slice->frames[i]));
    reply(relay, &request,
        json_pack("{ss so sI sI sb sb}", "op", "replayed", "room", zr_json_string(reading_room(reading)), "seq",
            (json_int_t)slice->seq, "count", (json_int_t)slice->count, "complete", slice->complete && !reading->beyond,
            "more", slice->more));
}

/* The answer for a room of which the log has nothing: all there was is gone. */
static log_slice_t s_nothing_kept(const log_read_t *read) {
    bool gone = read->last ? read->until > read->begun : read->after < read->until;
    return (log_slice_t){.seq = gone || read->last ? read->until : read->after, .complete = !gone};
}

static bool s_begin(relay_t *relay, session_t *session, reading_t *reading) {
    const relay_config_t *config = &relay->config;
    zr_span_t name = reading_room(reading);
    uint64_t head = room_head(relay, name);
    log_read_t read = {.ticket = reading->ticket,
        .room_len = name.len,
        .after = reading->after,
        .until = reading->until < head ? reading->until : head,
        .begun = room_begun(relay, name),
        .last = reading->last,
        .entries = reading->limit < config->replay_entries ? (size_t)reading->limit : config->replay_entries,
        .frames = config->replay_frames,
        .bytes = reading_bytes(relay, session)};
    memcpy(read.room, name.ptr, name.len);
    if (read.after == 0 && !read.last)
        read.after = read.begun;
    reading->beyond = !read.last && read.after > head;
    if (room_is_hollow(relay, name)) {
        log_slice_t nothing = s_nothing_kept(&read);
        s_answer(relay, session, reading, &nothing);
        return true;
    }
    log_read_t *effect = fatal_calloc(sizeof *effect);
    *effect = read;
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_READ, .read = effect});
    return false;
}

/* A reader that names a position has it, or was told of it. */
static bool s_is_sure(relay_t *relay, const request_t *request, const reading_t *reading) {
    bool until = zr_has(request->object, "until") && reading->until > reading->after;
    return lead_is_sure(relay, request->session, request->room, until ? reading->until : reading->after);
}

void cmd_replay(relay_t *relay, request_t *request) {
    const json_t *object = request->object;
    const char *wrong = NULL;
    reading_t reading = {.begin = s_begin, .until = UINT64_MAX, .limit = UINT64_MAX};
    zr_get_uint_opt(object, "last", 1, &reading.last, &wrong);
    zr_get_uint_opt(object, "after", 0, &reading.after, &wrong);
    zr_get_uint_opt(object, "until", 0, &reading.until, &wrong);
    zr_get_uint_opt(object, "limit", 1, &reading.limit, &wrong);
    if (!wrong && zr_has(object, "after") == zr_has(object, "last"))
        wrong = "after"; /* one of the two, not both */
    if (wrong)
        fail_member(relay, request, wrong);
    else if (!s_is_sure(relay, request, &reading))
        fail_wait(relay, request, LEAD_WAIT_MS);
    else
        reading_add(relay, request, &reading);
}

void replay_done(relay_t *relay, uint64_t ticket, const log_slice_t *slice) {
    reading_t *reading = reading_find(relay, ticket);
    FATAL_UNLESS(reading);
    session_t *session = reading_session(relay, reading);
    if (session)
        s_answer(relay, session, reading, slice);
    reading_end(relay, reading);
}
