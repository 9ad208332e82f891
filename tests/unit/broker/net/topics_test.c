#include "topics.h"

#include "unit.h"

enum { COST = 4 + TOPIC_MORE }; /* of a topic with four bytes */

static topics_t *s_topics(size_t reader, uint64_t account, uint64_t all) {
    return topics_new(&(topics_limits_t){reader, account * COST, all * COST});
}

static topics_verdict_t s_add(topics_t *topics, uint64_t reader, const char *account, const char *topic) {
    return topics_add(topics, reader, zr_span(account), zr_span(topic));
}

TEST(test_limits) {
    topics_t *topics = s_topics(2, 3, 4);
    ck_assert_int_eq(s_add(topics, 1, "ann", "aaaa"), TOPICS_OK);
    ck_assert_int_eq(s_add(topics, 1, "ann", "bbbb"), TOPICS_OK);
    ck_assert_int_eq(s_add(topics, 1, "ann", "cccc"), TOPICS_READER_FULL);
    ck_assert_int_eq(s_add(topics, 2, "ann", "cccc"), TOPICS_OK);
    ck_assert_int_eq(s_add(topics, 2, "ann", "dddd"), TOPICS_ACCOUNT_FULL);
    ck_assert_int_eq(s_add(topics, 3, "bob", "dddd"), TOPICS_OK);
    ck_assert_int_eq(s_add(topics, 3, "bob", "eeee"), TOPICS_FULL);
    ck_assert_uint_eq(topics_bytes(topics), 4 * COST);
    topics_set_limits(topics, &(topics_limits_t){2, 3 * COST, 5 * COST});
    ck_assert_int_eq(s_add(topics, 3, "bob", "eeee"), TOPICS_OK);
    ck_assert_int_eq(s_add(topics, 4, "bob", "ffff"), TOPICS_FULL);
    topics_destroy(topics);
}

static char s_changes[64];

static void s_changed(void *ctx, zr_span_t topic, bool wanted) {
    char *at = s_changes + strlen(s_changes);
    ck_assert_ptr_eq(ctx, s_changes);
    *at++ = wanted ? '+' : '-';
    memcpy(at, topic.ptr, topic.len);
}

TEST(test_the_first_reader_and_the_last_one_are_told) {
    topics_t *topics = s_topics(9, 9, 9);
    s_add(topics, 1, "ann", "aaaa");
    topics_watch(topics, s_changed, s_changes);
    s_add(topics, 2, "bob", "aaaa");
    s_add(topics, 2, "bob", "bbbb");
    s_add(topics, 2, "bob", "bbbb");
    topics_leave(topics, 2);
    topics_remove(topics, 2, LIT("bbbb"));
    topics_remove(topics, 1, LIT("aaaa"));
    ck_assert_str_eq(s_changes, "+bbbb-bbbb-aaaa");
    topics_destroy(topics);
}

TEST(test_a_topic_costs_once) {
    topics_t *topics = s_topics(9, 1, 1);
    for (uint64_t reader = 1; reader <= 3; reader++)
        ck_assert_int_eq(s_add(topics, reader, "ann", "aaaa"), TOPICS_OK);
    ck_assert_int_eq(s_add(topics, 1, "ann", "aaaa"), TOPICS_OK);
    ck_assert_int_eq(s_add(topics, 4, "bob", "aaaa"), TOPICS_OK);
    ck_assert_uint_eq(topics_bytes(topics), COST);
    for (uint64_t reader = 1; reader <= 3; reader++)
        topics_leave(topics, reader);
    ck_assert_uint_eq(topics_bytes(topics), COST); /* bob has it still, and ann pays */
    ck_assert_int_eq(s_add(topics, 5, "ann", "bbbb"), TOPICS_ACCOUNT_FULL);
    topics_remove(topics, 4, LIT("aaaa"));
    ck_assert_uint_eq(topics_bytes(topics), 0);
    ck_assert_int_eq(s_add(topics, 5, "ann", "bbbb"), TOPICS_OK);
    topics_destroy(topics);
}

TEST(test_length) {
    topics_t *topics = s_topics(9, 100, 100);
    char name[TOPIC_MAX + 2];
    memset(name, 'n', sizeof name);
    ck_assert_int_eq(topics_add(topics, 1, LIT("ann"), zr_span_of(name, TOPIC_MAX)), TOPICS_OK);
    ck_assert_int_eq(topics_add(topics, 1, LIT("ann"), zr_span_of(name, TOPIC_MAX + 1)), TOPICS_TOO_LONG);
    ck_assert_int_eq(topics_add(topics, 1, LIT("ann"), zr_span_of(name, 0)), TOPICS_OK); /* everything */
    ck_assert_uint_eq(topics_bytes(topics), TOPIC_MAX + 2 * TOPIC_MORE);
    topics_destroy(topics);
}

TEST(test_what_was_not_there) {
    topics_t *topics = s_topics(9, 9, 9);
    topics_leave(topics, 1);
    topics_remove(topics, 1, LIT("aaaa"));
    ck_assert_int_eq(s_add(topics, 1, "ann", "aaaa"), TOPICS_OK);
    topics_remove(topics, 1, LIT("bbbb"));
    topics_remove(topics, 2, LIT("aaaa"));
    ck_assert_uint_eq(topics_bytes(topics), COST);
    topics_remove(topics, 1, LIT("aaaa"));
    topics_remove(topics, 1, LIT("aaaa"));
    ck_assert_uint_eq(topics_bytes(topics), 0);
    topics_destroy(topics);
    topics_destroy(NULL);
}

/* A reader that was refused leaves nothing behind. */
TEST(test_refused) {
    topics_t *topics = s_topics(0, 0, 0);
    for (uint64_t reader = 0; reader < 1000; reader++)
        ck_assert_int_eq(s_add(topics, reader, "ann", "aaaa"), TOPICS_READER_FULL);
    ck_assert_uint_eq(topics_bytes(topics), 0);
    topics_destroy(topics);
}

UNIT_SUITE("broker.topics")
