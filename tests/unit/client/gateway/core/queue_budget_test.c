#include "blob_queue.h"
#include "unit.h"

static queue_budget_t s_budget;

static void s_evict(void *ctx) {
    blob_queue_finish(ctx);
}

static void s_begin(void) {
    s_budget = (queue_budget_t){.most = 1000};
}

static void s_count(blob_queue_t *queue) {
    *queue = (blob_queue_t){.holder = {.budget = &s_budget, .evict = s_evict, .ctx = queue}};
}

static void s_push(blob_queue_t *queue, size_t len) {
    zr_blob_t *blob = zr_blob_new(len);
    blob_queue_push(queue, blob);
    zr_blob_unref(blob);
}

TEST(test_a_blob_in_several_queues_counts_once) {
    blob_queue_t one, other;
    s_count(&one);
    s_count(&other);
    zr_blob_t *blob = zr_blob_new(100);
    blob_queue_push(&one, blob);
    blob_queue_push(&other, blob);
    zr_blob_unref(blob);
    s_push(&one, 50);
    ck_assert_uint_eq(s_budget.held, 150);
    blob_queue_drop(&one, 99); /* a piece of it is there still */
    ck_assert_uint_eq(s_budget.held, 150);
    blob_queue_drop(&one, 51);
    ck_assert_uint_eq(s_budget.held, 100);
    s_push(&one, 7); /* an emptied queue goes on to count */
    ck_assert_uint_eq(s_budget.held, 107);
    blob_queue_cut(&one);
    blob_queue_finish(&other);
    ck_assert_uint_eq(s_budget.held, 0);
    ck_assert_ptr_null(s_budget.waiting);
}

TEST(test_the_one_that_waits_for_the_longest_gives_way) {
    blob_queue_t slow[3], quick;
    for (size_t i = 0; i < 3; i++) {
        s_count(&slow[i]);
        s_push(&slow[i], 300);
    }
    s_count(&quick);
    s_push(&quick, 50);
    blob_queue_drop(&quick, 50);
    blob_queue_drop(&slow[0], 299); /* it reads, but was never empty */
    s_push(&slow[0], 1);
    ck_assert(queue_budget_make_room(&s_budget, 99));
    ck_assert_uint_eq(s_budget.evicted, 0);
    ck_assert(queue_budget_make_room(&s_budget, 100));
    ck_assert_uint_eq(s_budget.evicted, 1);
    ck_assert_uint_eq(slow[0].count, 0);
    s_push(&quick, 100);
    ck_assert(queue_budget_make_room(&s_budget, 600));
    ck_assert_uint_eq(s_budget.evicted, 2);
    ck_assert_uint_eq(slow[1].count, 0);
    ck_assert_uint_eq(quick.bytes, 100);
    ck_assert(!queue_budget_make_room(&s_budget, 1001)); /* in vain, and all had to go */
    ck_assert_uint_eq(s_budget.evicted, 4);
    ck_assert_uint_eq(s_budget.held, 0);
}

TEST(test_bytes_that_are_no_blobs_count_too) {
    queue_holder_t message = {.budget = &s_budget};
    queue_holder_hold(&message, 600);
    queue_holder_begin(&message);
    queue_holder_begin(&message);
    queue_holder_release(&message, 200);
    ck_assert_uint_eq(s_budget.held, 400);
    queue_holder_end(&message);
    queue_holder_end(&message);
    ck_assert_ptr_null(s_budget.waiting);
    ck_assert(!queue_budget_make_room(&s_budget, 601));
    ck_assert(queue_budget_make_room(&s_budget, 600));
}

TEST(test_without_a_budget_there_is_room) {
    queue_holder_t holder = {0};
    queue_holder_hold(&holder, 1);
    queue_holder_begin(&holder);
    ck_assert(!holder.waits);
    ck_assert(queue_budget_make_room(NULL, SIZE_MAX));
}

UNIT_SUITE_WITH("client.gateway.core.queue_budget", s_begin, NULL)
