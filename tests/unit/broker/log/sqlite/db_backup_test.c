#include "fixture_db.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

static const zr_span_t general = {"general", 7};

/* The copy as the database of a directory of its own. */
static void s_put_to_use(store_t *copy, const char *file) {
    store_make_dir(copy);
    ck_assert_int_eq(rename(file, store_path(copy, "zrelay.db")), 0);
}

START_TEST(test_the_copy_holds_everything) {
    store_t store, copy;
    store_begin(&store);
    store_room(&store, 1, "general");
    for (uint64_t i = 0; i < 20; i++)
        store_put(&store, 1, store_plain(general, i, 1, i, 2000));
    store_put(&store, 1, store_frame(general, 20, (item_t[]){{21, "k", "v"}}, 1, 30));
    store_mark(&store, "a", 5, "no", 3);
    char *before = store_dump(&store);

    char file[80];
    snprintf(file, sizeof file, "%s/copy", store.dir);
    ck_assert_ok(&store, db_backup(store.dir, file, store.error));
    struct stat status;
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0600);
    ck_assert_int_ne(access(store_path(&store, "copy-wal"), F_OK), 0);
    ck_assert_int_ne(access(store_path(&store, "copy-journal"), F_OK), 0);

    /* Positions that were given after the copy was made will be given again: it has another epoch, once. Frames bear
     * it. */
    s_put_to_use(&copy, file);
    ck_assert_int_eq(db_open(&copy.db, copy.dir, EPOCH + 1, copy.error), DB_OPENED);
    ck_assert_uint_eq(db_epoch(copy.db), EPOCH + 1);
    db_t *reader = db_open_reader(copy.dir, copy.error);
    log_bounds_t bounds = {.head = 21};
    log_read_t read = {.until = 21, .entries = 1, .frames = 1, .bytes = 1, .room = "general", .room_len = 7};
    log_slice_t slice;
    zr_blob_t *frame;
    ck_assert_ok(&copy, db_read(reader, 1, &bounds, &read, &slice, &frame, copy.error));
    zr_deliver_reader_t deliver;
    ck_assert(zr_deliver_read(&deliver, zr_span_of(zr_blob_data(frame), zr_blob_len(frame))));
    ck_assert_uint_eq(deliver.epoch, EPOCH + 1);
    ck_assert_uint_eq(deliver.flags, ZR_FRAME_REPLAY);
    zr_blob_unref(frame);
    db_close(reader);
    db_close(copy.db);
    ck_assert_int_eq(db_open(&copy.db, copy.dir, EPOCH + 2, copy.error), DB_OPENED);
    ck_assert_uint_eq(db_epoch(copy.db), EPOCH + 1);
    store_end(&copy);

    ck_assert_ok(&store, db_backup(store.dir, file, store.error));
    s_put_to_use(&copy, file);
    ck_assert_int_eq(db_open(&copy.db, copy.dir, EPOCH, copy.error), DB_OPENED);
    char *after = store_dump(&copy);
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    store_end(&copy);
    store_end(&store);
}
END_TEST

START_TEST(test_places_that_will_not_do) {
    store_t store;
    store_begin(&store);
    const char *file = store_path(&store, "copy");
    ck_assert_ok(&store, db_backup(store.dir, file, store.error));
    ck_assert(!db_backup(store.dir, file, store.error));
    ck_assert_msg(store_told(store.error, "File exists"), "%s", store.error->text);
    ck_assert(!db_backup(store.dir, store_path(&store, "a/b"), store.error));
    ck_assert_msg(store_told(store.error, "No such file"), "%s", store.error->text);
    ck_assert(!db_backup("/nowhere", store_path(&store, "c"), store.error));
    ck_assert_msg(store_told(store.error, "/nowhere"), "%s", store.error->text);
    ck_assert_int_ne(access(store_path(&store, "c"), F_OK), 0);
    store_end(&store);
}
END_TEST

typedef struct {
    store_t *store;
    const char *file;
    zr_error_t error[1];
    bool ok;
} job_t;

static void *s_backup(void *arg) {
    job_t *job = arg;
    job->ok = db_backup(job->store->dir, job->file, job->error);
    return NULL;
}

/* While others write it is one moment's content, and it comes to an end. */
START_TEST(test_while_others_write) {
    store_t store, copy;
    store_begin(&store);
    store_room(&store, 1, "general");
    store_room(&store, 2, "other");
    uint64_t head = 0;
    for (; head < 100; head++) {
        ck_assert_ok(&store, db_begin(store.db, store.error));
        ck_assert_ok(&store, store_add(&store, 1, store_plain(general, head, 1, 1, 100000)));
        ck_assert_ok(&store, store_add(&store, 2, store_plain(LIT("other"), head, 1, 1, 10)));
        ck_assert_ok(&store, db_commit(store.db, store.error));
    }
    char file[80];
    snprintf(file, sizeof file, "%s/copy", store.dir);
    job_t job = {.store = &store, .file = file};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, s_backup, &job), 0);
    for (; head < 300; head++) {
        ck_assert_ok(&store, db_begin(store.db, store.error));
        ck_assert_ok(&store, store_add(&store, 1, store_plain(general, head, 1, 1, 1000)));
        ck_assert_ok(&store, store_add(&store, 2, store_plain(LIT("other"), head, 1, 1, 10)));
        ck_assert_ok(&store, db_commit(store.db, store.error));
    }
    pthread_join(thread, NULL);
    ck_assert_msg(job.ok, "%s", job.error->text);
    s_put_to_use(&copy, job.file);
    store_open(&copy);
    ck_assert_uint_ge(store_look(&copy, 1).bounds.head, 100);
    ck_assert_uint_eq(store_look(&copy, 1).bounds.head, store_look(&copy, 2).bounds.head);
    char *dump = store_dump(&copy);
    free(dump);
    store_end(&copy);
    store_end(&store);
}
END_TEST

/* The file that a killed copy left behind is neither taken for a copy nor in the way of the next one. */
START_TEST(test_after_one_that_was_killed) {
    store_t store, copy;
    store_begin(&store);
    store_room(&store, 1, "general");
    store_put(&store, 1, store_plain(general, 0, 1, 0, 100));
    static const char *const left[] = {"copy.partial", "copy.partial-journal"};
    for (size_t i = 0; i < 2; i++) {
        FILE *half = fopen(store_path(&store, left[i]), "w");
        fputs("half a copy", half);
        fclose(half);
    }
    char file[80];
    snprintf(file, sizeof file, "%s/copy", store.dir);
    ck_assert_ok(&store, db_backup(store.dir, file, store.error));
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_ne(access(store_path(&store, left[i]), F_OK), 0);
    ck_assert(!db_backup(store.dir, file, store.error)); /* there is one */
    ck_assert_int_ne(access(store_path(&store, left[0]), F_OK), 0);
    s_put_to_use(&copy, file);
    ck_assert_int_eq(db_open(&copy.db, copy.dir, EPOCH + 1, copy.error), DB_OPENED);
    ck_assert_uint_eq(db_epoch(copy.db), EPOCH + 1);
    store_end(&copy);
    store_end(&store);
}
END_TEST

UNIT_MAIN("broker.store.db_backup", test_the_copy_holds_everything, test_after_one_that_was_killed,
    test_places_that_will_not_do, test_while_others_write)
