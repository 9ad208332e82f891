/* The data directory: makes it, checks its owner, locks a second broker out, and puts a damaged database aside. It
 * never opens the database itself: closing it again would drop the locks that SQLite holds on it. */
#include "db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

char *db_path(const char *dir, const char *name) {
    size_t size = strlen(dir) + 1 + strlen(name) + 1;
    char *path = fatal_check(malloc(size));
    snprintf(path, size, "%s/%s", dir, name);
    return path;
}

bool db_dir_has(const char *dir, const char *name) {
    struct stat status;
    char *path = db_path(dir, name);
    bool there = lstat(path, &status) == 0;
    free(path);
    return there;
}

void db_measure(const db_t *db, uint64_t *bytes, uint64_t *free_bytes) {
    static const char *const names[] = {DB_NAME, DB_NAME "-wal"};
    struct stat status;
    struct statvfs disk;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = db_path(db->dir, names[i]);
        *bytes += stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
        free(path);
    }
    if (statvfs(db->dir, &disk) == 0)
        *free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
}

bool db_dir_sync(const char *dir, zr_error_t *error) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        db_fail_errno(dir, error, "sync the directory");
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool s_mine(const char *path, const struct stat *status, zr_error_t *error) {
    if (status->st_uid == geteuid())
        return true;
    return zr_fail(error, "%s belongs to user %u, not to %u, which zrelayd runs as: chown it, or take another --data",
        path, (unsigned)status->st_uid, (unsigned)geteuid());
}

/* Only the owner may write. */
static bool s_is_private(const char *path, const struct stat *status, zr_error_t *error) {
    if (!(status->st_mode & (S_IWGRP | S_IWOTH)))
        return true;
    return zr_fail(error, "%s may write to %s: run chmod go-w %.200s, or take another --data",
        status->st_mode & S_IWOTH ? "everybody" : "its group", path, path);
}

/* A file of the database that exists is a plain one of ours. Others could have put it there while they could write to
 * the directory, and SQLite follows links. */
static bool s_check_file(const char *dir, const char *name, zr_error_t *error) {
    struct stat status;
    char *path = db_path(dir, name);
    bool ok = lstat(path, &status) != 0;
    if (ok && errno != ENOENT) {
        ok = db_fail_errno(path, error, "use");
    } else if (!ok && !S_ISREG(status.st_mode)) {
        zr_fail(error, "%s is a link or no regular file: move it away, or take another --data", path);
    } else if (!ok) {
        ok = s_mine(path, &status, error) && s_is_private(path, &status, error);
    }
    free(path);
    return ok;
}

static bool s_check_files(const char *dir, zr_error_t *error) {
    static const char *const names[] = {DB_NAME, DB_NAME "-wal", DB_NAME "-shm", DB_LOCK};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!s_check_file(dir, names[i], error))
            return false;
    return true;
}

/* Of a directory that is there. */
static bool s_check_dir(const char *dir, zr_error_t *error) {
    struct stat status;
    if (stat(dir, &status) != 0)
        return db_fail_errno(dir, error, "use the data directory");
    if (!S_ISDIR(status.st_mode))
        return zr_fail(error, "%s is not a directory: name another --data", dir);
    if (!s_mine(dir, &status, error) || !s_is_private(dir, &status, error))
        return false;
    if (access(dir, W_OK | X_OK) != 0)
        return db_fail_errno(dir, error, "write to the data directory");
    return s_check_files(dir, error);
}

static bool s_fail_above(const char *dir, zr_error_t *error) {
    return zr_fail(error, "cannot make the data directory %s: the directory above it is missing; make that first", dir);
}

bool db_dir_check(const char *dir, zr_error_t *error) {
    if (access(dir, F_OK) == 0 || errno != ENOENT)
        return s_check_dir(dir, error);
    char *copy = fatal_check(strdup(dir));
    const char *above = dirname(copy);
    int code = access(above, W_OK | X_OK) == 0 ? 0 : errno;
    free(copy);
    errno = code;
    return code == 0 ||
           (code == ENOENT ? s_fail_above(dir, error) : db_fail_errno(dir, error, "make the data directory"));
}

bool db_dir_prepare(const char *dir, zr_error_t *error) {
    bool made = mkdir(dir, 0700) == 0;
    if (!made && errno == ENOENT)
        return s_fail_above(dir, error);
    if (!made && errno != EEXIST)
        return db_fail_errno(dir, error, "make the data directory");

    if (!s_check_dir(dir, error))
        return false;
    if (!made)
        return true;

    /* The entry of a new directory must survive a power loss as its content will. */
    char *above = db_path(dir, "..");
    bool synced = db_dir_sync(above, error);
    free(above);
    return synced;
}

bool db_dir_lock(const char *dir, int *lock, zr_error_t *error) {
    char *path = db_path(dir, DB_LOCK);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0;
    if (!ok) {
        db_fail_errno(path, error, "open");
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ok = false;
        char holder[24] = "";
        ssize_t len = errno == EWOULDBLOCK ? pread(fd, holder, sizeof holder - 1, 0) : -1;
        if (len < 0)
            db_fail_errno(path, error, "lock");
        else
            zr_fail(error, "%s is in use by another zrelayd (pid %ld)", dir, strtol(holder, NULL, 10));
    }
    free(path);
    if (!ok) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    /* The pid is for people. If it cannot be written, as on a full disk, the lock still holds. */
    char pid[24];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (pwrite(fd, pid, (size_t)len, 0) == len && ftruncate(fd, len) != 0)
        errno = 0;
    *lock = fd;
    return true;
}

/* Renames `dir`/zrelay.db`suffix` to `dir`/`name``suffix`; true as well if the file does not exist. */
static bool s_rename(const char *dir, const char *name, const char *suffix, zr_error_t *error) {
    char from_name[80], to_name[80];
    snprintf(from_name, sizeof from_name, "%s%s", DB_NAME, suffix);
    snprintf(to_name, sizeof to_name, "%s%s", name, suffix);
    char *from = db_path(dir, from_name), *to = db_path(dir, to_name);
    bool ok = rename(from, to) == 0 || errno == ENOENT;
    if (!ok)
        db_fail_errno(from, error, "rename");
    free(from);
    free(to);
    return ok;
}

/* A name that neither a file nor a write-ahead log has yet. */
static void s_free_name(const char *dir, const char *why, char name[64]) {
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    char stamp[24];
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    for (unsigned number = 1;; number++) {
        if (number == 1)
            snprintf(name, 64, "%s.%.10s-%s", DB_NAME, why, stamp);
        else
            snprintf(name, 64, "%s.%.10s-%s.%u", DB_NAME, why, stamp, number);
        char wal[80];
        snprintf(wal, sizeof wal, "%s-wal", name);
        if (!db_dir_has(dir, name) && !db_dir_has(dir, wal))
            return;
    }
}

bool db_dir_set_aside(const char *dir, const char *why, char name[64], zr_error_t *error) {
    /* The database first: a database without its write-ahead log would look like one that is sound and lacks the end.
     */
    s_free_name(dir, why, name);
    return s_rename(dir, name, "", error) && s_rename(dir, name, "-wal", error) && s_rename(dir, name, "-shm", error) &&
           db_dir_sync(dir, error);
}

bool db_put_aside(const char *dir, char name[64], zr_error_t *error) {
    int lock;
    if (!db_dir_lock(dir, &lock, error))
        return false;
    bool ok = db_dir_set_aside(dir, "corrupt", name, error);
    close(lock);
    return ok;
}
