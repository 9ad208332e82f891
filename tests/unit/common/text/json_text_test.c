#include "json_text.h"

#include <jansson.h>

#include "unit.h"

#define PUTS(call, text)                                                                                               \
    do {                                                                                                               \
        zr_buffer_t out = {0};                                                                                         \
        call;                                                                                                          \
        ck_assert_span_eq(zr_span_of(out.data, out.len), LIT(text));                                                   \
        zr_buffer_finish(&out);                                                                                        \
    } while (0)

TEST(test_strings) {
    PUTS(json_text_string(&out, LIT("")), "\"\"");
    PUTS(json_text_string(&out, LIT("gr\303\274\303\237 \"dich\"\\")), "\"gr\303\274\303\237 \\\"dich\\\"\\\\\"");
    PUTS(json_text_string(&out, LIT("\0\1\b\t\n\f\r\x1f\x7f")), "\"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f\\u007f\"");
    PUTS(json_text_name(&out, LIT("ann")), "\"ann\"");
    PUTS(json_text_name(&out, LIT("\xff")), "\"\"");
}

TEST(test_numbers_and_bytes) {
    PUTS(json_text_number(&out, 0), "0");
    PUTS(json_text_number(&out, UINT64_MAX), "18446744073709551615");
    PUTS(json_text_base64(&out, LIT("")), "");
    PUTS(json_text_base64(&out, LIT("\xff\0")), "/wA=");
}

/* What a parser reads is what was written. */
TEST(test_every_byte_survives_a_parser) {
    char text[0x80];
    zr_buffer_t out = {0};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    json_text_string(&out, zr_span_of(text, sizeof text));
    json_t *read = json_loadb((const char *)out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    ck_assert_ptr_nonnull(read);
    ck_assert_span_eq(zr_span_of(json_string_value(read), json_string_length(read)), zr_span_of(text, sizeof text));
    json_decref(read);
    zr_buffer_finish(&out);
}

UNIT_SUITE("common.json_text")
