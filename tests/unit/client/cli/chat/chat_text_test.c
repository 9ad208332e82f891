#include "chat_text.h"

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
    chat_text_entry(&out, s_plain, &event, false);
    s_expect(&out, "12:34 ann: hi\\x1b[2J\n");
    chat_text_entry(&out, (chat_style_t){.rooms = true}, &event, false);
    s_expect(&out, "12:34 [dev] ann: hi\\x1b[2J\n");
    event.key = "k";
    chat_text_entry(&out, s_plain, &event, false);
    s_expect(&out, "12:34 ann set k: hi\\x1b[2J\n");
    event.deleted = true;
    chat_text_entry(&out, s_plain, &event, false);
    s_expect(&out, "12:34 ann deleted k\n");
}

TEST(test_colours_end) {
    zr_buffer_t out = {0};
    zrelay_event_t event = {.room = "dev", .sender = "ann", .body = "hi", .body_len = 2, .time = s_time};
    chat_text_entry(&out, (chat_style_t){.colours = 8}, &event, false);
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

TEST(test_bodies_keep_lines_and_tabs_at_a_terminal) {
    s_utc();
    zr_buffer_t out = {0};
    const char *body = "a\tb\t\n\n12:34 eve: fake\033[2J\n";
    zrelay_event_t event = {.sender = "ann", .body = body, .body_len = strlen(body), .time = s_time};
    chat_text_entry(&out, (chat_style_t){.columns = 60}, &event, false);
    s_expect(&out, "12:34 ann: a\tb\t\n           \n           12:34 eve: fake\\x1b[2J\n");
    chat_text_entry(&out, s_plain, &event, false);
    s_expect(&out, "12:34 ann: a\\x09b\\x09\\x0a\\x0a12:34 eve: fake\\x1b[2J\\x0a\n");
    event.body_len = 0;
    chat_text_entry(&out, (chat_style_t){.columns = 60}, &event, false);
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
    s_expect(&out, "-- Thursday, 1970-01-01 --\n");
    zrelay_event_t event = {.sender = "ann", .body = "hi", .body_len = 2, .time = s_time + day};
    chat_text_entry(&out, (chat_style_t){.date = true}, &event, false);
    s_expect(&out, "1970-01-02 12:34 ann: hi\n");
}

TEST(test_wrapped_under_the_text) {
    s_utc();
    zr_buffer_t out = {0};
    zrelay_event_t event = {.sender = "ann", .body = "one two three four five", .body_len = 23, .time = s_time};
    chat_text_entry(&out, (chat_style_t){.columns = 33, .colours = 8}, &event, false);
    zr_buffer_u8(&out, '\0');
    ck_assert_ptr_nonnull(strstr((const char *)out.data, "ann\033[0m: one two three four\n           five\n"));
    zr_buffer_clear(&out);
    chat_text_entry(&out, (chat_style_t){.columns = 20}, &event, false); /* an indent takes a third at most */
    s_expect(&out, "12:34 ann: one two\n      three four\n      five\n");
}

TEST(test_actions_and_seconds) {
    s_utc();
    zr_buffer_t out = {0};
    zrelay_event_t event = {.sender = "ann", .body = "/me waves", .body_len = 9, .time = s_time};
    chat_text_entry(&out, (chat_style_t){.columns = 60, .seconds = true}, &event, false);
    s_expect(&out, "12:34:00 * ann waves\n");
    chat_text_entry(&out, s_plain, &event, false); /* a filter gives the text as it is */
    s_expect(&out, "12:34 ann: /me waves\n");
}

TEST(test_colours) {
    zr_buffer_t out = {0};
    zrelay_event_t event = {.sender = "ann", .body = "hi", .body_len = 2, .time = s_time};
    chat_text_entry(&out, (chat_style_t){.columns = 60, .colours = 256}, &event, true);
    zr_buffer_u8(&out, '\0');
    ck_assert_ptr_nonnull(strstr((const char *)out.data, "\033[7m\033[38;5;"));
    zr_buffer_finish(&out);
    chat_text_rule(&out, s_plain, "new\033[2J");
    s_expect(&out, "-- new\\x1b[2J --\n");
}

TEST(test_mentions) {
    static const struct {
        const char *text;
        bool mentions;
    } cases[] = {{"ann", true}, {"hi Ann!", true}, {"@ANN,", true}, {"anna", false}, {"joann", false}, {"ann-b", false},
        {"anna ann", true}, {"", false}, {"\xff ann", false}, {"\xc3\xa4nn", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(chat_text_mentions(zr_span(cases[i].text), "ann") == cases[i].mentions, "%s", cases[i].text);
    ck_assert(!chat_text_mentions(zr_span("ann"), NULL));
    ck_assert(chat_text_mentions(zr_span("\xc3\x84nn: hi"), "\xc3\xa4nn"));
}

UNIT_SUITE("client.cli.chat.chat_text")
