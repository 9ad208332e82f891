/* See moment.h. */
#include "moment.h"

#include "seek.h"

static int s_found(const zrelay_event_t *event, void *ctx) {
    if (event->type == ZRELAY_ENTRY)
        *(moment_entry_t *)ctx = (moment_entry_t){.seq = event->seq, .time = event->time};
    return 0;
}

int moment_look(conn_t *session, const char *room, uint64_t after, uint64_t last, moment_entry_t *found) {
    uint64_t request;
    *found = (moment_entry_t){0};
    int failed = zrelay_history(session->relay, room, after, last, last ? 0 : 1, &request);
    return failed ? conn_failed(session, failed) : conn_answer(session, request, s_found, found, NULL);
}

int moment_near(conn_t *session, const char *room, uint64_t since, uint64_t *after) {
    moment_entry_t found;
    int code = moment_look(session, room, 0, 1, &found);
    seek_t seek = {.low = *after, .high = found.seq};
    if (found.seq > seek.low && found.time < since)
        seek.low = found.seq; /* all of them are */
    uint64_t at;
    while (code == 0 && seek_next(&seek, &at)) {
        code = moment_look(session, room, at, 0, &found);
        seek_found(&seek, at, found.seq, found.time < since);
    }
    *after = seek.low;
    return code;
}

typedef struct {
    uint64_t since, before;
    bool past;
} edge_t;

static int s_before(const zrelay_event_t *event, void *ctx) {
    edge_t *edge = ctx;
    if (event->type != ZRELAY_ENTRY)
        return 0;
    edge->past |= event->time >= edge->since;
    if (!edge->past)
        edge->before = event->seq;
    return 0;
}

int moment_at(conn_t *session, const char *room, uint64_t since, uint64_t *after) {
    int code = moment_near(session, room, since, after);
    edge_t edge = {.since = since, .before = *after};
    uint64_t request;
    int failed = code ? 0 : zrelay_history(session->relay, room, *after, 0, SEEK_NEAR + 1, &request);
    if (code || failed)
        return failed ? conn_failed(session, failed) : code;
    code = conn_answer(session, request, s_before, &edge, NULL);
    *after = edge.before;
    return code;
}
