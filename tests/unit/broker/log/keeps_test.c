/* What groups keep of rooms. */
#include "keeps.h"

#include "unit.h"

TEST(test_the_last_word_on_a_room_counts) {
    keep_t *keeps = NULL;
    ck_assert_uint_eq(keeps_of(keeps, LIT("a")).bytes, 0);
    keeps_set(&keeps, LIT("a"), &(log_keep_t){.after = 3, .bytes = 10});
    keeps_set(&keeps, LIT("ab"), &(log_keep_t){.after = 4, .bytes = 10});
    keeps_set(&keeps, LIT("a"), &(log_keep_t){.after = 5, .bytes = 20});
    ck_assert_uint_eq(keeps_of(keeps, LIT("a")).after, 5);
    ck_assert_uint_eq(keeps_of(keeps, LIT("ab")).after, 4);
    ck_assert_uint_eq(keeps_of(keeps, LIT("b")).bytes, 0);
    keeps_set(&keeps, LIT("a"), &(log_keep_t){.after = UINT64_MAX});
    keeps_set(&keeps, LIT("b"), &(log_keep_t){.after = UINT64_MAX});
    ck_assert_uint_eq(keeps_of(keeps, LIT("a")).bytes, 0);
    keeps_finish(&keeps);
    ck_assert_ptr_null(keeps);
}

TEST(test_entries_that_are_kept) {
    log_keep_t keep = {.after = 3, .bytes = 10}, none = {0};
    ck_assert(!log_keeps(&keep, 3, 10));
    ck_assert(log_keeps(&keep, 4, 10));
    ck_assert(!log_keeps(&keep, 4, 11));
    ck_assert(!log_keeps(&none, 4, 0));
}

UNIT_SUITE("broker.log.keeps")
