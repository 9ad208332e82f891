#include "ranking.h"
#include "unit.h"

static void s_add(ranking_t *ranking, uint64_t value, uint64_t id) {
    ranking_add(ranking, value, &(stats_key_t){.id = id});
}

TEST(test_the_highest_of_many_in_order) {
    ranked_t items[3];
    ranking_t ranking = {.most = 3, .items = items};
    static const uint64_t values[] = {5, 1, 9, 7, 9, 0, 8, 2};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        s_add(&ranking, values[i], i);
    ranking_sort(&ranking);
    ck_assert_uint_eq(ranking.count, 3);
    ck_assert_uint_eq(items[0].key.id, 2); /* of equal ones the first */
    ck_assert_uint_eq(items[1].key.id, 4);
    ck_assert_uint_eq(items[2].key.id, 6);
}

TEST(test_fewer_than_wanted) {
    ranked_t items[3];
    ranking_t ranking = {.most = 3, .items = items};
    ranking_sort(&ranking);
    ck_assert_uint_eq(ranking.count, 0);
    s_add(&ranking, 0, 1);
    s_add(&ranking, 4, 2);
    ranking_sort(&ranking);
    ck_assert_uint_eq(ranking.count, 2);
    ck_assert_uint_eq(items[0].key.id, 2);
}

TEST(test_every_order_of_a_thousand) {
    enum { MANY = 1000, MOST = 100 };
    ranked_t items[MOST];
    for (uint64_t step = 1; step < 40; step += 2) { /* odd and no multiple of 5: a permutation of 0 … 999 */
        if (step % 5 == 0)
            continue;
        ranking_t ranking = {.most = MOST, .items = items};
        for (uint64_t i = 0; i < MANY; i++)
            s_add(&ranking, i * step % MANY, i);
        ranking_sort(&ranking);
        for (uint64_t i = 0; i < MOST; i++)
            ck_assert_uint_eq(items[i].value, MANY - 1 - i);
    }
}

UNIT_SUITE("broker.core.stats.ranking")
