/* See reading.h. */
#include "reading.h"

#include "fatal.h"
#include "reply.h"
#include "state.h"

enum { LEAST = 16 << 10 };    /* bytes that an answer needs */
enum { FULL_WAIT_MS = 1000 }; /* for a client whose queue is full */

void reading_end(relay_t *relay, reading_t *reading) {
    session_t *session = session_by_id(&relay->sessions, reading->session);
    if (session)
        session->reads--;
    relay->readings.asked -= reading->asked;
    HASH_DEL(relay->readings.by_ticket, reading);
    json_decref(reading->id);
    zr_blob_unref(reading->key);
    free(reading);
}

void reading_forget_all(relay_t *relay) {
    reading_t *reading, *next;
    HASH_ITER(hh, relay->readings.by_ticket, reading, next)
    reading_end(relay, reading);
    relay->readings.first = relay->readings.last = NULL;
}

void reading_add(relay_t *relay, const request_t *request, const reading_t *asked) {
    session_t *session = request->session;
    readings_t *readings = &relay->readings;
    /* Sessions that ended leave theirs in the log's queue, so all together are bounded too. */
    const relay_config_t *config = &relay->config;
    if (session->reads >= config->max_replays ||
        HASH_COUNT(readings->by_ticket) >= config->max_replays * config->max_sessions) {
        zr_blob_unref(asked->key);
        fail(relay, request, ZR_TOO_MANY_REPLAYS, NULL);
        return;
    }
    session->reads++;
    reading_t *reading = fatal_calloc(sizeof *reading);
    *reading = *asked;
    reading->ticket = ++relay->last_ticket;
    reading->session = session->id;
    reading->resumed = session->resumed;
    reading->id = json_incref(request->id);
    memcpy(reading->room, request->room.ptr, request->room.len);
    reading->room_len = request->room.len;
    HASH_ADD(hh, readings->by_ticket, ticket, sizeof reading->ticket, reading);
    *(readings->last ? &readings->last->next : &readings->first) = reading;
    readings->last = reading;
}

bool reading_is_due(const relay_t *relay) {
    return relay->readings.first && relay->readings.asked < READINGS_ASKED;
}

reading_t *reading_find(const relay_t *relay, uint64_t ticket) {
    reading_t *reading;
    HASH_FIND(hh, relay->readings.by_ticket, &ticket, sizeof ticket, reading);
    return reading;
}

session_t *reading_session(const relay_t *relay, const reading_t *reading) {
    session_t *session = session_by_id(&relay->sessions, reading->session);
    return session && session->route && session->resumed == reading->resumed ? session : NULL;
}

request_t reading_request(const session_t *session, const reading_t *reading) {
    return (request_t){.route = session->route, .id = reading->id};
}

/* Bytes that may be queued for the session now. */
static uint64_t s_left(const relay_t *relay, const session_t *session) {
    const relay_config_t *config = &relay->config;
    return config->room ? config->room(config->room_ctx, session->route) : UINT64_MAX;
}

size_t reading_bytes(const relay_t *relay, const session_t *session) {
    const relay_config_t *config = &relay->config;
    uint64_t part = s_left(relay, session) / config->max_replays; /* so many are under way */
    return part < config->replay_bytes ? (size_t)part : config->replay_bytes;
}

/* A frame of the answer that finds a full queue detaches the session. A slice has one frame at least, which nearly
 * always fits into so little; to wait for more would let peers that do not read keep everybody's replays back. */
static bool s_is_full(const relay_t *relay, const session_t *session) {
    size_t least = relay->config.max_frame < LEAST ? relay->config.max_frame : LEAST;
    return s_left(relay, session) < least;
}

/* Returns true when the reading is answered. */
static bool s_begin(relay_t *relay, session_t *session, reading_t *reading) {
    request_t request = reading_request(session, reading);
    if (!(session_rights(session, reading_room(reading)) & RIGHT_READ)) { /* any more */
        fail(relay, &request, ZR_FORBIDDEN, NULL);
        return true;
    }
    if (s_is_full(relay, session)) {
        fail_wait(relay, &request, FULL_WAIT_MS);
        return true;
    }
    return reading->begin(relay, session, reading);
}

void reading_begin(relay_t *relay) {
    readings_t *readings = &relay->readings;
    reading_t *reading = readings->first;
    readings->first = reading->next;
    if (!readings->first)
        readings->last = NULL;
    session_t *session = reading_session(relay, reading);
    if (!session || s_begin(relay, session, reading)) {
        reading_end(relay, reading);
        return;
    }
    reading->asked = true;
    readings->asked++;
}
