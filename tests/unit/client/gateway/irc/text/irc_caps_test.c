#include "irc_caps.h"

#include <stdio.h>

#include "unit.h"

static const char *s_put(unsigned mask, bool values) {
    static char text[1024];
    zr_buffer_t out = {0};
    irc_caps_put(&out, mask, values);
    snprintf(text, sizeof text, "%.*s", (int)out.len, out.len ? (const char *)out.data : "");
    zr_buffer_finish(&out);
    return text;
}

TEST(test_each_capability_has_a_bit_of_its_own) {
    unsigned seen = 0;
    for (size_t i = 0; i < irc_caps_count(); i++) {
        unsigned bit = irc_cap_bit(zr_span(irc_caps_name(i)));
        ck_assert_uint_ne(bit, 0);
        ck_assert_uint_eq(seen & bit, 0);
        seen |= bit;
    }
    ck_assert_uint_eq(seen, irc_caps_of(true));
    ck_assert_uint_eq(irc_cap_bit(zr_span("unknown")), 0);
}
END_TEST

TEST(test_sasl_needs_a_secure_connection) {
    ck_assert_uint_eq(irc_caps_of(true) & ~irc_caps_of(false), IRC_SASL);
}
END_TEST

TEST(test_values_come_with_302_only) {
    ck_assert_str_eq(s_put(IRC_SASL | IRC_BATCH, false), "batch sasl");
    ck_assert_str_eq(s_put(IRC_SASL | IRC_BATCH, true), "batch sasl=PLAIN");
}
END_TEST

TEST(test_the_limits_of_multiline_are_those_in_force) {
    char limits[80];
    snprintf(
        limits, sizeof limits, "draft/multiline=max-bytes=%d,max-lines=%d", IRC_MULTILINE_BYTES, IRC_MULTILINE_LINES);
    ck_assert_str_eq(s_put(IRC_MULTILINE, true), limits);
}
END_TEST

TEST(test_all_fit_into_one_line) {
    ck_assert_uint_lt(strlen(s_put(irc_caps_of(true), true)), 400);
}
END_TEST

UNIT_SUITE("client.gateway.irc.text.irc_caps")
