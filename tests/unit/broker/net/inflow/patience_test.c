#include "patience.h"

#include "unit.h"

/* How many of so many questions it looks for the answers of, all of which come, or none. */
static unsigned s_looks(patience_t *patience, unsigned questions, bool answered) {
    unsigned looks = 0;
    for (unsigned i = 0; i < questions; i++) {
        patience_ask(patience);
        if (!patience_begin(patience))
            continue;
        looks++;
        patience_found(patience, answered);
    }
    return looks;
}

TEST(test_a_thread_that_reads_nothing_does_not_look) {
    patience_t patience = {0};
    ck_assert(!patience_begin(&patience));
    patience_ask(&patience);
    patience_ask(&patience);
    ck_assert(patience_begin(&patience));
    patience_found(&patience, true);
    ck_assert(!patience_begin(&patience)); /* once for all that was read */
}

TEST(test_it_looks_for_each_answer_while_they_come) {
    patience_t patience = {0};
    ck_assert_uint_eq(s_looks(&patience, 1000, true), 1000);
}

TEST(test_it_looks_more_and_more_rarely_in_vain) {
    patience_t patience = {0};
    ck_assert_uint_eq(s_looks(&patience, 1, false), 1);
    ck_assert_uint_eq(s_looks(&patience, 2, false), 1); /* one is skipped */
    ck_assert_uint_eq(s_looks(&patience, 4, false), 1); /* three */
    s_looks(&patience, 10000, false);
    unsigned rare = 1U << PATIENCE_MISSES_MAX;
    ck_assert_uint_eq(s_looks(&patience, 100 * rare, false), 100);
}

TEST(test_one_answer_makes_it_look_for_each_again) {
    patience_t patience = {0};
    s_looks(&patience, 10000, false);
    unsigned rare = 1U << PATIENCE_MISSES_MAX;
    ck_assert_uint_eq(s_looks(&patience, rare, true) > 0, true);
    ck_assert_uint_eq(s_looks(&patience, 100, true), 100);
}

UNIT_SUITE("broker.net.inflow.patience")
