#include "blob_queue.h"
#include "unit.h"

static void s_push(blob_queue_t *queue, size_t len) {
    zr_blob_t *blob = zr_blob_new(len);
    blob_queue_push(queue, blob);
    zr_blob_unref(blob);
}

TEST(test_a_blob_in_several_queues_counts_once) {
    queue_budget_t budget = {.most = 1000};
    blob_queue_t one = {.budget = &budget}, other = {.budget = &budget};
    zr_blob_t *blob = zr_blob_new(100);
    blob_queue_push(&one, blob);
    blob_queue_push(&other, blob);
    zr_blob_unref(blob);
    s_push(&one, 50);
    ck_assert_uint_eq(budget.held, 150);
    blob_queue_drop(&one, 99); /* a piece of it is there still */
    ck_assert_uint_eq(budget.held, 150);
    blob_queue_drop(&one, 51);
    ck_assert_uint_eq(budget.held, 100);
    s_push(&one, 7); /* an emptied queue goes on to count */
    ck_assert_uint_eq(budget.held, 107);
    blob_queue_cut(&one);
    blob_queue_finish(&other);
    ck_assert_uint_eq(budget.held, 0);
}

TEST(test_a_queue_may_have_a_quarter_of_what_is_left) {
    queue_budget_t budget = {.most = 1000};
    ck_assert_uint_eq(queue_budget_share(&budget, 100), 100);
    ck_assert_uint_eq(queue_budget_share(&budget, 250), 250);
    ck_assert_uint_eq(queue_budget_share(&budget, 251), 250);
    budget.held = 900;
    ck_assert_uint_eq(queue_budget_share(&budget, 100), 25);
    ck_assert_uint_eq(queue_budget_left(&budget), 100);
    budget.held = 1100; /* close frames go beyond it */
    ck_assert_uint_eq(queue_budget_share(&budget, 100), 0);
    ck_assert_uint_eq(queue_budget_left(&budget), 0);
}

TEST(test_without_a_budget_only_the_own_limit_holds) {
    ck_assert_uint_eq(queue_budget_share(NULL, 100), 100);
    ck_assert_uint_eq(queue_budget_left(NULL), UINT64_MAX);
}

UNIT_SUITE("client.gateway.core.queue_budget")
