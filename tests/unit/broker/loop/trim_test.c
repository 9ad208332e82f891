#include "trim.h"

#include "unit.h"

static bool s_ask(trim_t *spare, const size_t *sessions, size_t count) {
    for (size_t i = 0; i + 1 < count; i++)
        ck_assert_msg(!trim_due(spare, sessions[i]), "at %zu", i);
    return trim_due(spare, sessions[count - 1]);
}

#define ASK(spare, ...) s_ask(spare, (size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t))

TEST(test_many_left) {
    trim_t spare = {0};
    ck_assert(!ASK(&spare, 0, 100, 2000, 2000, 1500, 900, 10));
    ck_assert(ASK(&spare, 10));
    ck_assert(!ASK(&spare, 10, 10, 0, 0)); /* once */
    ck_assert(!ASK(&spare, 0, 2000, 0));
    ck_assert(ASK(&spare, 5)); /* again, though somebody came */
}

TEST(test_few_left) {
    trim_t few = {0}, half = {0};
    ck_assert(!ASK(&few, TRIM_SESSIONS - 1, 0, 0, 0));
    ck_assert(!ASK(&few, TRIM_SESSIONS, 0));
    ck_assert(ASK(&few, 0));
    ck_assert(!ASK(&half, 4000, 2001, 2001, 2001));
    ck_assert(!ASK(&half, 2000));
    ck_assert(ASK(&half, 2000));
}

TEST(test_still_leaving) {
    trim_t spare = {0};
    ck_assert(!trim_due(&spare, 5000));
    for (size_t sessions = 4999; sessions > 0; sessions--)
        ck_assert(!trim_due(&spare, sessions));
    ck_assert(trim_due(&spare, 1));
}

UNIT_SUITE("broker.spare")
