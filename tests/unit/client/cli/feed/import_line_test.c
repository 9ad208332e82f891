#include "import_line.h"

#include "format.h"
#include "unit.h"

static import_t s_good(zr_span_t line, const char *room) {
    import_t entry;
    zr_error_t error = {0};
    bool good = import_parse(&entry, unit_at_edge(line), room, &error);
    ck_assert_msg(good, "%.*s: %s", (int)line.len, line.ptr, error.text);
    ck_assert_uint_eq(error.len, 0);
    return entry;
}

static void s_wrong(zr_span_t line, const char *says) {
    import_t entry;
    zr_error_t error = {0};
    ck_assert_msg(!import_parse(&entry, unit_at_edge(line), NULL, &error), "%.*s", (int)line.len, line.ptr);
    ck_assert_msg(strstr(error.text, says), "'%s' has no '%s'", error.text, says);
}

TEST(test_entries) {
    import_t entry = s_good(
        LIT("{\"room\":\"r/1\",\"seq\":7,\"time\":1,\"sender\":\"ann\",\"body\":\"a\\u0000\\n\xc3\xa4\"}"), NULL);
    ck_assert_str_eq(entry.room, "r/1");
    ck_assert_ptr_null(entry.key);
    ck_assert(!entry.deleted);
    ck_assert_span_eq(entry.body, LIT("a\0\n\xc3\xa4"));
    import_finish(&entry);
    entry =
        s_good(LIT(" {\"body_base64\":\"/3g=\",\"key\":\"k\",\"room\":\"r\",\"deleted\":false,\"more\":[1]}\r"), NULL);
    ck_assert_str_eq(entry.key, "k");
    ck_assert_span_eq(entry.body, LIT("\377x"));
    import_finish(&entry);
    entry = s_good(LIT("{\"room\":\"r\",\"key\":\"k\",\"deleted\":true}"), NULL);
    ck_assert(entry.deleted);
    import_finish(&entry);
    entry = s_good(LIT("{\"room\":\"r\",\"key\":\"k\",\"ttl\":10000,\"body\":\"x\"}"), NULL);
    ck_assert_uint_eq(entry.ttl, 10000);
    import_finish(&entry);
    entry = s_good(LIT("{\"room\":\"r\",\"body\":\"\"}"), NULL);
    ck_assert_uint_eq(entry.ttl, 0);
    ck_assert_uint_eq(entry.body.len, 0);
    import_finish(&entry);
    entry = s_good(LIT("{\"room\":\"r\",\"body_base64\":\"\"}"), NULL);
    ck_assert_uint_eq(entry.body.len, 0);
    import_finish(&entry);
}

TEST(test_blank_lines) {
    static const char *const lines[] = {"", " ", "\t", "\r", " \t \r"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        import_t entry = s_good(zr_span(lines[i]), "room");
        ck_assert_ptr_null(entry.room);
        import_finish(&entry);
    }
}

TEST(test_another_room) {
    import_t entry = s_good(LIT("{\"room\":\"r\",\"body\":\"x\"}"), "other");
    ck_assert_str_eq(entry.room, "other");
    import_finish(&entry);
    entry = s_good(LIT("{\"body\":\"x\"}"), "other");
    ck_assert_str_eq(entry.room, "other");
    import_finish(&entry);
}

TEST(test_what_is_printed_can_be_read) {
    char body[300];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i * 7);
    for (size_t len = 0; len <= sizeof body; len++) {
        zr_buffer_t line = {0};
        zrelay_event_t event = {.type = ZRELAY_ENTRY, .room = "r", .sender = "ann", .body = body, .body_len = len};
        format_entry(&line, &event, FORMAT_JSON);
        import_t entry = s_good(zr_span_of(line.data, line.len - 1), NULL);
        ck_assert_span_eq(entry.body, zr_span_of(body, len));
        import_finish(&entry);
        zr_buffer_finish(&line);
    }
}

TEST(test_mistakes) {
    s_wrong(LIT("{\"room\":\"r\",\"ttl\":5,\"body\":\"x\"}"), "\"ttl\"");
    s_wrong(LIT("{\"room\":\"r\",\"key\":\"k\",\"ttl\":0,\"body\":\"x\"}"), "\"ttl\"");
    s_wrong(LIT("{\"room\":\"r\",\"key\":\"k\",\"ttl\":\"5s\",\"body\":\"x\"}"), "\"ttl\"");
    s_wrong(LIT("{\"room\":\"r\",\"key\":\"k\",\"ttl\":5,\"deleted\":true}"), "\"ttl\"");
    s_wrong(LIT("x"), "no JSON");
    s_wrong(LIT("hello"), "no JSON");
    s_wrong(LIT("{\"room\":\"r\",\"body\":\"x\"} {}"), "no JSON");
    s_wrong(LIT("{\"room\":\"r\",\"body\":\"x\""), "no JSON");
    s_wrong(LIT("{\"room\":\"r\",\"body\":\"\xff\"}"), "no JSON");
    s_wrong(LIT("{\"room\":\"r\",\"body\":\"x\",\"body\":\"y\"}"), "duplicate");
    s_wrong(LIT("[1]"), "object");
    s_wrong(LIT("{\"body\":\"x\"}"), "--room");
    s_wrong(LIT("{\"room\":7,\"body\":\"x\"}"), "\"room\" is no string");
    s_wrong(LIT("{\"room\":\"a b\",\"body\":\"x\"}"), "'a b'");
    s_wrong(LIT("{\"room\":\"r\\u0000\",\"body\":\"x\"}"), "\"room\"");
    s_wrong(LIT("{\"room\":\"r\",\"key\":\"\",\"body\":\"x\"}"), "\"key\"");
    s_wrong(LIT("{\"room\":\"r\",\"key\":null,\"body\":\"x\"}"), "\"key\"");
    s_wrong(LIT("{\"room\":\"r\"}"), "\"body\"");
    s_wrong(LIT("{\"room\":\"r\",\"body\":1}"), "\"body\"");
    s_wrong(LIT("{\"room\":\"r\",\"body\":\"x\",\"body_base64\":\"\"}"), "\"body\"");
    s_wrong(LIT("{\"room\":\"r\",\"deleted\":true}"), "\"deleted\"");
    s_wrong(LIT("{\"room\":\"r\",\"key\":\"k\",\"deleted\":true,\"body\":\"x\"}"), "\"deleted\"");
    s_wrong(LIT("{\"room\":\"r\",\"key\":\"k\",\"deleted\":1}"), "\"deleted\"");
    s_wrong(LIT("{\"room\":\"r\",\"body_base64\":\"/3g\"}"), "base64");
    s_wrong(LIT("{\"room\":\"r\",\"body_base64\":\"/3g==\"}"), "base64");
    s_wrong(LIT("{\"room\":\"r\",\"body_base64\":\"/3h=\"}"), "base64");
    s_wrong(LIT("{\"room\":\"r\",\"body_base64\":\"/3 g\"}"), "base64");
    s_wrong(LIT("{\"room\":\"r\",\"body_base64\":\"a\"}"), "base64");
}

UNIT_SUITE("client.cli.import")
