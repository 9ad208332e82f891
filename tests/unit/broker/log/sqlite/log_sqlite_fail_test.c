/* Commits that fail, a full disk, and databases that are damaged or in use. */
#include <stdio.h>

#include "fixture_log_sqlite.h"

/* The writer has failed already, and the loop does not know it yet. */
TEST(test_a_pass_committed_before_the_failure_was_told) {
    rig_begin();
    rig_hold(1);
    gate_open(true);
    rig_await_answer();
    rig_append('h', 1);
    rig_commit(2);
    rig_expect("1! 2! ");
    rig.heads['h' - 'a'] = 0;
    rig_append('h', 1);
    rig_commit(3);
    rig_expect("3 ");
    rig_assert_bounds('h', 0, 1);
    rig_finish();
}

/* The page is as it should be, the frame is not. */
TEST(test_a_frame_that_cannot_be_read) {
    rig_begin();
    for (uint64_t pass = 1; pass <= 3; pass++) {
        rig_append('a', 1);
        rig_commit(pass);
    }
    rig_expect("1 2 3 ");
    rig_sql("UPDATE frames SET frame = x'00' WHERE prev = 1");
    rig_read('a', 0, 0);
    rig_expect("#7 0: 1 | = 1 complete more");
    rig_read('a', 1, 0);
    rig_expect("#7 = 2 more"); /* something is missing up to 2, and it is not to be asked for again */
    rig_read('a', 2, 0);
    rig_expect("#7 2: 3 | = 3 complete");
    rig_append('a', 1);
    rig_commit(4);
    rig_expect("4 ");
    rig_read('a', 3, 0);
    rig_expect("#7 3: 4 | = 4 complete");
    rig_finish();
}

TEST(test_corrupt_logs) {
    rig_begin();
    rig_append('a', 1);
    rig_commit(1);
    rig_expect("1 ");
    log_destroy(rig.log);
    char note[512];
    zr_error_t error[1] = {{0}};
    FILE *file = fopen(rig_path(), "r+");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 100; i++)
        fputs("no database", file);
    fclose(file);
    rig.config.refuse_corrupt = true;
    ck_assert_ptr_null(log_sqlite_new(&rig.config, note, error));
    ck_assert_ptr_nonnull(strstr(error->text, rig_path()));
    rig.config.refuse_corrupt = false;
    rig.config.fresh_epoch = 0xE2;
    rig.log = log_sqlite_new(&rig.config, note, error);
    ck_assert_ptr_nonnull(rig.log);
    ck_assert_ptr_nonnull(strstr(note, "put aside as zrelay.db.corrupt-"));
    ck_assert_uint_eq(log_durable_epoch(rig.log), 0xE2);
    rig_assert_bounds('a', 0, 0);
    rig_finish();
}

TEST(test_a_second_log_is_refused) {
    rig_begin();
    char note[512];
    zr_error_t error[1] = {{0}};
    ck_assert_ptr_null(log_sqlite_new(&rig.config, note, error));
    ck_assert_ptr_nonnull(strstr(error->text, "in use"));
    rig_finish();
}

UNIT_SUITE("broker.store.log_sqlite_fail")
