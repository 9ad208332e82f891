#include <sqlite3.h>
#include <stdio.h>

#include "fixture_search.h"

static void s_begin(world_t *world) {
    world_begin(world);
    store_room(&world->store, 1, "general");
    store_room(&world->store, 2, "metrics/cpu");
    world_put(world, 1, "general", 1, NULL, "The disk is FULL");
    world_put(world, 1, "general", 2, NULL, "Caf\xc3\xa9 au lait, disk");
    world_put(world, 2, "metrics/cpu", 3, "load", "0.5 disk");
    world_put(world, 1, "general", 4, "load", "disk");
    world_put(world, 1, "general", 5, NULL, "disk\0image");
    world_update(world, 1 << 20);
}

TEST(test_words_and_columns) {
    world_t world;
    s_begin(&world);
    ck_assert_str_eq(world_find(&world, "full", NULL, 9), "general 1; ");
    ck_assert_str_eq(world_find(&world, "cafe dis*", NULL, 9), "general 2; ");
    ck_assert_str_eq(world_find(&world, "\"is full\"", NULL, 9), "general 1; ");
    ck_assert_str_eq(world_find(&world, "\"full is\"", NULL, 9), "");
    ck_assert_str_eq(world_find(&world, "key: load", NULL, 9), "general 4; metrics/cpu 3; ");
    ck_assert_str_eq(world_find(&world, "room: \"metrics/cpu\"", NULL, 9), "metrics/cpu 3; ");
    ck_assert_str_eq(world_find(&world, "sender: alice NOT body: disk", NULL, 9), "");
    ck_assert_str_eq(world_find(&world, "time: 1", NULL, 9), "");
    world_end(&world);
}

TEST(test_rooms_and_limit) {
    world_t world;
    s_begin(&world);
    ck_assert_str_eq(
        world_find(&world, "disk", NULL, 9), "general 5; general 4; metrics/cpu 3; general 2; general 1; ");
    ck_assert_str_eq(world_find(&world, "disk", NULL, 3), "general 5; general 4; metrics/cpu 3; ");
    ck_assert_str_eq(world_find(&world, "disk", "general", 9), "general 5; general 4; general 2; general 1; ");
    ck_assert_str_eq(world_find(&world, "disk", "general", 3), "general 5; general 4; general 2; ");
    ck_assert_str_eq(world_find(&world, "disk", "metrics/cpu", 9), "metrics/cpu 3; ");
    ck_assert_str_eq(world_find(&world, "disk", "metrics", 9), "there is no room \"metrics\" in the log");
    world_end(&world);
}

static void s_seqs(void *ctx, const search_hit_t *hit) {
    char *text = ctx;
    snprintf(text + strlen(text), 100 - strlen(text), "%llu ", (unsigned long long)hit->seq);
}

TEST(test_several_rooms) {
    world_t world;
    s_begin(&world);
    const char *const rooms[] = {"metrics/cpu", "general", "metrics/cpu"};
    for (size_t limit = 1; limit <= 6; limit++) {
        char found[100] = "";
        search_query_t query = {.text = "disk", .rooms = rooms, .room_count = 3, .limit = limit};
        ck_assert_ok(&world.store, search_find(world.index, &query, s_seqs, found, world.store.error));
        ck_assert_uint_eq(strlen(found), 2 * (limit < 5 ? limit : 5));
        ck_assert_int_eq(strncmp("5 4 3 2 1 ", found, strlen(found)), 0);
    }
    world_end(&world);
}

TEST(test_bad_queries) {
    world_t world;
    s_begin(&world);
    static const char *const bad[][2] = {{"\"open", "unterminated string"}, {"a/b", "syntax error near \"/\""},
        {"nix: a", "no such column: nix"}, {"", "syntax error near"}, {"AND", "syntax error near \"AND\""},
        {"*", "unknown special query"}, {"(a", "syntax error near \"\""}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *found = world_find(&world, bad[i][0], NULL, 9);
        ck_assert_msg(strncmp(found, "bad query: ", 11) == 0 && strstr(found, bad[i][1]), "%s: %s", bad[i][0], found);
    }
    world_end(&world);
}

static void s_copy(void *ctx, const search_hit_t *hit) {
    snprintf(ctx, 400, "%.*s|%.*s|%.*s|%d|%llu", (int)hit->sender.len, hit->sender.ptr, (int)hit->key.len, hit->key.ptr,
        (int)hit->snippet.len, hit->snippet.ptr, hit->deleted, (unsigned long long)hit->time);
}

TEST(test_what_a_hit_tells) {
    world_t world;
    s_begin(&world);
    char text[400] = "", body[2000] = "";
    for (int i = 0; i < 100; i++)
        snprintf(body + strlen(body), sizeof body - strlen(body), "w%d ", i);
    world_put(&world, 1, "general", 6, NULL, body);
    world_put(&world, 1, "general", 7, "load", NULL);
    world_update(&world, 1 << 20);
    search_query_t query = {.text = "w70", .limit = 1};
    ck_assert_ok(&world.store, search_find(world.index, &query, s_copy, text, world.store.error));
    ck_assert_msg(
        strncmp(text, "alice||…", strlen("alice||…")) == 0 && strstr(text, " w70 ") && strlen(text) < 150, "%s", text);
    query.text = "key: load";
    ck_assert_ok(&world.store, search_find(world.index, &query, s_copy, text, world.store.error));
    ck_assert_str_eq(text, "alice|load||1|7");
    query.text = "room: metrics"; /* nothing of the body */
    ck_assert_ok(&world.store, search_find(world.index, &query, s_copy, text, world.store.error));
    ck_assert_str_eq(text, "alice|load|0.5 disk|0|3");
    world_end(&world);
}

TEST(test_a_damaged_index) {
    world_t world;
    s_begin(&world);
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(store_path(&world.store, "search.db"), &other), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(other, "UPDATE entries_data SET block = x'ffffffffff' WHERE id > 10", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(other);
    const char *found = world_find(&world, "disk", NULL, 9);
    ck_assert_msg(strstr(found, "it is damaged; delete it, and it is made anew"), "%s", found);
    world_end(&world);
}

UNIT_SUITE("broker.store.search_query")
