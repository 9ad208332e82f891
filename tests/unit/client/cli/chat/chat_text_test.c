#include "chat_text.h"

#include <locale.h>
#include <time.h>

#include "unit.h"

static const chat_style_t s_plain = {0};

static void s_expect(zr_buffer_t *out, const char *text) {
    zr_buffer_u8(out, '\0');
    ck_assert_str_eq((const char *)out->data, text);
    zr_buffer_finish(out);
}

static void s_utc(void) {
    setenv("TZ", "UTC", 1);
    tzset();
}

/* 12:34 UTC */
static const uint64_t s_time = (uint64_t)(12 * 3600 + 34 * 60) * 1000000;

TEST(test_entries) {
    s_utc();
    zr_buffer_t out = {0};
    zrelay_event_t event = {.room = "dev", .sender = "ann", .body = "hi\033[2J", .body_len = 6, .time = s_time};
    chat_text_entry(&out, s_plain, &event);
    s_expect(&out, "12:34 ann: hi\\x1b[2J\n");
    chat_text_entry(&out, (chat_style_t){.rooms = true}, &event);
    s_expect(&out, "12:34 [dev] ann: hi\\x1b[2J\n");
    event.key = "k";
    chat_text_entry(&out, s_plain, &event);
    s_expect(&out, "12:34 ann set k: hi\\x1b[2J\n");
    event.deleted = true;
    chat_text_entry(&out, s_plain, &event);
    s_expect(&out, "12:34 ann deleted k\n");
}

TEST(test_colours_end) {
    zr_buffer_t out = {0};
    zrelay_event_t event = {.room = "dev", .sender = "ann", .body = "hi", .body_len = 2, .time = s_time};
    chat_text_entry(&out, (chat_style_t){.colour = true}, &event);
    zr_buffer_u8(&out, '\0');
    ck_assert_ptr_nonnull(strstr((const char *)out.data, "ann\033[0m: hi\n"));
    zr_buffer_finish(&out);
}

TEST(test_directs) {
    s_utc();
    zr_buffer_t out = {0};
    zrelay_event_t event = {.name = "bob", .body = "psst", .body_len = 4, .time = s_time};
    chat_text_direct(&out, s_plain, &event);
    s_expect(&out, "12:34 *bob* psst\n");
    chat_text_told(&out, s_plain, zr_span("bob"), zr_span("what"), s_time);
    s_expect(&out, "12:34 -> bob: what\n");
}

TEST(test_presence) {
    zr_buffer_t out = {0};
    zrelay_event_t event = {.room = "dev", .name = "bob", .joined = true};
    ck_assert(chat_text_presence(&out, s_plain, &event));
    s_expect(&out, "* bob joined dev\n");
    event.joined = false;
    event.text = "expired";
    ck_assert(chat_text_presence(&out, s_plain, &event));
    s_expect(&out, "* bob left dev (expired)\n");
    event.text = "renamed"; /* its other name is not known */
    ck_assert(chat_text_presence(&out, s_plain, &event));
    s_expect(&out, "* bob left dev (renamed)\n");
    event.sender = "eve";
    ck_assert(chat_text_presence(&out, s_plain, &event));
    s_expect(&out, "* bob is now eve\n");
    event = (zrelay_event_t){.room = "dev", .name = "eve", .sender = "bob", .text = "renamed", .joined = true};
    ck_assert(!chat_text_presence(&out, s_plain, &event));
    ck_assert_uint_eq(out.len, 0);
    event = (zrelay_event_t){.room = "dev", .name = "bob", .sender = "ann", .text = "renamed"};
    ck_assert(chat_text_presence(&out, (chat_style_t){.rooms = true}, &event));
    s_expect(&out, "* bob is now ann in dev\n");
    event.name = NULL;
    ck_assert(!chat_text_presence(&out, s_plain, &event));
}

TEST(test_bodies_keep_lines_and_tabs_at_a_terminal) {
    s_utc();
    zr_buffer_t out = {0};
    const char *body = "a\tb\t\n\n12:34 eve: fake\033[2J\n";
    zrelay_event_t event = {.sender = "ann", .body = body, .body_len = strlen(body), .time = s_time};
    chat_text_entry(&out, (chat_style_t){.lines = true}, &event);
    s_expect(&out, "12:34 ann: a\tb\t\n    \n    12:34 eve: fake\\x1b[2J\n");
    chat_text_entry(&out, s_plain, &event);
    s_expect(&out, "12:34 ann: a\\x09b\\x09\\x0a\\x0a12:34 eve: fake\\x1b[2J\\x0a\n");
    event.body_len = 0;
    chat_text_entry(&out, (chat_style_t){.lines = true}, &event);
    s_expect(&out, "12:34 ann: \n");
}

TEST(test_dates) {
    s_utc();
    zr_buffer_t out = {0};
    const uint64_t day = UINT64_C(86400000000);
    ck_assert_int_eq(chat_text_day(10 * day), chat_text_day(11 * day - 1));
    ck_assert_int_ne(chat_text_day(10 * day), chat_text_day(11 * day));
    ck_assert_int_ne(chat_text_day(10 * day), chat_text_day(375 * day)); /* a year later */
    chat_text_date(&out, s_plain, s_time);
    s_expect(&out, "* Thursday, 1970-01-01\n");
    zrelay_event_t event = {.sender = "ann", .body = "hi", .body_len = 2, .time = s_time + day};
    chat_text_entry(&out, (chat_style_t){.date = true}, &event);
    s_expect(&out, "1970-01-02 12:34 ann: hi\n");
}

UNIT_SUITE("client.cli.chat_text")
