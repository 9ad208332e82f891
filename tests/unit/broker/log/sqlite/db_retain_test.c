#include "fixture_db.h"

#include <stdio.h>
#include <sys/stat.h>

static const zr_span_t general = {"general", 7};

/* Ten frames of ten entries; frame n (0 to 9) has the time 100 + n and the seqs 10n + 1 … 10n + 10. */
static uint64_t s_begin(store_t *store) {
    store_begin(store);
    store_room(store, 1, "general");
    for (uint64_t i = 0; i < 10; i++)
        store_put(store, 1, store_plain(general, 10 * i, 10, 100 + i, 20));
    return store_look(store, 1).bytes / 10;
}

static log_bounds_t s_retain_kept(store_t *store, const db_kept_t *kept, uint64_t now, size_t frames, unsigned steps) {
    log_bounds_t bounds;
    bool more = true;
    unsigned taken = 0;
    for (; more; taken++)
        ck_assert_ok(store, db_retain(store->db, 1, kept, now, frames, &bounds, &more, store->error));
    ck_assert_uint_eq(taken, steps);
    ck_assert_uint_eq(bounds.oldest, store_look(store, 1).bounds.oldest);
    ck_assert_uint_eq(bounds.head, 100);
    ck_assert_uint_eq(bounds.time, 109);
    return bounds;
}

static log_bounds_t s_retain(store_t *store, policy_t policy, uint64_t now, size_t frames, unsigned steps) {
    return s_retain_kept(store, &(db_kept_t){.policy = policy}, now, frames, steps);
}

TEST(test_no_limit) {
    store_t store;
    s_begin(&store);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_age = 0}, 1ULL << 60, 5, 1).oldest, 0);
    ck_assert_uint_eq(store_look(&store, 1).entries, 100);
    store_end(&store);
}

TEST(test_by_age) {
    store_t store;
    s_begin(&store);
    policy_t policy = {.max_age = 50};
    ck_assert_uint_eq(s_retain(&store, policy, 40, 5, 1).oldest, 0); /* a clock before the limit */
    ck_assert_uint_eq(s_retain(&store, policy, 150, 5, 1).oldest, 0);
    ck_assert_uint_eq(s_retain(&store, policy, 151, 5, 1).oldest, 10);
    ck_assert_uint_eq(s_retain(&store, policy, 155, 5, 1).oldest, 50);
    ck_assert_uint_eq(s_retain(&store, policy, 1000, 2, 2).oldest, 90); /* the newest stays */
    ck_assert_uint_eq(store_look(&store, 1).entries, 10);
    store_end(&store);
}

/* Whole frames go, and the first that stays is cut. */
TEST(test_by_count) {
    store_t store;
    s_begin(&store);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_entries = 100}, 200, 5, 1).oldest, 0);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_entries = 91}, 200, 5, 1).oldest, 9);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_entries = 90}, 200, 5, 1).oldest, 10);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_entries = 55}, 200, 1, 3).oldest, 45);
    store_reopen(&store);
    ck_assert_uint_eq(store_look(&store, 1).entries, 55);
    char *dump = store_dump(&store); /* reads all of it */
    free(dump);
    log_bounds_t bounds = s_retain(&store, (policy_t){.max_entries = 1}, 200, 100, 1);
    ck_assert_uint_eq(bounds.oldest, 99);
    ck_assert_uint_eq(bounds.tail, 99);
    store_reopen(&store);
    ck_assert_uint_eq(store_look(&store, 1).entries, 1);
    ck_assert_uint_eq(store_look(&store, 1).bounds.tail, 99);
    store_put(&store, 1, store_plain(general, 100, 1, 110, 20));
    ck_assert_uint_eq(store_look(&store, 1).entries, 2);
    store_end(&store);
}

TEST(test_by_bytes) {
    store_t store;
    uint64_t bytes = s_begin(&store), head = ZR_DELIVER_HEAD(7), entry = (bytes - head) / 10;
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_bytes = 10 * bytes}, 200, 5, 1).oldest, 0);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_bytes = 9 * bytes + head + 3 * entry}, 200, 5, 1).oldest, 7);
    ck_assert_uint_eq(store_look(&store, 1).bytes, 9 * bytes + head + 3 * entry);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_bytes = 9 * bytes + 1}, 200, 5, 1).oldest, 10);
    ck_assert_uint_eq(store_look(&store, 1).bytes, 9 * bytes);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_bytes = head + 2 * entry + 1}, 200, 4, 2).oldest, 98);
    ck_assert_uint_eq(s_retain(&store, (policy_t){.max_bytes = 1}, 200, 4, 1).oldest, 99); /* the newest stays */
    char *dump = store_dump(&store);
    free(dump);
    store_end(&store);
}

/* What a group has not finished stays, whatever limit it is over, while the room is not too large. */
TEST(test_what_groups_keep) {
    store_t store;
    uint64_t bytes = s_begin(&store);
    policy_t aged = {.max_age = 50}, few = {.max_entries = 5}, small = {.max_bytes = 1};
    db_kept_t kept = {.policy = aged, .keep = {.after = 12, .bytes = 10 * bytes}};
    ck_assert_uint_eq(s_retain_kept(&store, &kept, 1000, 5, 1).oldest, 10);
    kept.policy = few;
    ck_assert_uint_eq(s_retain_kept(&store, &kept, 1000, 5, 1).oldest, 12);
    kept.policy = small;
    ck_assert_uint_eq(s_retain_kept(&store, &kept, 1000, 5, 1).oldest, 12);
    kept.keep.bytes = 8 * bytes; /* the limit of such a room: what is over it goes */
    kept.policy = few;
    ck_assert_uint_eq(s_retain_kept(&store, &kept, 1000, 5, 1).oldest, 20);
    ck_assert_uint_eq(store_look(&store, 1).bytes, 8 * bytes);
    kept.keep.after = 100; /* the group finished all */
    ck_assert_uint_eq(s_retain_kept(&store, &kept, 1000, 50, 1).oldest, 95);
    store_end(&store);
}

/* Frames 2 to 4 are from a clock that was years ahead. They are no younger than frame 5. */
TEST(test_ahead_of_the_clock) {
    store_t store;
    const uint64_t second = 1000000, begin = 1000 * second, future = 1000000 * second;
    store_begin(&store);
    store_room(&store, 1, "general");
    for (uint64_t i = 0; i < 10; i++)
        store_put(&store, 1, store_plain(general, i, 1, i >= 2 && i < 5 ? future : begin + i * second, 20));
    log_bounds_t bounds;
    bool more;
    policy_t policy = {.max_age = 50 * second};
    const struct { uint64_t now, oldest; } steps[] = {{0, 0}, {50, 1}, {51, 2}, {54, 2}, {55, 6}, {56, 7}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint64_t now = steps[i].now ? begin + steps[i].now * second : 0;
        do
            ck_assert_ok(&store, db_retain(store.db, 1, &(db_kept_t){.policy = policy}, now + (now != 0), 3, &bounds,
                                     &more, store.error));
        while (more);
        ck_assert_uint_eq(bounds.oldest, steps[i].oldest);
    }
    store_end(&store);
}

/* Nothing behind them says how old they are: they count as of now. */
TEST(test_all_ahead_of_the_clock) {
    store_t store;
    const uint64_t second = 1000000, now = 1000 * second;
    store_begin(&store);
    store_room(&store, 1, "general");
    for (uint64_t i = 0; i < 40; i++)
        store_put(&store, 1, store_plain(general, i, 1, 1000 * now, 20));
    policy_t policy = {.max_age = 50 * second};
    const struct { uint64_t now, oldest; } steps[] = {{0, 0}, {10, 0}, {50, 0}, {51, 39}, {52, 39}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        log_bounds_t bounds;
        bool more = true;
        while (more)
            ck_assert_ok(&store, db_retain(store.db, 1, &(db_kept_t){.policy = policy}, now + steps[i].now * second, 10,
                                     &bounds, &more, store.error));
        ck_assert_uint_eq(bounds.oldest, steps[i].oldest);
        store_reopen(&store);
    }
    /* The newest stays; what is stored later by a clock that is ahead again counts from then on. */
    store_put(&store, 1, store_plain(general, 40, 1, 1000 * now, 20));
    log_bounds_t bounds;
    bool more;
    ck_assert_ok(&store,
        db_retain(store.db, 1, &(db_kept_t){.policy = policy}, now + 200 * second, 10, &bounds, &more, store.error));
    ck_assert_uint_eq(bounds.oldest, 40);
    store_put(&store, 1, store_plain(general, 41, 1, 1000 * now, 20));
    for (uint64_t at = 200; at <= 251; at += 51) {
        ck_assert_ok(&store,
            db_retain(store.db, 1, &(db_kept_t){.policy = policy}, now + at * second, 10, &bounds, &more, store.error));
        ck_assert_uint_eq(bounds.oldest, at == 200 ? 40 : 41);
    }
    ck_assert_ok(&store, db_begin(store.db, store.error));
    ck_assert_ok(&store, db_forget_room(store.db, 1, 42, store.error));
    ck_assert_ok(&store, db_commit(store.db, store.error));
    store_room(&store, 1, "other"); /* and another one with its id has nothing of it */
    store_put(&store, 1, store_plain(zr_span("other"), 42, 1, 1000 * now, 20));
    store_put(&store, 1, store_plain(zr_span("other"), 43, 1, 1000 * now, 20));
    ck_assert_ok(&store,
        db_retain(store.db, 1, &(db_kept_t){.policy = policy}, now + 300 * second, 10, &bounds, &more, store.error));
    ck_assert_uint_eq(bounds.oldest, 42);
    store_end(&store);
}

TEST(test_values_stay) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    store_put(&store, 1, store_frame(general, 0, (item_t[]){{1, "k", "v"}}, 1, 5));
    store_put(&store, 1, store_plain(general, 1, 1, 6, 5));
    log_bounds_t bounds;
    bool more;
    policy_t policy = {.max_entries = 1};
    ck_assert_ok(&store, db_retain(store.db, 1, &(db_kept_t){.policy = policy}, 10, 5, &bounds, &more, store.error));
    ck_assert_uint_eq(bounds.oldest, 1);
    store_reopen(&store);
    char *dump = store_dump(&store);
    ck_assert_msg(strstr(dump, "value 1 k="), "%s", dump);
    free(dump);
    store_end(&store);
}

TEST(test_a_room_without_entries) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    log_bounds_t bounds;
    bool more;
    policy_t policy = {.max_entries = 1, .max_age = 1, .max_bytes = 1};
    ck_assert_ok(&store, db_retain(store.db, 1, &(db_kept_t){.policy = policy}, 10, 5, &bounds, &more, store.error));
    ck_assert_uint_eq(bounds.head, 0);
    ck_assert(!more);
    ck_assert(!db_retain(store.db, 2, &(db_kept_t){.policy = policy}, 10, 5, &bounds, &more, store.error));
    ck_assert(!db_retain(store.db, 0, &(db_kept_t){.policy = policy}, 10, 5, &bounds, &more, store.error));
    store_end(&store);
}

/* Positions and totals go on where they were, however much was dropped. */
TEST(test_storing_goes_on) {
    store_t store;
    s_begin(&store);
    s_retain(&store, (policy_t){.max_entries = 1}, 200, 100, 1);
    store_put(&store, 1, store_plain(general, 100, 10, 110, 20));
    store_reopen(&store);
    store_put(&store, 1, store_plain(general, 110, 5, 111, 20));
    db_room_t room = store_look(&store, 1);
    ck_assert_uint_eq(room.bounds.head, 115);
    ck_assert_uint_eq(room.bounds.oldest, 99);
    ck_assert_uint_eq(room.entries, 16);
    char *dump = store_dump(&store);
    free(dump);
    store_end(&store);
}

static void s_digits(void *ctx, const log_mark_t *mark) {
    char *text = ctx;
    size_t len = strlen(text);
    text[len] = mark->client[0];
    text[len + 1] = '\0';
}

static void s_forget(store_t *store, uint64_t before, size_t max, size_t rows, bool expect_more, const char *left) {
    bool more;
    ck_assert_ok(store, db_forget_marks(store->db, before, max, rows, &more, store->error));
    char text[32] = "";
    ck_assert_ok(store, db_each_mark(store->db, s_digits, text, store->error));
    ck_assert_str_eq(text, left);
    ck_assert_int_eq(more, expect_more);
}

TEST(test_marks_are_forgotten) {
    store_t store;
    store_begin(&store);
    for (uint64_t i = 0; i < 10; i++)
        store_mark(&store, (char[]){(char)('a' + i), '\0'}, 1, NULL, 100 + i);
    s_forget(&store, 100, 10, 100, false, "abcdefghij");
    s_forget(&store, 102, 10, 100, false, "cdefghij");
    s_forget(&store, 105, 10, 2, true, "efghij");
    s_forget(&store, 105, 10, 2, false, "fghij");
    s_forget(&store, 0, 4, 2, false, "ghij");
    s_forget(&store, 0, 1, 2, true, "ij");
    s_forget(&store, 0, 1, 2, false, "j");
    s_forget(&store, 0, 0, 2, false, "");
    s_forget(&store, 1000, 0, 2, false, "");
    store_end(&store);
}

TEST(test_marks_ahead_of_the_clock) {
    store_t store;
    const uint64_t second = 1000000, now = 1000 * second;
    store_begin(&store);
    for (uint64_t i = 0; i < 6; i++)
        store_mark(&store, (char[]){(char)('a' + i), '\0'}, 1, NULL, i < 3 ? now + (1000 + i) * second : now + i);
    ck_assert_ok(&store, db_date_marks(store.db, now, 2, store.error));
    ck_assert_ok(&store, db_date_marks(store.db, now, 2, store.error));
    ck_assert_ok(&store, db_date_marks(store.db, now, 2, store.error));
    s_forget(&store, now, 10, 10, false, "abcdef");
    s_forget(&store, now + 1, 10, 10, false, "def");
    store_end(&store);
}

static int64_t s_size(const store_t *store) {
    struct stat status;
    ck_assert_int_eq(stat(store_path(store, "zrelay.db"), &status), 0);
    return status.st_size;
}

TEST(test_pages_are_given_back) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    for (uint64_t i = 0; i < 100; i++)
        store_put(&store, 1, store_plain(general, i, 1, 1, 50000));
    store_reopen(&store);
    int64_t before = s_size(&store);
    policy_t policy = {.max_entries = 5};
    log_bounds_t bounds;
    bool more = true;
    while (more)
        ck_assert_ok(
            &store, db_retain(store.db, 1, &(db_kept_t){.policy = policy}, 1, 20, &bounds, &more, store.error));
    for (int i = 0; i < 100; i++)
        ck_assert_ok(&store, db_give_back(store.db, 20, store.error));
    char *dump = store_dump(&store);
    store_reopen(&store);
    ck_assert_int_lt(s_size(&store), before / 8);
    char *after = store_dump(&store);
    ck_assert_str_eq(dump, after);
    free(dump);
    free(after);
    store_end(&store);
}

/* The kept entries, compared with a count by hand. */
TEST(test_never_more_than_the_limit) {
    for (unsigned seed = 1; seed <= store_seeds(20); seed++) {
        uint64_t random = seed;
        store_t store;
        store_begin(&store);
        store_room(&store, 1, "general");
        struct {
            uint64_t last, count, bytes, time, entry; /* bytes of an entry */
        } frames[40];
        size_t count = 1 + store_below(&random, 40), oldest = 0;
        uint64_t skipped = 0; /* entries of the oldest */
        uint64_t head = 0, time = 1000;
        ck_assert_ok(&store, db_begin(store.db, store.error));
        for (size_t i = 0; i < count; i++) {
            time += store_below(&random, 20);
            uint64_t body = store_below(&random, 60);
            log_append_t append = store_plain(general, head, 1 + store_below(&random, 8), time, body);
            head = append.last;
            frames[i].last = head;
            frames[i].count = append.count;
            frames[i].bytes = zr_blob_len(append.frame);
            frames[i].time = time;
            frames[i].entry = (frames[i].bytes - ZR_DELIVER_HEAD(7)) / append.count;
            ck_assert_ok(&store, store_add(&store, 1, append));
        }
        ck_assert_ok(&store, db_commit(store.db, store.error));
        for (int round = 0; round < 5; round++) {
            uint64_t now = time + store_below(&random, 100);
            policy_t policy = {.max_age = store_below(&random, 2) ? 1 + store_below(&random, 500) : 0,
                .max_entries = store_below(&random, 2) ? 1 + store_below(&random, 200) : 0,
                .max_bytes = store_below(&random, 2) ? 1 + store_below(&random, 10000) : 0};
            uint64_t newer = 0, bytes = 0;
            for (;; oldest++, skipped = 0) {
                newer = bytes = 0;
                for (size_t i = oldest + 1; i < count; i++) {
                    newer += frames[i].count;
                    bytes += frames[i].bytes;
                }
                if (oldest + 1 == count || !((policy.max_age && frames[oldest].time + policy.max_age < now) ||
                                               (policy.max_entries && newer >= policy.max_entries) ||
                                               (policy.max_bytes && bytes >= policy.max_bytes)))
                    break;
            }
            while (newer + frames[oldest].count - skipped > 1 && skipped < frames[oldest].count &&
                   ((policy.max_entries && newer + frames[oldest].count - skipped > policy.max_entries) ||
                       (policy.max_bytes &&
                           bytes + frames[oldest].bytes - skipped * frames[oldest].entry > policy.max_bytes)))
                skipped++;
            log_bounds_t bounds;
            bool more = true;
            while (more)
                ck_assert_ok(&store, db_retain(store.db, 1, &(db_kept_t){.policy = policy}, now,
                                         1 + store_below(&random, 5), &bounds, &more, store.error));
            ck_assert_uint_eq(bounds.oldest, frames[oldest].last - frames[oldest].count + skipped);
            ck_assert_uint_eq(bounds.head, head);
        }
        store_end(&store);
    }
}

UNIT_SUITE("broker.store.db_retain")
