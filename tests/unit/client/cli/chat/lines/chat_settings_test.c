#include "chat_settings.h"

#include "unit.h"

static chat_settings_t s_settings;

static void s_begin(void) {
    settings_init(&s_settings);
}

static void s_end(void) {
    settings_finish(&s_settings);
}

static const char *s_fault(const char *name, const char *value) {
    static zr_error_t error;
    error = (zr_error_t){0};
    return settings_set(&s_settings, zr_span(name), zr_span(value), &error) ? "" : error.text;
}

TEST(test_values) {
    ck_assert_int_eq(s_settings.joins, JOINS_SPOKEN);
    ck_assert_str_eq(s_fault("joins", "all"), "");
    ck_assert_int_eq(s_settings.joins, JOINS_ALL);
    ck_assert_str_eq(s_fault("bell", "never"), "");
    ck_assert_int_eq(s_settings.bell, BELL_NEVER);
    ck_assert_ptr_nonnull(strstr(s_fault("bell", "loud"), "bell is one of mentions, all, never"));
    ck_assert_ptr_nonnull(strstr(s_fault("bells", "all"), "there is no setting \"bells\"; there are joins, bell"));
}

TEST(test_lists_and_completion) {
    zr_buffer_t out = {0};
    settings_match(zr_span(""), zr_span("se"), &out);
    settings_match(zr_span("joins"), zr_span(""), &out);
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span("seconds \nspoken\nall\nnone\n"));
    zr_buffer_clear(&out);
    settings_list(&s_settings, &out);
    ck_assert(zr_span_starts(zr_span_of(out.data, out.len), zr_span("joins = spoken (spoken, all, none): ")));
    zr_buffer_finish(&out);
}

TEST(test_ignored) {
    ck_assert(settings_ignore(&s_settings, "eve"));
    ck_assert(!settings_ignore(&s_settings, "eve"));
    ck_assert(settings_ignores(&s_settings, "eve"));
    ck_assert(settings_unignore(&s_settings, "eve"));
    ck_assert(!settings_unignore(&s_settings, "eve"));
    char nick[3] = "a";
    for (int i = 0; i < CHAT_IGNORED_MAX; i++) {
        nick[0] = (char)('!' + i);
        ck_assert(settings_ignore(&s_settings, nick));
    }
    ck_assert(!settings_ignore(&s_settings, "eve"));
}

UNIT_SUITE_WITH("client.cli.chat.chat_settings", s_begin, s_end)
