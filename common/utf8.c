/* See utf8.h. */
#include "utf8.h"

int zr_utf8_next(zr_span_t text, size_t *at) {
    const unsigned char *byte = (const unsigned char *)text.ptr + *at;
    size_t left = text.len - *at;
    unsigned lead = byte[0];
    /* The range of the second byte excludes overlong forms, surrogates and code points beyond U+10FFFF. */
    unsigned low = 0x80, high = 0xBF;
    size_t len;

    *at += 1;
    if (lead < 0x80)
        return (int)lead;
    if (lead >= 0xC2 && lead <= 0xDF) {
        len = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        len = 3;
        low = lead == 0xE0 ? 0xA0 : low;
        high = lead == 0xED ? 0x9F : high;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        len = 4;
        low = lead == 0xF0 ? 0x90 : low;
        high = lead == 0xF4 ? 0x8F : high;
    } else {
        return -1;
    }
    if (left < len || byte[1] < low || byte[1] > high)
        return -1;
    unsigned point = (lead & (0x7Fu >> len)) << 6 | (byte[1] & 0x3Fu);
    for (size_t i = 2; i < len; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return -1;
        point = point << 6 | (byte[i] & 0x3Fu);
    }
    *at += len - 1;
    return (int)point;
}
