#include "fixture_db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void s_sql(const store_t *store, const char *sql) {
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(store_path(store, "zrelay.db"), &other), SQLITE_OK);
    char *error = NULL;
    ck_assert_msg(sqlite3_exec(other, sql, NULL, NULL, &error) == SQLITE_OK, "%s", error);
    sqlite3_close(other);
}

static mode_t s_mode(const store_t *store, const char *name) {
    struct stat status;
    ck_assert_int_eq(stat(store_path(store, name), &status), 0);
    return status.st_mode & 07777;
}

static void s_write(const store_t *store, const char *name, const char *text, size_t len) {
    int fd = open(store_path(store, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

/* Opening must fail so, with these words in the line. */
static void s_refused(store_t *store, db_open_t expected, const char *words) {
    db_t *db = NULL;
    db_open_t result = db_open(&db, store->dir, EPOCH, store->error);
    ck_assert_int_eq(result, expected);
    ck_assert_ptr_null(db);
    ck_assert_ptr_null(strchr(store->error->text, '\n'));
    ck_assert_msg(store_told(store->error, words), "%s", store->error->text);
}

TEST(test_a_missing_directory_is_made) {
    store_t store;
    store_make_dir(&store);
    store_remove_dir(store.dir);
    umask(0);
    store_open(&store);
    struct stat status;
    ck_assert_int_eq(stat(store.dir, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0700);
    store_room(&store, 1, "general");
    ck_assert_int_eq(s_mode(&store, "zrelay.db"), 0600);
    ck_assert_int_eq(s_mode(&store, "zrelay.db-wal"), 0600);
    ck_assert_int_eq(s_mode(&store, "zrelay.db-shm"), 0600);
    ck_assert_int_eq(s_mode(&store, "lock"), 0600);
    store_end(&store);
}

TEST(test_the_epoch_stays) {
    store_t store;
    store_begin(&store);
    ck_assert_uint_eq(db_epoch(store.db), EPOCH);
    db_close(store.db);
    ck_assert_int_eq(db_open(&store.db, store.dir, 99, store.error), DB_OPENED);
    ck_assert_uint_eq(db_epoch(store.db), EPOCH);
    db_t *reader = db_open_reader(store.dir, store.error);
    ck_assert_msg(reader, "%s", store.error->text);
    ck_assert_uint_eq(db_epoch(reader), EPOCH);
    db_close(reader);
    store_end(&store);
}

TEST(test_an_epoch_uses_all_its_bits) {
    store_t store;
    store_make_dir(&store);
    ck_assert_int_eq(db_open(&store.db, store.dir, 0xFEDCBA9876543210, store.error), DB_OPENED);
    store_reopen(&store);
    ck_assert_uint_eq(db_epoch(store.db), 0xFEDCBA9876543210);
    store_end(&store);
}

TEST(test_settings_of_the_file) {
    store_t store;
    store_begin(&store);
    db_close(store.db);
    store.db = NULL;
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(store_path(&store, "zrelay.db"), &other), SQLITE_OK);
    static const struct {
        const char *pragma, *value;
    } expected[] = {{"application_id", "2054319225"}, {"user_version", "3"}, {"journal_mode", "wal"},
        {"auto_vacuum", "2"}, {"page_size", "8192"}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "PRAGMA %s", expected[i].pragma);
        sqlite3_stmt *statement;
        ck_assert_int_eq(sqlite3_prepare_v2(other, text, -1, &statement, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
        ck_assert_str_eq((const char *)sqlite3_column_text(statement, 0), expected[i].value);
        sqlite3_finalize(statement);
    }
    sqlite3_close(other);
    store_end(&store);
}

TEST(test_one_broker_at_a_time) {
    store_t store;
    store_begin(&store);
    char words[64];
    snprintf(words, sizeof words, "in use by another zrelayd (pid %ld)", (long)getpid());
    s_refused(&store, DB_REFUSED, words);
    char name[64];
    ck_assert(!db_put_aside(store.dir, name, store.error));
    ck_assert_msg(store_told(store.error, words), "%s", store.error->text);
    store_reopen(&store);
    store_end(&store);
}

TEST(test_the_lock_of_a_dead_one_is_free) {
    store_t store;
    store_make_dir(&store);
    pid_t child = fork();
    if (child == 0) {
        db_t *db;
        _exit(db_open(&db, store.dir, EPOCH, store.error) == DB_OPENED ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    store_open(&store);
    store_end(&store);
}

TEST(test_directories_that_will_not_do) {
    store_t store;
    store_make_dir(&store);
    store_t other = store;
    snprintf(other.dir, sizeof other.dir, "%s", store_path(&store, "a/b"));
    s_refused(&other, DB_REFUSED, "the directory above it is missing");
    s_write(&store, "file", "", 0);
    snprintf(other.dir, sizeof other.dir, "%s", store_path(&store, "file"));
    s_refused(&other, DB_REFUSED, "is not a directory");
    snprintf(other.dir, sizeof other.dir, "%s", store_path(&store, "file/a"));
    s_refused(&other, DB_REFUSED, "Not a directory");
    ck_assert_int_eq(chmod(store.dir, 0777), 0);
    s_refused(&store, DB_REFUSED, "everybody may write");
    s_refused(&store, DB_REFUSED, "chmod go-w /");
    ck_assert_int_eq(chmod(store.dir, 0770), 0);
    s_refused(&store, DB_REFUSED, "its group may write");
    ck_assert_int_eq(chmod(store.dir, 02775), 0);
    s_refused(&store, DB_REFUSED, "its group may write");
    ck_assert_int_eq(chmod(store.dir, 0755), 0);
    store_open(&store);
    store_end(&store);
}

TEST(test_what_belongs_to_others) {
    store_t store;
    store_make_dir(&store);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(store.dir, 12345, 12345), 0);
        s_refused(&store, DB_REFUSED, "belongs to user 12345");
        ck_assert_int_eq(chown(store.dir, 0, 0), 0);
        s_write(&store, "zrelay.db", "", 0);
        ck_assert_int_eq(chown(store_path(&store, "zrelay.db"), 12345, 12345), 0);
        s_refused(&store, DB_REFUSED, "belongs to user 12345");
    } else {
        ck_assert_int_eq(chmod(store.dir, 0500), 0);
        s_refused(&store, DB_REFUSED, "permission denied");
        ck_assert_int_eq(chmod(store.dir, 0700), 0);
    }
    store_end(&store);
}

/* Another user that could once write to the directory may have left files there. */
TEST(test_files_that_others_may_have_put_there) {
    static const char *const names[] = {"zrelay.db", "zrelay.db-wal", "zrelay.db-shm", "lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        store_t store;
        store_make_dir(&store);
        char path[300];
        snprintf(path, sizeof path, "%s", store_path(&store, names[i]));
        s_write(&store, "elsewhere", "", 0);
        ck_assert_int_eq(symlink("elsewhere", path), 0);
        s_refused(&store, DB_REFUSED, "is a link or no regular file");
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(symlink("nowhere", path), 0);
        s_refused(&store, DB_REFUSED, "is a link or no regular file");
        ck_assert_int_eq(unlink(path), 0);
        s_write(&store, names[i], "", 0);
        ck_assert_int_eq(chmod(path, 0660), 0);
        s_refused(&store, DB_REFUSED, "its group may write");
        if (geteuid() == 0) {
            ck_assert_int_eq(chmod(path, 0600), 0);
            ck_assert_int_eq(chown(path, 12345, 12345), 0);
            s_refused(&store, DB_REFUSED, "belongs to user 12345");
        }
        ck_assert_int_eq(unlink(path), 0);
        store_open(&store);
        store_end(&store);
    }
}

TEST(test_a_directory_that_cannot_be_written) {
    if (geteuid() != 0)
        return; /* the test above */
    store_t store;
    store_make_dir(&store);
    ck_assert_int_eq(chmod(store.dir, 0500), 0);
    ck_assert_int_eq(chown(store.dir, 12345, 12345), 0);
    pid_t child = fork();
    if (child == 0) {
        db_t *db;
        bool ok = seteuid(12345) == 0 && db_open(&db, store.dir, EPOCH, store.error) == DB_REFUSED &&
                  store_told(store.error, "permission denied");
        _exit(ok ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    store_end(&store);
}

TEST(test_another_programs_database_is_refused) {
    store_t store;
    store_make_dir(&store);
    s_sql(&store, "CREATE TABLE theirs (x)");
    s_refused(&store, DB_REFUSED, "is not zrelay's (application id 0)");
    s_sql(&store, "PRAGMA application_id = 7");
    s_refused(&store, DB_REFUSED, "is not zrelay's (application id 0x7)");
    s_sql(&store, "SELECT x FROM theirs");
    store_end(&store);
}

/* Whatever was done to a log, no new one begins in its place. */
TEST(test_what_is_no_log) {
    store_t store;
    store_begin(&store);
    store_room(&store, 1, "general");
    db_close(store.db);
    ck_assert_int_eq(truncate(store_path(&store, "zrelay.db"), 100), 0);
    s_refused(&store, DB_CORRUPT, "damaged");
    s_write(&store, "zrelay.db", "", 0);
    s_refused(&store, DB_CORRUPT, "empty, and no log");
    s_write(&store, "zrelay.db", "x", 1);
    s_refused(&store, DB_CORRUPT, "damaged");
    ck_assert_int_eq(unlink(store_path(&store, "zrelay.db")), 0);
    s_sql(&store, "PRAGMA page_size = 8192; PRAGMA auto_vacuum = 2; PRAGMA journal_mode = WAL");
    s_refused(&store, DB_CORRUPT, "empty, and no log");
    ck_assert_int_eq(unlink(store_path(&store, "zrelay.db")), 0);
    ck_assert_int_eq(mkdir(store_path(&store, "zrelay.db"), 0700), 0);
    s_refused(&store, DB_REFUSED, "no regular file");
    ck_assert_int_eq(rmdir(store_path(&store, "zrelay.db")), 0);
    store_open(&store);
    store_end(&store);
}

/* The process ended while it made the log. */
TEST(test_making_it_goes_on) {
    store_t store;
    store_make_dir(&store);
    s_write(&store, "zrelay.db.new", "", 0);
    store_open(&store);
    ck_assert_int_ne(access(store_path(&store, "zrelay.db.new"), F_OK), 0);
    store_reopen(&store);
    db_close(store.db);
    store_remove_dir(store.dir);
    store_make_dir(&store);
    s_write(&store, "zrelay.db.new", "", 0);
    s_sql(&store, "PRAGMA page_size = 8192; PRAGMA auto_vacuum = 2; PRAGMA journal_mode = WAL");
    store_open(&store);
    store_end(&store);
}

TEST(test_no_database_is_corrupt) {
    store_t store;
    store_make_dir(&store);
    char text[20000];
    memset(text, 'x', sizeof text);
    s_write(&store, "zrelay.db", text, sizeof text);
    s_refused(&store, DB_CORRUPT, "damaged");
    s_write(&store, "zrelay.db", "", 0);
    s_write(&store, "zrelay.db-wal", text, sizeof text);
    s_refused(&store, DB_CORRUPT, "write-ahead log is not");
    store_end(&store);
}

TEST(test_contradictions_are_corrupt) {
    static const char *const damages[] = {"UPDATE rooms SET oldest = 50", "UPDATE rooms SET gone_entries = 50",
        "UPDATE rooms SET gone_bytes = 5000", "UPDATE rooms SET name = ''", "UPDATE rooms SET oldest = 'x'",
        "UPDATE rooms SET begun = 1", "UPDATE meta SET value = 'x' WHERE name = 'floor'",
        "UPDATE rooms SET name = 'a b'", "UPDATE rooms SET id = 9000000", "UPDATE keys SET room = 7",
        "UPDATE keys SET key = printf('%.256c', 'x')", "UPDATE keys SET body = 'text'", "UPDATE keys SET seq = -1",
        "UPDATE marks SET client = x'00'", "UPDATE meta SET value = 'x' WHERE name = 'epoch'", "DELETE FROM meta",
        "DROP TABLE meta", "DROP TABLE frames", "DROP TABLE keys", "ALTER TABLE marks RENAME COLUMN used TO unused",
        "PRAGMA user_version = 0"};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        store_t store;
        store_begin(&store);
        store_room(&store, 1, "general");
        store_put(&store, 1, store_frame(LIT("general"), 0, (item_t[]){{1, "k", "v"}, {2, NULL, "x"}}, 2, 5));
        store_mark(&store, "a", 1, NULL, 1);
        db_close(store.db);
        char sql[160];
        snprintf(sql, sizeof sql, "PRAGMA ignore_check_constraints = ON; %s", damages[i]);
        s_sql(&store, sql);
        db_open_t result = db_open(&store.db, store.dir, EPOCH, store.error);
        ck_assert_msg(result == DB_CORRUPT, "%s: %d %s", damages[i], result, store.error->text);
        ck_assert_msg(store_told(store.error, "damaged"), "%s: %s", damages[i], store.error->text);
        store.db = NULL;
        store_end(&store);
    }
}

TEST(test_put_aside) {
    store_t store;
    store_make_dir(&store);
    char first[64], second[64];
    for (int i = 0; i < 2; i++) {
        char *name = i == 0 ? first : second;
        s_write(&store, "zrelay.db", "damaged", 7);
        s_write(&store, "zrelay.db-wal", "log", 3);
        s_write(&store, "zrelay.db-shm", "shm", 3);
        ck_assert_ok(&store, db_put_aside(store.dir, name, store.error));
        ck_assert_int_eq(strncmp(name, "zrelay.db.corrupt-20", 20), 0);
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        for (int j = 0; j < 3; j++) {
            char file[80];
            snprintf(file, sizeof file, "%s%s", name, suffixes[j]);
            ck_assert_int_eq(access(store_path(&store, file), F_OK), 0);
            snprintf(file, sizeof file, "zrelay.db%s", suffixes[j]);
            ck_assert_int_ne(access(store_path(&store, file), F_OK), 0);
        }
    }
    ck_assert_str_ne(first, second);
    ck_assert_int_eq(db_open(&store.db, store.dir, 77, store.error), DB_OPENED);
    ck_assert_uint_eq(db_epoch(store.db), 77);
    store_end(&store);
}

/* The process ended between the renames of db_put_aside. */
TEST(test_a_write_ahead_log_alone) {
    store_t store;
    store_make_dir(&store);
    char name[64], file[80];
    s_write(&store, "zrelay.db-wal", "log", 3);
    ck_assert_int_eq(db_open(&store.db, store.dir, 77, store.error), DB_CORRUPT);
    ck_assert_msg(store_told(store.error, "is missing, its write-ahead log is not"), "%s", store.error->text);
    ck_assert_int_ne(access(store_path(&store, "zrelay.db"), F_OK), 0);
    ck_assert_ok(&store, db_put_aside(store.dir, name, store.error));
    snprintf(file, sizeof file, "%s-wal", name);
    ck_assert_int_eq(access(store_path(&store, file), F_OK), 0);
    ck_assert_int_eq(db_open(&store.db, store.dir, 77, store.error), DB_OPENED);
    store_end(&store);
}

TEST(test_a_reader_needs_a_database) {
    store_t store;
    store_make_dir(&store);
    ck_assert_ptr_null(db_open_reader(store.dir, store.error));
    ck_assert_msg(store_told(store.error, "cannot open"), "%s", store.error->text);
    db_close(NULL);
    store_end(&store);
}

UNIT_SUITE("broker.store.db_open")
