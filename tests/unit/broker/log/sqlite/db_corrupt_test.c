/* Files that bits were flipped in, or that were cut: they are refused, or what is left is read, and nothing crashes. */
#include "fixture_db.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { ROOMS = 4 };

typedef struct {
    uint8_t *data;
    size_t len;
} bytes_t;

static bytes_t s_read(const store_t *store, const char *name) {
    struct stat status;
    int fd = open(store_path(store, name), O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &status), 0);
    bytes_t bytes = {malloc((size_t)status.st_size), (size_t)status.st_size};
    ck_assert_int_eq(read(fd, bytes.data, bytes.len), (ssize_t)bytes.len);
    close(fd);
    return bytes;
}

static void s_write(const store_t *store, const char *name, const bytes_t *bytes) {
    int fd = open(store_path(store, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes->data, bytes->len), (ssize_t)bytes->len);
    close(fd);
}

/* Some of everything; the last of it still in the write-ahead log. */
static void s_make(bytes_t *database, bytes_t *log) {
    store_t store;
    store_begin(&store);
    static const char *const names[ROOMS] = {"one", "two", "three", "four"};
    uint64_t heads[ROOMS] = {0};
    for (uint32_t i = 0; i < ROOMS; i++)
        store_room(&store, i + 1, names[i]);
    for (unsigned i = 0; i < 60; i++) {
        uint32_t room = i % ROOMS;
        uint64_t head = heads[room];
        item_t items[] = {{head + 1, i % 7 == 0 ? "key" : NULL, "some value"}, {head + 2, NULL, "another"}};
        store_put(&store, room + 1,
            i % 10 ? store_frame(zr_span(names[room]), head, items, 2, i)
                   : store_plain(zr_span(names[room]), head, 2, i, 9000));
        heads[room] += 2;
        store_mark(&store, (char[]){(char)('a' + i % 20), '\0'}, i, i % 3 ? NULL : "refused", i);
        if (i == 40)
            store_reopen(&store);
    }
    *database = s_read(&store, "zrelay.db");
    *log = s_read(&store, "zrelay.db-wal");
    store_end(&store);
}

static void s_damage(bytes_t *bytes, uint64_t *random) {
    switch (store_below(random, 5)) {
    case 0: /* the file is cut */
        bytes->len = store_below(random, bytes->len);
        break;
    case 1: { /* a page reads as another */
        size_t pages = bytes->len / 8192;
        memcpy(bytes->data + 8192 * store_below(random, pages), bytes->data + 8192 * store_below(random, pages), 8192);
        break;
    }
    case 2: { /* a sector is lost */
        memset(bytes->data + 512 * store_below(random, bytes->len / 512), 0, 512);
        break;
    }
    default: /* bits; most in the first bytes of a page, where its structure is */
        for (uint64_t i = 1 + store_below(random, 8); i > 0; i--) {
            size_t page = 8192 * store_below(random, bytes->len / 8192);
            bytes->data[page + store_below(random, store_below(random, 3) ? 120 : 8192)] ^=
                (uint8_t)(1 << store_below(random, 8));
        }
    }
}

static void s_none_value(void *ctx, uint32_t room, const zr_entry_t *entry) {
    (void)ctx;
    ck_assert_uint_ge(room, 1);
    ck_assert_uint_le(entry->key.len, 255);
}

static void s_none_mark(void *ctx, const log_mark_t *mark) {
    (void)ctx;
    (void)mark;
}

typedef struct {
    db_t *reader;
    store_t *store;
} use_t;

static void s_use_room(void *ctx, const db_room_t *room) {
    const use_t *use = ctx;
    ck_assert_uint_le(room->bounds.oldest, room->bounds.head);
    log_read_t read = {
        .until = room->bounds.head, .entries = 100, .frames = 50, .bytes = 1 << 20, .room_len = room->name.len};
    memcpy(read.room, room->name.ptr, room->name.len);
    for (int last = 0; last < 2; last++) {
        read.last = last ? 7 : 0;
        zr_blob_t *frames[50];
        log_slice_t slice;
        if (!db_read(use->reader, room->id, &room->bounds, &read, &slice, frames, use->store->error))
            continue;
        for (size_t i = 0; i < slice.frame_count; i++) {
            zr_deliver_reader_t reader;
            ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(frames[i]), zr_blob_len(frames[i]))));
            zr_blob_unref(frames[i]);
        }
    }
}

/* Everything that a broker does with it. */
static void s_use(store_t *store) {
    use_t use = {db_open_reader(store->dir, store->error), store};
    if (use.reader)
        db_each_room(store->db, s_use_room, &use, store->error);
    db_close(use.reader);
    db_each_value(store->db, s_none_value, NULL, store->error);
    db_each_mark(store->db, s_none_mark, NULL, store->error);
    policy_t policy = {.max_entries = 5};
    log_bounds_t bounds;
    bool more;
    for (uint32_t room = 1; room <= ROOMS; room++)
        db_retain(store->db, room, &(db_kept_t){.policy = policy}, 1, 4, &bounds, &more, store->error);
    db_forget_marks(store->db, 5, 10, 3, &more, store->error);
    if (db_begin(store->db, store->error)) {
        store_add(store, 1, store_frame(LIT("one"), 1000, (item_t[]){{1001, "key", "v"}}, 1, 100));
        db_commit(store->db, store->error);
    }
    db_give_back(store->db, 3, store->error);
}

TEST(test_nothing_crashes) {
    bytes_t database, log;
    s_make(&database, &log);
    unsigned opened = 0, corrupt = 0;
    for (unsigned seed = 1; seed <= store_seeds(400); seed += store_stride()) {
        uint64_t random = seed;
        store_t store;
        store_make_dir(&store);
        bytes_t copy[2] = {{malloc(database.len), database.len}, {malloc(log.len), log.len}};
        memcpy(copy[0].data, database.data, database.len);
        memcpy(copy[1].data, log.data, log.len);
        s_damage(&copy[store_below(&random, 4) == 0], &random);
        s_write(&store, "zrelay.db", &copy[0]);
        s_write(&store, "zrelay.db-wal", &copy[1]);
        free(copy[0].data);
        free(copy[1].data);

        db_open_t result = db_open(&store.db, store.dir, EPOCH, store.error);
        if (result == DB_OPENED) {
            opened++;
            s_use(&store);
        } else {
            store.db = NULL;
            ck_assert_uint_gt(strlen(store.error->text), 0);
            ck_assert_ptr_null(strchr(store.error->text, '\n'));
        }
        if (result == DB_CORRUPT) {
            corrupt++;
            char name[64];
            ck_assert_ok(&store, db_put_aside(store.dir, name, store.error));
            ck_assert_int_eq(db_open(&store.db, store.dir, seed, store.error), DB_OPENED);
            ck_assert_uint_eq(db_epoch(store.db), seed);
        }
        store_end(&store);
    }
    if (store_stride() == 1) {
        ck_assert_uint_gt(opened, 20); /* much damage is in parts that a start does not read */
        ck_assert_uint_gt(corrupt, 20);
    }
    free(database.data);
    free(log.data);
}

UNIT_SUITE("broker.store.db_corrupt")
