#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fixture_db.h"
#include "search_internal.h"

static search_index_t *s_open(const store_t *store) {
    zr_error_t error[1] = {{0}};
    search_index_t *index = search_index_open(store_path(store, "search.db"), error);
    ck_assert_msg(index, "%s", error->text);
    return index;
}

static void s_refused(const char *file, const char *expected) {
    zr_error_t error[1] = {{0}};
    ck_assert_ptr_null(search_index_open(file, error));
    ck_assert_msg(store_told(error, expected), "%s", error->text);
}

static void s_change(const char *file, const char *sql) {
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(file, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

TEST(test_it_is_made_once) {
    store_t store;
    store_make_dir(&store);
    uint64_t epoch = 1;
    search_index_t *index = s_open(&store), *second = s_open(&store);
    ck_assert(search_epoch(index, &epoch));
    ck_assert_uint_eq(epoch, 0);
    ck_assert(search_exec(index, "BEGIN") && search_reset(index, 0xABCDEF0123456789) && search_exec(index, "COMMIT"));
    search_index_close(second);
    search_index_close(index);
    search_index_close(NULL);
    struct stat status;
    ck_assert_int_eq(stat(store_path(&store, "search.db"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    index = s_open(&store);
    ck_assert(search_epoch(index, &epoch));
    ck_assert_uint_eq(epoch, 0xABCDEF0123456789);
    search_index_close(index);
    store_remove_dir(store.dir);
}

/* As one that was killed before its first transaction leaves it. */
TEST(test_an_empty_file) {
    store_t store;
    store_make_dir(&store);
    close(open(store_path(&store, "search.db"), O_CREAT | O_WRONLY, 0600));
    search_index_close(s_open(&store));
    search_index_close(s_open(&store));
    store_remove_dir(store.dir);
}

TEST(test_not_an_index) {
    store_t store;
    store_begin(&store);
    s_refused(store_path(&store, "missing/search.db"), "cannot make the index");
    s_refused(store_path(&store, "zrelay.db"), "zrelay.db is not an index of zrelayd-search");
    s_change(store_path(&store, "other.db"), "CREATE TABLE t (c)");
    s_refused(store_path(&store, "other.db"), "is not an index");
    ck_assert_int_ne(access(store_path(&store, "other.db-wal"), F_OK), 0);
    FILE *file = fopen(store_path(&store, "text"), "w");
    for (int i = 0; i < 100; i++)
        fputs("a text and not a database\n", file);
    fclose(file);
    s_refused(store_path(&store, "text"), "it is not an index of zrelayd-search; name another --index");
    store_end(&store);
}

TEST(test_versions) {
    store_t store;
    store_make_dir(&store);
    search_index_close(s_open(&store));
    const char *file = store_path(&store, "search.db");
    s_change(file, "PRAGMA user_version = 2");
    s_refused(file, "made by a newer zrelayd-search (schema 2, this one knows 1)");
    s_change(file, "PRAGMA user_version = 1");
    search_index_close(s_open(&store));
    store_remove_dir(store.dir);
}

static int s_without_modules(sqlite3 *sql, char **error, const struct sqlite3_api_routines *api) {
    (void)error;
    (void)api;
    return sqlite3_drop_modules(sql, NULL);
}

TEST(test_without_fts5) {
    store_t store;
    store_make_dir(&store);
    sqlite3_auto_extension((void (*)(void))s_without_modules);
    s_refused(store_path(&store, "search.db"), "was built without FTS5");
    sqlite3_reset_auto_extension();
    search_index_close(s_open(&store));
    store_remove_dir(store.dir);
}

UNIT_SUITE("broker.store.search_index")
