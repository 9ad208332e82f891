#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fixture_db.h"
#include "search_internal.h"

static void s_refused(const char *dir, const char *expected) {
    zr_error_t error[1] = {{0}};
    ck_assert_ptr_null(search_log_open(dir, error));
    ck_assert_msg(store_told(error, expected), "%s", error->text);
}

static void s_change(const store_t *store, const char *sql) {
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(store_path(store, "zrelay.db"), &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

TEST(test_no_log) {
    store_t store;
    store_make_dir(&store);
    s_refused(store_path(&store, "missing"), "missing: No such file");
    s_refused(store.dir, "there is no log in");
    close(open(store_path(&store, "zrelay.db"), O_CREAT | O_WRONLY, 0600));
    s_refused(store.dir, "yet: start a zrelayd");
    s_refused(store_path(&store, "zrelay.db"), "is not a directory");
    store_remove_dir(store.dir);
}

TEST(test_not_our_log) {
    store_t store;
    store_begin(&store);
    db_close(store.db);
    store.db = NULL;
    s_change(&store, "PRAGMA user_version = 4");
    s_refused(store.dir, "made by a newer zrelayd (schema 4, this one knows 3)");
    s_change(&store, "PRAGMA user_version = 2");
    s_refused(store.dir, "made by an older zrelayd (schema 2, this one knows 3): start a zrelayd with it first");
    s_change(&store, "PRAGMA user_version = 3; UPDATE meta SET value = 'x' WHERE name = 'epoch'");
    s_refused(store.dir, "damaged (its epoch)");
    s_change(&store, "DROP TABLE meta");
    s_refused(store.dir, "no such table: meta");
    s_change(&store, "PRAGMA application_id = 7");
    s_refused(store.dir, "is not zrelay's");
    FILE *file = fopen(store_path(&store, "zrelay.db"), "r+");
    ck_assert_ptr_nonnull(file);
    fputs("what is this", file);
    fclose(file);
    s_refused(store.dir, "file is not a database");
    store_end(&store);
}

/* With a writer and without one; and nothing can be written. */
TEST(test_it_is_read_only) {
    store_t store;
    store_begin(&store);
    for (int i = 0; i < 2; i++) {
        zr_error_t error[1] = {{0}};
        db_t *log = search_log_open(store.dir, error);
        ck_assert_msg(log, "%s", error->text);
        ck_assert_uint_eq(db_epoch(log), EPOCH);
        ck_assert(!db_exec(log, "INSERT INTO meta VALUES ('a', 'b')"));
        ck_assert_int_eq(sqlite3_errcode(log->sql) & 0xff, SQLITE_READONLY);
        db_close(log);
        db_close(store.db);
        store.db = NULL;
    }
    store_end(&store);
}

UNIT_SUITE("broker.store.search_log")
