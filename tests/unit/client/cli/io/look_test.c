#include "look.h"

#include "unit.h"

static const zrelay_event_t s_event = {.type = ZRELAY_ENTRY,
    .room = "r/1",
    .sender = "ann",
    .key = "k",
    .body = "a\033b",
    .body_len = 3,
    .seq = 7,
    .time = 1795169730000009};

#define SHOWS(look, text)                                                                                              \
    do {                                                                                                               \
        zr_buffer_t out = {0};                                                                                         \
        ck_assert(look_entry(look, &s_event, &out));                                                                   \
        ck_assert_span_eq(zr_span_of(out.data, out.len), LIT(text));                                                   \
        zr_buffer_finish(&out);                                                                                        \
    } while (0)

TEST(test_fields) {
    SHOWS((&(look_t){.format = FORMAT_RAW, .end = '\n', .layout = "%r %s %t %T %n %k %l %b %%"}),
        "r/1 7 2026-11-20T10:15:30.000009Z 1795169730000009 ann k 3 a\033b %\n");
    SHOWS((&(look_t){.format = FORMAT_SAFE, .end = '\n', .layout = "%b\\t\\x41\\\\\\n"}), "a\\x1bb\tA\\\n\n");
    SHOWS((&(look_t){.format = FORMAT_PREFIX, .end = '\0', .layout = ""}), "\0");
}

TEST(test_ends) {
    SHOWS((&(look_t){.format = FORMAT_RAW, .end = '\0'}), "a\033b\0");
    SHOWS((&(look_t){.format = FORMAT_PREFIX, .end = ';'}), "r/1: a\\x1bb;");
}

/* A hostile broker's names and times. */
TEST(test_hostile) {
    zrelay_event_t event = {.type = ZRELAY_ENTRY, .room = "\033[2J\n", .time = UINT64_MAX};
    look_t look = {.format = FORMAT_RAW, .end = '\n', .layout = "%r%n%k%b %t"};
    zr_buffer_t out = {0};
    ck_assert(look_entry(&look, &event, &out));
    zr_buffer_u8(&out, '\0');
    ck_assert_ptr_null(strchr((const char *)out.data, '\033'));
    ck_assert_int_eq(strncmp((const char *)out.data, "\\x1b[2J\\x0a ", 12), 0);
    zr_buffer_finish(&out);
}

TEST(test_deletions_are_not_text) {
    zrelay_event_t event = {.type = ZRELAY_ENTRY, .room = "r", .key = "k", .deleted = true};
    zr_buffer_t out = {0};
    ck_assert(!look_entry(&(look_t){.format = FORMAT_RAW, .layout = "%k"}, &event, &out));
    ck_assert_uint_eq(out.len, 0);
    ck_assert(look_entry(&(look_t){.format = FORMAT_JSON}, &event, &out));
    zr_buffer_finish(&out);
}

UNIT_SUITE("client.cli.look")
