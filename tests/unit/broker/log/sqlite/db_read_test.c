/* Slices, compared with those of the memory log, whose reading is the definition. */
#include "fixture_db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

static const zr_span_t general = {"general", 7};

enum { ID = 5, FRAMES_MAX = 64 };

typedef struct {
    store_t store;
    db_t *reader;
    log_t *memory;
    uint64_t random;
    uint64_t head, entries;
    uint64_t index[4096]; /* entries up to each seq */
    log_slice_t expected;
    char *expected_text;
} world_t;

static char *s_text(const log_slice_t *slice) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "%zu entries to %llu%s%s:", slice->count, (unsigned long long)slice->seq,
        slice->complete ? " complete" : "", slice->more ? " more" : "");
    for (size_t i = 0; i < slice->frame_count; i++) {
        fprintf(out, "\n");
        for (size_t j = 0; j < zr_blob_len(slice->frames[i]); j++)
            fprintf(out, "%02x", zr_blob_data(slice->frames[i])[j]);
    }
    fclose(out);
    return text;
}

static void s_read_done(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    (void)ticket;
    world_t *world = ctx;
    world->expected_text = s_text(slice);
}

static void s_stored(void *ctx, uint64_t pass, bool ok) {
    (void)ctx;
    (void)pass;
    (void)ok;
}

static void s_begin(world_t *world, uint64_t seed, uint64_t room_entries) {
    *world = (world_t){.random = seed};
    store_begin(&world->store);
    store_room(&world->store, ID, "general");
    store_room(&world->store, ID - 1, "before"); /* neighbours that must not be read */
    store_room(&world->store, ID + 1, "behind");
    store_put(&world->store, ID - 1, store_plain(LIT("before"), 0, 3, 1, 3));
    store_put(&world->store, ID + 1, store_plain(LIT("behind"), 0, 3, 1, 3));
    world->reader = db_open_reader(world->store.dir, world->store.error);
    ck_assert_msg(world->reader, "%s", world->store.error->text);
    log_memory_limits_t limits = {room_entries, 1 << 30, 1 << 30, 1 << 30};
    world->memory = log_memory_new(&limits);
    world->memory->sink = (log_sink_t){.ctx = world, .stored = s_stored, .read_done = s_read_done};
}

static void s_end(world_t *world) {
    log_destroy(world->memory);
    db_close(world->reader);
    store_end(&world->store);
}

/* Drops what the memory log has forgotten. */
static void s_follow(world_t *world) {
    uint64_t oldest = world->memory->engine->bounds(world->memory, general).oldest;
    policy_t policy = {.max_entries = world->entries - world->index[oldest]};
    log_bounds_t bounds;
    bool more = true;
    while (more)
        ck_assert_ok(&world->store,
            db_retain(world->store.db, ID, &(db_kept_t){.policy = policy}, 10, 3, &bounds, &more, world->store.error));
    ck_assert_uint_eq(bounds.oldest, oldest);
    ck_assert_uint_eq(bounds.head, world->head);
}

static void s_append(world_t *world) {
    static const char *const bodies[] = {"", "a", "a body of some length, so that bytes count for something", "bcd"};
    item_t items[12];
    size_t count = 1 + store_below(&world->random, 12);
    uint64_t prev = world->head;
    for (size_t i = 0; i < count; i++) {
        uint64_t seq = world->head + 1 + (store_below(&world->random, 4) == 0 ? store_below(&world->random, 5) : 0);
        for (uint64_t gap = world->head + 1; gap < seq; gap++)
            world->index[gap] = world->entries;
        world->index[seq] = ++world->entries;
        world->head = seq;
        items[i] = (item_t){.seq = seq,
            .key = store_below(&world->random, 5) == 0 ? "key" : NULL,
            .body = bodies[store_below(&world->random, 4)]};
    }
    log_append_t append = store_frame(general, prev, items, count, 10);
    zr_blob_ref(append.frame);
    world->memory->engine->append(world->memory, &append);
    store_put(&world->store, ID, append);
    s_follow(world);
}

static log_read_t s_request(world_t *world) {
    uint64_t *random = &world->random;
    log_read_t read = {.room_len = general.len};
    memcpy(read.room, general.ptr, general.len);
    read.after = store_below(random, world->head + 10);
    read.until = store_below(random, 3) ? store_below(random, world->head + 10) : ZR_INT_MAX;
    if (store_below(random, 3) == 0)
        read.last = 1 + (store_below(random, 4) ? store_below(random, world->entries + 5) : 1ULL << 50);
    read.entries = 1 + (store_below(random, 2) ? store_below(random, 30) : 1000);
    read.frames = 1 + (store_below(random, 2) ? store_below(random, 5) : FRAMES_MAX - 1);
    read.bytes = store_below(random, 2) ? store_below(random, 3000) : 1 << 20;
    return read;
}

static void s_compare(world_t *world, const log_read_t *read) {
    world->memory->engine->read(world->memory, read);
    log_bounds_t bounds = world->memory->engine->bounds(world->memory, general);
    zr_blob_t *frames[FRAMES_MAX];
    log_slice_t slice;
    ck_assert_ok(&world->store, db_read(world->reader, ID, &bounds, read, &slice, frames, world->store.error));
    char *text = s_text(&slice);
    ck_assert_msg(strcmp(text, world->expected_text) == 0,
        "after %llu until %llu last %llu entries %zu frames %zu bytes %zu, of %llu…%llu:\nfound %s\nexpected %s",
        (unsigned long long)read->after, (unsigned long long)read->until, (unsigned long long)read->last, read->entries,
        read->frames, read->bytes, (unsigned long long)bounds.oldest, (unsigned long long)bounds.head, text,
        world->expected_text);
    free(text);
    free(world->expected_text);
    for (size_t i = 0; i < slice.frame_count; i++)
        zr_blob_unref(frames[i]);
}

TEST(test_slices_are_those_of_the_memory_log) {
    for (unsigned seed = 1; seed <= store_seeds(12); seed++) {
        world_t world;
        s_begin(&world, seed, seed % 3 ? 1000000 : 60);
        for (int round = 0; round < 15; round++) {
            s_append(&world);
            for (int i = 0; i < 20; i++) {
                log_read_t read = s_request(&world);
                s_compare(&world, &read);
            }
        }
        s_end(&world);
    }
}

TEST(test_each_request_of_a_small_room) {
    world_t world;
    s_begin(&world, 99, 12);
    for (int i = 0; i < 4; i++)
        s_append(&world);
    log_read_t read = {.room_len = general.len};
    memcpy(read.room, general.ptr, general.len);
    for (read.after = 0; read.after <= world.head + 1; read.after++)
        for (read.until = 0; read.until <= world.head + 1; read.until++)
            for (read.last = 0; read.last <= 14; read.last += 7)
                for (read.entries = 1; read.entries <= 9; read.entries += 4) {
                    read.frames = 2;
                    read.bytes = 500;
                    s_compare(&world, &read);
                }
    s_end(&world);
}

TEST(test_a_room_that_nobody_used) {
    world_t world;
    s_begin(&world, 1, 1000);
    log_bounds_t bounds = {0};
    log_read_t read = {
        .after = 7, .until = ZR_INT_MAX, .entries = 5, .frames = 5, .bytes = 1000, .room = "general", .room_len = 7};
    log_slice_t slice;
    ck_assert_ok(&world.store, db_read(world.reader, ID, &bounds, &read, &slice, NULL, world.store.error));
    ck_assert_uint_eq(slice.seq, 7);
    ck_assert(!slice.complete && !slice.more);
    read.after = 0;
    ck_assert_ok(&world.store, db_read(world.reader, 4711, &bounds, &read, &slice, NULL, world.store.error));
    ck_assert(slice.complete);
    s_end(&world);
}

/* The bounds are those of a moment before: more was stored since, or dropped. */
/* The caller knows a room that was forgotten meanwhile; its id is nobody's, or another's. */
TEST(test_a_room_that_was_forgotten) {
    store_t store;
    store_begin(&store);
    log_bounds_t bounds = {.head = 5};
    zr_blob_t *frames[10];
    for (int i = 0; i < 2; i++) {
        log_read_t read = {
            .room = "a", .room_len = 1, .after = 1, .until = 9, .entries = 10, .frames = 10, .bytes = 999};
        log_slice_t slice;
        ck_assert_ok(&store, db_read(store.db, 1, &bounds, &read, &slice, frames, store.error));
        ck_assert_uint_eq(slice.count, 0);
        ck_assert_uint_eq(slice.seq, 5);
        ck_assert(!slice.complete && !slice.more);
        if (i > 0)
            break;
        store_room(&store, 1, "b");
        store_put(&store, 1, store_plain(LIT("b"), 0, 5, 5, 10));
    }
    store_end(&store);
}

TEST(test_bounds_that_are_older) {
    world_t world;
    s_begin(&world, 1, 1000000);
    store_put(&world.store, ID, store_plain(general, 0, 5, 1, 3));
    log_bounds_t bounds = {.head = 5};
    store_put(&world.store, ID, store_plain(general, 5, 5, 1, 3));
    store_put(&world.store, ID, store_plain(general, 10, 5, 1, 3));
    log_read_t read = {
        .until = ZR_INT_MAX, .entries = 50, .frames = 5, .bytes = 100000, .room = "general", .room_len = 7};
    log_slice_t slice;
    zr_blob_t *frames[5];
    ck_assert_ok(&world.store, db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
    ck_assert_uint_eq(slice.frame_count, 1);
    ck_assert_uint_eq(slice.seq, 5);
    ck_assert(slice.complete && !slice.more);
    zr_blob_unref(frames[0]);

    policy_t policy = {.max_entries = 10};
    bool more;
    log_bounds_t now;
    ck_assert_ok(&world.store,
        db_retain(world.store.db, ID, &(db_kept_t){.policy = policy}, 10, 10, &now, &more, world.store.error));
    ck_assert_uint_eq(now.oldest, 5);
    ck_assert_ok(&world.store, db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
    ck_assert_uint_eq(slice.frame_count, 0);
    ck_assert_uint_eq(slice.seq, 5);
    ck_assert(!slice.complete && !slice.more);
    bounds.head = 15;
    ck_assert_ok(&world.store, db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
    ck_assert_uint_eq(slice.frame_count, 2);
    ck_assert(!slice.complete);
    zr_blob_unref(frames[0]);
    zr_blob_unref(frames[1]);
    s_end(&world);
}

TEST(test_large_frames) {
    world_t world;
    s_begin(&world, 1, 1000000);
    static const size_t bodies[] = {8100, 8192, 16384, 100000};
    uint64_t head = 0;
    for (size_t i = 0; i < 4; i++) {
        log_append_t append = store_plain(general, head, 10, 1, bodies[i]);
        head = append.last;
        zr_blob_ref(append.frame);
        world.memory->engine->append(world.memory, &append);
        store_put(&world.store, ID, append);
    }
    log_read_t read = {
        .until = ZR_INT_MAX, .entries = 33, .frames = 5, .bytes = 1 << 24, .room = "general", .room_len = 7};
    s_compare(&world, &read);
    read.after = 7;
    s_compare(&world, &read);
    read.last = 35;
    s_compare(&world, &read);
    s_end(&world);
}

/* A frame that the disk damaged is not delivered. */
TEST(test_a_damaged_frame) {
    static const char *const damages[] = {"frame = x'00'", "frame = zeroblob(length(frame))", "prev = 4", "count = 2",
        "frame = substr(frame, 1, length(frame) - 1)", "frame = CAST('x' AS BLOB) || substr(frame, 2)", "id = id + 1",
        "frame = substr(frame, 1, 8) || x'02' || substr(frame, 10)"};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        world_t world;
        s_begin(&world, 1, 1000);
        store_put(&world.store, ID, store_plain(general, 0, 5, 1, 3));
        store_put(&world.store, ID, store_plain(general, 5, 5, 1, 3));
        store_put(&world.store, ID, store_plain(general, 10, 5, 1, 3));
        sqlite3 *other;
        ck_assert_int_eq(sqlite3_open(store_path(&world.store, "zrelay.db"), &other), SQLITE_OK);
        char sql[200];
        snprintf(
            sql, sizeof sql, "UPDATE frames SET %s WHERE id = %llu", damages[i], (unsigned long long)ID << 40 | 10);
        ck_assert_int_eq(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(other);
        log_bounds_t bounds = {.head = 15};
        log_read_t read = {
            .until = ZR_INT_MAX, .entries = 50, .frames = 5, .bytes = 100000, .room = "general", .room_len = 7};
        log_slice_t slice;
        zr_blob_t *frames[5];
        ck_assert_ok(&world.store, db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
        ck_assert_uint_eq(slice.count, 5); /* what is before it is told */
        ck_assert(slice.complete && slice.more);
        zr_blob_unref(frames[0]);
        read.until = 5; /* a read that does not reach it succeeds */
        ck_assert_ok(&world.store, db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
        ck_assert(slice.complete && !slice.more);
        zr_blob_unref(frames[0]);
        read.until = ZR_INT_MAX;
        read.after = slice.seq;
        ck_assert(!db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
        ck_assert_msg(store_told(world.store.error, "damaged"), "%s", world.store.error->text);
        ck_assert_uint_ge(slice.seq, 10); /* and the entries behind it can be asked for */
        ck_assert_uint_le(slice.seq, 11);
        ck_assert(!slice.complete && slice.more);
        read.after = 11;
        ck_assert_ok(&world.store, db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
        ck_assert_uint_eq(slice.count, 4);
        zr_blob_unref(frames[0]);
        s_end(&world);
    }
}

/* A page that the disk does not give is an error, not a signal. */
TEST(test_a_page_that_cannot_be_read) {
    world_t world;
    s_begin(&world, 1, 1000);
    for (uint64_t i = 0; i < 5; i++)
        store_put(&world.store, ID, store_plain(general, 10 * i, 10, 1, 20000));
    db_close(world.reader);
    store_reopen(&world.store); /* the write-ahead log is empty */
    world.reader = db_open_reader(world.store.dir, world.store.error);
    ck_assert_msg(world.reader, "%s", world.store.error->text);
    log_bounds_t bounds = {.head = 50};
    log_read_t read = {
        .until = ZR_INT_MAX, .entries = 10, .frames = 5, .bytes = 1000000, .room = "general", .room_len = 7};
    log_slice_t slice;
    zr_blob_t *frames[5];
    ck_assert_ok(&world.store, db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
    zr_blob_unref(frames[0]);
    ck_assert_int_eq(truncate(store_path(&world.store, "zrelay.db"), 50 * 8192), 0);
    read.after = 40;
    ck_assert(!db_read(world.reader, ID, &bounds, &read, &slice, frames, world.store.error));
    s_end(&world);
}

UNIT_SUITE("broker.store.db_read")
