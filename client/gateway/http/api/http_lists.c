/* GET of the rooms, and of the users in a room. */
#include <jansson.h>

#include "fatal.h"
#include "http_request.h"

static void s_ask(http_request_t *request, json_t *question, const http_ask_calls_t *calls) {
    request->ask = http_session_ask(http_session(request), HTTP_ASK_FREE, question, calls, request);
}

/* A member of the broker's answer, or another value if the answer has no such member. A new reference. */
static json_t *s_member(const json_t *answer, const char *name, json_t *otherwise) {
    json_t *value = json_object_get(answer, name);
    if (!value)
        return otherwise;
    json_decref(otherwise);
    return json_incref(value);
}

/* --- Rooms --- */

static void s_on_rooms(void *ctx, const json_t *answer) {
    http_request_t *request = ctx;
    request->ask = NULL;
    http_answer_json(request, 200, NULL,
        json_pack("{s:o, s:o}", "rooms", s_member(answer, "rooms", json_array()), "more",
            s_member(answer, "more", json_false())));
}

void http_rooms_take(http_request_t *request) {
    static const http_ask_calls_t calls = {NULL, s_on_rooms, http_ask_failed};
    const http_route_t *route = &request->route;
    if (!http_lease(request))
        return;
    json_t *question = json_pack("{s:s}", "op", "rooms");
    if (http_has(route, HTTP_Q_PREFIX))
        json_object_set_new(question, "prefix", json_string(route->prefix));
    if (http_has(route, HTTP_Q_AFTER))
        json_object_set_new(question, "after", json_string(route->after_room));
    if (http_has(route, HTTP_Q_LIMIT))
        json_object_set_new(question, "limit", json_integer((json_int_t)route->limit));
    s_ask(request, question, &calls);
}

/* --- Users: all pages together, as many as a broker has sessions --- */

typedef struct {
    json_t *users, *first; /* the first page has the counts */
} http_who_t;

static void s_ask_who(http_request_t *request, const char *after);

static void s_close_who(http_request_t *request) {
    http_who_t *own = request->own;
    json_decref(own->users);
    json_decref(own->first);
}

static void s_answer_who(http_request_t *request) {
    http_who_t *own = request->own;
    json_t *object = json_pack("{s:s, s:o, s:o, s:o, s:O}", "room", request->route.room, "count",
        s_member(own->first, "count", json_integer(0)), "silent", s_member(own->first, "silent", json_integer(0)),
        "version", s_member(own->first, "version", json_integer(0)), "users", own->users);
    http_answer_json(request, 200, NULL, object);
}

static void s_on_who(void *ctx, const json_t *answer) {
    http_request_t *request = ctx;
    http_who_t *own = request->own;
    json_t *page = json_object_get(answer, "users");
    size_t count = json_array_size(page);
    request->ask = NULL;
    if (!own->first)
        own->first = json_deep_copy(answer);
    json_array_extend(own->users, page);
    const char *last = json_string_value(json_object_get(json_array_get(page, count ? count - 1 : 0), "nick"));
    if (json_is_true(json_object_get(answer, "more")) && last)
        s_ask_who(request, last);
    else
        s_answer_who(request);
}

static void s_ask_who(http_request_t *request, const char *after) {
    static const http_ask_calls_t calls = {NULL, s_on_who, http_ask_failed};
    json_t *question = json_pack("{s:s, s:s}", "op", "who", "room", request->route.room);
    if (after)
        json_object_set_new(question, "after", json_string(after));
    http_wait(request);
    s_ask(request, question, &calls);
}

void http_who_take(http_request_t *request) {
    http_who_t *own = request->own = fatal_calloc(sizeof *own);
    own->users = json_array();
    request->close = s_close_who;
    if (http_lease(request))
        s_ask_who(request, NULL);
}
