#include "policy.h"

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

bool policy_pattern_valid(zr_span_t pattern) {
    if (pattern.len == 0 || pattern.ptr[pattern.len - 1] != '*')
        return zr_room_valid(pattern);
    zr_span_t before = zr_span_of(pattern.ptr, pattern.len - 1);
    return before.len == 0 || zr_room_valid(before);
}
