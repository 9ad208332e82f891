#include "ws_frame.h"

#include "unit.h"

TEST(test_heads_have_the_shortest_length) {
    static const struct {
        uint64_t len;
        size_t size;
        uint8_t bytes[WS_HEAD_MAX];
    } cases[] = {{0, 2, {0x81, 0}}, {125, 2, {0x81, 125}}, {126, 4, {0x81, 126, 0, 126}},
        {65535, 4, {0x81, 126, 0xff, 0xff}}, {65536, 10, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
        {1ULL << 40, 10, {0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t head[WS_HEAD_MAX];
        ck_assert_uint_eq(ws_head(head, WS_TEXT, cases[i].len), cases[i].size);
        ck_assert_mem_eq(head, cases[i].bytes, cases[i].size);
    }
}

TEST(test_frames) {
    zr_buffer_t out = {0};
    ws_append(&out, WS_BINARY, LIT("a\0b"));
    ws_append(&out, WS_TEXT, LIT(""));
    ck_assert_span_eq(zr_span_of(out.data, out.len), LIT("\x82\3a\0b\x81\0"));
    zr_buffer_finish(&out);
    zr_blob_t *blob = ws_blob(WS_CLOSE, LIT("\3\350"));
    ck_assert_span_eq(zr_span_of(zr_blob_data(blob), zr_blob_len(blob)), LIT("\x88\2\3\350"));
    zr_blob_unref(blob);
    blob = ws_json(json_pack("{s:s}", "op", "ok"));
    ck_assert_span_eq(zr_span_of(zr_blob_data(blob), zr_blob_len(blob)), LIT("\x81\x0b{\"op\":\"ok\"}"));
    zr_blob_unref(blob);
}

UNIT_SUITE("client.gateway.ws_frame")
