#include "telnet.h"

#include "unit.h"

static telnet_t s_telnet;
static zr_buffer_t s_out;

static void s_begin(void) {
    s_telnet = (telnet_t){0};
    s_out = (zr_buffer_t){0};
}

static void s_end(void) {
    zr_buffer_finish(&s_out);
}

static zr_span_t s_data(zr_span_t input) {
    zr_buffer_clear(&s_out);
    telnet_data(&s_telnet, unit_at_edge(input), &s_out);
    return zr_span_of(s_out.data, s_out.len);
}

TEST(test_negotiation_is_skipped) {
    ck_assert_span_eq(s_data(LIT("\xff\xfb\x1f\xff\xfd\x01hi\xff\xf1\n")), LIT("hi\n"));
    ck_assert(s_telnet.seen);
}

TEST(test_a_subnegotiation_may_hold_anything) {
    ck_assert_span_eq(s_data(LIT("a\xff\xfa\x1f\0P\0\n\xff\xff\xff\xf0z")), LIT("az"));
}

TEST(test_a_command_may_come_in_pieces) {
    static const char bytes[] = "a\xff\xfd\x01"
                                "b\xff\xfa\x18\x01\xff\xf0"
                                "c";
    zr_buffer_t all = {0};
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        zr_span_t data = s_data(zr_span_of(bytes + i, 1));
        zr_buffer_append(&all, data.ptr, data.len);
    }
    ck_assert_span_eq(zr_span_of(all.data, all.len), LIT("abc"));
    zr_buffer_finish(&all);
}

TEST(test_two_make_a_byte_of_data) {
    ck_assert_span_eq(s_data(LIT("a\xff\xff"
                                 "b")),
        LIT("a\xff"
            "b"));
    ck_assert(!s_telnet.seen);
}

TEST(test_another_protocol_is_known) {
    s_data(LIT("\xff\xec\xff\xfd\x01\xff\xff"));
    ck_assert(!s_telnet.foreign);
    s_data(LIT("\xff"));
    s_data(LIT("\0"));
    ck_assert(s_telnet.foreign);
}

TEST(test_nul_is_skipped) {
    ck_assert_span_eq(s_data(LIT("a\r\0b")), LIT("a\rb"));
}

TEST(test_plain_bytes_are_known) {
    ck_assert(telnet_is_plain(&s_telnet, LIT("gr\xc3\xbc\xc3\x9f\n")));
    ck_assert(telnet_is_plain(&s_telnet, LIT("")));
    ck_assert(!telnet_is_plain(&s_telnet, LIT("a\0")));
    ck_assert(!telnet_is_plain(&s_telnet, LIT("a\xff")));
    s_data(LIT("\xff"));
    ck_assert(!telnet_is_plain(&s_telnet, LIT("a")));
}

UNIT_SUITE_WITH("client.gateway.lines.telnet", s_begin, s_end)
