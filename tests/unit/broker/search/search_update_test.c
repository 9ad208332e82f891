#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>

#include "fixture_search.h"

enum { LARGE = 1 << 20 };

static void s_change(world_t *world, const char *sql) {
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(store_path(&world->store, "zrelay.db"), &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

static void s_fill(world_t *world) {
    store_room(&world->store, 1, "general");
    store_room(&world->store, 2, "empty");
    store_room(&world->store, 8388607, "last");
    store_put(&world->store, 1,
        store_frame(LIT("general"), 0,
            (item_t[]){{1, NULL, "one fish"}, {2, "colour", "two fish"}, {5, "colour", NULL}}, 3, 1));
    world_put(world, 1, "general", 6, NULL, "red fish");
    world_put(world, 8388607, "last", 7, NULL, "blue fish");
}

/* Keeps that many entries of the room. */
static void s_retain(world_t *world, uint32_t room, uint64_t entries) {
    policy_t policy = {.max_entries = entries};
    log_bounds_t bounds;
    bool more;
    ck_assert_ok(&world->store, db_retain(world->store.db, room, &(db_kept_t){.policy = policy}, 1000, 1000, &bounds,
                                    &more, world->store.error));
}

TEST(test_what_is_new_is_added) {
    world_t world;
    world_begin(&world);
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.added, 0);
    s_fill(&world);
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.added, 5);
    ck_assert_str_eq(world_find(&world, "fish", NULL, 9), "last 7; general 6; general 2; general 1; ");
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.added + world.report.removed, 0);
    world_put(&world, 1, "general", 9, NULL, "old fish");
    store_room(&world.store, 3, "third");
    world_put(&world, 3, "third", 10, NULL, "new fish");
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.added, 2);
    ck_assert_str_eq(world_find(&world, "fish AND (old OR new)", NULL, 9), "third 10; general 9; ");
    char *dump = world_dump(&world);
    ck_assert_str_eq(dump, "1general,0,9 2empty,0,0 3third,9,10 8388607last,6,7: "
                           "1099511627777,1,0generalaliceone fish 1099511627778,1,0generalalicecolourtwo fish "
                           "1099511627781,1,1generalalicecolour 1099511627782,6,0generalalicered fish "
                           "1099511627785,9,0generalaliceold fish 3298534883338,10,0thirdalicenew fish "
                           "9223370937343148039,7,0lastaliceblue fish");
    free(dump);
    world_end(&world);
}

TEST(test_what_was_dropped_is_removed) {
    world_t world;
    world_begin(&world);
    s_fill(&world);
    world_update(&world, LARGE);
    s_retain(&world, 1, 1);
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.removed, 3);
    ck_assert_str_eq(world_find(&world, "fish", NULL, 9), "last 7; general 6; ");
    world_put(&world, 1, "general", 7, NULL, "fish");
    world_put(&world, 1, "general", 8, NULL, "fish");
    s_retain(&world, 1, 1); /* beyond what was indexed */
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.removed, 1);
    ck_assert_uint_eq(world.report.added, 1);
    char *dump = world_dump(&world);
    ck_assert_str_eq(dump, "1general,7,8 2empty,0,0 8388607last,6,7: 1099511627784,8,0generalalicefish "
                           "9223370937343148039,7,0lastaliceblue fish");
    free(dump);
    world_end(&world);
}

TEST(test_rooms_that_are_gone) {
    world_t world;
    world_begin(&world);
    s_fill(&world);
    world_update(&world, LARGE);
    s_change(&world, "DELETE FROM frames WHERE id >> 40 = 1; DELETE FROM keys; DELETE FROM rooms WHERE id = 1;"
                     "UPDATE rooms SET name = 'other' WHERE id = 8388607");
    world_update(&world, 1);
    char *dump = world_dump(&world);
    ck_assert_str_eq(dump, "2empty,0,0 8388607other,6,7: 9223370937343148039,7,0otheraliceblue fish");
    free(dump);
    world_end(&world);
}

/* A copy of the database from before, put back by hand. */
TEST(test_a_log_that_ends_earlier) {
    world_t world;
    world_begin(&world);
    s_fill(&world);
    world_update(&world, LARGE);
    s_change(&world, "DELETE FROM frames WHERE id = (1 << 40 | 6)");
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.removed, 4);
    ck_assert_uint_eq(world.report.added, 3);
    ck_assert_str_eq(world_find(&world, "fish", "general", 9), "general 2; general 1; ");
    world_end(&world);
}

TEST(test_another_epoch) {
    world_t world;
    world_begin(&world);
    s_fill(&world);
    world_update(&world, LARGE);
    s_change(&world, "UPDATE meta SET value = '00000000000000aa' WHERE name = 'epoch'");
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.added, 5);
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.added, 0);
    ck_assert_str_eq(world_find(&world, "fish", NULL, 9), "last 7; general 6; general 2; general 1; ");
    world_end(&world);
}

/* A log of another epoch than the one that the index has come to belong to in the meantime. */
static void s_begin_anew(void *ctx, const search_report_t *report) {
    world_t *world = ctx;
    sqlite3 *other;
    if (report->added != 3)
        return;
    ck_assert_int_eq(sqlite3_open(store_path(&world->store, "search.db"), &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "UPDATE meta SET value = '00000000000000bb'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

TEST(test_begun_anew_meanwhile) {
    world_t world;
    world_begin(&world);
    s_fill(&world);
    db_t *log = search_log_open(world.store.dir, world.store.error);
    ck_assert(!search_update(world.index, log, 1, s_begin_anew, &world, &world.report, world.store.error));
    ck_assert_msg(store_told(world.store.error, "begun anew by another"), "%s", world.store.error->text);
    db_close(log);
    world_update(&world, 1);
    ck_assert_uint_eq(world.report.added, 5);
    world_end(&world);
}

TEST(test_damaged_frames_are_left_out) {
    world_t world;
    world_begin(&world);
    s_fill(&world);
    world_put(&world, 1, "general", 7, NULL, "a fish");
    world_put(&world, 1, "general", 8, NULL, "a fish");
    s_change(&world, "UPDATE frames SET frame = substr(frame, 1, 40) WHERE id = (1 << 40 | 5);"
                     "UPDATE frames SET frame = 'x' WHERE id = (1 << 40 | 6);"
                     "UPDATE frames SET frame = (SELECT frame FROM frames WHERE id = (1 << 40 | 8))"
                     " WHERE id = (1 << 40 | 7)");
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.damaged, 3);
    ck_assert_str_eq(world_find(&world, "fish", NULL, 9), "general 8; last 7; ");
    world_update(&world, LARGE);
    ck_assert_uint_eq(world.report.damaged, 0); /* told once */
    world_end(&world);
}

static void s_count(void *ctx, const search_report_t *report) {
    (void)report;
    ++*(int *)ctx;
}

static void s_die(void *ctx, const search_report_t *report) {
    (void)report;
    if (--*(int *)ctx == 0)
        raise(SIGKILL);
}

/* Killed after each number of transactions: the next one goes on, and ends where an uninterrupted one does. */
TEST(test_killed_between_chunks) {
    world_t world;
    world_begin(&world);
    s_fill(&world);
    world_update(&world, LARGE);
    s_change(&world, "DELETE FROM frames WHERE id = (1 << 40 | 6)"); /* so that some is removed, and some added */
    world_put(&world, 8388607, "last", 9, NULL, "and a fish");
    search_index_close(world.index);
    world.index = NULL;
    for (int kill = 1;; kill++) {
        ck_assert_int_eq(kill < 50, 1);
        pid_t child = fork();
        if (child == 0) {
            zr_error_t error[1] = {{0}};
            search_report_t report;
            int left = kill;
            db_t *log = search_log_open(world.store.dir, error);
            search_index_t *index = search_index_open(store_path(&world.store, "search.db"), error);
            bool ok = log && index && search_update(index, log, 1, s_die, &left, &report, error);
            search_index_close(index);
            db_close(log);
            _exit(!ok);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            ck_assert_int_eq(WEXITSTATUS(status), 0);
            break;
        }
        free(world_dump(&world)); /* it is sound */
    }
    world.index = search_index_open(store_path(&world.store, "search.db"), world.store.error);
    char *dump = world_dump(&world);
    ck_assert_str_eq(dump, "1general,0,5 2empty,0,0 8388607last,6,9: "
                           "1099511627777,1,0generalaliceone fish 1099511627778,1,0generalalicecolourtwo fish "
                           "1099511627781,1,1generalalicecolour 9223370937343148039,7,0lastaliceblue fish "
                           "9223370937343148041,9,0lastaliceand a fish");
    free(dump);
    world_end(&world);
}

TEST(test_the_size_of_chunks) {
    world_t world;
    world_begin(&world);
    store_room(&world.store, 1, "r");
    for (uint64_t seq = 1; seq <= 10; seq++)
        store_put(&world.store, 1, store_plain(LIT("r"), seq - 1, 1, seq, 1000));
    db_t *log = search_log_open(world.store.dir, world.store.error);
    int chunks = 0;
    ck_assert(search_update(world.index, log, 3000, s_count, &chunks, &world.report, world.store.error));
    ck_assert_int_eq(chunks, 5); /* the epoch, three entries each, and the last */
    chunks = 0;
    ck_assert(search_update(world.index, log, 3000, s_count, &chunks, &world.report, world.store.error));
    ck_assert_int_eq(chunks, 0); /* nothing to do, nothing to wait for */
    db_close(log);
    world_end(&world);
}

/* Two that began with the same view: what one did the other does not do again. */
static void s_overtake(void *ctx, const search_report_t *report) {
    world_t *world = ctx;
    if (report->added == 3 && world->report.added == 0)
        world_update(world, LARGE);
}

TEST(test_two_at_once) {
    world_t world;
    world_begin(&world);
    s_fill(&world);
    zr_error_t error[1] = {{0}};
    search_report_t report;
    db_t *log = search_log_open(world.store.dir, error);
    search_index_t *second = search_index_open(store_path(&world.store, "search.db"), error);
    ck_assert_msg(search_update(second, log, 1, s_overtake, &world, &report, error), "%s", error->text);
    ck_assert_uint_eq(report.added, 3);
    ck_assert_uint_eq(world.report.added, 2);
    ck_assert_str_eq(world_find(&world, "fish", NULL, 9), "last 7; general 6; general 2; general 1; ");
    free(world_dump(&world)); /* it is sound */
    search_index_close(second);
    db_close(log);
    world_end(&world);
}

UNIT_SUITE("broker.store.search_update")
