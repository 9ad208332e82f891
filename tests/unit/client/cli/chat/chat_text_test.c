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

TEST(test_widths) {
    ck_assert_uint_eq(chat_text_width(zr_span("")), 0);
    ck_assert_uint_eq(chat_text_width(zr_span("abc")), 3);
    ck_assert_uint_eq(chat_text_width(zr_span("a\tb")), 4);
    ck_assert_uint_eq(chat_text_width(zr_span("\xff")), 1);
    if (setlocale(LC_CTYPE, "C.UTF-8")) {
        ck_assert_uint_eq(chat_text_width(zr_span("\xc3\xa4")), 1);
        ck_assert_uint_eq(chat_text_width(zr_span("\xe6\xbc\xa2")), 2);
        ck_assert_uint_eq(chat_text_width(zr_span("e\xcc\x81")), 1);
    }
}

UNIT_SUITE("client.cli.chat_text")
