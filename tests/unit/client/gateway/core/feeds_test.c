#include "feeds.h"

#include <stdio.h>

#include "unit.h"

static feeds_t *s_feeds;
static char s_log[1024]; /* changes: "+topic " and "-topic " */

typedef struct {
    feed_reader_t reader;
    unsigned frames, lives;
    bool leaves; /* with the next frame */
} listener_t;

static void s_change(void *ctx, bool subscribe, zr_span_t topic) {
    size_t len = strlen(s_log);
    (void)ctx;
    zr_span_t name = topic.len && topic.ptr[topic.len - 1] <= 1 ? zr_span_of(topic.ptr, topic.len - 1) : topic;
    snprintf(s_log + len, sizeof s_log - len, "%c%.*s%s ", subscribe ? '+' : '-', (int)name.len, name.ptr,
        name.len == topic.len      ? "*"
        : topic.ptr[topic.len - 1] ? "!"
                                   : "");
}

static void s_on_frame(feed_reader_t *reader, delivery_t *delivery) {
    listener_t *listener = (listener_t *)(void *)reader;
    (void)delivery;
    listener->frames++;
    if (listener->leaves)
        feeds_leave(reader, 1);
}

static void s_on_live(feed_reader_t *reader) {
    ((listener_t *)(void *)reader)->lives++;
}

#define LISTENER                                                                                                       \
    {                                                                                                                  \
        .reader = {.frame = s_on_frame, .live = s_on_live }                                                            \
    }

static feed_joined_t s_join(listener_t *listener, zr_span_t topic) {
    return feeds_join(s_feeds, &listener->reader, topic, 1);
}

static const char *s_changes(void) {
    static char log[sizeof s_log];
    strcpy(log, s_log);
    s_log[0] = '\0';
    return log;
}

static void s_take(const char *room, const char *rest) {
    char frame[200];
    delivery_t delivery;
    int len = snprintf(frame, sizeof frame, "%s\1{\"op\":\"presence\"%s}", room, rest);
    ck_assert(delivery_begin(&delivery, zr_span_of(frame, (size_t)len)));
    feeds_take(s_feeds, &delivery);
    delivery_finish(&delivery);
}

static void s_begin(void) {
    s_log[0] = '\0';
    s_feeds = feeds_new(4, 1000, s_change, NULL);
}

static void s_end(void) {
    feeds_destroy(s_feeds);
}

TEST(test_a_topic_is_subscribed_to_once) {
    listener_t a = LISTENER, b = LISTENER;
    ck_assert_int_eq(s_join(&a, LIT("r\0")), FEED_WAITS);
    ck_assert_int_eq(s_join(&b, LIT("r\0")), FEED_WAITS);
    ck_assert_uint_eq(feeds_tick(s_feeds, 1), 1);
    ck_assert_str_eq(s_changes(), "+r ");
    ck_assert_uint_eq(feeds_tick(s_feeds, 1), 0);
    feeds_synced(s_feeds, 1);
    ck_assert_uint_eq(a.lives + b.lives, 2);
    listener_t c = LISTENER;
    ck_assert_int_eq(s_join(&c, LIT("r\0")), FEED_LIVE);
    feeds_leave(&a.reader, 1);
    feeds_leave(&a.reader, 1);
    feeds_leave(&b.reader, 1);
    feeds_leave(&c.reader, 1);
    feeds_tick(s_feeds, 1);
    ck_assert_str_eq(s_changes(), ""); /* it lingers */
    ck_assert_uint_eq(feeds_due(s_feeds), 1 + FEEDS_LINGER_MS);
    feeds_tick(s_feeds, 1 + FEEDS_LINGER_MS);
    ck_assert_str_eq(s_changes(), "-r ");
    ck_assert_uint_eq(feeds_topics(s_feeds), 0);
}

TEST(test_bytes_of_topics_are_bounded) {
    enum { COST = 2 + FEED_MORE };
    listener_t a = LISTENER, b = LISTENER, c = LISTENER;
    feeds_destroy(s_feeds);
    s_feeds = feeds_new(100, 2 * COST, s_change, NULL);
    ck_assert_uint_eq(feeds_cost(s_feeds, LIT("a\0")), COST);
    ck_assert_int_eq(s_join(&a, LIT("a\0")), FEED_WAITS);
    ck_assert_uint_eq(feeds_cost(s_feeds, LIT("a\0")), 0);
    ck_assert_int_eq(s_join(&b, LIT("bb\0")), FEED_FULL);
    ck_assert_int_eq(s_join(&b, LIT("b\0")), FEED_WAITS);
    ck_assert_int_eq(s_join(&c, LIT("c\0")), FEED_FULL);
    ck_assert_uint_eq(feeds_left(s_feeds), 0);
    feeds_tick(s_feeds, 1);
    feeds_leave(&b.reader, 1); /* it lingers, and gives way */
    ck_assert_uint_eq(feeds_left(s_feeds), COST);
    s_changes();
    ck_assert_int_eq(s_join(&c, LIT("c\0")), FEED_WAITS);
    ck_assert_str_eq(s_changes(), "-b ");
    ck_assert_uint_eq(feeds_left(s_feeds), 0);
    feeds_leave(&a.reader, 1);
    feeds_leave(&c.reader, 1);
    feeds_restart(s_feeds);
    ck_assert_uint_eq(feeds_left(s_feeds), 2 * COST);
}

TEST(test_a_sync_covers_what_came_before_it) {
    listener_t a = LISTENER, b = LISTENER;
    s_join(&a, LIT("a\0"));
    uint64_t first = feeds_tick(s_feeds, 1);
    s_join(&b, LIT("b\0"));
    uint64_t second = feeds_tick(s_feeds, 1);
    ck_assert_uint_lt(first, second);
    feeds_synced(s_feeds, first);
    ck_assert_uint_eq(a.lives, 1);
    ck_assert_uint_eq(b.lives, 0);
    feeds_synced(s_feeds, second);
    ck_assert_uint_eq(b.lives, 1);
    feeds_leave(&a.reader, 1);
    feeds_leave(&b.reader, 1);
}

TEST(test_frames_go_to_topic_and_prefixes) {
    listener_t room = LISTENER, other = LISTENER, prefix = LISTENER, all = LISTENER;
    s_join(&room, LIT("m/cpu\1"));
    s_join(&other, LIT("m/cpu\0"));
    s_join(&prefix, LIT("m/"));
    s_join(&all, LIT(""));
    s_take("m/cpu", "");
    s_take("m", "");
    s_take("x", "");
    ck_assert_uint_eq(room.frames, 1);
    ck_assert_uint_eq(other.frames, 0);
    ck_assert_uint_eq(prefix.frames, 1);
    ck_assert_uint_eq(all.frames, 3);
    feeds_leave(&room.reader, 1);
    feeds_leave(&other.reader, 1);
    feeds_leave(&prefix.reader, 1);
    feeds_leave(&all.reader, 1);
    s_take("m/cpu", "");
    ck_assert_uint_eq(all.frames, 3);
}

TEST(test_readers_may_leave_within_a_frame) {
    listener_t a = LISTENER, b = LISTENER, c = LISTENER;
    a.leaves = c.leaves = true;
    s_join(&a, LIT("r\1"));
    s_join(&b, LIT("r\1"));
    s_join(&c, LIT("r\1"));
    feeds_tick(s_feeds, 1);
    s_take("r", "");
    s_take("r", "");
    ck_assert_uint_eq(a.frames, 1);
    ck_assert_uint_eq(b.frames, 2);
    ck_assert_uint_eq(c.frames, 1);
    feeds_leave(&b.reader, 1);
}

TEST(test_so_many_topics) {
    listener_t listeners[5] = {LISTENER, LISTENER, LISTENER, LISTENER, LISTENER};
    static const zr_span_t topics[] = {{"a\0", 2}, {"b\0", 2}, {"c\0", 2}, {"d\0", 2}};
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(s_join(&listeners[i], topics[i]), FEED_WAITS);
    feeds_tick(s_feeds, 1);
    s_changes();
    ck_assert_int_eq(s_join(&listeners[4], LIT("e\0")), FEED_FULL);
    feeds_leave(&listeners[4].reader, 1);
    feeds_leave(&listeners[2].reader, 1);
    ck_assert_int_eq(s_join(&listeners[4], LIT("e\0")), FEED_WAITS); /* in the place of one that lingers */
    feeds_tick(s_feeds, 1);
    ck_assert_str_eq(s_changes(), "-c +e ");
    for (int i = 0; i < 5; i++)
        feeds_leave(&listeners[i].reader, 1);
}

TEST(test_a_topic_that_was_never_sent_goes_at_once) {
    listener_t a = LISTENER;
    s_join(&a, LIT("a\0"));
    feeds_leave(&a.reader, 1);
    ck_assert_uint_eq(feeds_topics(s_feeds), 0);
    ck_assert_uint_eq(feeds_tick(s_feeds, 1), 0);
    ck_assert_str_eq(s_changes(), "");
}

TEST(test_a_new_sub_gets_all_again) {
    listener_t a = LISTENER, b = LISTENER;
    s_join(&a, LIT("a\0"));
    s_join(&b, LIT("b\0"));
    feeds_synced(s_feeds, feeds_tick(s_feeds, 1));
    feeds_leave(&b.reader, 1);
    s_changes();
    feeds_restart(s_feeds);
    ck_assert_uint_eq(feeds_topics(s_feeds), 1);
    uint64_t number = feeds_tick(s_feeds, 1);
    ck_assert_str_eq(s_changes(), "+a ");
    feeds_synced(s_feeds, number);
    ck_assert_uint_eq(a.lives, 2);
    feeds_leave(&a.reader, 1);
}

TEST(test_changes_are_paced) {
    feeds_t *many = feeds_new(2 * FEEDS_RATE, SIZE_MAX, s_change, NULL);
    static listener_t listeners[FEEDS_RATE + 10];
    for (size_t i = 0; i < FEEDS_RATE + 10; i++) {
        char topic[16];
        listeners[i] = (listener_t)LISTENER;
        int len = snprintf(topic, sizeof topic, "%zu", i);
        ck_assert_int_eq(feeds_join(many, &listeners[i].reader, zr_span_of(topic, (size_t)len + 1), 1000), FEED_WAITS);
    }
    feeds_synced(many, feeds_tick(many, 1000));
    unsigned lives = 0;
    for (size_t i = 0; i < FEEDS_RATE + 10; i++)
        lives += listeners[i].lives;
    ck_assert_uint_eq(lives, FEEDS_RATE);
    ck_assert_uint_eq(feeds_due(many), 2000);
    ck_assert_uint_eq(feeds_tick(many, 1999), 0);
    feeds_synced(many, feeds_tick(many, 2000));
    for (size_t i = 0; i < FEEDS_RATE + 10; i++) {
        ck_assert_uint_eq(listeners[i].lives, 1);
        feeds_leave(&listeners[i].reader, 2000);
    }
    feeds_destroy(many);
}

TEST(test_how_many_readers_a_topic_has) {
    listener_t a = LISTENER, b = LISTENER, other = LISTENER;
    ck_assert_uint_eq(feed_readers(&a.reader), 0);
    s_join(&a, LIT("r\0"));
    s_join(&b, LIT("r\0"));
    s_join(&other, LIT("q\0"));
    ck_assert_uint_eq(feed_readers(&a.reader), 2);
    ck_assert_uint_eq(feed_readers(&other.reader), 1);
    feeds_leave(&b.reader, 1);
    ck_assert_uint_eq(feed_readers(&a.reader), 1);
    ck_assert_uint_eq(feed_readers(&b.reader), 0);
    feeds_leave(&a.reader, 1);
    feeds_leave(&other.reader, 1);
}

UNIT_SUITE_WITH("client.gateway.feeds", s_begin, s_end)
