#include "recent.h"

#include "unit.h"

static recent_t s_recent;

static void s_end(void) {
    recent_finish(&s_recent);
}

static void s_add(uint64_t seq, const char *sender, const char *body, const char *key) {
    recent_add(
        &s_recent, &(zrelay_event_t){.seq = seq, .sender = sender, .body = body, .body_len = strlen(body), .key = key});
}

TEST(test_kept_as_it_came) {
    s_add(7, "ann", "hi", "key");
    zrelay_event_t event = recent_event(&s_recent.entries[0], "room");
    ck_assert_uint_eq(event.seq, 7);
    ck_assert_str_eq(event.room, "room");
    ck_assert_str_eq(event.sender, "ann");
    ck_assert_str_eq(event.key, "key");
    ck_assert_uint_eq(event.body_len, 2);
}

TEST(test_the_newest_message) {
    ck_assert_ptr_null(recent_newest(&s_recent, "ann", NULL));
    s_add(1, "ann", "one", NULL);
    s_add(2, "bob", "two", NULL);
    s_add(3, "ann", "three", "key");
    ck_assert_uint_eq(recent_newest(&s_recent, "ann", NULL)->seq, 1);
    ck_assert_uint_eq(recent_newest(&s_recent, NULL, "bob")->seq, 1);
    ck_assert_uint_eq(recent_newest(&s_recent, NULL, NULL)->seq, 2);
}

TEST(test_bounds) {
    for (uint64_t seq = 1; seq <= RECENT_MAX + 1; seq++)
        s_add(seq, "ann", "x", NULL);
    ck_assert_uint_le(s_recent.count, RECENT_MAX);
    ck_assert_uint_eq(s_recent.entries[s_recent.count - 1].seq, RECENT_MAX + 1);
    recent_cut(&s_recent, 2);
    ck_assert_uint_eq(s_recent.entries[0].seq, RECENT_MAX);
    static char large[RECENT_BYTES / 2];
    for (uint64_t seq = 1; seq <= 3; seq++)
        recent_add(&s_recent, &(zrelay_event_t){.seq = seq, .body = large, .body_len = sizeof large});
    ck_assert_uint_eq(s_recent.count, 2);
    ck_assert_uint_le(s_recent.bytes, RECENT_BYTES);
    ck_assert_uint_eq(s_recent.entries[1].seq, 3);
}

UNIT_SUITE_WITH("client.cli.chat.recent", NULL, s_end)
