#include "search.h"
#include "unit.h"

static zr_buffer_t s_out;

static zr_span_t s_text(zr_span_t body) {
    search_text(&s_out, unit_at_edge(body));
    return zr_span_of(s_out.data, s_out.len);
}

TEST(test_what_is_indexed) {
    ck_assert_span_eq(s_text(LIT("")), LIT(""));
    ck_assert_span_eq(s_text(LIT("caf\xc3\xa9 \x1b[1m")), LIT("caf\xc3\xa9 \x1b[1m"));
    ck_assert_span_eq(s_text(LIT("caf\xe9 au lait")), LIT("caf\xEF\xBF\xBD au lait"));
    ck_assert_span_eq(s_text(LIT("\xff\xfe")), LIT("\xEF\xBF\xBD\xEF\xBF\xBD"));
    ck_assert_span_eq(s_text(LIT("end\xc3")), LIT("end\xEF\xBF\xBD"));
    ck_assert_span_eq(s_text(LIT("a\0b")), LIT(""));
    zr_buffer_finish(&s_out);
}

static const search_hit_t s_hit = {.room = {"general", 7},
    .sender = {"ann", 3},
    .snippet = {"a\x1b[2J\n\xc2\x9b\xe2\x80\xae", 11},
    .seq = 7,
    .time = 1795178189792942};

static zr_span_t s_line(const search_hit_t *hit) {
    zr_buffer_clear(&s_out);
    search_show_line(&s_out, hit);
    return zr_span_of(s_out.data, s_out.len);
}

static zr_span_t s_json(const search_hit_t *hit) {
    zr_buffer_clear(&s_out);
    search_show_json(&s_out, hit);
    return zr_span_of(s_out.data, s_out.len);
}

TEST(test_lines) {
    search_hit_t hit = s_hit;
    ck_assert_span_eq(s_line(&hit), LIT("general 7 2026-11-20T12:36:29Z ann a\\x1b[2J\\x0a\\u{009b}\\u{202e}\n"));
    hit.sender = hit.snippet = LIT("");
    hit.time = 0;
    ck_assert_span_eq(s_line(&hit), LIT("general 7 1970-01-01T00:00:00Z - \n"));
    hit.key = LIT("colour");
    hit.snippet = LIT("green");
    hit.time = UINT64_MAX;
    ck_assert_span_eq(s_line(&hit), LIT("general 7 586524-01-19T08:01:49Z - colour=green\n"));
    hit.snippet = LIT("");
    ck_assert_span_eq(s_line(&hit), LIT("general 7 586524-01-19T08:01:49Z - colour=\n"));
    hit.deleted = true;
    ck_assert_span_eq(s_line(&hit), LIT("general 7 586524-01-19T08:01:49Z - colour\n"));
    zr_buffer_finish(&s_out);
}

TEST(test_json) {
    search_hit_t hit = s_hit;
    ck_assert_span_eq(s_json(&hit), LIT("{\"room\":\"general\",\"seq\":7,\"time\":1795178189792942,\"sender\":\"ann\","
                                        "\"snippet\":\"a\\u001B[2J\\n\\u009B\\u202E\"}\n"));
    hit.key = LIT("k");
    hit.sender = LIT("\xff");
    hit.snippet = LIT("");
    ck_assert_span_eq(s_json(&hit), LIT("{\"room\":\"general\",\"seq\":7,\"time\":1795178189792942,\"sender\":\"\","
                                        "\"key\":\"k\",\"snippet\":\"\"}\n"));
    hit.deleted = true;
    ck_assert_span_eq(s_json(&hit), LIT("{\"room\":\"general\",\"seq\":7,\"time\":1795178189792942,\"sender\":\"\","
                                        "\"key\":\"k\",\"deleted\":true}\n"));
    zr_buffer_finish(&s_out);
}

/* 400 bytes are shown whole, of 401 the beginning, and no code point is cut. */
TEST(test_long_words) {
    search_hit_t hit = {.room = LIT("r"), .snippet = unit_fill('x', 400)};
    size_t head = strlen("r 0 1970-01-01T00:00:00Z - ");
    ck_assert_uint_eq(s_line(&hit).len, head + 400 + 1);
    hit.snippet = unit_fill('x', 401);
    zr_span_t line = s_line(&hit);
    ck_assert_uint_eq(line.len, head + 400 + strlen("…\n"));
    ck_assert_span_eq(zr_span_of(line.ptr + head + 399, 5), LIT("x…\n"));
    char text[402];
    memset(text, 'x', sizeof text);
    memcpy(text + 399, "\xc3\xa9", 2);
    hit.snippet = zr_span_of(text, sizeof text);
    ck_assert_uint_eq(s_line(&hit).len, head + 399 + strlen("…\n"));
    zr_buffer_finish(&s_out);
}

UNIT_SUITE("broker.store.search_show")
