/* See scripts.h. */
#include "scripts.h"

#include <stdint.h>

#include "unicode.h"
#include "script_ranges.h"

enum { RANGES = sizeof s_ranges / sizeof s_ranges[0] };

typedef uint32_t scripts_t; /* a set of recommended scripts: a bit for each */
_Static_assert(SCRIPT_RARE <= 32, "the recommended scripts fit into a set");

#define BIT(script) ((scripts_t)1 << SCRIPT_##script)
#define JAPANESE (BIT(LATIN) | BIT(HAN) | BIT(HIRAGANA) | BIT(KATAKANA))
#define CHINESE (BIT(LATIN) | BIT(HAN) | BIT(BOPOMOFO))
#define KOREAN (BIT(LATIN) | BIT(HAN) | BIT(HANGUL))

static unsigned s_script(uint32_t point) {
    size_t low = 0, high = RANGES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (point > s_ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < RANGES && point >= s_ranges[low].first ? s_ranges[low].script : SCRIPT_ANY;
}

static bool s_is_within(scripts_t scripts, scripts_t all) {
    return (scripts & ~all) == 0;
}

/* Are these recommended scripts allowed together? */
static bool s_fit(scripts_t scripts) {
    scripts_t others = scripts & ~BIT(LATIN);
    bool one = (others & (others - 1)) == 0; /* or none */
    bool alike = others & (BIT(CYRILLIC) | BIT(GREEK));
    if (one)
        return others == scripts || !alike;
    return s_is_within(scripts, JAPANESE) || s_is_within(scripts, CHINESE) || s_is_within(scripts, KOREAN);
}

bool zr_scripts_may_mix(zr_span_t text) {
    scripts_t seen = 0;
    unsigned rare = 0; /* a script that is not recommended; 0: none */
    for (size_t at = 0; at < text.len;) {
        unsigned script = s_script((uint32_t)zr_utf8_next(text, &at));
        if (script == SCRIPT_ANY)
            continue;
        if (script < SCRIPT_RARE)
            seen |= (scripts_t)1 << script;
        else if (rare && rare != script)
            return false;
        else
            rare = script;
    }
    return rare ? seen == 0 : s_fit(seen);
}
