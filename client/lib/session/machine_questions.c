/* The program's questions: what is asked, and how the answers become events. When they are asked is
 * machine_requests.c's. */
#include "machine_questions.h"
#include "machine_ask.h"

#include <stdlib.h>

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_kept.h"
#include "machine_presence.h"
#include "machine_repair.h"
#include "machine_requests.h"

static void s_set(json_t *object, const char *name, uint64_t value) {
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

void question_refuse(machine_t *m, request_t *request, json_t *error) {
    zrelay_event_t event = {.request = request->number, .room = request_room(request)};
    events_error(m, error, &event);
    request_free(m, request);
}

/* --- Replays: of a room, or the program's --- */

void question_ask_replay(machine_t *m, request_t *request, json_t *object) {
    room_t *room = request->room;
    (void)m;
    request->dropped = false;
    if (room && room->started) {
        request->after = room->last;
        request->placed = true;
        /* The entries after the last hole are here already. */
        request->until = room->kept.first && room->hole > room->last ? room->hole : 0;
    }
    request->before = request->after;
    request->by_last = !request->placed;
    request->head = room ? room->head : 0;
    if (request->placed)
        s_set(object, "after", request->after);
    else
        s_set(object, "last", request->last);
    request->received = 0;
    uint64_t wanted = room ? 0 : request->limit ? request->limit : request->placed ? request->last : 0;
    uint64_t until = request->until;
    if (wanted > request->count)
        s_set(object, "limit", wanted - request->count);
    else if (wanted)
        until = request->after; /* all of it came, only the answer was lost */
    if (until)
        s_set(object, "until", until);
}

/* "All up to the head of this moment": where that is, `rooms` tells; the name asked for is the first that starts with
 * it. */
void question_ask_history(machine_t *m, request_t *request, json_t *object) {
    if (!request->probing) {
        question_ask_replay(m, request, object);
        return;
    }
    json_object_del(object, "room");
    json_object_set_new(object, "op", json_string("rooms"));
    json_object_set_new(object, "prefix", json_string(request->name));
    s_set(object, "limit", 1);
}

void question_answer_history(machine_t *m, request_t *request, json_t *object) {
    const char *wrong = NULL;
    if (!request->probing) {
        repair_on_replayed(m, request, object);
        return;
    }
    request->probing = false;
    json_t *first = json_array_get(json_object_get(object, "rooms"), 0);
    const char *name = json_string_value(json_object_get(first, "room"));
    uint64_t head;
    if (!name || strcmp(name, request->name) != 0 || !zr_get_uint(first, "seq", 0, &head, &wrong)) {
        request_go_on(m, request); /* not listed: up to wherever the replay ends */
        return;
    }
    request->until = head;
    if (head > request->after) {
        request_go_on(m, request);
        return;
    }
    request->complete = head == request->after; /* a position beyond the head is of another log */
    request->seq = head;
    request_done(m, request);
}

/* --- State --- */

void question_ask_state(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    request->dropped = false;
    if (request->key[0])
        json_object_set_new(object, "key", json_string(request->key));
    s_set(object, "after", request->after);
}

/* A page is handed on only when it is whole. If the connection is lost, the page is asked for again, and its values may
 * be deleted by then. */
void question_answer_state(machine_t *m, request_t *request, json_t *object) {
    uint64_t seq = 0, next = request->after;
    bool more = false;
    const char *wrong = NULL;
    if (!zr_get_uint(object, "seq", 0, &seq, &wrong) || !zr_get_uint_opt(object, "next", 0, &next, &wrong) ||
        !zr_get_bool_opt(object, "more", &more, &wrong) || !zr_get_uint_opt(object, "age", 0, &request->ttl, &wrong))
        m->malformed++;
    bool brought = request->held.first;
    if (request->dropped) {
        kept_clear(&request->held);
        request_retry(m, request, RETRY_MS);
        return;
    }
    if (!request->answered) {
        request->answered = true;
        request->seq = seq;
    }
    for (kept_t *kept = request->held.first; kept; kept = kept->next) {
        scan_t scan;
        if (!scan_frame(&scan, zr_span_of(zr_blob_data(kept->frame), zr_blob_len(kept->frame)), 0))
            continue; /* cannot be: it was checked when it came */
        events_entries(m, kept->frame, &scan, request->number);
        request->count += scan.count;
    }
    kept_clear(&request->held);
    if (more && next > request->after) {
        request->after = next;
        request->tries = brought ? 0 : request->tries;
        if (brought)
            request_go_on(m, request);
        else
            request_retry(m, request, RETRY_MS);
    } else {
        request_done(m, request);
    }
}

/* --- Lists --- */

static void s_name_prefix(const request_t *request, json_t *object) {
    size_t len = strlen(request->name);
    if (len && request->name[len - 1] == '*')
        len--;
    json_object_del(object, "room");
    json_object_set_new(object, "prefix", json_stringn(request->name, len));
}

static void s_want_presence(const request_t *request, json_t *object) {
    if (request->room && request->room->presence_wanted)
        json_object_set_new(object, "presence", json_true());
}

void question_ask_list(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    if (request->kind == REQUEST_MEMBERS)
        presence_on_asked(request);
    if (request->kind == REQUEST_ROOMS || request->kind == REQUEST_LIST)
        s_name_prefix(request, object);
    if (request->kind == REQUEST_LIST)
        s_want_presence(request, object);
    if (request->page[0])
        json_object_set_new(object, "after", json_string(request->page));
}

/* Answers to `who` and `rooms` for the program: a page becomes events. The next page begins after `member` of the last
 * one. */
static void s_answer_list(
    machine_t *m, request_t *request, json_t *object, item_kind_t kind, const char *list, const char *member) {
    json_t *array = json_object_get(object, list);
    bool more = false;
    const char *wrong = NULL;
    size_t size = json_array_size(array);
    if (!json_is_array(array) || !zr_get_bool_opt(object, "more", &more, &wrong))
        m->malformed++;
    zrelay_event_t event = {.type = kind == ITEM_USERS ? ZRELAY_USER : ZRELAY_ROOM, .request = request->number};
    if (kind == ITEM_USERS)
        event.room = request->name;
    events_list(m, kind, object, array, &event);
    request->count += size;
    if (request_next_page(m, request, array, member, more))
        return;
    if (kind == ITEM_USERS)
        zr_get_uint_opt(object, "count", 0, &request->count, &wrong);
    request->complete = !more;
    request_done(m, request);
}

void question_answer_who(machine_t *m, request_t *request, json_t *object) {
    s_answer_list(m, request, object, ITEM_USERS, "users", "nick");
}

void question_answer_rooms(machine_t *m, request_t *request, json_t *object) {
    s_answer_list(m, request, object, ITEM_ROOMS, "rooms", "room");
}

/* --- Answers that say nothing more, ping --- */

void question_answer_ok(machine_t *m, request_t *request, json_t *object) {
    (void)object;
    request_done(m, request);
}

void question_ask_ping(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    (void)request;
    json_object_del(object, "room");
}

void question_answer_ping(machine_t *m, request_t *request, json_t *object) {
    uint64_t time = 0;
    const char *wrong = NULL;
    zr_get_uint_opt(object, "time", 0, &time, &wrong);
    events_post(m, &(zrelay_event_t){.type = ZRELAY_DONE, .request = request->number, .time = time, .complete = true});
    request_free(m, request);
}

/* --- For operators --- */

void question_ask_admin(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    json_object_del(object, "room");
    json_object_set_new(object, "do", json_string(request->key));
    if (strcmp(request->key, "delete") == 0) {
        json_object_set_new(object, "room", json_string(request->name));
        if (request->text)
            json_object_set_new(object, "key", json_string(request->text));
        else
            s_set(object, "upto", request->until);
        return;
    }
    if (request->name[0])
        json_object_set_new(
            object, strcmp(request->key, "log-level") == 0 ? "level" : "user", json_string(request->name));
    if (request->text)
        json_object_set_new(object, "reason", json_string(request->text));
}

void question_ask_kick(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    json_object_set_new(object, "user", json_string(request->key));
    if (request->placed)
        json_object_set_new(object, "for", json_integer((json_int_t)request->limit));
    if (request->text)
        json_object_set_new(object, "reason", json_string(request->text));
}

void question_answer_admin(machine_t *m, request_t *request, json_t *object) {
    json_t *bans = json_object_get(object, "bans");
    const char *text = json_string_value(json_object_get(object, "text"));
    events_list(m, ITEM_BANS, object, bans, &(zrelay_event_t){.type = ZRELAY_USER, .request = request->number});
    events_post(m, &(zrelay_event_t){.type = ZRELAY_DONE,
                       .request = request->number,
                       .count = json_array_size(bans),
                       .text = text && strlen(text) <= TEXT_MAX ? text : NULL,
                       .complete = true});
    request_free(m, request);
}

/* --- Membership --- */

void question_ask_join(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    const room_t *room = request->room;
    request->placed = room->started || room->from == ZRELAY_FROM_AFTER;
    request->after = room->started ? room->last : room->position;
    if (request->placed)
        s_set(object, "after", request->after);
    if (room->silent)
        json_object_set_new(object, "presence", json_false());
}

/* Or unfollow, for which there is no room any more. */
void question_ask_follow(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    s_name_prefix(request, object);
    s_want_presence(request, object);
}

void question_ask_nothing(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    (void)request;
    (void)object;
}

void question_answer_nothing(machine_t *m, request_t *request, json_t *object) {
    (void)object;
    request_free(m, request);
}

/* --- The program's wishes --- */

int machine_question(machine_t *m, request_kind_t kind, zr_span_t name, uint64_t *number, request_t **request) {
    if (m->closing || m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    if (m->asked_count >= REQUESTS_MAX)
        return ZRELAY_EMANY;
    *request = request_new(m, kind, name);
    (*request)->number = m->next_number++;
    m->asked_count++;
    if (number)
        *number = (*request)->number;
    return 0;
}

int machine_history(machine_t *m, const char *room, uint64_t after, uint64_t last, uint64_t limit, uint64_t *number) {
    zr_span_t name = zr_span(room);
    request_t *request;
    if (!zr_room_valid(name) || after > ZR_INT_MAX || last > ZR_INT_MAX || limit > ZR_INT_MAX || (after && last))
        return ZRELAY_EINVAL;
    int code = machine_question(m, REQUEST_HISTORY, name, number, &request);
    if (code)
        return code;
    request->after = after;
    request->last = last;
    request->limit = last ? 0 : limit;
    request->placed = !last;
    request->probing = !last && !limit;
    return 0;
}

int machine_state(machine_t *m, const char *room, const char *key, uint64_t *number) {
    zr_span_t name = zr_span(room);
    request_t *request;
    if (!zr_room_valid(name) || (key && !zr_key_valid(zr_span(key))))
        return ZRELAY_EINVAL;
    int code = machine_question(m, REQUEST_STATE, name, number, &request);
    if (code == 0 && key)
        strcpy(request->key, key);
    return code;
}

int machine_who(machine_t *m, const char *room, uint64_t *number) {
    request_t *request;
    return zr_room_valid(zr_span(room)) ? machine_question(m, REQUEST_WHO, zr_span(room), number, &request)
                                        : ZRELAY_EINVAL;
}

int machine_rooms(machine_t *m, const char *prefix, uint64_t *number) {
    zr_span_t name = zr_span(prefix);
    request_t *request;
    if (name.len > ZR_ROOM_MAX || !zr_utf8_valid(name) || (name.len && memchr(name.ptr, '*', name.len)))
        return ZRELAY_EINVAL;
    return machine_question(m, REQUEST_ROOMS, name, number, &request);
}

int machine_ping(machine_t *m, uint64_t *number) {
    request_t *request;
    return machine_question(m, REQUEST_PING, zr_span(""), number, &request);
}

static bool s_is_reason(zr_span_t text) {
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    return text.len <= REASON_MAX && zr_utf8_valid(text);
}

int machine_admin_delete(machine_t *m, const char *room, uint64_t upto, const char *key, uint64_t *number) {
    request_t *request;
    if (!room || !zr_room_valid(zr_span(room)) || upto > ZR_INT_MAX || (key && !zr_key_valid(zr_span(key))))
        return ZRELAY_EINVAL;
    int code = machine_question(m, REQUEST_ADMIN, zr_span(room), number, &request);
    if (code)
        return code;
    strcpy(request->key, "delete");
    request->until = upto;
    if (key)
        strcpy(request->text = machine_alloc(strlen(key) + 1), key);
    return 0;
}

static void s_set_reason(request_t *request, const char *reason) {
    if (reason)
        strcpy(request->text = machine_alloc(strlen(reason) + 1), reason);
}

int machine_admin(machine_t *m, const char *what, const char *user, const char *reason, uint64_t *number) {
    static const struct {
        const char *name;
        bool user, reason;
    } deeds[] = {{"reload", false, false}, {"bans", false, false}, {"unban", true, false}, {"kick", true, true},
        {"ban", true, true}, {"log-level", true, false}, {"drain", false, false}, {"drain-away", false, false},
        {"undrain", false, false}, {"audit", false, false}};
    size_t deed = 0;
    while (deed < sizeof deeds / sizeof *deeds && (!what || strcmp(deeds[deed].name, what) != 0))
        deed++;
    if (deed == sizeof deeds / sizeof *deeds || !deeds[deed].user != !user || (reason && !deeds[deed].reason))
        return ZRELAY_EINVAL;
    if ((user && !zr_nick_valid(zr_span(user))) || (reason && !s_is_reason(zr_span(reason))))
        return ZRELAY_EINVAL;
    request_t *request;
    int code = machine_question(m, REQUEST_ADMIN, zr_span(user ? user : ""), number, &request);
    if (code)
        return code;
    strcpy(request->key, what);
    s_set_reason(request, reason);
    return 0;
}

int machine_kick(machine_t *m, const char *room, const char *nick, long seconds, const char *reason, uint64_t *number) {
    if (!zr_room_valid(zr_span(room)) || !zr_nick_valid(zr_span(nick)) || seconds < -1 || seconds > KICK_MAX ||
        (reason && !s_is_reason(zr_span(reason))))
        return ZRELAY_EINVAL;
    request_t *request;
    int code = machine_question(m, REQUEST_KICK, zr_span(room), number, &request);
    if (code)
        return code;
    strcpy(request->key, nick);
    request->placed = seconds != 0;
    request->limit = seconds > 0 ? (uint64_t)seconds : 0;
    s_set_reason(request, reason);
    return 0;
}
