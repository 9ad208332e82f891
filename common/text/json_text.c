/* See json_text.h. */
#include "json_text.h"

#include <sodium/utils.h>
#include <string.h>

#include "names.h"

void json_text_put(zr_buffer_t *out, const char *text) {
    zr_buffer_append(out, text, strlen(text));
}

void json_text_number(zr_buffer_t *out, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    zr_buffer_append(out, digits + at, sizeof digits - at);
}

static bool s_is_plain(uint8_t byte) {
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

static void s_put_escaped(zr_buffer_t *out, uint8_t byte) {
    static const char short_forms[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char simple = byte < 0x20 ? short_forms[byte] : byte == 0x7f ? '\0' : (char)byte;
    if (simple)
        zr_buffer_append(out, (char[]){'\\', simple}, 2);
    else
        zr_buffer_printf(out, "\\u%04x", byte);
}

void json_text_string(zr_buffer_t *out, zr_span_t text) {
    zr_buffer_u8(out, '"');
    for (size_t at = 0; at < text.len;) {
        size_t begin = at;
        while (at < text.len && s_is_plain((uint8_t)text.ptr[at]))
            at++;
        zr_buffer_append(out, text.ptr + begin, at - begin);
        if (at < text.len)
            s_put_escaped(out, (uint8_t)text.ptr[at++]);
    }
    zr_buffer_u8(out, '"');
}

void json_text_name(zr_buffer_t *out, zr_span_t text) {
    json_text_string(out, zr_utf8_valid(text) ? text : zr_span(""));
}

void json_text_base64(zr_buffer_t *out, zr_span_t bytes) {
    size_t size = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64((char *)zr_buffer_reserve(out, size), size, (const uint8_t *)bytes.ptr, bytes.len,
        sodium_base64_VARIANT_ORIGINAL);
    out->len += size - 1;
}
