/* What every engine does, and the suite. */
#include <stdio.h>

#include "fixture_contract_rig.h"

START_TEST(test_passes_are_answered_in_order) {
    ct_begin();
    for (uint64_t pass = 3; pass <= 6; pass++) {
        if (pass != 5) /* an empty one, too */
            ct_append('a', 2);
        ct_commit(pass);
    }
    ct_expect("3 4 5 6 ");
    ck_assert(log_is_idle(ct_log));
    ck_assert(!log_is_full(ct_log));
    ct_expect_read('a', "0: 1 2 | 2: 3 4 | 4: 5 6 | = 6 complete", .after = 0);
    ct_finish();
}
END_TEST

START_TEST(test_marks_are_given_back) {
    ct_begin();
    ct_commit_mark(1, 'c', 1, "refused");
    ct_commit_mark(2, 'c', 2, NULL);
    ct_expect("1 2 ");
    ct_finish();
}
END_TEST

START_TEST(test_bounds) {
    ct_begin();
    ct_append('a', 3);
    ct_append('a', 2);
    ct_append('b', 1);
    ct_store();
    log_bounds_t bounds = ct_bounds('a');
    ck_assert_uint_eq(bounds.begun, 0);
    ck_assert_uint_eq(bounds.oldest, 0);
    ck_assert_uint_eq(bounds.tail, 3);
    ck_assert_uint_eq(bounds.head, 5);
    ck_assert_uint_eq(bounds.time, 1005);
    ct_expect_bounds('b', 0, 1);
    ct_finish();
}
END_TEST

START_TEST(test_an_unknown_room) {
    ct_begin();
    ct_expect_bounds('a', 0, 0);
    ct_expect_read('a', "= 0 complete", .after = 0);
    ct_expect_read('a', "= 5", .after = 5);
    ct_expect_read('a', "= 0 complete", .last = 5);
    ct_append('b', 1);
    ct_store();
    ct_expect_bounds('a', 0, 0);
    ct_expect_read('a', "= 5", .after = 5);
    ct_finish();
}
END_TEST

START_TEST(test_slices_are_cut_at_both_ends) {
    ct_begin();
    ct_append('a', 3);
    ct_append('b', 2);
    ct_append('a', 1);
    ct_append('a', 3);
    ct_store();
    ct_expect_read('a', "0: 1 2 3 | 3: 4 | 4: 5 6 7 | = 7 complete", .after = 0);
    ct_expect_read('a', "1: 2 3 | 3: 4 | 4: 5 6 | = 6 complete", .after = 1, .until = 6);
    ct_expect_read('a', "1: 2 | = 2 complete", .after = 1, .until = 2);
    ct_expect_read('a', "3: 4 | = 4 complete more", .after = 3, .entries = 1);
    ct_expect_read('a', "3: 4 | 4: 5 | = 5 complete more", .after = 3, .entries = 2);
    ct_expect_read('a', "3: 4 | 4: 5 | = 5 complete", .after = 3, .entries = 2, .until = 5);
    ct_expect_read('a', "0: 1 2 3 | 3: 4 | = 4 complete more", .after = 0, .frames = 2);
    ct_expect_read('a', "0: 1 2 3 | = 3 complete more", .after = 0, .bytes = 1);
    ct_expect_read('a', "= 7 complete", .after = 7);
    ct_expect_read('a', "= 8", .after = 8);
    ct_expect_read('a', "= 5 complete", .after = 5, .until = 4);
    ct_expect_read('b', "0: 1 2 | = 2 complete", .after = 0);
    ct_finish();
}
END_TEST

START_TEST(test_the_last_so_many) {
    ct_begin();
    ct_append('a', 3);
    ct_append('a', 1);
    ct_append('a', 3);
    ct_store();
    ct_expect_read('a', "6: 7 | = 7 complete", .last = 1);
    ct_expect_read('a', "3: 4 | 4: 5 6 7 | = 7 complete", .last = 4);
    ct_expect_read('a', "2: 3 | 3: 4 | 4: 5 6 7 | = 7 complete", .last = 5);
    ct_expect_read('a', "0: 1 2 3 | 3: 4 | 4: 5 6 7 | = 7 complete", .last = 8);
    ct_expect_read('a', "2: 3 | 3: 4 | 4: 5 | = 5 complete", .last = 3, .until = 5);
    ct_expect_read('a', "3: 4 | 4: 5 | = 5 complete more", .last = 4, .entries = 2);
    ct_expect_read('a', "0: 1 2 3 | 3: 4 | 4: 5 6 7 | = 7 complete", .last = UINT64_MAX >> 11);
    ct_finish();
}
END_TEST

/* A room with gaps between its positions, for the next test. */
static const uint64_t s_seqs[] = {3, 6, 9, 12, 15, 18, 21};
static const size_t s_frames[] = {3, 1, 3}; /* entries of each frame */
enum { SEQS = 7, FRAMES = 3, EDGE = 23 };

/* The answer by the plainest way: looks at each entry in turn. */
static void s_plain_answer(const log_read_t *read, char *out, size_t size) {
    size_t begin = 0, end = 0; /* of the entries wanted */
    while (end < SEQS && s_seqs[end] <= read->until)
        end++;
    while (begin < SEQS && s_seqs[begin] <= read->after)
        begin++;
    if (read->last)
        begin = read->last < end ? end - read->last : 0;
    uint64_t seq = !read->last ? read->after : begin > 0 ? s_seqs[begin - 1] : 0;
    size_t at = 0, count = 0, frames = 0;
    int len = 0;
    for (size_t frame = 0; frame < FRAMES; frame++) {
        size_t behind = at + s_frames[frame], in_frame = 0;
        for (; at < behind; at++) {
            if (at < begin || at >= end || count == read->entries || (in_frame == 0 && frames == read->frames))
                continue;
            if (in_frame++ == 0)
                len += snprintf(out + len, size - (size_t)len, "%u:", at > 0 ? (unsigned)s_seqs[at - 1] : 0);
            len += snprintf(out + len, size - (size_t)len, " %u", (unsigned)s_seqs[at]);
            count++;
            seq = s_seqs[at];
        }
        if (in_frame > 0)
            len += snprintf(out + len, size - (size_t)len, " | ");
        frames += in_frame > 0;
    }
    bool complete = read->last || read->after <= s_seqs[SEQS - 1], more = begin < end && count < end - begin;
    snprintf(
        out + len, size - (size_t)len, "= %u%s%s", (unsigned)seq, complete ? " complete" : "", more ? " more" : "");
}

static void s_check(log_read_t read) {
    char expected[512];
    read = ct_request('a', read);
    s_plain_answer(&read, expected, sizeof expected);
    ct_log->engine->read(ct_log, &read);
    while (!ct_got[0] && ct_pump(30000))
        ;
    ck_assert_msg(strcmp(ct_got, expected) == 0, "after %u until %u last %u entries %zu frames %zu: %s is not %s",
        (unsigned)read.after, (unsigned)read.until, (unsigned)read.last, read.entries, read.frames, ct_got, expected);
    ct_got[0] = '\0';
}

START_TEST(test_each_read_of_a_small_room) {
    ct_begin();
    for (size_t i = 0; i < FRAMES; i++)
        ct_append_as('a', s_frames[i], 3, NULL, false);
    ct_store();
    for (uint64_t until = 1; until <= EDGE; until++) {
        for (uint64_t after = 0; after <= EDGE; after += 1 + (until % 2))
            for (size_t limit = 1; limit <= 8; limit += 2)
                s_check((log_read_t){.after = after, .until = until, .entries = limit, .frames = 1 + limit % 3});
        for (uint64_t last = 1; last <= SEQS + 1; last++)
            s_check((log_read_t){.last = last, .until = until, .entries = 3 + last % 3});
    }
    ct_finish();
}
END_TEST

/* A room keeps its newest frame, however many entries are in it. */
START_TEST(test_retention) {
    ct_begin();
    ct_reopen(4);
    for (int i = 0; i < 3; i++)
        ct_append('a', 2);
    ct_append('b', 9);
    ct_store();
    for (int i = 0; ct_bounds('a').oldest < 2 || ct_bounds('b').oldest < 5; i++) {
        ck_assert_int_lt(i, 1000);
        log_tick(ct_log, 1000000);
        ct_pump(10);
    }
    ct_expect_bounds('a', 2, 6);
    ck_assert_uint_eq(ct_bounds('a').begun, 0);
    ct_expect_bounds('b', 5, 9); /* a frame that is too much alone is cut */
    ck_assert_uint_eq(ct_bounds('b').tail, 5);
    ct_expect_read('b', "5: 6 7 8 9 | = 9", .after = 0);
    ct_expect_read('a', "2: 3 4 | 4: 5 6 | = 6", .after = 0);
    ct_expect_read('a', "2: 3 4 | 4: 5 6 | = 6 complete", .after = 2);
    ct_expect_read('a', "2: 3 4 | = 4 more", .after = 1, .frames = 1);
    ct_expect_read('a', "= 2", .after = 0, .until = 2); /* so that it is not asked for for ever */
    ct_expect_read('a', "2: 3 4 | 4: 5 6 | = 6 complete", .last = 4);
    ct_expect_read('a', "2: 3 4 | 4: 5 6 | = 6", .last = 5);
    ct_finish();
}
END_TEST

START_TEST(test_a_room_is_forgotten) {
    ct_begin();
    ct_append('a', 3);
    ct_append('b', 1);
    ct_store();
    ct_forget('a');
    ct_store();
    ct_expect_bounds('a', 3, 3);
    ct_expect_bounds('z', 3, 3); /* no position of any name comes again */
    ct_expect_bounds('b', 0, 1);
    ck_assert_uint_eq(ct_bounds('a').begun, 3);
    ct_expect_read('a', "= 3", .after = 0);
    ct_expect_read('a', "= 3 complete", .after = 3);
    ct_expect_read('a', "= 4", .after = 4);
    ct_expect_read('a', "= 3 complete", .last = 4, .begun = 3);
    ct_forget('b');
    ct_store();
    ct_expect_bounds('b', 3, 3); /* it never sinks */
    ct_append('a', 2);
    ct_store();
    ck_assert_uint_eq(ct_bounds('a').begun, 3);
    ck_assert_uint_eq(ct_bounds('a').tail, 3);
    ct_expect_read('a', "3: 4 5 | = 5", .after = 0);
    ct_expect_read('a', "3: 4 5 | = 5 complete", .last = 4, .begun = 3);
    ct_expect_read('a', "3: 4 5 | = 5", .last = 4);
    ct_finish();
}
END_TEST

START_TEST(test_a_room_is_used_in_the_pass_that_forgets_it) {
    ct_begin();
    ct_append('a', 3);
    ct_store();
    ct_forget('a');
    ct_append('a', 1);
    ct_commit(1);
    ct_append('a', 1);
    ct_commit(2);
    ct_expect("1 2 ");
    ct_expect_bounds('a', 3, 5);
    ct_expect_read('a', "3: 4 | 4: 5 | = 5", .after = 0);
    ct_finish();
}
END_TEST

/* Housekeeping has no room any more to delete the entries of. */
START_TEST(test_entries_are_deleted_of_a_room_that_is_forgotten) {
    ct_begin();
    ct_append('a', 1);
    ct_append('a', 1);
    ct_store();
    if (ct_log->engine->trim) {
        ct_log->engine->trim(ct_log, &(log_trim_t){.ticket = 3, .room = "a", .room_len = 1, .upto = 1});
        ct_forget('a');
        ct_commit(1);
        ct_expect("3 trimmed 1 ");
        ct_expect_bounds('a', 2, 2);
    }
    ct_finish();
}
END_TEST

START_TEST(test_an_operator_deletes_entries) {
    ct_begin();
    if (!ct_log->engine->trim) {
        ct_finish();
        return;
    }
    ct_append_as('a', 1, 1, "k", false);
    ct_append('a', 3);
    ct_append('a', 3);
    ct_append('b', 2);
    ct_store();
    ct_trim('x', 9); /* there is no such room */
    ct_trim('a', 0);
    ct_expect_bounds('a', 0, 7);
    ct_trim('a', 2); /* within a frame */
    ct_expect_bounds('a', 2, 7);
    ct_expect_read('a', "2: 3 4 | 4: 5 6 7 | = 7", .after = 0);
    ct_expect_read('a', "2: 3 4 | 4: 5 6 7 | = 7 complete", .after = 2);
    ct_trim('a', 4);
    ct_expect_read('a', "4: 5 6 7 | = 7", .after = 0);
    ct_trim('a', 7); /* not the newest */
    ct_expect_read('a', "6: 7 | = 7", .after = 0);
    ct_append('a', 1);
    ct_store();
    ct_trim('a', 7);
    ct_expect_read('a', "7: 8 | = 8", .after = 0);
    ct_expect_read('b', "0: 1 2 | = 2 complete", .after = 0);
    if (ct_engine->keeps) {
        ct_reopen(0);
        ct_expect_bounds('a', 7, 8);
        ct_expect_read('a', "7: 8 | = 8", .after = 0);
    }
    ct_finish();
}
END_TEST

/* --- The suite --- */

static void s_add(const TTest *const *tests, size_t count) {
    for (size_t i = 0; i < count; i++)
        unit_add(tests[i], 0, 1);
}

int contract_run(const contract_t *engine) {
    const TTest *tests[] = {test_passes_are_answered_in_order, test_marks_are_given_back, test_bounds,
        test_an_unknown_room, test_slices_are_cut_at_both_ends, test_the_last_so_many, test_each_read_of_a_small_room,
        test_retention, test_a_room_is_forgotten, test_a_room_is_used_in_the_pass_that_forgets_it,
        test_entries_are_deleted_of_a_room_that_is_forgotten, test_an_operator_deletes_entries};
    s_add(tests, sizeof tests / sizeof *tests);
    ct_engine = engine;
    ct_tests_t more;
    if (engine->keeps) {
        ct_tests_of_keeping(&more);
        s_add(more.tests, more.count);
    }
    if (engine->hold) {
        ct_tests_of_later(&more);
        s_add(more.tests, more.count);
    }
    return unit_run(engine->suite, NULL, NULL);
}
