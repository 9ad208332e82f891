/* Rooms of the session: joining and leaving, SUB's subscriptions, and the sync that proves them live (PROTOCOL.md,
 * sections 5 and 7). machine_repair.c handles entries and missing ones. */
#include "machine_rooms.h"

#include <stdlib.h>

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_kept.h"
#include "machine_prefix.h"
#include "machine_presence.h"
#include "machine_waiting.h"
#include "machine_repair.h"
#include "machine_requests.h"

room_t *rooms_find(machine_t *m, zr_span_t name) {
    if (m->recent && zr_span_equal(name, zr_span_of(m->recent->name, m->recent->len)))
        return m->recent;
    room_t *room;
    HASH_FIND(hh, m->rooms, name.ptr, name.len, room);
    if (room)
        m->recent = room;
    return room;
}

void rooms_list(machine_t *m, room_t *prefix) {
    prefix->list_at = NEVER;
    prefix->list_again = prefix->joining;
    if (prefix->joining)
        return;
    prefix->joining = request_new(m, REQUEST_LIST, zr_span_of(prefix->name, prefix->len));
    prefix->joining->room = prefix;
}

/* Rooms are counted apart: those joined by name, prefixes, and rooms that a prefix brought. */
static size_t *s_count(machine_t *m, const room_t *room) {
    return room->prefix ? &m->prefix_count : room->parent ? &m->child_count : &m->room_count;
}

room_t *rooms_add(machine_t *m, zr_span_t name, room_t *parent) {
    room_t *room = machine_alloc(sizeof *room + name.len + 1);
    memcpy(room->name, name.ptr, name.len);
    room->len = name.len;
    room->parent = parent;
    room->prefix = name.ptr[name.len - 1] == '*';
    room->grace = NEVER;
    room->list_at = NEVER;
    if (room->prefix) {
        room->next_prefix = m->prefixes;
        m->prefixes = room;
    }
    ++*s_count(m, room);
    HASH_ADD_KEYPTR(hh, m->rooms, room->name, room->len, room);
    return room;
}

static void s_free_request(machine_t *m, request_t **request) {
    if (*request)
        request_free(m, *request);
    *request = NULL;
}

void rooms_remove(machine_t *m, room_t *room) {
    s_free_request(m, &room->joining);
    repair_abandon(m, room);
    waiting_no_grace(m, room);
    presence_forget(m, room);
    kept_clear(&room->kept);
    if (m->recent == room)
        m->recent = NULL;
    HASH_DEL(m->rooms, room);
    if (room->prefix) {
        room_t **link = &m->prefixes;
        while (*link != room)
            link = &(*link)->next_prefix;
        *link = room->next_prefix;
    }
    --*s_count(m, room);
    if (m->prefix_count == 0)
        m->given_up = 0;
    free(room);
}

void rooms_forget(machine_t *m) {
    room_t *room, *next;
    HASH_ITER(hh, m->rooms, room, next) rooms_remove(m, room);
}

/* --- Subscriptions --- */

static void s_topic(machine_t *m, action_kind_t kind, const void *text, size_t len, int end) {
    action_t *action = machine_do(m, kind);
    memcpy(action->topic, text, len);
    action->topic_len = len;
    if (end >= 0)
        action->topic[action->topic_len++] = (uint8_t)end;
}

static void s_subscriptions(machine_t *m, action_kind_t kind, const room_t *room) {
    if (room->prefix) {
        s_topic(m, kind, room->name, room->len - 1, -1);
        return;
    }
    s_topic(m, kind, room->name, room->len, ZR_TOPIC_ENTRIES);
    if (room->presence_wanted)
        s_topic(m, kind, room->name, room->len, ZR_TOPIC_PRESENCE);
}

static void s_unsubscribe(machine_t *m, const room_t *room) {
    if (m->back_open && room->state != ROOM_NEW && !room->parent)
        s_subscriptions(m, ACTION_UNSUBSCRIBE, room);
}

void rooms_leave(machine_t *m, room_t *room) {
    s_unsubscribe(m, room);
    if (room->asked)
        request_leave(m, zr_span_of(room->name, room->len));
    rooms_remove(m, room);
}

static void s_nonce(machine_t *m, action_kind_t kind) {
    uint8_t topic[1 + ZR_NONCE_MAX] = {ZR_TYPE_SYNC};
    size_t len = strlen(m->nonce);
    memcpy(topic + 1, m->nonce, len);
    s_topic(m, kind, topic, 1 + len, -1);
}

/* A nonce that is answered, or not to be, is given back: the broker's libzmq walks all of them whenever a reader goes.
 */
static void s_forget_nonce(machine_t *m) {
    if (m->nonce[0] && m->back_open)
        s_nonce(m, ACTION_UNSUBSCRIBE);
    m->nonce[0] = '\0';
}

/* A nonce of its own each time: the answer to an earlier one says nothing about what was subscribed since. */
static void s_sync(machine_t *m) {
    s_forget_nonce(m);
    machine_entropy_hex(m, m->nonce, 8);
    s_nonce(m, ACTION_SUBSCRIBE);
    m->sync_at = m->now + SYNC_MS;
}

static void s_sync_lost(machine_t *m) {
    if (++m->syncs_lost == UNHEARD)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_UNHEARD, .name = m->back});
}

void rooms_back_down(machine_t *m) {
    if (m->sync_at != NEVER)
        s_sync_lost(m);
    m->back_open = false;
    m->nonce[0] = '\0';
    m->sync_at = NEVER;
    m->sync_tries = 0;
    m->sync_wanted = true;
    room_t *room, *next;
    HASH_ITER(hh, m->rooms, room, next) room->cut |= room->state == ROOM_LIVE && !room->prefix;
}

void rooms_schedule(machine_t *m) {
    if (!m->sync_wanted || (!m->back_open && m->now < m->back_at))
        return;
    m->sync_wanted = false;
    if (!m->rooms)
        return;
    room_t *room, *next;
    if (!m->back_open) {
        machine_do(m, ACTION_CONNECT_BACK)->endpoint = m->back;
        m->back_open = true;
        m->back_since = m->now;
        m->nonce[0] = '\0';
        HASH_ITER(hh, m->rooms, room, next) {
            s_free_request(m, &room->joining);
            room->state = room->parent ? ROOM_SYNCING : ROOM_NEW;
        }
    }
    HASH_ITER(hh, m->rooms, room, next) {
        if (room->state != ROOM_NEW)
            continue;
        s_subscriptions(m, ACTION_SUBSCRIBE, room);
        room->state = ROOM_SYNCING;
    }
    s_sync(m);
}

/* Whether SUB speaks of the log that we know. */
static bool s_same_epoch(machine_t *m, zr_span_t json) {
    json_t *object;
    if (zr_control_read(json, &object) != ZR_OK) {
        m->malformed++;
        return true;
    }
    const char *epoch = json_string_value(json_object_get(object, "epoch"));
    bool same = !epoch || strcmp(epoch, m->epoch) == 0;
    json_decref(object);
    return same;
}

static void s_join(machine_t *m, room_t *room) {
    room->state = ROOM_JOINING;
    room->asked = true;
    s_free_request(m, &room->joining);
    room->joining = request_new(m, room->prefix ? REQUEST_FOLLOW : REQUEST_JOIN, zr_span_of(room->name, room->len));
    room->joining->room = room;
}

void rooms_on_synced(machine_t *m, zr_span_t nonce, zr_span_t json) {
    if (m->state != STATE_LIVE || m->sync_at == NEVER || !zr_span_equal(nonce, zr_span(m->nonce)))
        return;
    if (!s_same_epoch(m, json)) {
        machine_doubt_epoch(m); /* after the welcome comes another sync */
        return;
    }
    s_forget_nonce(m);
    m->sync_at = NEVER;
    m->sync_tries = m->syncs_lost = 0;
    room_t *room, *next;
    HASH_ITER(hh, m->rooms, room, next) {
        if (room->state == ROOM_SYNCING && !room->parent)
            s_join(m, room);
    }
}

/* --- Joining --- */

/* Where reading begins, now that the head is known. */
static void s_start(room_t *room, uint64_t head) {
    if (room->started)
        return;
    bool last = room->from == ZRELAY_FROM_LAST && room->position > 0;
    if (last)
        return; /* the replay says where that is */
    room->started = true;
    room->last = room->from == ZRELAY_FROM_AFTER ? room->position : head;
}

static void s_announce(machine_t *m, room_t *room, uint64_t seq) {
    if (!room->announced)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_JOINED, .room = room->name, .seq = seq, .count = room->count});
    room->announced = true;
}

static void s_read_on(machine_t *m, room_t *room) {
    bool tell = room->cut;
    room->state = ROOM_LIVE;
    room->cut = false;
    if (!room->started || room->last < room->head)
        repair_begin(m, room, tell);
    else
        repair_settle(m, room);
}

void rooms_on_joined(machine_t *m, request_t *request, json_t *object) {
    room_t *room = request->room;
    uint64_t seq, oldest = 0, version = 0;
    bool recovered = true, by_front = false, asked = request->placed;
    const char *wrong = NULL;
    if (!zr_get_uint(object, "seq", 0, &seq, &wrong) || !zr_get_uint_opt(object, "oldest", 0, &oldest, &wrong) ||
        !zr_get_bool_opt(object, "recovered", &recovered, &wrong) ||
        !zr_get_bool_opt(object, "private", &by_front, &wrong) ||
        !zr_get_uint_opt(object, "version", 0, &version, &wrong) ||
        !zr_get_uint_opt(object, "count", 0, &room->count, &wrong)) {
        m->malformed++;
        request_retry(m, request, RETRY_MS);
        return;
    }
    uint64_t after = request->after;
    s_free_request(m, &room->joining);
    room->by_front = by_front;
    s_start(room, seq);
    room->head = seq > room->last || !room->started ? seq : room->last;
    s_announce(m, room, seq);
    if (asked && seq < after) {
        /* Beyond the head: the position is of another log, or the log was set back. It is compared with the position
         * asked for, since live entries may have come before this answer. */
        kept_clear(&room->kept);
        repair_lost(m, room, oldest);
        room->head = seq;
    } else if (asked && !recovered && oldest > room->last) {
        repair_lost(m, room, oldest);
    }
    presence_on_joined(m, room, version, json_is_true(json_object_get(object, "crowded")));
    s_read_on(m, room);
}

void rooms_go_live(machine_t *m, room_t *room) {
    uint64_t head = room->head;
    bool fresh = !room->started;
    s_start(room, head);
    s_announce(m, room, head);
    if (fresh && room->started && room->last > head) {
        kept_clear(&room->kept); /* where the program wants to begin is no position of this log */
        repair_lost(m, room, 0);
        room->head = head;
    }
    presence_on_joined(m, room, 0, false);
    s_read_on(m, room);
}

static void s_drop(machine_t *m, room_t *room) {
    s_unsubscribe(m, room);
    rooms_remove(m, room);
}

void rooms_on_join_refused(machine_t *m, request_t *request, json_t *error) {
    room_t *room = request->room;
    s_free_request(m, &room->joining);
    events_error(m, error, &(zrelay_event_t){.room = room->name});
    s_drop(m, room);
}

/* The right to read was taken, while the room was joined. */
void rooms_on_left(machine_t *m, const json_t *object) {
    zr_span_t name;
    uint64_t seq = 0;
    const char *wrong = NULL, *reason = json_string_value(json_object_get(object, "reason")),
               *text = json_string_value(json_object_get(object, "text"));
    room_t *room = NULL;
    bool kicked = reason && strcmp(reason, "kicked") == 0;
    if (!zr_get_string(object, "room", 1, ZR_ROOM_MAX, &name, &wrong) ||
        !zr_get_uint_opt(object, "seq", 0, &seq, &wrong))
        m->malformed++;
    else
        room = rooms_find(m, name);
    if (!room || room->prefix || room->parent)
        return;        /* left meanwhile */
    if (room->joining) /* asked for before we heard, and perhaps granted since: nobody here wants it any more */
        request_leave(m, name);
    if (room->started && seq > room->last)
        repair_lost(m, room, seq);
    events_post(m, &(zrelay_event_t){.type = ZRELAY_REFUSED,
                       .room = room->name,
                       .code = kicked ? "kicked" : zr_code_name(ZR_FORBIDDEN),
                       .text = !kicked                            ? "the right to read it was taken"
                               : text && strlen(text) <= TEXT_MAX ? text
                                                                  : "an operator sent you out",
                       .seq = seq});
    s_drop(m, room);
}

/* --- As the program wishes: machine.h --- */

int machine_join(machine_t *m, const char *name, int from, uint64_t position, uint64_t now) {
    zr_span_t span = zr_span(name);
    int where = from & ~(ZRELAY_SILENT | ZRELAY_PRESENCE);
    bool prefix = span.len > 0 && span.len <= ZR_ROOM_MAX + 1 && span.ptr[span.len - 1] == '*';
    zr_span_t checked = prefix ? zr_span_of(span.ptr, span.len - 1) : span;
    if (!(prefix && checked.len == 0) && !zr_room_valid(checked))
        return ZRELAY_EINVAL;
    if (where < ZRELAY_FROM_NOW || where > ZRELAY_FROM_LAST || position > ZR_INT_MAX || rooms_find(m, span))
        return ZRELAY_EINVAL;
    if (m->closing || m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    if (m->room_count + m->prefix_count >= m->limit_rooms)
        return ZRELAY_EMANY;
    m->now = now;
    room_t *room = rooms_add(m, span, NULL);
    room->from = where;
    room->position = position;
    room->silent = prefix || (from & ZRELAY_SILENT);
    room->presence_wanted = from & ZRELAY_PRESENCE;
    m->sync_wanted = m->state == STATE_LIVE; /* several joins in a row share a sync */
    return 0;
}

int machine_leave(machine_t *m, const char *name, uint64_t now) {
    room_t *room = name ? rooms_find(m, zr_span(name)) : NULL;
    if (!room || room->parent)
        return ZRELAY_EINVAL;
    if (m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    m->now = now;
    if (room->prefix)
        prefix_leave(m, room);
    rooms_leave(m, room);
    return 0;
}

/* --- Heads --- */

void rooms_note_head(machine_t *m, room_t *room, uint64_t head) {
    if (head > room->head)
        room->head = head;
    if (room->state == ROOM_LIVE && room->started && !repair_is_due(room) && room->head > room->last &&
        room->grace == NEVER)
        waiting_grace(m, room);
}

/* Each room that the object names with a sensible number. */
static void s_each(
    machine_t *m, json_t *object, bool presence, void (*note)(machine_t *m, room_t *room, uint64_t number)) {
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        json_int_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < 0 || (uint64_t)number > ZR_INT_MAX)
            continue;
        room_t *room = rooms_find(m, zr_span(name));
        if (!room)
            room = prefix_named(m, zr_span(name), presence);
        if (!room)
            continue;
        prefix_unpark(m, room);
        note(m, room, (uint64_t)number);
    }
}

void rooms_on_pong(machine_t *m, const json_t *object) {
    s_each(m, json_object_get(object, "heads"), false, rooms_note_head);
    s_each(m, json_object_get(object, "versions"), true, presence_note_version);
}

static void s_grace_over(machine_t *m) {
    bool busy = machine_has_event(m), repaired = false;
    for (room_t *room = m->graces; room && room->grace <= m->now; room = m->graces) {
        /* While the program still has entries to take, those that seem to be missing may wait in SUB's queue. */
        if (busy) {
            waiting_grace(m, room);
            continue;
        }
        waiting_no_grace(m, room);
        if (room->head <= room->last)
            continue;
        repair_begin(m, room, true);
        /* Entries that came by DEALER need not come by SUB. If some are missing again, the room may have moved to SUB
         * since. */
        repaired = repaired || !room->by_front;
        room->by_front = false;
    }
    if (repaired && m->sync_at == NEVER)
        m->sync_wanted = true; /* is SUB dead? */
}

void rooms_tick(machine_t *m) {
    if (m->now >= m->sync_at) {
        m->sync_at = NEVER;
        m->sync_wanted = true;
        s_sync_lost(m);
        if (++m->sync_tries >= SYNC_TRIES) {
            m->sync_tries = 0;
            m->back_open = false;
        }
    }
    s_grace_over(m);
    if (m->now >= m->list_at) {
        m->list_at = NEVER;
        for (room_t *room = m->prefixes; room; room = room->next_prefix) {
            if (room->state != ROOM_LIVE)
                continue; /* about to be listed anyway */
            if (room->list_at <= m->now)
                rooms_list(m, room);
            else if (room->list_at < m->list_at)
                m->list_at = room->list_at;
        }
    }
}

/* --- The session goes and comes --- */

void rooms_lost(machine_t *m) {
    room_t *room, *next;
    HASH_ITER(hh, m->rooms, room, next) {
        room->joining = room->replay = NULL;
        room->cut = room->list_again = false; /* the program hears of the lost session */
        room->list_at = NEVER;
        waiting_no_grace(m, room);
        if (room->queue == QUEUE_REPAIR)
            waiting_leave(m, room);
        if (room->state != ROOM_NEW)
            room->state = ROOM_SYNCING;
        presence_lost(room);
    }
    m->repair_count = 0;
    m->sync_at = m->list_at = NEVER;
    m->sync_wanted = false;
    m->sync_tries = 0;
    if (m->syncs_lost < UNHEARD)
        m->syncs_lost = 0;
}

void rooms_welcome(machine_t *m, bool new_epoch) {
    m->sync_wanted = true;
    if (new_epoch)
        m->given_up = 0;
    room_t *room, *next;
    HASH_ITER(hh, m->rooms, room, next) {
        room->stuck = 0;
        if (!new_epoch)
            continue;
        kept_clear(&room->kept);
        room->last = room->head = 0; /* everything in the new log is new */
        if (room->from == ZRELAY_FROM_AFTER)
            room->position = 0; /* where the program wants to begin is a position of the old log */
        room->missed = room->gap = false;
    }
}
