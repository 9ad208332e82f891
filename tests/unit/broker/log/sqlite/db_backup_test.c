#include "fixture_db.h"

#include "db_backup.h"
#include "db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

static const zr_span_t general = {"general", 7};

/* Not 0: the file system knows no second names, as FAT. */
static int s_link_fails;

/* In front of libc's. */
int link(const char *from, const char *to) {
    errno = s_link_fails;
    return s_link_fails ? -1 : linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* The copy as the database of a directory of its own. */
static void s_put_to_use(store_t *copy, const char *file) {
    store_make_dir(copy);
    ck_assert_int_eq(rename(file, store_path(copy, "zrelay.db")), 0);
}

TEST(test_the_copy_holds_everything) {
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

TEST(test_places_that_will_not_do) {
    store_t store;
    store_begin(&store);
    const char *file = store_path(&store, "copy");
    ck_assert_ok(&store, db_backup(store.dir, file, store.error));
    ck_assert(!db_backup(store.dir, file, store.error));
    ck_assert_msg(store_told(store.error, "choose another name"), "%s", store.error->text);
    ck_assert(!db_backup(store.dir, store_path(&store, "a/b"), store.error));
    ck_assert_msg(store_told(store.error, "No such file"), "%s", store.error->text);
    ck_assert(!db_backup("/nowhere", store_path(&store, "c"), store.error));
    ck_assert_msg(store_told(store.error, "/nowhere"), "%s", store.error->text);
    ck_assert_int_ne(access(store_path(&store, "c"), F_OK), 0);
    store_end(&store);
}

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
TEST(test_a_place_without_second_names) {
    store_t store;
    store_begin(&store);
    char file[80];
    snprintf(file, sizeof file, "%s/copy", store.dir);
    s_link_fails = EPERM;
    ck_assert_ok(&store, db_backup(store.dir, file, store.error));
    ck_assert_int_ne(access(store_path(&store, "copy.partial"), F_OK), 0);
    store_t copy;
    s_put_to_use(&copy, file);
    store_open(&copy);
    store_end(&copy);
    s_link_fails = EIO; /* another fault is told */
    ck_assert(!db_backup(store.dir, file, store.error));
    ck_assert(store_told(store.error, "copy"));
    ck_assert_int_ne(access(file, F_OK), 0);
    s_link_fails = 0;
    store_end(&store);
}

TEST(test_while_others_write) {
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

/* The file that a killed copy left behind is neither taken for a copy nor in the way of the next one. */
TEST(test_after_one_that_was_killed) {
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

/* --- Back --- */

static void s_copy_file(const char *from, const char *to) {
    char command[400];
    snprintf(command, sizeof command, "cp -p %s %s", from, to);
    ck_assert_int_eq(system(command), 0);
}

static uint64_t s_head(store_t *store, db_open_t expected) {
    db_t *db = NULL;
    db_open_t opened = db_open(&db, store->dir, 99, store->error);
    ck_assert_msg(opened == expected, "%d %s", opened, store->error->text);
    if (!db)
        return 0;
    store->db = db;
    uint64_t head = store_look(store, 1).bounds.head;
    db_close(db);
    store->db = NULL;
    return head;
}

TEST(test_a_copy_is_put_back) {
    store_t store, other;
    char file[120], replaced[64], path[200];
    store_begin(&store);
    store_make_dir(&other);
    store_room(&store, 1, "general");
    store_put(&store, 1, store_plain(zr_span("general"), 0, 3, 1, 10));
    snprintf(file, sizeof file, "%s", store_path(&other, "copy.db"));
    ck_assert_ok(&store, db_backup(store.dir, file, store.error));
    store_put(&store, 1, store_plain(zr_span("general"), 3, 3, 1, 10));
    ck_assert(!db_restore(store.dir, file, replaced, store.error)); /* it is in use */
    ck_assert_msg(store_told(store.error, "in use by another zrelayd"), "%s", store.error->text);
    /* The process is killed: its write-ahead log is left. */
    char dead[64];
    snprintf(dead, sizeof dead, "%s", store_path(&other, "dead"));
    ck_assert_int_eq(mkdir(dead, 0700), 0);
    static const char *const names[] = {"zrelay.db", "zrelay.db-wal", "zrelay.db-shm"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dead, names[i]);
        s_copy_file(store_path(&store, names[i]), path);
    }
    db_close(store.db);
    store.db = NULL;
    store_t killed = {.dir = ""};
    snprintf(killed.dir, sizeof killed.dir, "%s", dead);
    ck_assert_ok(&killed, db_restore(dead, file, replaced, killed.error));
    ck_assert_int_eq(strncmp(replaced, "zrelay.db.replaced-20", 21), 0);
    ck_assert_int_eq(access(store_path(&killed, replaced), F_OK), 0);
    ck_assert_int_eq(access(store_path(&killed, "zrelay.db.restored"), F_OK), -1);
    ck_assert_uint_eq(s_head(&killed, DB_OPENED), 3);
    ck_assert_int_eq(db_open(&killed.db, dead, 0, killed.error), DB_OPENED);
    ck_assert_uint_eq(db_epoch(killed.db), 99);
    db_close(killed.db);
    /* The old one is whole. */
    ck_assert_ok(&killed, db_restore(dead, store_path(&killed, replaced), replaced, killed.error));
    ck_assert_uint_eq(s_head(&killed, DB_OPENED), 6);
    store_remove_dir(dead);
    store_remove_dir(other.dir);
    store_end(&store);
}

TEST(test_what_cannot_be_put_back) {
    store_t store;
    char replaced[64];
    store_begin(&store);
    store_room(&store, 1, "general");
    store_put(&store, 1, store_plain(zr_span("general"), 0, 3, 1, 10));
    ck_assert_ok(&store, db_backup(store.dir, store_path(&store, "copy"), store.error));
    db_close(store.db);
    store.db = NULL;
    s_copy_file(store_path(&store, "copy"), store_path(&store, "cut"));
    ck_assert_int_eq(truncate(store_path(&store, "cut"), 3 * 8192), 0);
    s_copy_file(store_path(&store, "copy"), store_path(&store, "head"));
    ck_assert_int_eq(truncate(store_path(&store, "head"), 100), 0);
    ck_assert_int_eq(close(open(store_path(&store, "nothing"), O_WRONLY | O_CREAT, 0600)), 0);
    char command[200];
    snprintf(
        command, sizeof command, "echo a text > %s; mkdir %s", store_path(&store, "text"), store_path(&store, "dir"));
    ck_assert_int_eq(system(command), 0);
    static const char *const names[] = {"cut", "head", "nothing", "text", "dir", "missing"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ck_assert_msg(!db_restore(store.dir, store_path(&store, names[i]), replaced, store.error), "%s", names[i]);
        ck_assert_msg(store_told(store.error, "cannot restore"), "%s", store.error->text);
        ck_assert_int_eq(access(store_path(&store, "zrelay.db.restored.partial"), F_OK), -1);
        ck_assert_int_eq(access(store_path(&store, "zrelay.db.restored.partial-journal"), F_OK), -1);
    }
    ck_assert_uint_eq(s_head(&store, DB_OPENED), 3); /* what was there stays */
    ck_assert_int_eq(rmdir(store_path(&store, "dir")), 0);
    store_end(&store);
}

/* It ended after the copy was whole, and before it had the name. */
TEST(test_an_interrupted_restore_goes_on) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    store_put(&store, 1, store_plain(zr_span("general"), 0, 3, 1, 10));
    ck_assert_ok(&store, db_backup(store.dir, store_path(&store, "zrelay.db.restored"), store.error));
    store_put(&store, 1, store_plain(zr_span("general"), 3, 3, 1, 10));
    db_close(store.db);
    ck_assert_uint_eq(s_head(&store, DB_OPENED), 3);
    ck_assert_uint_eq(s_head(&store, DB_OPENED), 3);
    store_end(&store);
}

/* A write-ahead log is left, and the database beside it is replaced. */
TEST(test_a_replaced_database_is_noticed) {
    store_t store, other, dead;
    char command[1200];
    store_begin(&store);
    store_begin(&other);
    db_close(other.db);
    ck_assert_int_eq(db_open(&other.db, other.dir, EPOCH, other.error), DB_OPENED);
    store_make_dir(&dead);
    store.db->checkpoint_pages = other.db->checkpoint_pages = 20;
    store_room(&store, 1, "general");
    store_room(&other, 1, "general");
    for (uint64_t i = 0; i < 10; i++)
        store_put(&store, 1, store_plain(zr_span("general"), i, 1, 1, 30000));
    ck_assert_ok(&store, db_backup(store.dir, store_path(&dead, "copy"), store.error));
    snprintf(command, sizeof command, "cp -p %s %s", store_path(&store, "zrelay.db"), store_path(&dead, "early"));
    ck_assert_int_eq(system(command), 0);
    for (uint64_t i = 10; i < 100; i++)
        store_put(&store, 1, store_plain(zr_span("general"), i, 1, 1, 30000));
    for (uint64_t i = 0; i < 30; i++)
        store_put(&other, 1, store_plain(zr_span("general"), i, 1, 1, 30000));
    const char *const replacements[] = {store_path(&store, "zrelay.db"), store_path(&dead, "copy"),
        store_path(&dead, "early"), store_path(&other, "zrelay.db")};
    char paths[4][120];
    for (int i = 0; i < 4; i++)
        snprintf(paths[i], sizeof paths[i], "%s", replacements[i]);
    for (int i = 0; i < 4; i++) {
        snprintf(command, sizeof command,
            "cp -p %s %s/zrelay.db; cp -p %s-wal %s/zrelay.db-wal; rm -f %s/zrelay.db-shm", paths[i], dead.dir,
            paths[0], dead.dir, dead.dir);
        ck_assert_int_eq(system(command), 0);
        uint64_t head = s_head(&dead, i == 0 ? DB_OPENED : DB_REFUSED);
        ck_assert_uint_eq(head, i == 0 ? 100 : 0);
        ck_assert_msg(i == 0 || store_told(dead.error, "was replaced"), "%d: %s", i, dead.error->text);
        if (i > 0) { /* the advice helps */
            snprintf(command, sizeof command, "mv %s/zrelay.db-wal %s/kept", dead.dir, dead.dir);
            ck_assert_int_eq(system(command), 0);
            s_head(&dead, DB_OPENED);
        }
    }
    store_remove_dir(dead.dir);
    store_end(&other);
    store_end(&store);
}

UNIT_SUITE("broker.store.db_backup")
