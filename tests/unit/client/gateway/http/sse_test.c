#include "sse.h"

#include <stdio.h>

#include "unit.h"

#define EPOCH 0x8f3a6c01d2e4b597

static zr_buffer_t s_out;

static zr_entry_t s_entry(zr_span_t body) {
    return (zr_entry_t){.seq = 7, .time = 1700000000000001, .sender = zr_span("ann"), .body = body};
}

static void s_expect(const char *text) {
    ck_assert_span_eq(zr_span_of(s_out.data, s_out.len), zr_span(text));
    zr_buffer_clear(&s_out);
}

static void s_expect_body(zr_span_t body, const char *lines) {
    char text[512];
    zr_entry_t entry = s_entry(body);
    sse_entry(&s_out, zr_span("logs"), EPOCH, &entry, HTTP_FORMAT_BODY);
    snprintf(text, sizeof text, "id: 8f3a6c01d2e4b597:7\n%s\n", lines);
    s_expect(text);
}

TEST(test_json_is_what_the_command_line_writes) {
    zr_entry_t entry = s_entry(LIT("a\nb"));
    sse_entry(&s_out, zr_span("logs"), EPOCH, &entry, HTTP_FORMAT_DEFAULT);
    s_expect("id: 8f3a6c01d2e4b597:7\ndata: {\"room\":\"logs\",\"seq\":7,\"time\":1700000000000001,\"sender\":\"ann\","
             "\"body\":\"a\\nb\"}\n\n");
    entry.key = zr_span("k");
    entry.flags = ZR_ENTRY_DELETE;
    sse_json_line(&s_out, zr_span("logs"), &entry);
    s_expect("{\"room\":\"logs\",\"seq\":7,\"time\":1700000000000001,\"sender\":\"ann\",\"key\":\"k\","
             "\"deleted\":true}\n");
    entry = s_entry(LIT("\xff"));
    sse_json_line(&s_out, zr_span("logs"), &entry);
    s_expect("{\"room\":\"logs\",\"seq\":7,\"time\":1700000000000001,\"sender\":\"ann\",\"body_base64\":\"/w==\"}\n");
}

TEST(test_bodies_keep_their_lines) {
    s_expect_body(LIT("hello"), "data: hello\n");
    s_expect_body(LIT(""), "data: \n");
    s_expect_body(LIT("a\nb"), "data: a\ndata: b\n");
    s_expect_body(LIT("a\n"), "data: a\ndata: \n");
    s_expect_body(LIT("\n\n"), "data: \ndata: \ndata: \n");
    s_expect_body(LIT(" a: b"), "data:  a: b\n");
    s_expect_body(LIT("id: x\n\nevent: y"), "data: id: x\ndata: \ndata: event: y\n");
}

TEST(test_bodies_that_are_no_lines) {
    s_expect_body(LIT("a\rb"), "event: base64\ndata: YQ1i\n");
    s_expect_body(LIT("a\0b"), "event: base64\ndata: YQBi\n");
    s_expect_body(LIT("\xff"), "event: base64\ndata: /w==\n");
}

TEST(test_a_deletion) {
    zr_entry_t entry = s_entry(LIT(""));
    entry.key = zr_span("topic");
    entry.flags = ZR_ENTRY_DELETE;
    sse_entry(&s_out, zr_span("logs"), EPOCH, &entry, HTTP_FORMAT_BODY);
    s_expect("id: 8f3a6c01d2e4b597:7\nevent: deleted\ndata: topic\n\n");
}

TEST(test_other_events) {
    sse_event(&s_out, "lost", EPOCH, 9, "{\"after\":7}");
    s_expect("id: 8f3a6c01d2e4b597:9\nevent: lost\ndata: {\"after\":7}\n\n");
    sse_event(&s_out, "offline", 0, 0, "{}");
    s_expect("event: offline\ndata: {}\n\n");
    sse_comment(&s_out, "alive");
    s_expect(": alive\n\n");
}

UNIT_SUITE("client.gateway.http.sse")
