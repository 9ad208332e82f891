/* Questions to the broker. Each is asked when there is room for it, and answered once. On another connection it is
 * asked again under another id, so that a late answer to the first cannot pass for the second's. One table names the
 * owner of each kind, which handles the answer. */
#include "machine_requests.h"

#include <stdlib.h>

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_kept.h"

/* --- The list of them --- */

static void s_append(machine_t *m, request_t *request) {
    request->prev = m->last;
    request->next = NULL;
    *(m->last ? &m->last->next : &m->first) = request;
    m->last = request;
}

static void s_remove(machine_t *m, request_t *request) {
    *(request->prev ? &request->prev->next : &m->first) = request->next;
    *(request->next ? &request->next->prev : &m->last) = request->prev;
}

request_t *request_new(machine_t *m, request_kind_t kind, zr_span_t name) {
    request_t *request = machine_alloc(sizeof *request);
    request->kind = kind;
    if (name.len)
        memcpy(request->name, name.ptr, name.len);
    request->complete = true;
    s_append(m, request);
    m->unasked = true;
    return request;
}

/* It is no longer under way. */
static void s_release(machine_t *m, request_t *request) {
    if (request->id == 0)
        return;
    HASH_DEL(m->by_id, request);
    request->id = 0;
    m->unasked = true; /* a place is free */
    for (size_t i = 0; i < m->reading_count; i++)
        if (m->reading[i] == request)
            m->reading[i] = m->reading[--m->reading_count];
}

void request_free(machine_t *m, request_t *request) {
    s_release(m, request);
    kept_clear(&request->held);
    s_remove(m, request);
    if (request->number)
        m->asked_count--;
    free(request->text);
    free(request);
}

/* One that is under way keeps its place: the next replay of the room would get its frames. */
void request_abandon(machine_t *m, request_t *request) {
    if (request->id == 0) {
        request_free(m, request);
        return;
    }
    kept_clear(&request->held);
    request->kind = REQUEST_ABANDONED;
    request->room = NULL;
}

void request_again(machine_t *m, request_t *request, uint64_t delay) {
    s_release(m, request);
    request->not_before = m->now + delay;
    m->unasked = true;
}

void request_go_on(machine_t *m, request_t *request) {
    s_remove(m, request);
    s_append(m, request);
    request_again(m, request, 0);
}

void request_retry(machine_t *m, request_t *request, uint64_t least) {
    uint64_t delay = machine_retry_ms(request->tries++);
    request_again(m, request, delay > least ? delay : least);
}

bool request_next_page(machine_t *m, request_t *request, const json_t *page, const char *member, bool more) {
    size_t size = json_array_size(page);
    const char *last = json_string_value(json_object_get(json_array_get(page, size ? size - 1 : 0), member));
    if (!more || !last || strlen(last) >= sizeof request->page || strcmp(last, request->page) <= 0)
        return false;
    strcpy(request->page, last);
    if (size < PAGE_SMALL && ++request->small_pages > PAGES_AT_ONCE)
        request_retry(m, request, RETRY_MS);
    else
        request_go_on(m, request);
    return true;
}

request_t *request_reading(machine_t *m, bool state, zr_span_t room) {
    for (size_t i = 0; i < m->reading_count; i++) {
        request_t *request = m->reading[i];
        if ((request->kind == REQUEST_STATE) == state && zr_span_equal(zr_span(request->name), room))
            return request;
    }
    return NULL;
}

static bool s_is_same_room(const request_t *a, const request_t *b) {
    return strcmp(a->name, b->name) == 0;
}

void request_leave(machine_t *m, zr_span_t room) {
    bool prefix = room.ptr[room.len - 1] == '*';
    request_t *request = request_new(m, prefix ? REQUEST_UNFOLLOW : REQUEST_LEAVE, room);
    for (request_t *other = m->first; other != request; other = other->next) {
        if (other->kind == request->kind && other->id == 0 && s_is_same_room(other, request)) {
            request_free(m, request); /* that one is still to be asked */
            return;
        }
    }
}

/* Joining a room again, or following a prefix, waits until leaving it is answered: the broker may have put that off. */
static bool s_is_leaving(const machine_t *m, const request_t *join) {
    for (const request_t *other = m->first; other != join; other = other->next)
        if ((other->kind == REQUEST_LEAVE || other->kind == REQUEST_UNFOLLOW) && s_is_same_room(other, join))
            return true;
    return false;
}

static bool s_may_ask(machine_t *m, const request_t *request) {
    uint64_t at = request->not_before > m->ask_pause ? request->not_before : m->ask_pause;
    if (at > m->now) {
        if (at < m->ask_at)
            m->ask_at = at;
        return false;
    }
    if ((request->kind == REQUEST_JOIN || request->kind == REQUEST_FOLLOW) && s_is_leaving(m, request))
        return false;
    bool busy = m->events.bytes >= EVENTS_PAUSE || m->events.count >= EVENTS_MERGE;
    if (busy && (request->number || m->kinds[request->kind].reads))
        return false; /* the program has not taken what it asked for before */
    /* Frames do not say which request they answer: one at a time of a room. */
    return !m->kinds[request->kind].reads ||
           (m->reading_count < m->limit_replays &&
               !request_reading(m, request->kind == REQUEST_STATE, zr_span(request->name)));
}

static void s_ask(machine_t *m, request_t *request) {
    const request_does_t *kind = &m->kinds[request->kind];
    request->id = m->next_id++;
    HASH_ADD(hh, m->by_id, id, sizeof request->id, request);
    if (kind->reads)
        m->reading[m->reading_count++] = request;
    json_t *object = json_pack("{s:s, s:I, s:s}", "op", kind->op, "id", (json_int_t)request->id, "room", request->name);
    kind->ask(m, request, object);
    machine_send(m, object);
}

void requests_schedule(machine_t *m) {
    if (!m->unasked && m->now < m->ask_at)
        return;
    m->unasked = false;
    m->ask_at = NEVER;
    for (request_t *request = m->first; request && HASH_COUNT(m->by_id) < m->ask_window; request = request->next)
        if (request->id == 0 && s_may_ask(m, request))
            s_ask(m, request);
}

void requests_lost(machine_t *m) {
    for (request_t *request = m->first, *next; request; request = next) {
        next = request->next;
        kept_clear(&request->held);
        s_release(m, request);
        if (m->kinds[request->kind].ours)
            request_free(m, request); /* rooms_lost forgets it */
    }
    m->ask_at = NEVER;
    m->ask_pause = 0;
    m->ask_window = ASKS_MAX;
    m->unasked = true;
}

/* Half an answer from one log and half from another is no answer. */
void requests_welcome(machine_t *m, bool new_epoch) {
    for (request_t *request = m->first, *next; request; request = next) {
        next = request->next;
        bool begun = request->count || request->answered || request->until || request->after;
        if (new_epoch && begun && m->kinds[request->kind].reads) {
            request->complete = false;
            request_done(m, request);
        }
    }
}

/* Others hear it. */
static bool s_is_said(const request_t *request) {
    return request->kind == REQUEST_DIRECT || request->kind == REQUEST_ASK_ROOM || request->kind == REQUEST_ANSWER;
}

bool requests_closing(const machine_t *m) {
    for (const request_t *request = m->first; request; request = request->next)
        if (s_is_said(request) || request->kind == REQUEST_ADMIN || request->kind == REQUEST_KICK)
            return true;
    return false;
}

void requests_finish(machine_t *m) {
    while (m->first)
        request_free(m, m->first);
}

void requests_on_answer(machine_t *m, const char *op, uint64_t re, json_t *object) {
    request_t *request;
    HASH_FIND(hh, m->by_id, &re, sizeof re, request);
    if (!request)
        return; /* of a connection before, or not one of ours */
    const char *expected = request->probing ? "rooms" : m->kinds[request->kind].answer;
    if (strcmp(op, expected) != 0) {
        m->malformed++;
        return;
    }
    s_release(m, request);
    if (m->ask_window < ASKS_MAX)
        m->ask_window++;
    m->kinds[request->kind].answered(m, request, object);
}

/* A refused request costs too. Several that are asked again at once would refuse each other for ever, so they go one
 * after the other. */
static void s_slow_down(machine_t *m, uint64_t wait) {
    m->ask_window = 1;
    if (m->ask_pause < m->now + wait)
        m->ask_pause = m->now + wait;
}

/* The broker did not look at it: how long until it is asked again. False: it did. */
static bool s_put_off(machine_t *m, const request_t *request, const json_t *error, uint64_t *wait) {
    const char *name = json_string_value(json_object_get(error, "code"));
    zr_code_t code = name ? zr_code_from_name(zr_span(name)) : ZR_OK;
    *wait = error_wait(error);
    if (code == ZR_RATE_LIMITED)
        s_slow_down(m, *wait);
    return request->kind != REQUEST_ABANDONED &&
           (code == ZR_RATE_LIMITED || (m->kinds[request->kind].reads && code == ZR_TOO_MANY_REPLAYS));
}

bool requests_on_error(machine_t *m, uint64_t re, json_t *error) {
    request_t *request;
    HASH_FIND(hh, m->by_id, &re, sizeof re, request);
    if (!request)
        return false;
    uint64_t wait;
    s_release(m, request);
    if (s_put_off(m, request, error, &wait)) {
        kept_clear(&request->held);
        request_retry(m, request, wait);
    } else {
        m->kinds[request->kind].refused(m, request, error);
    }
    return true;
}

const char *request_room(const request_t *request) {
    bool user = request->kind == REQUEST_DIRECT || request->kind == REQUEST_ANSWER || request->kind == REQUEST_ADMIN;
    return user || !request->name[0] ? NULL : request->name;
}

void request_done(machine_t *m, request_t *request) {
    zrelay_event_t event = {.type = ZRELAY_DONE,
        .request = request->number,
        .count = request->count,
        .seq = request->seq,
        .ttl = request->ttl,
        .complete = request->complete,
        .room = request_room(request)};
    events_post(m, &event);
    request_free(m, request);
}
