#include "revoked.h"

#include "unit.h"

TEST(test_generations) {
    revoked_t all = {0};
    ck_assert(!revoked_has(&all, zr_span("alice"), 0));
    revoked_set(&all, zr_span("alice"), 3);
    ck_assert(revoked_has(&all, zr_span("alice"), 2));
    ck_assert(!revoked_has(&all, zr_span("alice"), 3)); /* let in by the present generation */
    ck_assert(!revoked_has(&all, zr_span("alic"), 0));
    ck_assert(!revoked_has(&all, zr_span(""), 0)); /* nobody is no user */
    revoked_set(&all, zr_span("alice"), 1);        /* it never goes back */
    ck_assert(revoked_has(&all, zr_span("alice"), 2));
    revoked_set(&all, zr_span("alice"), 7);
    revoked_set(&all, zr_span("bob"), 5);
    ck_assert(revoked_has(&all, zr_span("alice"), 6));
    ck_assert(!revoked_has(&all, zr_span("bob"), 6));
    revoked_finish(&all);
    ck_assert(!revoked_has(&all, zr_span("alice"), 0));
}

UNIT_SUITE("broker.revoked")
