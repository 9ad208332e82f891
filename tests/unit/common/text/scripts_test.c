#include "scripts.h"

#include "unit.h"

#define LATIN "ann"
#define CYRILLIC "\u0438\u0432\u0430\u043d"
#define GREEK "\u03b1\u03bd\u03bd\u03b1"
#define HAN "\u7530\u4e2d"
#define HIRAGANA "\u306e"
#define KATAKANA "\u30a2"
#define HANGUL "\uae40"
#define BOPOMOFO "\u3105"
#define ARABIC "\u0639\u0644\u064a"
#define THAI "\u0e2a\u0e21"
#define HEBREW "\u05d3\u05df"
#define CHEROKEE "\u13a0\u13a1" /* these two are not recommended for names */
#define GOTHIC "\U00010330"
#define COMMON "7-_.\u00b7\U0001f600" /* digits, punctuation, emoji */
#define MARK "\u0323"                 /* a mark that goes with every script */

static const struct {
    const char *text;
    bool allowed;
} s_names[] = {
    /* One script, whichever. */
    {"", true},
    {COMMON, true},
    {LATIN, true},
    {CYRILLIC, true},
    {GREEK, true},
    {HAN, true},
    {ARABIC, true},
    {CHEROKEE, true},
    {GOTHIC, true},
    {CYRILLIC COMMON MARK, true},
    {CHEROKEE COMMON, true},
    /* The writing systems of East Asia, with Latin and without. */
    {LATIN HAN HIRAGANA KATAKANA, true},
    {HAN HIRAGANA KATAKANA, true},
    {HIRAGANA KATAKANA, true},
    {LATIN HIRAGANA, true},
    {LATIN HAN BOPOMOFO, true},
    {HAN BOPOMOFO, true},
    {LATIN HAN HANGUL, true},
    {HAN HANGUL, true},
    {LATIN HANGUL COMMON, true},
    {HIRAGANA HANGUL, false},
    {HIRAGANA BOPOMOFO, false},
    {HANGUL BOPOMOFO, false},
    {LATIN HAN HIRAGANA HANGUL, false},
    /* Latin and one more. */
    {LATIN ARABIC, true},
    {LATIN THAI, true},
    {LATIN HEBREW COMMON, true},
    {LATIN CYRILLIC, false},
    {LATIN GREEK, false},
    {CYRILLIC LATIN, false},
    {LATIN COMMON CYRILLIC, false},
    {LATIN CHEROKEE, false},
    {LATIN GOTHIC, false},
    {LATIN ARABIC THAI, false},
    {LATIN HAN CYRILLIC, false},
    {LATIN HAN ARABIC, false},
    /* Two without Latin. */
    {ARABIC THAI, false},
    {CYRILLIC GREEK, false},
    {CYRILLIC HAN, false},
    {HAN ARABIC, false},
    {CHEROKEE GOTHIC, false},
    {CHEROKEE HAN, false},
};

TEST(test_mixing) {
    for (size_t i = 0; i < sizeof s_names / sizeof *s_names; i++)
        ck_assert_msg(
            zr_scripts_may_mix(unit_at_edge(zr_span(s_names[i].text))) == s_names[i].allowed, "%s", s_names[i].text);
}

/* The first and the last code point of some ranges, and their neighbours, beside a Latin letter. */
TEST(test_edges_of_ranges) {
    static const struct {
        const char *text;
        bool allowed;
    } names[] = {
        {"a\u0370", false},     /* the first Greek one */
        {"a\u02ff", true},      /* before it: a modifier, common */
        {"a\u03ff", false},     /* the last Greek one, */
        {"a\u0400", false},     /* and the first Cyrillic one */
        {"a\u052f", false},     /* the last Cyrillic one */
        {"a\u0531", true},      /* Armenian */
        {"a\u1fff", true},      /* unassigned */
        {"a\U0010ffff", true},  /* nothing at all */
        {"\u0430\u2de0", true}, /* a Cyrillic mark */
        {"\u0430\ua69f", true}, /* Cyrillic Extended-B */
        {"\u0430\u03bf", false},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(zr_scripts_may_mix(zr_span(names[i].text)) == names[i].allowed, "%s", names[i].text);
}

UNIT_SUITE("common.scripts")
