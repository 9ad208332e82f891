#include "http_route.h"

#include <stdio.h>

#include "unit.h"

static http_route_t s_read(zr_span_t target) {
    http_route_t route;
    http_problem_t problem;
    ck_assert_msg(http_route_read(&route, unit_at_edge(target), &problem), "%.*s: %s", (int)target.len, target.ptr,
        problem.detail);
    return route;
}

/* The status of the refusal. */
static unsigned s_refused(zr_span_t target) {
    http_route_t route;
    http_problem_t problem;
    ck_assert_msg(
        !http_route_read(&route, unit_at_edge(target), &problem), "%.*s is taken", (int)target.len, target.ptr);
    ck_assert_uint_gt(strlen(problem.detail), 0);
    return http_problem_status(&problem);
}

TEST(test_each_resource) {
    static const struct {
        const char *target;
        http_resource_t resource;
    } cases[] = {
        {"/", HTTP_PAGE},
        {"/style.css", HTTP_PAGE},
        {"/v10", HTTP_PAGE},
        {"/healthz", HTTP_HEALTH},
        {"/metrics", HTTP_METRICS},
        {"/v1/ws", HTTP_WS},
        {"/v1/rooms", HTTP_ROOMS},
        {"/v1/rooms/lobby", HTTP_ROOM},
        {"/v1/rooms/lobby/ws", HTTP_ROOM_WS},
        {"/v1/rooms/lobby/events", HTTP_EVENTS},
        {"/v1/rooms/lobby/who", HTTP_WHO},
        {"/v1/rooms/lobby/state", HTTP_STATE},
        {"/v1/rooms/lobby/state/topic", HTTP_STATE_KEY},
        {"http://relay.example/v1/rooms/lobby", HTTP_ROOM},
        {"https://relay.example", HTTP_PAGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        http_route_t route = s_read(zr_span(cases[i].target));
        ck_assert_msg(route.resource == cases[i].resource, "%s", cases[i].target);
    }
}

TEST(test_a_room_is_one_segment) {
    ck_assert_str_eq(s_read(zr_span("/v1/rooms/metrics%2Fcpu")).room, "metrics/cpu");
    ck_assert_str_eq(s_read(zr_span("/v1/rooms/metrics%2fevents/events")).room, "metrics/events");
    ck_assert_str_eq(s_read(zr_span("/v1/rooms/events/events")).room, "events");
    ck_assert_str_eq(s_read(zr_span("/v1/rooms/100%25")).room, "100%");
    ck_assert_str_eq(s_read(zr_span("/v1/rooms/%2541")).room, "%41"); /* decoded once */
    ck_assert_str_eq(s_read(zr_span("/v1/rooms/caf%C3%A9")).room, "caf\xc3\xa9");
    ck_assert_str_eq(s_read(zr_span("/v1/rooms/a+b")).room, "a+b"); /* a plus is a plus in a path */
    ck_assert_str_eq(s_read(zr_span("/v1/rooms/a.b..c")).room, "a.b..c");
    http_route_t route = s_read(zr_span("/v1/rooms/a%2Fb/state/c%2Fd%3F"));
    ck_assert_str_eq(route.room, "a/b");
    ck_assert_str_eq(route.key, "c/d?");
    ck_assert_uint_eq(s_refused(zr_span("/v1/rooms/metrics/cpu")), 404);
    ck_assert_uint_eq(s_refused(zr_span("/v1/rooms/lobby/state/a/b")), 404);
}

TEST(test_paths_that_are_refused) {
    static const char *const bad[] = {"/v1/rooms/.", "/v1/rooms/..", "/v1/rooms/%2e%2E", "/v1/rooms/../ws",
        "/v1/rooms/lobby/state/%2E", "/v1/../v1/rooms", "/v1/rooms/%", "/v1/rooms/%4", "/v1/rooms/%zz",
        "/v1/rooms/a%00b", "/v1/rooms/%00", "/v1/rooms/a b", "/v1/rooms/a%20b", "/v1/rooms/%0a", "/v1/rooms/a*",
        "/v1/rooms/%ff", "/v1/rooms/", "/v1/rooms//events", "/v1/rooms/lobby/state/", "/v1/rooms/e%cc%81", "", "x",
        "v1/rooms", "*"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(s_refused(zr_span(bad[i])) == 400, "%s", bad[i]);
    static const char *const missing[] = {"/v1", "/v1/", "/v1/room", "/v1/ws/", "/v1/ws/x", "/v1/rooms/lobby/",
        "/v1/rooms/lobby/event", "/v1/rooms/lobby/who/x", "/v1/rooms/lobby/events/"};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        ck_assert_msg(s_refused(zr_span(missing[i])) == 404, "%s", missing[i]);
    ck_assert_uint_eq(s_refused(LIT("/v1/rooms/a\0b")), 400);
}

TEST(test_names_at_their_limits) {
    char target[HTTP_TARGET_MAX + 2];
    size_t len = (size_t)snprintf(target, sizeof target, "/v1/rooms/%.*s/state/%.*s", ZR_ROOM_MAX,
        unit_fill('r', ZR_ROOM_MAX).ptr, ZR_KEY_MAX, unit_fill('k', ZR_KEY_MAX).ptr);
    http_route_t route = s_read(zr_span_of(target, len));
    ck_assert_uint_eq(strlen(route.room), ZR_ROOM_MAX);
    ck_assert_uint_eq(strlen(route.key), ZR_KEY_MAX);
    target[len] = 'k';
    ck_assert_uint_eq(s_refused(zr_span_of(target, len + 1)), 400);
    len =
        (size_t)snprintf(target, sizeof target, "/v1/rooms/%.*s", ZR_ROOM_MAX + 1, unit_fill('r', ZR_ROOM_MAX + 1).ptr);
    ck_assert_uint_eq(s_refused(zr_span_of(target, len)), 400);
}

TEST(test_targets_at_their_limit) {
    static char target[HTTP_TARGET_MAX + 1];
    memset(target, 'x', sizeof target);
    target[0] = '/';
    s_read(zr_span_of(target, HTTP_TARGET_MAX));
    ck_assert_uint_eq(s_refused(zr_span_of(target, HTTP_TARGET_MAX + 1)), 400);
}

TEST(test_every_name_can_be_written_in_escapes) {
    for (int byte = 1; byte < 0x80; byte++) {
        char name[] = {'r', (char)byte, '\0'}, target[64];
        if (!zr_room_valid(zr_span(name)))
            continue;
        snprintf(target, sizeof target, "/v1/rooms/%%72%%%02X/who", (unsigned)byte);
        http_route_t route = s_read(zr_span(target));
        ck_assert_str_eq(route.room, name);
        ck_assert_int_eq(route.resource, HTTP_WHO);
    }
}

TEST(test_queries) {
    http_route_t route = s_read(zr_span("/v1/rooms/lobby?after=41&until=60&limit=10&format=json"));
    ck_assert_uint_eq(route.after.seq, 41);
    ck_assert(!route.after.has_epoch && http_has(&route, HTTP_Q_AFTER) && !http_has(&route, HTTP_Q_LAST));
    ck_assert_uint_eq(route.until, 60);
    ck_assert_uint_eq(route.limit, 10);
    ck_assert_int_eq(route.format, HTTP_FORMAT_JSON);
    route = s_read(zr_span("/v1/rooms/lobby/ws?format=nick&&nick=j%C3%BCrgen&"));
    ck_assert_int_eq(route.format, HTTP_FORMAT_NICK);
    ck_assert_str_eq(route.nick, "j\xc3\xbcrgen");
    route = s_read(zr_span("/v1/rooms/lobby/events?after=8f3a6c01d2e4b597%3A12"));
    ck_assert(route.after.has_epoch);
    ck_assert_uint_eq(route.after.epoch, 0x8f3a6c01d2e4b597);
    ck_assert_uint_eq(route.after.seq, 12);
    route = s_read(zr_span("/v1/rooms?prefix=metrics/&after=metrics/cpu&limit=2"));
    ck_assert_str_eq(route.prefix, "metrics/");
    ck_assert_str_eq(route.after_room, "metrics/cpu");
    route = s_read(zr_span("/anything?%zz"));
    ck_assert_int_eq(route.resource, HTTP_PAGE);
}

TEST(test_queries_that_are_refused) {
    static const char *const bad[] = {"after=x", "after=", "after", "after=-1", "after=1.5", "after=9007199254740992",
        "after=00000000000000000", "limit=0", "last=1&last=1", "last=1&after=1", "lsat=1", "prefix=a", "nick=a%20b",
        "nick=", "format=xml", "after=1%", "after=1%00", "%00=1", "limit=%31%zz", "after=8F3A6C01D2E4B597:1",
        "after=8f3a6c01d2e4b597:", "after=:1", "this-name-is-longer-than-all=1", "limit=+1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char target[128];
        snprintf(target, sizeof target, "/v1/rooms/lobby?%s", bad[i]);
        ck_assert_msg(s_refused(zr_span(target)) == 400, "%s", bad[i]);
    }
    ck_assert_uint_eq(s_refused(zr_span("/v1/rooms/lobby/who?limit=1")), 400);
    ck_assert_uint_eq(s_refused(zr_span("/healthz?x=1")), 400);
    ck_assert_uint_eq(s_refused(zr_span("/v1/rooms?after=a%20b")), 400);
}

TEST(test_positions) {
    char text[HTTP_POSITION_SIZE];
    size_t len = http_position_write(text, 0x1f, ZR_INT_MAX);
    ck_assert_str_eq(text, "000000000000001f:9007199254740991");
    ck_assert_uint_eq(len, strlen(text));
    http_position_t position;
    ck_assert(http_position_read(&position, zr_span(text)));
    ck_assert(position.has_epoch && position.epoch == 0x1f && position.seq == ZR_INT_MAX);
    position.seq = 7;
    ck_assert(!http_position_read(&position, zr_span("000000000000001f:9007199254740992")));
    ck_assert(!http_position_read(&position, zr_span("000000000000001f")));
    ck_assert(!http_position_read(&position, zr_span("000000000000001g:1")));
    ck_assert_uint_eq(position.seq, 7);
}

UNIT_SUITE("client.gateway.http.http_route")
