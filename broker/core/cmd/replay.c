/* replay: a slice of a room's log, over the DEALER. The log may take its time; each session has only so many under way.
 */
#include "replay.h"

#include "commands.h"
#include "control.h"
#include "fatal.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

/* A replay under way in the log. */
typedef struct replay {
    uint64_t ticket;
    uint64_t session, resumed; /* whose, and of which of its connections */
    json_t *id;                /* of the request; NULL: none */
    bool beyond;               /* it asked for entries after a position that was not given yet */
    char room[ZR_ROOM_MAX];
    size_t room_len;
    UT_hash_handle hh;
} replay_t;

static void s_forget(relay_t *relay, replay_t *replay) {
    HASH_DEL(relay->replays, replay);
    json_decref(replay->id);
    free(replay);
}

void replay_forget_all(relay_t *relay) {
    replay_t *replay, *next;
    HASH_ITER(hh, relay->replays, replay, next)
    s_forget(relay, replay);
}

size_t slice_bytes(const relay_t *relay, const session_t *session) {
    const relay_config_t *config = &relay->config;
    if (!config->room)
        return config->replay_bytes;
    uint64_t room = config->room(config->room_ctx, session->route) / config->max_replays; /* so many are under way */
    if (room == 0)
        return 1;
    return room < config->replay_bytes ? (size_t)room : config->replay_bytes;
}

/* Reads the request into `read`; false when it has answered. */
static bool s_read(relay_t *relay, request_t *request, log_read_t *read) {
    const json_t *object = request->object;
    zr_span_t name = request->room;
    const char *wrong = NULL;
    uint64_t limit = relay->config.replay_entries;
    read->until = UINT64_MAX;
    zr_get_uint_opt(object, "last", 1, &read->last, &wrong);
    zr_get_uint_opt(object, "after", 0, &read->after, &wrong);
    zr_get_uint_opt(object, "until", 0, &read->until, &wrong);
    zr_get_uint_opt(object, "limit", 1, &limit, &wrong);
    if (!wrong && zr_has(object, "after") == zr_has(object, "last"))
        wrong = "after"; /* one of the two, not both */
    if (wrong) {
        fail_member(relay, request, wrong);
        return false;
    }
    memcpy(read->room, name.ptr, name.len);
    read->room_len = name.len;
    read->begun = room_begun(relay, name);
    if (read->after == 0 && !read->last)
        read->after = read->begun;
    uint64_t head = room_head(relay, name);
    if (read->until > head)
        read->until = head;
    read->entries = limit < relay->config.replay_entries ? (size_t)limit : relay->config.replay_entries;
    read->frames = relay->config.replay_frames;
    read->bytes = slice_bytes(relay, request->session);
    return true;
}

/* The answer for a room of which the log has nothing: all there was is gone. */
static void s_nothing_kept(relay_t *relay, const log_read_t *read) {
    bool gone = read->last ? read->until > read->begun : read->after < read->until;
    replay_done(
        relay, read->ticket, &(log_slice_t){.seq = gone || read->last ? read->until : read->after, .complete = !gone});
}

void cmd_replay(relay_t *relay, request_t *request) {
    log_read_t read = {0};
    if (!s_read(relay, request, &read))
        return;
    session_t *session = request->session;
    /* Sessions that ended leave theirs in the log's queue, so all together are bounded too. */
    const relay_config_t *config = &relay->config;
    if (session_reading(session, relay->outbox) >= config->max_replays ||
        HASH_COUNT(relay->replays) >= config->max_replays * config->max_sessions) {
        fail(relay, request, ZR_TOO_MANY_REPLAYS, NULL);
        return;
    }
    replay_t *replay = fatal_calloc(sizeof *replay);
    replay->ticket = read.ticket = ++relay->last_ticket;
    replay->session = session->id;
    replay->resumed = session->resumed;
    zr_span_t name = zr_span_of(replay->room, read.room_len);
    replay->id = json_incref(request->id);
    memcpy(replay->room, read.room, read.room_len);
    replay->room_len = read.room_len;
    replay->beyond = !read.last && read.after > room_head(relay, name);
    HASH_ADD(hh, relay->replays, ticket, sizeof replay->ticket, replay);
    session->reads++;
    if (room_is_hollow(relay, name)) {
        s_nothing_kept(relay, &read);
        return;
    }
    log_read_t *effect = fatal_calloc(sizeof *effect);
    *effect = read;
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_READ, .read = effect});
}

static void s_answer(relay_t *relay, session_t *session, const replay_t *replay, const log_slice_t *slice) {
    request_t request = {.route = session->route, .id = replay->id};
    zr_span_t room = zr_span_of(replay->room, replay->room_len);
    if (!(session_rights(session, room) & RIGHT_READ)) { /* any more */
        fail(relay, &request, ZR_FORBIDDEN, NULL);
        return;
    }
    for (size_t i = 0; i < slice->frame_count; i++)
        send_frame(relay, session->route, zr_blob_ref(slice->frames[i]));
    reply(relay, &request,
        json_pack("{ss so sI sI sb sb}", "op", "replayed", "room", zr_json_string(room), "seq", (json_int_t)slice->seq,
            "count", (json_int_t)slice->count, "complete", slice->complete && !replay->beyond, "more", slice->more));
}

void replay_done(relay_t *relay, uint64_t ticket, const log_slice_t *slice) {
    replay_t *replay;
    HASH_FIND(hh, relay->replays, &ticket, sizeof ticket, replay);
    FATAL_UNLESS(replay);
    session_t *session = session_by_id(&relay->sessions, replay->session);
    if (session)
        session->reads--;
    if (session && session->resumed == replay->resumed)
        s_answer(relay, session, replay, slice);
    s_forget(relay, replay);
}
