/* Delivery without gaps (PROTOCOL.md, section 7): live entries, replayed ones, and ones lost for good. Up to a room's
 * `last` the program has every entry, or was told that it is lost. The same rules serve the program's own history
 * requests. */
#include "machine_repair.h"

#include <stdlib.h>

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_kept.h"
#include "machine_presence.h"
#include "machine_waiting.h"
#include "machine_requests.h"

/* Another thread received the frame, and the place of an entry is known only when the one before it is read. So the
 * processor is told this many bytes ahead what will be read. */
enum { AHEAD = 1024 };

static zr_span_t s_span(zr_blob_t *frame) {
    return zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
}

static bool s_scan_entries(scan_t *scan, zr_deliver_reader_t reader, uint64_t after) {
    bool state = reader.flags & ZR_FRAME_STATE;
    uint64_t last = state ? 0 : reader.prev;
    scan->prev = reader.prev;
    scan->count = scan->total = 0;
    scan->from = reader;
    uint64_t seq;
    for (zr_span_t at = reader.rest; zr_deliver_skip(&reader, &seq); at = reader.rest) {
        if (at.len > AHEAD)
            __builtin_prefetch(at.ptr + AHEAD);
        if (seq <= last || seq > ZR_INT_MAX)
            return false;
        last = seq;
        scan->total++;
        if (last > after && scan->count++ == 0)
            scan->from.rest = at;
    }
    scan->last = last;
    return !reader.failed;
}

bool scan_frame(scan_t *scan, zr_span_t frame, uint64_t after) {
    zr_deliver_reader_t reader;
    return zr_deliver_read(&reader, frame) && s_scan_entries(scan, reader, after);
}

/* --- A room goes forward --- */

static void s_reached(machine_t *m, room_t *room, uint64_t seq) {
    room->last = seq;
    if (room->head < seq)
        room->head = seq;
    if (room->last >= room->head)
        waiting_no_grace(m, room);
    if (room->queue == QUEUE_IDLE)
        waiting_enter(m, room, QUEUE_IDLE); /* it moved last */
}

static void s_take(machine_t *m, room_t *room, zr_blob_t *frame, const scan_t *scan) {
    events_entries(m, frame, scan, 0);
    s_reached(m, room, scan->last);
    room->stuck = room->barren = 0;
}

void repair_lost(machine_t *m, room_t *room, uint64_t upto) {
    events_post(m, &(zrelay_event_t){.type = ZRELAY_LOST, .room = room->name, .seq = room->last, .upto = upto});
    s_reached(m, room, upto);
}

/* Takes what was kept as far as it joins up. */
static void s_drain(machine_t *m, room_t *room) {
    while (room->kept.first) {
        zr_blob_t *frame = room->kept.first->frame;
        scan_t scan;
        if (!scan_frame(&scan, s_span(frame), room->last)) {
            kept_drop(&room->kept);
            continue; /* cannot be: it was checked when it came */
        }
        if (scan.count && scan.prev > room->last)
            return;
        if (scan.count)
            s_take(m, room, frame, &scan);
        kept_drop(&room->kept);
    }
}

/* --- Live --- */

void repair_live(machine_t *m, room_t *room, zr_blob_t *frame, const zr_deliver_reader_t *reader, bool front) {
    scan_t scan;
    bool turned = front != room->by_front; /* frames of the old way may come after those of the new: nothing to tell */
    if (!s_scan_entries(&scan, *reader, room->started ? room->last : 0)) {
        m->malformed++;
        return;
    }
    if (room->state == ROOM_PARKED)
        room->state = ROOM_LIVE; /* it may be read again; or this is on its way since before, and a replay is refused */
    room->by_front = front;
    if (scan.count == 0)
        return;
    bool full = m->events.bytes >= EVENTS_DROP;
    if (room->started && scan.prev <= room->last && !room->kept.first && !room->missed && !full) {
        s_take(m, room, frame, &scan);
        return;
    }
    if (room->missed || full || !kept_add(&m->kept, &room->kept, frame)) {
        room->missed = true; /* the next replay brings it, and what follows it */
    } else {
        if (room->kept.first == room->kept.last || scan.prev > room->kept_upto)
            room->hole = scan.prev;
        room->kept_upto = scan.last;
    }
    repair_begin(m, room, !turned);
}

bool repair_is_due(const room_t *room) {
    return room->replay || room->queue == QUEUE_REPAIR;
}

void repair_begin(machine_t *m, room_t *room, bool tell) {
    if (repair_is_due(room) || room->state != ROOM_LIVE || m->state != STATE_LIVE)
        return; /* one at a time; after joining comes a replay anyway */
    if (tell && !room->gap) {
        room->gap = true;
        events_post(m, &(zrelay_event_t){.type = ZRELAY_GAP, .room = room->name, .seq = room->last});
    }
    waiting_enter(m, room, QUEUE_REPAIR);
    repair_schedule(m);
}

static void s_ask(machine_t *m, room_t *room) {
    waiting_leave(m, room);
    m->repair_count++;
    room->replay = request_new(m, REQUEST_REPAIR, zr_span_of(room->name, room->len));
    room->replay->room = room;
    if (!room->started)
        room->replay->last = room->position;
    unsigned tries = room->stuck > room->barren ? room->stuck : room->barren;
    request_again(m, room->replay, machine_retry_ms(tries));
}

void repair_schedule(machine_t *m) {
    while (m->repairs && m->repair_count < REPAIRS_MAX)
        s_ask(m, m->repairs);
}

/* Its replay is answered, or not wanted any more. */
static void s_answered(machine_t *m, room_t *room) {
    room->replay = NULL;
    m->repair_count--;
}

void repair_abandon(machine_t *m, room_t *room) {
    waiting_leave(m, room);
    if (!room->replay)
        return;
    request_abandon(m, room->replay);
    s_answered(m, room);
}

void repair_settle(machine_t *m, room_t *room) {
    s_drain(m, room);
    while (room->kept.first && room->stuck >= STUCK_MAX) {
        /* The log does not have the entries before the frame. */
        zr_deliver_reader_t reader;
        if (zr_deliver_read(&reader, s_span(room->kept.first->frame)) && reader.prev > room->last)
            repair_lost(m, room, reader.prev);
        room->stuck = 0;
        s_drain(m, room);
    }
    if (room->kept.first || room->missed) {
        /* The dropped frames came after the kept ones: once those are taken, a replay to the head brings them. */
        room->missed = room->missed && room->kept.first;
        repair_begin(m, room, true);
        return;
    }
    room->stuck = 0;
    if (room->gap) {
        room->gap = false;
        events_post(m, &(zrelay_event_t){.type = ZRELAY_REPAIRED, .room = room->name, .seq = room->last});
    }
    if (room->head > room->last)
        waiting_grace(m, room);
    if (room->parent)
        waiting_enter(m, room, QUEUE_IDLE);
}

/* --- Replayed: of a room, or of a history --- */

static uint64_t s_position(const request_t *request) {
    return request->room ? request->room->last : request->after;
}

static void s_advance(machine_t *m, request_t *request, zr_blob_t *frame, const scan_t *scan) {
    if (request->room) {
        s_take(m, request->room, frame, scan);
        return;
    }
    events_entries(m, frame, scan, request->number);
    request->after = scan->last;
    request->count += scan->count;
}

/* Nothing up to `seq` will come any more. */
static void s_skip(machine_t *m, request_t *request, uint64_t seq) {
    if (request->room) {
        repair_lost(m, request->room, seq);
        return;
    }
    request->complete = false;
    request->after = seq;
}

static void s_place(machine_t *m, request_t *request, uint64_t seq) {
    request->placed = true;
    if (request->room && !request->room->started) {
        request->room->started = true;
        s_reached(m, request->room, seq);
    } else if (!request->room) {
        request->start = request->after = seq;
    }
}

void repair_replayed(machine_t *m, zr_blob_t *frame, const zr_deliver_reader_t *reader) {
    bool state = reader->flags & ZR_FRAME_STATE;
    request_t *request = request_reading(m, state, reader->room);
    scan_t scan;
    if (!request || request->kind == REQUEST_ABANDONED)
        return; /* or of a replay that was under way when the connection was lost: asked for again */
    if (!s_scan_entries(&scan, *reader, request->placed ? s_position(request) : 0)) {
        m->malformed++;
        return;
    }
    request->received += scan.total;
    if (!request->placed && !state) {
        s_place(m, request, scan.prev); /* "the last so many" begin here */
        request->before = scan.prev;
    }
    if (scan.count == 0)
        return;
    if (m->events.bytes >= EVENTS_DROP)
        request->dropped = true;
    else if (!state && scan.prev <= s_position(request) && !request->held.first)
        s_advance(m, request, frame, &scan);
    else if (!kept_add(&m->held, &request->held, frame))
        request->dropped = true; /* `replayed` will say whether the entries before it are lost */
}

/* A client without entries of a room reads it from its beginning, which need not be 0. If all `count` entries of the
 * slice are held and join up, they are taken from there. */
static void s_begin(machine_t *m, request_t *request, uint64_t count) {
    scan_t scan;
    uint64_t begun = 0, last = 0, found = 0;
    if (s_position(request) > 0)
        return;
    for (const kept_t *kept = request->held.first; kept; kept = kept->next) {
        if (!scan_frame(&scan, s_span(kept->frame), 0) || (found > 0 && scan.prev != last))
            return;
        begun = found > 0 ? begun : scan.prev;
        last = scan.last;
        found += scan.total;
    }
    if (found == 0 || found != count)
        return;
    if (request->room)
        s_reached(m, request->room, begun);
    else
        request->after = begun;
    while (request->held.first) {
        if (scan_frame(&scan, s_span(request->held.first->frame), s_position(request)) && scan.count)
            s_advance(m, request, request->held.first->frame, &scan);
        kept_drop(&request->held);
    }
}

/* The slice had holes, and the broker says that they stay. */
static void s_take_held(machine_t *m, request_t *request) {
    while (request->held.first) {
        zr_blob_t *frame = request->held.first->frame;
        scan_t scan;
        if (scan_frame(&scan, s_span(frame), s_position(request)) && scan.count) {
            if (scan.prev > s_position(request))
                s_skip(m, request, scan.prev);
            s_advance(m, request, frame, &scan);
        }
        kept_drop(&request->held);
    }
}

static void s_finish(machine_t *m, request_t *request) {
    room_t *room = request->room;
    if (!room) {
        /* If the answered requests began in the middle, the broker did not say that there were fewer than the last so
         * many. */
        if (request->last && !request->counted && request->count < request->last && request->start > 0)
            request->complete = false;
        request->seq = request->after;
        request_done(m, request);
        return;
    }
    /* A head that was known before we asked for everything, and the log says it has no more. */
    if (room->head > room->last && room->head == request->head && !request->until && !room->kept.first && !room->missed)
        room->head = room->last;
    s_answered(m, room);
    request_free(m, request);
    repair_settle(m, room);
}

/* It was asked for by a reader without entries, for which a room that begins above 0 is complete. Live entries came
 * meanwhile, so there may be a loss behind them that the answer does not tell. */
static bool s_is_of_beginning(const request_t *request) {
    return request->room && request->placed && request->before == 0 && request->received == 0 &&
           s_position(request) > 0;
}

static bool s_wants_more(const request_t *request, bool more) {
    if (request->room)
        return more && !(request->until && request->room->last >= request->until);
    uint64_t wanted = request->last ? request->last : request->limit;
    return more && !(wanted && request->count >= wanted) && !(request->until && request->after >= request->until);
}

void repair_on_replayed(machine_t *m, request_t *request, json_t *object) {
    uint64_t seq, count = 0;
    bool complete = true, more = false;
    const char *wrong = NULL;
    if (!zr_get_uint(object, "seq", 0, &seq, &wrong) || !zr_get_uint_opt(object, "count", 0, &count, &wrong) ||
        !zr_get_bool_opt(object, "complete", &complete, &wrong) || !zr_get_bool_opt(object, "more", &more, &wrong)) {
        m->malformed++;
        request->dropped = true;
    }
    unsigned *stuck = request->room ? &request->room->stuck : &request->stuck;
    if (request->placed && s_position(request) > request->before)
        *stuck = 0;
    bool patient = *stuck < STUCK_MAX;
    if (complete && !request->dropped)
        s_begin(m, request, count);
    if (request->dropped || request->received < count || (complete && request->held.first)) {
        /* Frames fell out, or frames of an earlier replay came between: what joined up is taken, the rest is asked for
         * again. */
        if (patient) {
            kept_clear(&request->held);
            ++*stuck;
            request_retry(m, request, RETRY_MS);
            return;
        }
        complete = false;
    }
    if (s_is_of_beginning(request) && seq > s_position(request)) {
        request_retry(m, request, RETRY_MS);
        return;
    }
    if (wrong)
        seq = s_position(request);
    request->counted |= request->by_last;
    if (!request->placed) {
        /* There are fewer than the last so many. Nothing before them is lost. */
        s_place(m, request, seq);
        request->complete = complete;
    }
    s_take_held(m, request);
    if (seq > s_position(request)) {
        if (complete && request->room)
            s_reached(m, request->room, seq);
        else if (complete)
            request->after = seq;
        else
            s_skip(m, request, seq);
    }
    if (!complete && !request->room)
        request->complete = false;
    if (request->room)
        s_drain(m, request->room);
    bool moved = s_position(request) > request->before;
    if (moved)
        *stuck = 0;
    else
        ++*stuck;
    /* A position that only the broker's word moves is no progress. */
    bool brought = moved && request->received > 0;
    request->tries = brought ? 0 : request->tries;
    if (!s_wants_more(request, more) || !(moved || patient)) {
        if (request->room && !brought)
            request->room->barren++;
        s_finish(m, request);
    } else if (brought) {
        request_go_on(m, request);
    } else {
        request_retry(m, request, RETRY_MS);
    }
}

/* The program hears nothing of it: it did not ask for the room by name. A frame, a pong or the list tells when the room
 * may be read again. */
static void s_park(machine_t *m, room_t *room) {
    repair_abandon(m, room);
    presence_pause(m, room); /* the program knows some users by now, and hears of them when it may again */
    kept_clear(&room->kept);
    room->missed = false;
    room->stuck = 0;
    waiting_no_grace(m, room);
    room->state = ROOM_PARKED;
    waiting_enter(m, room, QUEUE_IDLE);
}

void repair_on_refused(machine_t *m, request_t *request, json_t *error) {
    room_t *room = request->room;
    const char *code = json_string_value(json_object_get(error, "code"));
    s_answered(m, room);
    room->stuck++;
    room->barren++;
    request_free(m, request);
    if (room->parent && code && strcmp(code, zr_code_name(ZR_FORBIDDEN)) == 0) {
        s_park(m, room);
        return;
    }
    if (!room->started) {
        room->started = true;
        room->last = room->head;
    }
    repair_settle(m, room); /* after STUCK_MAX attempts the kept frames are all that comes */
}
