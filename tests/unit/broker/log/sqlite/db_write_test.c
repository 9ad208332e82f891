#include "fixture_db.h"

#include <stdio.h>
#include <sys/stat.h>

static const zr_span_t general = {"general", 7};

TEST(test_rooms_and_frames_come_back) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    store_room(&store, 8388607, "r\xC3\xA4ume");
    store_put(&store, 1, store_plain(general, 0, 3, 10, 5));
    store_put(&store, 1, store_plain(general, 3, 1, 11, 5));
    store_put(&store, 8388607, store_plain(LIT("r\xC3\xA4ume"), 0, 2, 12, 5));
    for (int i = 0; i < 2; i++) {
        db_room_t room = store_look(&store, 1);
        ck_assert_uint_eq(room.bounds.head, 4);
        ck_assert_uint_eq(room.bounds.oldest, 0);
        ck_assert_uint_eq(room.bounds.time, 11);
        ck_assert_uint_eq(room.entries, 4);
        ck_assert_uint_eq(room.bytes, 2 * ZR_DELIVER_HEAD(7) + 4 * (ZR_DELIVER_ENTRY_FIXED + 10));
        ck_assert_uint_eq(store_look(&store, 8388607).bounds.head, 2);
        store_reopen(&store);
    }
    store_end(&store);
}

TEST(test_a_room_without_entries) {
    store_t store;
    store_begin(&store);
    store_room(&store, 3, "empty");
    store_reopen(&store);
    db_room_t room = store_look(&store, 3);
    ck_assert_uint_eq(room.bounds.head, 0);
    ck_assert_uint_eq(room.bounds.time, 0);
    ck_assert_uint_eq(room.entries, 0);
    store_end(&store);
}

TEST(test_a_room_that_begins_late) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    store_put(&store, 1, store_plain(general, 100, 3, 10, 5));
    store_reopen(&store);
    ck_assert_uint_eq(store_look(&store, 1).bounds.oldest, 100);
    ck_assert_uint_eq(store_look(&store, 1).bounds.head, 103);
    store_end(&store);
}

static bool s_forget(store_t *store, uint32_t id, uint64_t head) {
    return db_begin(store->db, store->error) && db_forget_room(store->db, id, head, store->error) &&
           db_commit(store->db, store->error);
}

TEST(test_a_room_is_forgotten) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "a");
    store_room(&store, 2, "b");
    store_put(&store, 1, store_frame(LIT("a"), 0, (item_t[]){{1, "k", "v"}, {2, NULL, "x"}}, 2, 5));
    store_put(&store, 2, store_plain(LIT("b"), 0, 9, 5, 10));
    ck_assert_uint_eq(db_floor(store.db), 0);
    ck_assert_ok(&store, db_begin(store.db, store.error));
    ck_assert_ok(&store, db_forget_room(store.db, 1, 2, store.error));
    db_rollback(store.db);
    store_reopen(&store);
    ck_assert_uint_eq(db_floor(store.db), 0);
    ck_assert_uint_eq(store_look(&store, 1).bounds.head, 2);
    ck_assert_ok(&store, s_forget(&store, 2, 9));
    ck_assert_ok(&store, s_forget(&store, 1, 2)); /* which is lower */
    ck_assert(!s_forget(&store, 1, 2));           /* it is not there any more */
    db_rollback(store.db);
    store_reopen(&store);
    ck_assert_uint_eq(db_floor(store.db), 9);
    store_room(&store, 1, "c"); /* the id is free */
    store_put(&store, 1, store_plain(LIT("c"), 9, 2, 5, 10));
    ck_assert_uint_eq(store_look(&store, 1).bounds.begun, 9);
    ck_assert_uint_eq(store_look(&store, 1).bounds.tail, 9);
    store_put(&store, 1, store_plain(LIT("c"), 11, 1, 6, 10));
    store_reopen(&store);
    db_room_t room = store_look(&store, 1);
    ck_assert_uint_eq(room.bounds.begun, 9);
    ck_assert_uint_eq(room.bounds.oldest, 9);
    ck_assert_uint_eq(room.bounds.tail, 11);
    ck_assert_uint_eq(room.bounds.head, 12);
    ck_assert_uint_eq(room.entries, 3);
    store_end(&store);
}

TEST(test_rollback_leaves_nothing) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    store_put(&store, 1, store_plain(general, 0, 3, 10, 5));
    char *before = store_dump(&store);
    ck_assert_ok(&store, db_begin(store.db, store.error));
    ck_assert_ok(&store, db_add_room(store.db, 2, LIT("other"), store.error));
    ck_assert_ok(&store, store_add(&store, 2, store_plain(LIT("other"), 0, 3, 10, 5)));
    ck_assert_ok(&store, store_add(&store, 1, store_frame(general, 3, (item_t[]){{4, "k", "v"}}, 1, 11)));
    log_mark_t mark = store_mark_of("a", 9, NULL);
    ck_assert_ok(&store, db_set_mark(store.db, &mark, 1, store.error));
    db_rollback(store.db);
    db_rollback(store.db); /* of nothing */
    char *after = store_dump(&store);
    ck_assert_str_eq(before, after);

    /* Ids given then are given again. */
    store_room(&store, 2, "third");
    store_put(&store, 1, store_plain(general, 3, 2, 12, 5));
    store_put(&store, 2, store_plain(LIT("third"), 0, 1, 12, 5));
    ck_assert_uint_eq(store_look(&store, 1).entries, 5);
    ck_assert_uint_eq(store_look(&store, 2).entries, 1);
    free(before);
    free(after);
    store_end(&store);
}

TEST(test_one_unlucky_part_spoils_the_whole) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    store_put(&store, 1, store_plain(general, 0, 3, 10, 5));
    char *before = store_dump(&store);
    for (int fault = 0; fault < 5; fault++) {
        ck_assert_ok(&store, db_begin(store.db, store.error));
        ck_assert_ok(&store, store_add(&store, 1, store_plain(general, 3, 1, 10, 5)));
        *store.error = (zr_error_t){0};
        bool ok = true;
        if (fault == 0)
            ok = store_add(&store, 1, store_plain(general, 2, 2, 10, 5)); /* a position a second time */
        else if (fault == 1)
            ok = store_add(&store, 2, store_plain(LIT("other"), 0, 2, 10, 5)); /* a room without a row */
        else if (fault == 2)
            ok = db_add_room(store.db, 1, LIT("other"), store.error); /* an id a second time */
        else if (fault == 3)
            ok = db_add_room(store.db, 2, general, store.error); /* a name a second time */
        else
            ok = store_add(&store, 1, store_plain(general, 1ULL << 40, 1, 10, 5)); /* a position too high */
        ck_assert_msg(!ok, "%d", fault);
        ck_assert_uint_gt(strlen(store.error->text), 0);
        ck_assert(!db_commit(store.db, store.error));
        ck_assert_msg(store_told(store.error, "nothing stored"), "%s", store.error->text);
        char *after = store_dump(&store);
        ck_assert_str_eq(before, after);
        free(after);
    }
    store_put(&store, 1, store_plain(general, 3, 1, 10, 5));
    free(before);
    store_end(&store);
}

TEST(test_the_highest_position) {
    store_t store;
    store_begin(&store);
    store_room(&store, 8388607, "general");
    store_put(&store, 8388607, store_plain(general, (1ULL << 40) - 2, 1, 10, 5));
    store_reopen(&store);
    ck_assert_uint_eq(store_look(&store, 8388607).bounds.head, (1ULL << 40) - 1);
    char *dump = store_dump(&store);
    free(dump);
    store_end(&store);
}

static void s_collect(void *ctx, uint32_t room, const zr_entry_t *entry) {
    char *text = ctx;
    size_t len = strlen(text);
    snprintf(text + len, 1000 - len, "%u:%.*s=%.*s@%u ", room, (int)entry->key.len, entry->key.ptr,
        (int)entry->body.len, entry->body.ptr, (unsigned)entry->seq);
    ck_assert_span_eq(entry->sender, LIT("alice"));
    ck_assert_uint_eq(entry->flags, 0);
}

TEST(test_values_are_the_last_of_their_keys) {
    store_t store;
    store_begin(&store);
    store_room(&store, 2, "general");
    store_room(&store, 1, "other");
    store_put(&store, 2,
        store_frame(general, 0,
            (item_t[]){{1, "a", "1"}, {2, "b", "2"}, {3, "a", "3"}, {4, "c", "4"}, {5, "c", NULL}, {6, "d", ""}}, 6,
            5));
    store_put(&store, 1, store_frame(LIT("other"), 0, (item_t[]){{1, "a", "x"}, {2, NULL, "plain"}}, 2, 5));
    char text[1000] = "";
    ck_assert_ok(&store, db_each_value(store.db, s_collect, text, store.error));
    ck_assert_str_eq(text, "1:a=x@1 2:b=2@2 2:a=3@3 2:d=@6 ");
    store_put(
        &store, 2, store_frame(general, 6, (item_t[]){{7, "b", "7"}, {8, "a", NULL}, {9, "nothing", NULL}}, 3, 5));
    store_reopen(&store);
    text[0] = '\0';
    ck_assert_ok(&store, db_each_value(store.db, s_collect, text, store.error));
    ck_assert_str_eq(text, "1:a=x@1 2:d=@6 2:b=7@7 ");
    store_end(&store);
}

TEST(test_a_large_value) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    size_t len = 1 << 20;
    char *body = malloc(len + 1);
    memset(body, 'v', len);
    body[len] = '\0';
    store_put(&store, 1, store_frame(general, 0, (item_t[]){{1, "big", body}}, 1, 5));
    char *before = store_dump(&store);
    store_reopen(&store);
    char *after = store_dump(&store);
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    free(body);
    store_end(&store);
}

static void s_collect_mark(void *ctx, const log_mark_t *mark) {
    char *text = ctx;
    size_t len = strlen(text);
    snprintf(text + len, 1000 - len, "%c%u(%.*s) ", mark->client[0], (unsigned)mark->mark,
        mark->refusals ? (int)zr_blob_len(mark->refusals) : 1,
        mark->refusals ? (const char *)zr_blob_data(mark->refusals) : "-");
}

TEST(test_marks_come_longest_unused_first) {
    store_t store;
    store_begin(&store);
    store_mark(&store, "a", 1, "no", 10);
    store_mark(&store, "b", 2, NULL, 20);
    store_mark(&store, "c", 3, "", 30);
    store_mark(&store, "a", 4, NULL, 40); /* keeps its refusals */
    store_mark(&store, "b", 5, "never", 25);
    store_reopen(&store);
    char text[1000] = "";
    ck_assert_ok(&store, db_each_mark(store.db, s_collect_mark, text, store.error));
    ck_assert_str_eq(text, "b5(never) c3() a4(no) ");
    store_end(&store);
}

/* Nobody reads: then the write-ahead log is emptied again and again. */
TEST(test_the_write_ahead_log_stays_small) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    db_t *reader = db_open_reader(store.dir, store.error);
    for (unsigned i = 0; i < 300; i++)
        store_put(&store, 1, store_plain(general, i, 1, 10, 100000));
    struct stat status;
    ck_assert_int_eq(stat(store_path(&store, "zrelay.db-wal"), &status), 0);
    ck_assert_int_lt(status.st_size, 12 << 20);
    ck_assert_int_eq(stat(store_path(&store, "zrelay.db"), &status), 0);
    ck_assert_int_gt(status.st_size, 20 << 20);
    db_close(reader);
    db_close(store.db);
    store.db = NULL;
    ck_assert_int_ne(access(store_path(&store, "zrelay.db-wal"), F_OK), 0);
    store_end(&store);
}

UNIT_SUITE("broker.store.db_write")
