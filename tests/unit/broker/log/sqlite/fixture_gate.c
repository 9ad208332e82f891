/* See fixture_gate.h: a VFS around SQLite's own, which looks at the files whose names end in -wal. */
#include "fixture_gate.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

typedef struct {
    sqlite3_file file;
    bool wal;
    sqlite3_file *real; /* in the memory behind this struct */
} gate_file_t;

static sqlite3_vfs s_vfs, *s_real;
static sqlite3_io_methods s_methods;
static pthread_mutex_t s_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t s_changed = PTHREAD_COND_INITIALIZER;
static bool s_closed, s_waiting, s_fail, s_full;
static size_t s_syncs;

#define REAL(file) (((gate_file_t *)(file))->real)
#define FORWARD(name, parameters, ...)                                                                                 \
    static int s_##name parameters {                                                                                   \
        return REAL(file)->pMethods->name(REAL(file), ##__VA_ARGS__);                                                  \
    }

FORWARD(xRead, (sqlite3_file * file, void *to, int len, sqlite3_int64 at), to, len, at)
FORWARD(xTruncate, (sqlite3_file * file, sqlite3_int64 size), size)
FORWARD(xFileSize, (sqlite3_file * file, sqlite3_int64 *size), size)
FORWARD(xLock, (sqlite3_file * file, int level), level)
FORWARD(xUnlock, (sqlite3_file * file, int level), level)
FORWARD(xCheckReservedLock, (sqlite3_file * file, int *out), out)
FORWARD(xFileControl, (sqlite3_file * file, int op, void *arg), op, arg)
FORWARD(xSectorSize, (sqlite3_file * file))
FORWARD(xDeviceCharacteristics, (sqlite3_file * file))
FORWARD(xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **to), page, size, extend, to)
FORWARD(xShmLock, (sqlite3_file * file, int offset, int n, int flags), offset, n, flags)
FORWARD(xShmUnmap, (sqlite3_file * file, int remove), remove)
FORWARD(xFetch, (sqlite3_file * file, sqlite3_int64 at, int len, void **to), at, len, to)
FORWARD(xUnfetch, (sqlite3_file * file, sqlite3_int64 at, void *memory), at, memory)

static void s_xShmBarrier(sqlite3_file *file) {
    REAL(file)->pMethods->xShmBarrier(REAL(file));
}

static int s_xClose(sqlite3_file *file) {
    return REAL(file)->pMethods->xClose(REAL(file));
}

static int s_xWrite(sqlite3_file *file, const void *from, int len, sqlite3_int64 at) {
    pthread_mutex_lock(&s_mutex);
    bool full = s_full && ((gate_file_t *)file)->wal;
    pthread_mutex_unlock(&s_mutex);
    return full ? SQLITE_FULL : REAL(file)->pMethods->xWrite(REAL(file), from, len, at);
}

static int s_xSync(sqlite3_file *file, int flags) {
    bool fail = false;
    if (((gate_file_t *)file)->wal) {
        pthread_mutex_lock(&s_mutex);
        s_syncs++;
        while (s_closed) {
            s_waiting = true;
            pthread_cond_broadcast(&s_changed);
            pthread_cond_wait(&s_changed, &s_mutex);
        }
        s_waiting = false;
        fail = s_fail;
        s_fail = false;
        pthread_mutex_unlock(&s_mutex);
    }
    return fail ? SQLITE_IOERR_FSYNC : REAL(file)->pMethods->xSync(REAL(file), flags);
}

static int s_xOpen(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    (void)vfs;
    gate_file_t *gate = (gate_file_t *)file;
    gate->wal = flags & SQLITE_OPEN_WAL;
    gate->real = (sqlite3_file *)(gate + 1);
    int rc = s_real->xOpen(s_real, name, gate->real, flags, out_flags);
    file->pMethods = gate->real->pMethods ? &s_methods : NULL;
    return rc;
}

void gate_install(void) {
    sqlite3_vfs *now = sqlite3_vfs_find(NULL);
    if (now == &s_vfs)
        return;
    s_real = now;
    s_vfs = *s_real;
    s_vfs.zName = "gate";
    s_vfs.szOsFile = (int)sizeof(gate_file_t) + s_real->szOsFile;
    s_vfs.xOpen = s_xOpen;
    s_methods = (sqlite3_io_methods){.iVersion = 3,
        .xClose = s_xClose,
        .xRead = s_xRead,
        .xWrite = s_xWrite,
        .xTruncate = s_xTruncate,
        .xSync = s_xSync,
        .xFileSize = s_xFileSize,
        .xLock = s_xLock,
        .xUnlock = s_xUnlock,
        .xCheckReservedLock = s_xCheckReservedLock,
        .xFileControl = s_xFileControl,
        .xSectorSize = s_xSectorSize,
        .xDeviceCharacteristics = s_xDeviceCharacteristics,
        .xShmMap = s_xShmMap,
        .xShmLock = s_xShmLock,
        .xShmBarrier = s_xShmBarrier,
        .xShmUnmap = s_xShmUnmap,
        .xFetch = s_xFetch,
        .xUnfetch = s_xUnfetch};
    sqlite3_vfs_register(&s_vfs, 1);
}

void gate_close(void) {
    pthread_mutex_lock(&s_mutex);
    s_closed = true;
    pthread_mutex_unlock(&s_mutex);
}

void gate_await(void) {
    pthread_mutex_lock(&s_mutex);
    while (!s_waiting)
        pthread_cond_wait(&s_changed, &s_mutex);
    pthread_mutex_unlock(&s_mutex);
}

void gate_open(bool fail) {
    pthread_mutex_lock(&s_mutex);
    s_closed = false;
    s_fail = fail;
    pthread_cond_broadcast(&s_changed);
    pthread_mutex_unlock(&s_mutex);
}

void gate_full(bool full) {
    pthread_mutex_lock(&s_mutex);
    s_full = full;
    pthread_mutex_unlock(&s_mutex);
}

size_t gate_syncs(void) {
    pthread_mutex_lock(&s_mutex);
    size_t syncs = s_syncs;
    pthread_mutex_unlock(&s_mutex);
    return syncs;
}
