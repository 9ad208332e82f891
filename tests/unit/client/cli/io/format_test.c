#include "format.h"

#include <jansson.h>

#include "unit.h"

static zrelay_event_t s_event(const void *body, size_t len) {
    return (zrelay_event_t){.type = ZRELAY_ENTRY,
        .room = "logs",
        .sender = "ann",
        .seq = 7,
        .time = 1700000000000001,
        .body = body,
        .body_len = len};
}

static void s_expect(zr_buffer_t *out, const char *text) {
    zr_buffer_u8(out, '\0');
    ck_assert_str_eq((const char *)out->data, text);
    zr_buffer_finish(out);
}

TEST(test_raw_is_byte_for_byte) {
    zr_buffer_t out = {0};
    zrelay_event_t event = s_event("\0\033\377", 3);
    ck_assert(format_entry(&out, &event, FORMAT_RAW));
    ck_assert_uint_eq(out.len, 4);
    ck_assert_mem_eq(out.data, "\0\033\377\n", 4);
    zr_buffer_finish(&out);
}

TEST(test_terminals_are_safe) {
    zr_buffer_t out = {0};
    zrelay_event_t event = s_event("a\033[2Jb\nc", 8);
    ck_assert(format_entry(&out, &event, FORMAT_SAFE));
    s_expect(&out, "a\\x1b[2Jb\\x0ac\n");
    ck_assert(format_entry(&out, &event, FORMAT_PREFIX));
    s_expect(&out, "logs: a\\x1b[2Jb\\x0ac\n");
}

TEST(test_json) {
    zr_buffer_t out = {0};
    zrelay_event_t event = s_event("h\"i\n\xc3\xa4", 6);
    ck_assert(format_entry(&out, &event, FORMAT_JSON));
    s_expect(&out, "{\"room\":\"logs\",\"seq\":7,\"time\":1700000000000001,\"sender\":\"ann\",\"body\":"
                   "\"h\\\"i\\n\xc3\xa4\"}\n");
    event = s_event("\377x", 2);
    event.key = "k";
    ck_assert(format_entry(&out, &event, FORMAT_JSON));
    s_expect(&out, "{\"room\":\"logs\",\"seq\":7,\"time\":1700000000000001,\"sender\":\"ann\",\"key\":\"k\","
                   "\"body_base64\":\"/3g=\"}\n");
    event.ttl = 10000;
    ck_assert(format_entry(&out, &event, FORMAT_JSON));
    s_expect(&out, "{\"room\":\"logs\",\"seq\":7,\"time\":1700000000000001,\"sender\":\"ann\",\"key\":\"k\","
                   "\"ttl\":10000,\"body_base64\":\"/3g=\"}\n");
    event = s_event(NULL, 0);
    event.key = "k";
    event.deleted = true;
    ck_assert(format_entry(&out, &event, FORMAT_JSON));
    s_expect(&out, "{\"room\":\"logs\",\"seq\":7,\"time\":1700000000000001,\"sender\":\"ann\",\"key\":\"k\","
                   "\"deleted\":true}\n");
    event = s_event(NULL, 0);
    ck_assert(format_entry(&out, &event, FORMAT_JSON));
    s_expect(&out, "{\"room\":\"logs\",\"seq\":7,\"time\":1700000000000001,\"sender\":\"ann\",\"body\":\"\"}\n");
}

TEST(test_json_strings) {
    zr_buffer_t out = {0};
    zrelay_event_t event = s_event("\b\f\n\r\t\\\"/\0\x1f", 10);
    event.room = "\"";
    event.sender = "\xff"; /* no broker of ours; the line is JSON all the same */
    event.seq = 0;
    event.time = UINT64_MAX;
    ck_assert(format_entry(&out, &event, FORMAT_JSON));
    s_expect(&out, "{\"room\":\"\\\"\",\"seq\":0,\"time\":18446744073709551615,\"sender\":\"\",\"body\":"
                   "\"\\b\\f\\n\\r\\t\\\\\\\"/\\u0000\\u001F\"}\n");
}

/* Any body comes back from the JSON line. */
TEST(test_json_of_every_byte) {
    for (int byte = 0; byte < 256; byte++) {
        char body[2] = {(char)byte, 'x'};
        zr_buffer_t out = {0};
        zrelay_event_t event = s_event(body, 2);
        format_entry(&out, &event, FORMAT_JSON);
        ck_assert_ptr_eq(memchr(out.data, '\n', out.len), out.data + out.len - 1);
        json_t *object = json_loadb((const char *)out.data, out.len, JSON_ALLOW_NUL, NULL);
        ck_assert_ptr_nonnull(object);
        json_t *text = json_object_get(object, "body");
        ck_assert_int_eq(text != NULL, byte < 128);
        if (text) {
            ck_assert_uint_eq(json_string_length(text), 2);
            ck_assert_mem_eq(json_string_value(text), body, 2);
        }
        json_decref(object);
        zr_buffer_finish(&out);
    }
}

TEST(test_deletions_are_not_text) {
    zr_buffer_t out = {0};
    zrelay_event_t event = s_event(NULL, 0);
    event.key = "k";
    event.deleted = true;
    ck_assert(!format_entry(&out, &event, FORMAT_RAW));
    ck_assert(!format_entry(&out, &event, FORMAT_PREFIX));
    ck_assert_uint_eq(out.len, 0);
    format_state(&out, &event, FORMAT_SAFE);
    s_expect(&out, "k\n");
    event = s_event("v\t", 2);
    event.key = "k";
    format_state(&out, &event, FORMAT_RAW);
    s_expect(&out, "k=v\t\n");
    format_state(&out, &event, FORMAT_SAFE);
    s_expect(&out, "k=v\\x09\n");
}

TEST(test_base64) {
    static const char *const cases[][2] = {{"\xff", "/w=="}, {"\xff\xff", "//8="}, {"\xff\xff\xff", "////"},
        {"\xff\xff\xff"
         "f",
            "////Zg=="}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        zr_buffer_t out = {0}, expected = {0};
        zrelay_event_t event = s_event(cases[i][0], strlen(cases[i][0]));
        ck_assert(format_entry(&out, &event, FORMAT_JSON));
        zr_buffer_printf(&expected, "\"body_base64\":\"%s\"}\n%c", cases[i][1], '\0');
        zr_buffer_u8(&out, 0);
        ck_assert_ptr_nonnull(strstr((const char *)out.data, (const char *)expected.data));
        zr_buffer_finish(&out);
        zr_buffer_finish(&expected);
    }
}

TEST(test_notes) {
    zr_buffer_t out = {0};
    zrelay_event_t lost = {.type = ZRELAY_LOST, .room = "logs", .seq = 3, .upto = 9};
    ck_assert(format_note(&out, &lost, false));
    s_expect(&out, "logs: messages after seq 3 and up to 9 are lost");
    zrelay_event_t gap = {.type = ZRELAY_GAP, .room = "logs", .seq = 3};
    ck_assert(!format_note(&out, &gap, false));
    ck_assert(format_note(&out, &gap, true));
    zr_buffer_clear(&out);
    zrelay_event_t refused = {.type = ZRELAY_REFUSED, .code = "conflict", .text = "newer", .seq = 5};
    ck_assert(format_note(&out, &refused, false));
    s_expect(&out, "refused: newer (at seq 5) [conflict]");
    size_t told = 0;
    for (uint64_t count = 1; count <= 1000; count++) {
        zrelay_event_t forgotten = {.type = ZRELAY_FORGOTTEN, .room = "logs", .seq = 3, .count = count};
        told += format_note(&out, &forgotten, false);
        zr_buffer_clear(&out);
        ck_assert(format_note(&out, &forgotten, true));
        zr_buffer_clear(&out);
    }
    ck_assert_uint_eq(told, 10);
    zrelay_event_t none = {.type = ZRELAY_ACKED};
    ck_assert(!format_note(&out, &none, true));
    zr_buffer_finish(&out);
}

TEST(test_progress) {
    zr_buffer_t out = {0};
    format_progress(&out, 3000, 2000, 1500);
    s_expect(&out, "3000 messages, 2000/s, 2000 acked");
    format_progress(&out, 1, 0, 0);
    s_expect(&out, "1 message, 0/s, 0 acked");
    format_acked(&out, 3, ZRELAY_LEVEL_DISK);
    s_expect(&out, "3 messages acked, on disk");
    format_acked(&out, 3, ZRELAY_LEVEL_REPLICATED);
    s_expect(&out, "3 messages acked, on disk of several machines");
    format_acked(&out, 1, ZRELAY_LEVEL_MEMORY);
    s_expect(&out, "1 message acked, in memory only");
    format_acked(&out, 2, ZRELAY_LEVEL_NONE);
    s_expect(&out, "2 messages acked, relayed and not kept");
}

/* JSON goes to terminals too. */
TEST(test_json_is_safe_to_show) {
    zr_buffer_t out = {0};
    static const char body[] = "\x1b[2J \x7f \xc2\x9b"
                               "31m \xe2\x80\xae \xe2\x80\xa8 \xc3\xa4 \xf0\x9f\x98\x80";
    zrelay_event_t event = {
        .type = ZRELAY_ENTRY, .room = "r\xc2\x9b", .sender = "ann\x7f", .body = body, .body_len = sizeof body - 1};
    zr_buffer_append(&out, "before\xc2\x9b", 8); /* is not its own */
    format_entry(&out, &event, FORMAT_JSON);
    zr_buffer_u8(&out, '\0');
    ck_assert_str_eq((const char *)out.data,
        "before\xc2\x9b{\"room\":\"r\\u009B\",\"seq\":0,\"time\":0,\"sender\":\"ann\\u007F\",\"body\":"
        "\"\\u001B[2J \\u007F \\u009B"
        "31m \\u202E \\u2028 \xc3\xa4 \xf0\x9f\x98\x80\"}\n");
    zr_buffer_finish(&out);
}

TEST(test_why_the_broker_is_gone) {
    static const struct {
        zrelay_event_t event;
        const char *says;
    } cases[] = {
        {{.text = "silent"}, "lost the broker (silent); trying again"},
        {{.text = NULL}, "lost the broker (no answer); trying again"},
        {{.code = "kicked", .text = "kicked"}, "kicked by an operator; connecting again"},
        {{.code = "banned", .text = "banned"}, "banned by an operator; trying again in a while"},
        {{.code = "shutdown", .text = "shutdown"}, "lost the broker: it is shutting down; trying again"},
        {{.code = "new", .text = "new"}, "lost the broker (new); trying again"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        zr_buffer_t out = {0};
        zrelay_event_t event = cases[i].event;
        event.type = ZRELAY_DISCONNECTED;
        ck_assert(format_note(&out, &event, false));
        ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span(cases[i].says));
        zr_buffer_finish(&out);
    }
}

UNIT_SUITE("client.cli.format")
