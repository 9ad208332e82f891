#include "fixture_db.h"

#include <sqlite3.h>
#include <stdio.h>

typedef struct {
    store_t store;
    sqlite3 *sql;
} world_t;

/* Two rooms, and between their frames those of another; seqs with gaps. */
static void s_begin(world_t *world) {
    store_begin(&world->store);
    store_t *store = &world->store;
    store_room(store, 1, "general");
    store_room(store, 2, "metrics/cpu");
    store_room(store, 3, "empty");
    store_room(store, 8388607, "last");
    store_put(store, 1,
        store_frame(LIT("general"), 0, (item_t[]){{1, NULL, "one"}, {2, "k", "two"}, {5, "k", NULL}}, 3, 100));
    store_put(store, 1, store_frame(LIT("general"), 5, (item_t[]){{6, NULL, ""}, {9, NULL, "nine"}}, 2, 101));
    store_put(store, 2, store_frame(LIT("metrics/cpu"), 0, (item_t[]){{1, NULL, "a"}, {2, NULL, "b"}}, 2, 102));
    store_put(store, 8388607, store_frame(LIT("last"), 0, (item_t[]){{3, NULL, "z"}}, 1, 103));
    ck_assert_int_eq(
        sqlite3_open_v2(store_path(store, "zrelay.db"), &world->sql, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_db_config(world->sql, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    char *error = NULL;
    ck_assert_msg(sqlite3_load_extension(world->sql, ZR_ENTRIES, NULL, &error) == SQLITE_OK, "%s", error);
}

static void s_end(world_t *world) {
    sqlite3_close(world->sql);
    store_end(&world->store);
}

/* Runs it; columns with ',', rows with ' '. An error is the text. */
static const char *s_query(world_t *world, const char *query) {
    static char text[2000];
    size_t len = 0;
    text[0] = '\0';
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(world->sql, query, -1, &statement, NULL) != SQLITE_OK)
        return sqlite3_errmsg(world->sql);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        for (int i = 0, n = sqlite3_column_count(statement); i < n; i++) {
            const char *column = (const char *)sqlite3_column_text(statement, i);
            len += (size_t)snprintf(
                text + len, sizeof text - len, "%s%s", column ? column : "NULL", i + 1 < n ? "," : " ");
        }
    if (code != SQLITE_DONE)
        snprintf(text, sizeof text, "%s", sqlite3_errmsg(world->sql));
    sqlite3_finalize(statement);
    return text;
}

TEST(test_entries_of_a_room) {
    world_t world;
    s_begin(&world);
    ck_assert_str_eq(s_query(&world, "SELECT *, room FROM entries('general')"),
        "1,100,0,alice,NULL,one,general 2,100,0,alice,k,two,general 5,100,1,alice,k,,general "
        "6,101,0,alice,NULL,,general "
        "9,101,0,alice,NULL,nine,general ");
    ck_assert_str_eq(s_query(&world, "SELECT seq, body FROM entries('metrics/cpu')"), "1,a 2,b ");
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries WHERE room = 'last'"), "3 ");
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries('empty')"), "");
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries('nobody''s')"), "");
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries(NULL)"), "");
    ck_assert_str_eq(
        s_query(&world, "SELECT typeof(body), typeof(key) FROM entries('metrics/cpu') LIMIT 1"), "blob,null ");
    s_end(&world);
}

TEST(test_entries_of_all_rooms) {
    world_t world;
    s_begin(&world);
    ck_assert_str_eq(s_query(&world, "SELECT room, count(*) FROM entries GROUP BY room ORDER BY room"),
        "general,5 last,1 metrics/cpu,2 ");
    ck_assert_str_eq(s_query(&world, "SELECT rooms.name, seq FROM rooms JOIN entries ON entries.room = rooms.name"
                                     " WHERE seq >= 5 ORDER BY rooms.id, seq"),
        "general,5 general,6 general,9 ");
    ck_assert_str_eq(
        s_query(&world, "SELECT count(*) FROM entries AS a, entries AS b WHERE a.room = b.room AND a.seq < b.seq"),
        "11 ");
    s_end(&world);
}

/* Each bound, against the same without an index. */
TEST(test_bounds) {
    world_t world;
    s_begin(&world);
    static const char *const bounds[] = {"seq = %d", "seq > %d", "seq >= %d", "seq < %d", "seq <= %d",
        "seq > %d AND seq <= 6", "seq >= 2 AND seq < %d", "seq = %d.5", "seq < '%d'", "seq > %d - 3.5",
        "seq <= %d AND seq = 5", "room = 'last' AND seq = %d"};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        for (int seq = -1; seq <= 11; seq++) {
            char where[100], query[200], plain[300];
            snprintf(where, sizeof where, bounds[i], seq);
            snprintf(query, sizeof query, "SELECT room, seq FROM entries('general') WHERE %s ORDER BY seq", where);
            char found[300];
            snprintf(found, sizeof found, "%s", s_query(&world, query));
            snprintf(plain, sizeof plain,
                "SELECT room, seq FROM (SELECT +room AS room, CAST(+seq AS INTEGER) AS seq FROM entries LIMIT -1 "
                "OFFSET 0)"
                " WHERE room = 'general' AND %s ORDER BY seq",
                where);
            const char *expected = s_query(&world, plain);
            ck_assert_msg(strcmp(found, expected) == 0, "%s: %s, expected %s", where, found, expected);
        }
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries('general') WHERE seq > 9223372036854775806"), "");
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries('general') WHERE seq < -9223372036854775807"), "");
    ck_assert_str_eq(s_query(&world, "SELECT count(*) FROM entries('general') WHERE seq < 9223372036854775807"), "5 ");
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries('general') ORDER BY seq DESC LIMIT 2"), "9 6 ");
    s_end(&world);
}

TEST(test_a_damaged_frame) {
    world_t world;
    s_begin(&world);
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(store_path(&world.store, "zrelay.db"), &other), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(other, "UPDATE frames SET frame = substr(frame, 1, 40) WHERE id >> 40 = 2", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(other);
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries('metrics/cpu')"), "a frame is damaged");
    ck_assert_str_eq(s_query(&world, "SELECT count(*) FROM entries('general')"), "5 ");
    s_end(&world);
}

TEST(test_another_database) {
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(":memory:", &other), SQLITE_OK);
    world_t world = {.sql = other};
    sqlite3_db_config(other, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    ck_assert_int_eq(sqlite3_load_extension(other, ZR_ENTRIES, NULL, NULL), SQLITE_OK);
    ck_assert_str_eq(s_query(&world, "SELECT seq FROM entries('general')"), "no such table: rooms");
    sqlite3_close(other);
}

UNIT_SUITE("broker.store.entries_ext")
