#include "fixture_fault.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FILES_MAX = 8, SECTOR = 512 };

/* A change of a file since it was last synced. */
typedef struct {
    int64_t at; /* -1: truncated to `len` */
    size_t len;
    uint8_t *data;
} pending_t;

typedef struct {
    char path[256];
    bool exists;
    bool durable_exists;
    uint8_t *durable; /* what is on the disk for certain */
    size_t durable_len;
    pending_t *pending;
    size_t pending_count;
} image_t;

typedef struct {
    sqlite3_file base;
    image_t *image;
    sqlite3_file *real; /* behind this struct */
} file_t;

static struct {
    fault_kind_t kind;
    unsigned at, count;
    bool met;
    uint64_t random;
    image_t images[FILES_MAX];
    sqlite3_vfs *system;
} s_disk;

static uint64_t s_random(void) {
    uint64_t z = (s_disk.random += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

/* --- What is on the disk --- */

static void *s_need(void *memory) {
    if (!memory)
        abort();
    return memory;
}

static uint8_t *s_read_file(const char *path, size_t *len) {
    struct stat status;
    int fd = open(path, O_RDONLY);
    *len = 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) != 0)
        abort();
    uint8_t *data = s_need(malloc((size_t)status.st_size + 1));
    if (pread(fd, data, (size_t)status.st_size, 0) != status.st_size)
        abort();
    close(fd);
    *len = (size_t)status.st_size;
    return data;
}

static image_t *s_image(const char *path) {
    image_t *image = s_disk.images;
    while (image->path[0] && strcmp(image->path, path) != 0)
        if (++image == s_disk.images + FILES_MAX)
            abort();
    if (!image->path[0]) {
        snprintf(image->path, sizeof image->path, "%s", path);
        image->exists = image->durable_exists = access(path, F_OK) == 0;
        if (image->exists) /* not read through a descriptor of ours while SQLite has locks on it: this is its first use
                            */
            image->durable = s_read_file(path, &image->durable_len);
    }
    return image;
}

static void s_pend(image_t *image, int64_t at, const void *data, size_t len) {
    image->pending = s_need(realloc(image->pending, (image->pending_count + 1) * sizeof *image->pending));
    pending_t *pending = &image->pending[image->pending_count++];
    *pending = (pending_t){.at = at, .len = len};
    if (data) {
        pending->data = s_need(malloc(len + 1));
        memcpy(pending->data, data, len);
    }
}

static void s_apply_bytes(uint8_t **data, size_t *len, size_t at, const uint8_t *bytes, size_t count) {
    if (at + count > *len) {
        *data = s_need(realloc(*data, at + count));
        memset(*data + *len, 0, at + count - *len);
        *len = at + count;
    }
    memcpy(*data + at, bytes, count);
}

/* By chance all of it, nothing, or some of its sectors. */
static void s_apply_some(uint8_t **data, size_t *len, const pending_t *pending, bool all) {
    unsigned fate = all ? 0 : (unsigned)(s_random() % 4);
    if (fate == 1)
        return;
    if (pending->at < 0) {
        if (pending->len < *len)
            *len = pending->len;
        return;
    }
    for (size_t done = 0; done < pending->len; done += SECTOR) {
        size_t piece = pending->len - done < SECTOR ? pending->len - done : SECTOR;
        if (fate != 2 || s_random() % 2)
            s_apply_bytes(data, len, (size_t)pending->at + done, pending->data + done, piece);
    }
}

/* The file is gone for good. */
static void s_forget(image_t *image) {
    for (size_t i = 0; i < image->pending_count; i++)
        free(image->pending[i].data);
    image->pending_count = 0;
    image->durable_len = 0;
    image->exists = image->durable_exists = false;
}

static void s_sync(image_t *image) {
    /* The first sync of a file that came anew is one of the directory too (unix VFS: of journals and write-ahead logs):
     * then what was deleted stays so. */
    if (!image->durable_exists)
        for (size_t i = 0; i < FILES_MAX; i++)
            if (s_disk.images[i].path[0] && !s_disk.images[i].exists)
                s_forget(&s_disk.images[i]);
    for (size_t i = 0; i < image->pending_count; i++) {
        s_apply_some(&image->durable, &image->durable_len, &image->pending[i], true);
        free(image->pending[i].data);
    }
    image->pending_count = 0;
    image->durable_exists = true;
}

/* Systems take what they could not write for written: the next sync does not try it again. */
static void s_lose(image_t *image) {
    for (size_t i = 0; i < image->pending_count; i++)
        free(image->pending[i].data);
    image->pending_count = 0;
}

static void s_drop(image_t *image) {
    for (size_t i = 0; i < image->pending_count; i++)
        free(image->pending[i].data);
    free(image->pending);
    free(image->durable);
    *image = (image_t){.path = ""};
}

/* The mark of a log in the making is synced before any of it, and goes when that is stored. */
static void s_copy_mark(const char *from, const char *to) {
    char path[512];
    snprintf(path, sizeof path, "%s/zrelay.db.new", from);
    bool there = access(path, F_OK) == 0;
    snprintf(path, sizeof path, "%s/zrelay.db.new", to);
    unlink(path);
    if (there)
        close(open(path, O_WRONLY | O_CREAT, 0600));
}

void fault_copy(const char *from, const char *to, bool all) {
    s_copy_mark(from, to);
    static const char *const names[] = {"zrelay.db", "zrelay.db-wal", "zrelay.db-journal"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", from, names[i]);
        image_t *image = NULL;
        for (size_t j = 0; j < FILES_MAX; j++)
            if (strcmp(s_disk.images[j].path, path) == 0)
                image = &s_disk.images[j];
        size_t len = 0;
        uint8_t *data = NULL;
        bool exists;
        if (!image) {
            exists = access(path, F_OK) == 0;
            data = s_read_file(path, &len);
        } else {
            /* That a file came or went is as uncertain as what was written, until it was synced. */
            exists =
                image->exists == image->durable_exists || all || s_random() % 2 ? image->exists : image->durable_exists;
            data = s_need(malloc(image->durable_len + 1));
            len = image->durable_len;
            if (len)
                memcpy(data, image->durable, len);
            for (size_t j = 0; j < image->pending_count; j++)
                s_apply_some(&data, &len, &image->pending[j], all);
        }
        snprintf(path, sizeof path, "%s/%s", to, names[i]);
        unlink(path);
        if (exists) {
            int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
            if (fd < 0 || write(fd, data, len) != (ssize_t)len)
                abort();
            close(fd);
        }
        free(data);
    }
}

/* --- Failing --- */

/* Counts an operation; true: it must fail. `grows`: it takes room on the disk. */
static bool s_fails(bool grows) {
    s_disk.count++;
    switch (s_disk.kind) {
    case FAULT_NONE:
        return false;
    case FAULT_ONCE:
        s_disk.met |= s_disk.count == s_disk.at;
        return s_disk.count == s_disk.at;
    case FAULT_FULL:
        s_disk.met |= s_disk.count >= s_disk.at && grows;
        return s_disk.count >= s_disk.at && grows;
    case FAULT_KILL:
        s_disk.met |= s_disk.count >= s_disk.at;
        return s_disk.count >= s_disk.at;
    }
    return false;
}

static bool s_dead(void) {
    return s_disk.kind == FAULT_KILL && s_disk.met;
}

#define REAL(file) (((file_t *)(file))->real)
#define FORWARD(file, call, ...) REAL(file)->pMethods->call(REAL(file), ##__VA_ARGS__)

static int s_close(sqlite3_file *file) {
    return FORWARD(file, xClose);
}

static int s_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at) {
    return s_fails(false) ? SQLITE_IOERR_READ : FORWARD(file, xRead, to, len, at);
}

static int s_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at) {
    image_t *image = ((file_t *)file)->image;
    sqlite3_int64 size = 0;
    FORWARD(file, xFileSize, &size);
    bool was_dead = s_dead();
    if (s_fails(at + len > size)) {
        if (was_dead)
            return SQLITE_IOERR_WRITE;
        /* The beginning may have been written. */
        int part = (int)(s_random() % ((uint64_t)len + 1));
        if (s_disk.kind == FAULT_KILL) {
            s_pend(image, at, from, (size_t)part);
        } else if (part > 0 && s_random() % 2) {
            FORWARD(file, xWrite, from, part, at);
            s_pend(image, at, from, (size_t)part);
        }
        return s_disk.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    s_pend(image, at, from, (size_t)len);
    return FORWARD(file, xWrite, from, len, at);
}

static int s_truncate(sqlite3_file *file, sqlite3_int64 size) {
    if (s_fails(false))
        return SQLITE_IOERR_TRUNCATE;
    s_pend(((file_t *)file)->image, -1, NULL, (size_t)size);
    return FORWARD(file, xTruncate, size);
}

/* Not passed on: the disk is here. */
static int s_sync_file(sqlite3_file *file, int flags) {
    (void)flags;
    image_t *image = ((file_t *)file)->image;
    bool was_dead = s_dead();
    if (s_fails(false)) {
        if (s_disk.kind == FAULT_KILL && !was_dead && s_random() % 2)
            s_sync(image);
        else if (s_disk.kind == FAULT_ONCE && s_random() % 2)
            s_lose(image);
        return SQLITE_IOERR_FSYNC;
    }
    s_sync(image);
    return SQLITE_OK;
}

static int s_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    return FORWARD(file, xFileSize, size);
}

static int s_lock(sqlite3_file *file, int level) {
    return FORWARD(file, xLock, level);
}

static int s_unlock(sqlite3_file *file, int level) {
    return FORWARD(file, xUnlock, level);
}

static int s_check_reserved_lock(sqlite3_file *file, int *locked) {
    return FORWARD(file, xCheckReservedLock, locked);
}

static int s_file_control(sqlite3_file *file, int operation, void *argument) {
    return FORWARD(file, xFileControl, operation, argument);
}

static int s_sector_size(sqlite3_file *file) {
    return FORWARD(file, xSectorSize);
}

static int s_device_characteristics(sqlite3_file *file) {
    return FORWARD(file, xDeviceCharacteristics);
}

static int s_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **memory) {
    if (extend && s_fails(true))
        return SQLITE_IOERR_SHMSIZE;
    return FORWARD(file, xShmMap, region, size, extend, memory);
}

static int s_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
    return FORWARD(file, xShmLock, offset, n, flags);
}

static void s_shm_barrier(sqlite3_file *file) {
    FORWARD(file, xShmBarrier);
}

static int s_shm_unmap(sqlite3_file *file, int remove) {
    return FORWARD(file, xShmUnmap, remove);
}

static int s_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out) {
    /* Version 2: without reading through a map, which would pass us by. */
    static const sqlite3_io_methods methods = {2, s_close, s_read, s_write, s_truncate, s_sync_file, s_file_size,
        s_lock, s_unlock, s_check_reserved_lock, s_file_control, s_sector_size, s_device_characteristics, s_shm_map,
        s_shm_lock, s_shm_barrier, s_shm_unmap, NULL, NULL};
    (void)vfs;
    file_t *self = (file_t *)file;
    self->base.pMethods = NULL;
    self->real = (sqlite3_file *)(self + 1);
    bool makes = (flags & SQLITE_OPEN_CREATE) && access(name, F_OK) != 0;
    if (s_fails(makes))
        return SQLITE_CANTOPEN;
    self->image = s_image(name);
    if (makes)
        s_forget(self->image); /* one of two files: that the old one comes back now is not played */
    int code = s_disk.system->xOpen(s_disk.system, name, self->real, flags, out);
    if (code == SQLITE_OK) {
        self->base.pMethods = &methods;
        self->image->exists = true;
    }
    return code;
}

static int s_delete(sqlite3_vfs *vfs, const char *name, int sync) {
    (void)vfs;
    if (s_fails(false))
        return SQLITE_IOERR_DELETE;
    image_t *image = s_image(name);
    int code = s_disk.system->xDelete(s_disk.system, name, 0);
    if (code == SQLITE_OK) {
        image->exists = false; /* until the directory is synced it may come back */
        if (sync || !image->durable_exists)
            s_forget(image);
    }
    return code;
}

static sqlite3_vfs s_vfs;

void fault_begin(fault_kind_t kind, unsigned operation, uint64_t seed) {
    s_disk.system = sqlite3_vfs_find("unix");
    s_vfs = *s_disk.system; /* all else is the system's */
    s_vfs.zName = "fault";
    s_vfs.szOsFile = (int)sizeof(file_t) + s_disk.system->szOsFile;
    s_vfs.xOpen = s_open;
    s_vfs.xDelete = s_delete;
    s_disk.kind = kind;
    s_disk.at = operation;
    s_disk.count = 0;
    s_disk.met = false;
    s_disk.random = seed;
    for (size_t i = 0; i < FILES_MAX; i++)
        s_drop(&s_disk.images[i]);
    sqlite3_vfs_register(&s_vfs, 1);
}

void fault_end(void) {
    sqlite3_vfs_unregister(&s_vfs);
    for (size_t i = 0; i < FILES_MAX; i++)
        s_drop(&s_disk.images[i]);
}

void fault_pause(void) {
    sqlite3_vfs_register(s_disk.system, 1);
}

void fault_resume(void) {
    sqlite3_vfs_register(&s_vfs, 1);
}

void fault_clear(void) {
    s_disk.kind = FAULT_NONE;
}

unsigned fault_operations(void) {
    return s_disk.count;
}

bool fault_met(void) {
    return s_disk.met;
}
