#include "delivery.h"

#include "fixture_gateway.h"
#include "names.h"
#include "unit.h"

static heard_t s_heard;

static const char *s_form(zr_span_t frame, form_t form) {
    delivery_t delivery;
    ck_assert(delivery_begin(&delivery, frame));
    zr_blob_t *frames = delivery_form(&delivery, form);
    ck_assert_ptr_eq(frames, delivery_form(&delivery, form)); /* made once */
    if (frames)
        heard_calls.send(&s_heard, frames, true);
    delivery_finish(&delivery);
    return heard_take(&s_heard);
}

/* Three entries: text with a key, bytes, a deletion. */
static zr_span_t s_three(void) {
    static zr_buffer_t frame;
    zr_deliver_begin(&frame, LIT("r"), ZR_FRAME_REPLAY, 0xe1, 4);
    zr_deliver_add(
        &frame, &(zr_entry_t){.seq = 5, .time = 9, .sender = LIT("ann"), .key = LIT("k"), .body = LIT("\"hi\"")});
    zr_deliver_add(&frame, &(zr_entry_t){.seq = 7, .time = 9, .sender = LIT("bob"), .body = LIT("\xff")});
    zr_deliver_add(
        &frame, &(zr_entry_t){.seq = 8, .time = 9, .flags = ZR_ENTRY_DELETE, .sender = LIT("bob"), .key = LIT("k")});
    return zr_span_of(frame.data, frame.len);
}

TEST(test_forms) {
    ck_assert_str_eq(s_form(s_three(), FORM_JSON),
        "{\"op\":\"entries\",\"room\":\"r\",\"epoch\":\"00000000000000e1\",\"prev\":4,\"replay\":true,\"entries\":["
        "{\"seq\":5,\"time\":9,\"sender\":\"ann\",\"key\":\"k\",\"text\":\"\\\"hi\\\"\"},"
        "{\"seq\":7,\"time\":9,\"sender\":\"bob\",\"base64\":\"/w==\"},"
        "{\"seq\":8,\"time\":9,\"sender\":\"bob\",\"key\":\"k\",\"deleted\":true}]}\n");
    ck_assert_str_eq(s_form(s_three(), FORM_BODY), "\"hi\"\n0xff\n");
    ck_assert_str_eq(s_form(s_three(), FORM_NICK), "ann: \"hi\"\n0x626f623a20ff\n");
    ck_assert_str_eq(s_form(s_three(), FORM_LINES),
        "{\"room\":\"r\",\"seq\":5,\"time\":9,\"sender\":\"ann\",\"key\":\"k\",\"body\":\"\\\"hi\\\"\"}\n"
        "{\"room\":\"r\",\"seq\":7,\"time\":9,\"sender\":\"bob\",\"body_base64\":\"/w==\"}\n"
        "{\"room\":\"r\",\"seq\":8,\"time\":9,\"sender\":\"bob\",\"key\":\"k\",\"deleted\":true}\n");
    zr_span_t frame = stage_entry("r", 0, 0, 1, "x");
    char hex[256];
    zr_hex(hex, (const uint8_t *)frame.ptr, frame.len);
    const char *found = s_form(frame, FORM_BINARY);
    ck_assert_mem_eq(found, "0x", 2);
    ck_assert_mem_eq(found + 2, hex, strlen(hex));
}

TEST(test_presence_is_json_in_both) {
    zr_span_t frame = LIT("r\1{\"op\":\"presence\"}");
    ck_assert_str_eq(s_form(frame, FORM_BINARY), "{\"op\":\"presence\"}\n");
    ck_assert_str_eq(s_form(frame, FORM_JSON), "{\"op\":\"presence\"}\n");
    ck_assert_str_eq(s_form(frame, FORM_BODY), "");
}

TEST(test_positions) {
    delivery_t delivery;
    ck_assert(delivery_begin(&delivery, s_three()));
    ck_assert_span_eq(delivery.room, LIT("r"));
    ck_assert_uint_eq(delivery.epoch, 0xe1);
    ck_assert_uint_eq(delivery.prev, 4);
    ck_assert_uint_eq(delivery.first, 5);
    ck_assert_uint_eq(delivery.last, 8);
    delivery_finish(&delivery);
}

TEST(test_what_comes_after_a_position) {
    delivery_t delivery;
    ck_assert(delivery_begin(&delivery, s_three()));
    for (int form = 0; form < FORMS; form++) {
        zr_blob_t *frames = delivery_after(&delivery, form, 5);
        ck_assert_ptr_nonnull(frames);
        heard_calls.send(&s_heard, frames, true);
        zr_blob_unref(frames);
        ck_assert_ptr_null(strstr(heard_take(&s_heard), "hi"));
        ck_assert_ptr_null(delivery_after(&delivery, form, 8));
    }
    delivery_finish(&delivery);
}

TEST(test_other_frames_are_none) {
    delivery_t delivery;
    ck_assert(!delivery_begin(&delivery, LIT("")));
    ck_assert(!delivery_begin(&delivery, LIT("r")));
    ck_assert(!delivery_begin(&delivery, LIT("\2")));
    ck_assert(!delivery_begin(&delivery, LIT("{\"op\":\"x\"}")));
    ck_assert(!delivery_begin(&delivery, LIT("r\1{\xff}")));
    zr_span_t whole = s_three();
    ck_assert(!delivery_begin(&delivery, zr_span_of(whole.ptr, whole.len - 1)));
}

UNIT_SUITE("client.gateway.delivery")
