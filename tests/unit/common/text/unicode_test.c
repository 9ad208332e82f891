#include "unicode.h"

#include "unit.h"

static void s_check(void (*form)(zr_buffer_t *out, zr_span_t text), zr_span_t text, zr_span_t expected) {
    zr_buffer_t out = {0};
    zr_buffer_append(&out, ">", 1); /* it appends */
    form(&out, unit_at_edge(text));
    ck_assert_span_eq(zr_span_of(out.data + 1, out.len - 1), expected);
    zr_buffer_finish(&out);
}

TEST(test_form_c) {
    static const char *const composed[] = {"", "plain", "jos\u00e9", "\uac00", "\u0105\u0301", "\U0001f600"};
    for (size_t i = 0; i < sizeof composed / sizeof *composed; i++)
        ck_assert_msg(zr_is_nfc(unit_at_edge(zr_span(composed[i]))), "%s", composed[i]);
    ck_assert(!zr_is_nfc(unit_at_edge(LIT("jose\u0301"))));
    ck_assert(!zr_is_nfc(LIT("\u212b")));
    ck_assert(!zr_is_nfc(LIT("\u0344")));
    s_check(zr_nfc, LIT(""), LIT(""));
    s_check(zr_nfc, LIT("plain"), LIT("plain"));
    s_check(zr_nfc, LIT("jose\u0301!"), LIT("jos\u00e9!"));
    s_check(zr_nfc, LIT("\u212b"), LIT("\u00c5"));
    s_check(zr_nfc, LIT("\u0344"), LIT("\u0308\u0301"));     /* it grows */
    s_check(zr_nfc, LIT("e\u0301\xff"), LIT("e\u0301\xff")); /* no UTF-8: as it is */
    s_check(zr_nfc, LIT("\xff\xfe"), LIT("\xff\xfe"));
}

/* The longest name of characters that decompose to the most code points. */
TEST(test_form_c_of_the_longest_name) {
    char name[ZR_NFC_MAX];
    for (size_t i = 0; i + 3 <= sizeof name; i += 3)
        memcpy(name + i, "\u1f82", 3); /* four each */
    ck_assert(zr_is_nfc(unit_at_edge(zr_span_of(name, sizeof name))));
    for (size_t i = 0; i + 3 <= sizeof name; i += 3)
        memcpy(name + i, "a\u0301", 3);
    ck_assert(!zr_is_nfc(unit_at_edge(zr_span_of(name, sizeof name))));
}

TEST(test_fold) {
    s_check(zr_fold, LIT(""), LIT(""));
    s_check(zr_fold, LIT("Ann-7_"), LIT("ann-7_"));
    s_check(zr_fold, LIT("[\\]^@Z"), LIT("[\\]^@z"));
    s_check(zr_fold, LIT("JOS\u00c9"), LIT("jos\u00e9"));
    s_check(zr_fold, LIT("\uff21nn"), LIT("ann"));     /* full width */
    s_check(zr_fold, LIT("\U0001d41ann"), LIT("ann")); /* bold, of mathematics */
    s_check(zr_fold, LIT("\u0418\u0412"), LIT("\u0438\u0432"));
    s_check(zr_fold, LIT("stra\u00dfe"), LIT("strasse"));
    s_check(zr_fold, LIT("\u0430nn"), LIT("\u0430nn")); /* another script is another name */
}

UNIT_SUITE("common.unicode")
