#include "talk_text.h"

#include "fixture_gateway.h"
#include "unit.h"

static const talk_look_t s_nick = {.nick = true}, s_body = {0}, s_crlf = {.nick = true, .crlf = true};

static zr_span_t s_span(zr_blob_t *blob) {
    return blob ? zr_span_of(zr_blob_data(blob), zr_blob_len(blob)) : zr_span("");
}

/* A text with a key, two lines with a control character, a deletion. */
static zr_span_t s_three(void) {
    static zr_buffer_t frame;
    zr_deliver_begin(&frame, LIT("r"), 0, 0xe1, 4);
    zr_deliver_add(&frame, &(zr_entry_t){.seq = 5, .sender = LIT("ann"), .key = LIT("k"), .body = LIT("hi")});
    zr_deliver_add(&frame, &(zr_entry_t){.seq = 6, .sender = LIT("b\xc3\xb6"), .body = LIT("a\nb\x1b[2J\xff")});
    zr_deliver_add(&frame, &(zr_entry_t){.seq = 7, .flags = ZR_ENTRY_DELETE, .sender = LIT("ann"), .key = LIT("k")});
    return zr_span_of(frame.data, frame.len);
}

TEST(test_an_entry_is_a_line) {
    delivery_t delivery;
    ck_assert(delivery_begin(&delivery, s_three()));
    ck_assert_span_eq(s_span(talk_text_form(&delivery, s_nick)), LIT("ann: hi\nb\xc3\xb6: a\\x0ab\\x1b[2J\\xff\n"));
    ck_assert_span_eq(s_span(talk_text_form(&delivery, s_crlf)), LIT("ann: hi\r\nb\xc3\xb6: a\\x0ab\\x1b[2J\\xff\r\n"));
    ck_assert_span_eq(s_span(talk_text_form(&delivery, s_body)), LIT("hi\na\\x0ab\\x1b[2J\\xff\n"));
    ck_assert_ptr_eq(talk_text_form(&delivery, s_nick), talk_text_form(&delivery, s_nick));
    delivery_finish(&delivery);
}

TEST(test_the_entries_after_a_position) {
    delivery_t delivery;
    ck_assert(delivery_begin(&delivery, s_three()));
    zr_blob_t *blob = talk_text_after(&delivery, s_body, 5);
    ck_assert_span_eq(s_span(blob), LIT("a\\x0ab\\x1b[2J\\xff\n"));
    zr_blob_unref(blob);
    ck_assert_ptr_null(talk_text_after(&delivery, s_body, 6));
    ck_assert_uint_eq(talk_text_count(&delivery, 0), 2);
    ck_assert_uint_eq(talk_text_count(&delivery, 5), 1);
    ck_assert_uint_eq(talk_text_count(&delivery, 6), 0);
    delivery_finish(&delivery);
}

static void s_presence_is(const char *json, talk_look_t look, const char *own, const char *text) {
    char frame[400] = "r\1";
    delivery_t delivery;
    strcat(frame, json);
    unit_quotes(frame);
    ck_assert(delivery_begin(&delivery, zr_span(frame)));
    for (int i = 0; i < 2; i++) { /* the second time shared, if it is */
        zr_blob_t *blob = talk_text_presence(&delivery, look, zr_span(own));
        ck_assert_span_eq(s_span(blob), zr_span(text));
        zr_blob_unref(blob);
    }
    delivery_finish(&delivery);
}

TEST(test_users_that_come_and_go) {
    static const char json[] = "{'op':'presence','joined':[{'nick':'ann'},{'nick':'a\\u001b'}],"
                               "'left':[{'nick':'bob','reason':'bye'}]}";
    s_presence_is(json, s_nick, "eve", "* bob left\n* ann joined\n* a\\x1b joined\n");
    s_presence_is(json, s_crlf, "eve", "* bob left\r\n* ann joined\r\n* a\\x1b joined\r\n");
    s_presence_is(json, s_nick, "ann", "* bob left\n* a\\x1b joined\n");
    s_presence_is("{'op':'presence','joined':[],'left':[],'crowded':true}", s_nick, "eve", "");
    s_presence_is("{'op':'presence','joined':3}", s_nick, "eve", "");
    s_presence_is("{nonsense", s_nick, "eve", "");
}

TEST(test_a_new_name) {
    static const char json[] = "{'joined':[{'nick':'robert','was':'bob'}],'left':[{'nick':'bob','to':'robert'}]}";
    s_presence_is(json, s_nick, "ann", "* bob is now robert\n");
    s_presence_is(json, s_nick, "robert", "");
    s_presence_is(json, s_nick, "bob", "");
}

TEST(test_a_peer_that_is_named_does_not_spoil_the_others_text) {
    char frame[] = "r\1{'joined':[{'nick':'ann'}]}";
    delivery_t delivery;
    unit_quotes(frame);
    ck_assert(delivery_begin(&delivery, zr_span(frame)));
    ck_assert_ptr_null(talk_text_presence(&delivery, s_nick, LIT("ann")));
    zr_blob_t *blob = talk_text_presence(&delivery, s_nick, LIT("bob"));
    ck_assert_span_eq(s_span(blob), LIT("* ann joined\n"));
    zr_blob_unref(blob);
    delivery_finish(&delivery);
}

TEST(test_notices_and_direct_messages) {
    zr_buffer_t out = {0};
    talk_text_notice(&out, s_nick, LIT("a\nb"));
    talk_text_direct(&out, s_crlf, LIT("ann"), LIT("psst\t!"));
    ck_assert_span_eq(zr_span_of(out.data, out.len), LIT("* a\\x0ab\n*ann* psst\\x09!\r\n"));
    zr_buffer_finish(&out);
}

UNIT_SUITE("client.gateway.lines.talk_text")
