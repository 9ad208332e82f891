#include "typed.h"

#include "unit.h"

TEST(test_form_c_is_left_alone) {
    const char *const names[] = {"", "ann", "jos\u00e9", "\xff"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_ptr_eq(typed_name(names[i]), names[i]);
}

TEST(test_other_forms_become_form_c) {
    const char *first = typed_name("jose\u0301"), *second = typed_name("\u212b");
    ck_assert_str_eq(first, "jos\u00e9"); /* still there */
    ck_assert_str_eq(second, "\u00c5");
}

UNIT_SUITE("client.cli.typed")
