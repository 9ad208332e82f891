#include "chat_status.h"

#include <stdio.h>

#include "unit.h"

static chat_status_t s_status;

/* What the buffer holds; it is empty afterwards. */
static const char *s_take(zr_buffer_t *out) {
    static char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)out->len, out->len ? (char *)out->data : "");
    zr_buffer_finish(out);
    return text;
}

TEST(test_who_shows_status_and_away) {
    static const struct {
        const char *meta, *shown;
    } cases[] = {
        {NULL, ""},
        {"{}", ""},
        {"{\"cursor\":[1,2]}", ""},
        {"{\"status\":\"reading\"}", " (reading)"},
        {"{\"status\":\"\"}", ""},
        {"{\"status\":7,\"away\":true}", ""},
        {"{\"away\":\"\"}", " (away)"},
        {"{\"away\":\"at lunch\",\"status\":\"reading\"}", " (away: at lunch)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        zr_buffer_t out = {0};
        chat_status_who(&out, cases[i].meta);
        ck_assert_str_eq(s_take(&out), cases[i].shown);
    }
}

TEST(test_long_words_end_at_a_character) {
    char meta[400], shown[400];
    for (int more = 0; more < 2; more++) {
        zr_buffer_t out = {0};
        snprintf(meta, sizeof meta, "{\"status\":\"%0*d\u00e9\u00e9\"}", CHAT_STATUS_MAX - 2 + more, 0);
        snprintf(shown, sizeof shown, " (%0*d%s)", CHAT_STATUS_MAX - 2 + more, 0, more ? "" : "\u00e9");
        chat_status_who(&out, meta);
        ck_assert_str_eq(s_take(&out), shown);
    }
}

/* What is told when the nick shows that meta; empty: nothing. */
static const char *s_told(const char *nick, const char *meta) {
    zr_buffer_t out = {0};
    bool told = chat_status_changed(&s_status, nick, meta, &out);
    ck_assert_uint_eq(told, out.len > 0);
    return s_take(&out);
}

TEST(test_each_change_is_told_once) {
    ck_assert_str_eq(s_told("bob", "{}"), "");
    ck_assert_str_eq(s_told("bob", "{\"status\":\"reading\"}"), "bob: reading");
    ck_assert_str_eq(s_told("bob", "{\"status\":\"reading\",\"cursor\":1}"), "");
    ck_assert_str_eq(s_told("cy", "{\"away\":\"\"}"), "cy is away");
    ck_assert_str_eq(s_told("bob", "{\"away\":\"lunch\",\"status\":\"reading\"}"), "bob is away: lunch");
    ck_assert_str_eq(s_told("bob", "{\"status\":\"reading\"}"), "bob is back: reading");
    ck_assert_str_eq(s_told("bob", "{}"), "bob shows no status any more");
    ck_assert_str_eq(s_told("cy", "{}"), "cy is back");
    chat_status_finish(&s_status);
}

TEST(test_so_many_nicks_are_remembered) {
    char nick[16];
    for (int i = 0; i < CHAT_STATUS_NICKS; i++) {
        snprintf(nick, sizeof nick, "n%d", i);
        s_told(nick, "{\"status\":\"x\"}");
    }
    ck_assert_str_eq(s_told("n0", "{\"status\":\"x\"}"), "");
    ck_assert_str_eq(s_told("further", "{\"status\":\"x\"}"), "further: x");
    ck_assert_str_eq(s_told("n1", "{\"status\":\"x\"}"), "");
    ck_assert_str_eq(s_told("n0", "{\"status\":\"x\"}"), "n0: x"); /* forgotten for the further one */
    chat_status_finish(&s_status);
}

TEST(test_own_meta) {
    static const struct {
        const char *away, *text, *meta;
    } cases[] = {
        {NULL, NULL, "{}"},
        {"lunch", NULL, "{\"away\":\"lunch\"}"},
        {NULL, "a \"b\"", "{\"status\":\"a \\\"b\\\"\"}"},
        {"", "x", "{\"away\":\"\",\"status\":\"x\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *meta = chat_status_meta(cases[i].away, cases[i].text);
        ck_assert_str_eq(meta, cases[i].meta);
        free(meta);
    }
}

UNIT_SUITE("client.cli.chat")
