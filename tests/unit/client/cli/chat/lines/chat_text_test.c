#include "chat_text.h"

#include <math.h>
#include <stdio.h>
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

TEST(test_how_many_colours) {
    static const struct {
        const char *no, *term, *colorterm;
        int colours;
    } cases[] = {{NULL, "linux", NULL, 8}, {NULL, NULL, NULL, 8}, {"", "xterm-256color", "", 256},
        {NULL, "xterm", "yes", 256}, {NULL, "xterm-256color", "truecolor", CHAT_TRUE_COLOURS},
        {NULL, "xterm", "24bit", CHAT_TRUE_COLOURS}, {"1", "xterm", "truecolor", 0}, {"0", "xterm-256color", NULL, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(chat_text_colours(cases[i].no, cases[i].term, cases[i].colorterm), cases[i].colours);
}

/* Relative luminance (WCAG 2). */
static double s_luminance(const unsigned parts[3]) {
    static const double weights[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        double part = parts[i] / 255.0;
        sum += weights[i] * (part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4));
    }
    return sum;
}

TEST(test_true_colours_can_be_read_on_black_and_on_white) {
    unsigned first = 0;
    bool differs = false;
    for (int i = 0; i < 300; i++) {
        char nick[20];
        unsigned parts[3];
        zr_buffer_t out = {0};
        snprintf(nick, sizeof nick, "nick%d", i);
        zrelay_event_t event = {.sender = nick, .body = "hi", .body_len = 2, .time = s_time};
        chat_text_entry(&out, (chat_style_t){.columns = 60, .colours = CHAT_TRUE_COLOURS}, &event, false);
        zr_buffer_u8(&out, '\0');
        const char *colour = strstr((const char *)out.data, "\033[38;2;");
        ck_assert_ptr_nonnull(colour);
        ck_assert_int_eq(sscanf(colour, "\033[38;2;%u;%u;%um", &parts[0], &parts[1], &parts[2]), 3);
        double luminance = s_luminance(parts);
        ck_assert_msg((luminance + 0.05) / 0.05 > 4.5 && 1.05 / (luminance + 0.05) > 4.5, "%s", nick);
        first = i == 0 ? parts[0] : first;
        differs |= parts[0] != first;
        zr_buffer_finish(&out);
    }
    ck_assert(differs);
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
