#include "policy.h"

#include "unicode.h"

bool policy_pattern_fits(zr_span_t pattern, zr_span_t room) {
    if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*')
        return zr_span_starts(room, zr_span_of(pattern.ptr, pattern.len - 1));
    return zr_span_equal(room, pattern);
}

const policy_t *policy_of(const policies_t *policies, zr_span_t room) {
    static const policy_t plain = {.has_level = false};
    for (size_t i = 0; i < policies->count; i++)
        if (policy_pattern_fits(zr_span(policies->policies[i].pattern), room))
            return &policies->policies[i];
    return &plain;
}

/* The pattern without the '*' at its end. */
static zr_span_t s_name(zr_span_t pattern) {
    bool many = pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*';
    return zr_span_of(pattern.ptr, pattern.len - many);
}

static bool s_is_valid(zr_span_t pattern) {
    zr_span_t name = s_name(pattern);
    return (name.len == 0 && pattern.len == 1) || zr_room_valid(name);
}

const char *policy_pattern_fault(zr_span_t pattern) {
    if (s_is_valid(pattern))
        return NULL;
    zr_span_t name = s_name(pattern);
    if (zr_utf8_valid(name) && name.len <= ZR_NFC_MAX && !zr_is_nfc(name))
        return "is not in Unicode normalization form C; write it in that form";
    return "is neither a room name nor the beginning of one and *";
}
