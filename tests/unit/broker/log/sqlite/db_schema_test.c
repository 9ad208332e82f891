#include "db_schema.h"

#include <sqlite3.h>

#include "fixture_db.h"

static void s_sql(const store_t *store, const char *sql) {
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(store_path(store, "zrelay.db"), &other), SQLITE_OK);
    char *error = NULL;
    ck_assert_msg(sqlite3_exec(other, sql, NULL, NULL, &error) == SQLITE_OK, "%s", error);
    sqlite3_close(other);
}

/* A log of version 2, with values; *before is all that it holds. */
static void s_begin_old(store_t *store, char **before) {
    store_begin(store);
    store_room(store, 1, "general");
    store_put(store, 1, store_frame(zr_span("general"), 0, (item_t[]){{1, "a", "one"}, {2, NULL, "two"}}, 2, 7));
    *before = store_dump(store);
    db_close(store->db);
    store->db = NULL;
    s_sql(store, "ALTER TABLE keys DROP COLUMN ttl; PRAGMA user_version = 2");
}

TEST(test_an_older_log_is_brought_up_to_date) {
    store_t store;
    char *before;
    s_begin_old(&store, &before);
    store_open(&store);
    for (int i = 0; i < 2; i++) { /* once, and no more then */
        char *after = store_dump(&store);
        ck_assert_str_eq(after, before);
        free(after);
        store_reopen(&store);
    }
    store_put(&store, 1, store_frame(zr_span("general"), 2, (item_t[]){{3, "b", "three"}}, 1, 8));
    free(before);
    store_end(&store);
}

/* A step that fails leaves the log as it was, so that the older broker can go on with it. */
TEST(test_a_step_that_fails_changes_nothing) {
    store_t store;
    char *before;
    s_begin_old(&store, &before);
    s_sql(&store, "ALTER TABLE keys ADD ttl TEXT");
    db_t *db = NULL;
    ck_assert_int_eq(db_open(&db, store.dir, EPOCH, store.error), DB_REFUSED);
    ck_assert_msg(store_told(store.error, "bring up to date"), "%s", store.error->text);
    s_sql(&store, "ALTER TABLE keys DROP COLUMN ttl");
    store_open(&store);
    char *after = store_dump(&store);
    ck_assert_str_eq(after, before);
    free(after);
    free(before);
    store_end(&store);
}

TEST(test_versions_that_cannot_be_opened) {
    store_t store;
    store_begin(&store);
    db_close(store.db);
    static const struct {
        const char *version, *words;
    } each[] = {{"PRAGMA user_version = 1", "made by an older zrelayd (schema 1, this one knows 2 and later)"},
        {"PRAGMA user_version = 4", "made by a newer zrelayd (schema 4, this one knows 3)"}};
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        db_t *db = NULL;
        s_sql(&store, each[i].version);
        ck_assert_int_eq(db_open(&db, store.dir, EPOCH, store.error), DB_REFUSED);
        ck_assert_msg(store_told(store.error, each[i].words), "%s", store.error->text);
    }
    s_sql(&store, "PRAGMA user_version = 3");
    store_open(&store);
    store_end(&store);
}

UNIT_SUITE("broker.log.sqlite.db_schema")
