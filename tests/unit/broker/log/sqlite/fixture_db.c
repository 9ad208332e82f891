#include "fixture_db.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

void store_make_dir(store_t *store) {
    *store = (store_t){.db = NULL};
    snprintf(
        store->dir, sizeof store->dir, "%s/zrelay-store-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(store->dir));
}

void store_remove_dir(const char *dir) {
    DIR *stream = opendir(dir);
    ck_assert_ptr_nonnull(stream);
    const struct dirent *entry;
    while ((entry = readdir(stream))) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    closedir(stream);
    ck_assert_int_eq(rmdir(dir), 0);
}

void store_open(store_t *store) {
    db_open_t result = db_open(&store->db, store->dir, EPOCH, store->error);
    ck_assert_msg(result == DB_OPENED, "%s", store->error->text);
}

void store_begin(store_t *store) {
    store_make_dir(store);
    store_open(store);
}

void store_end(store_t *store) {
    db_close(store->db);
    store->db = NULL;
    store_remove_dir(store->dir);
}

void store_reopen(store_t *store) {
    db_close(store->db);
    store->db = NULL;
    store_open(store);
}

bool store_told(zr_error_t *error, const char *words) {
    for (const char *line = NULL; (line = zr_error_next(error, line));)
        if (strstr(line, words)) {
            *error = (zr_error_t){0};
            return true;
        }
    return false;
}

const char *store_path(const store_t *store, const char *name) {
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", store->dir, name);
    return path;
}

log_append_t store_frame(zr_span_t room, uint64_t prev, const item_t *items, size_t count, uint64_t time) {
    static zr_buffer_t buffer;
    bool keyed = false;
    zr_deliver_begin(&buffer, room, 0, EPOCH, prev);
    for (size_t i = 0; i < count; i++) {
        zr_entry_t entry = {.seq = items[i].seq,
            .time = time,
            .flags = items[i].body ? 0 : ZR_ENTRY_DELETE,
            .sender = LIT("alice"),
            .key = zr_span(items[i].key),
            .body = zr_span(items[i].body)};
        zr_deliver_add(&buffer, &entry);
        keyed |= entry.key.len > 0;
    }
    zr_blob_t *frame = zr_blob_copy(buffer.data, buffer.len);
    return (log_append_t){.room = zr_span_of(zr_blob_data(frame), room.len),
        .first = items[0].seq,
        .last = items[count - 1].seq,
        .prev = prev,
        .count = count,
        .time = time,
        .keyed = keyed,
        .level = ZR_LEVEL_DISK,
        .frame = frame};
}

log_append_t store_plain(zr_span_t room, uint64_t prev, size_t count, uint64_t time, size_t body) {
    static char text[1 << 17];
    ck_assert_uint_le(body, sizeof text - 1);
    ck_assert_uint_le(count, 1000);
    memset(text, 'x', body);
    text[body] = '\0';
    item_t items[1000];
    for (size_t i = 0; i < count; i++)
        items[i] = (item_t){.seq = prev + 1 + i, .body = text};
    return store_frame(room, prev, items, count, time);
}

bool store_add(store_t *store, uint32_t id, log_append_t append) {
    bool ok = db_add_frame(store->db, id, &append, store->error);
    zr_blob_unref(append.frame);
    return ok;
}

void store_room(store_t *store, uint32_t id, const char *name) {
    ck_assert_ok(store, db_begin(store->db, store->error));
    ck_assert_ok(store, db_add_room(store->db, id, zr_span(name), store->error));
    ck_assert_ok(store, db_commit(store->db, store->error));
}

void store_put(store_t *store, uint32_t id, log_append_t append) {
    ck_assert_ok(store, db_begin(store->db, store->error));
    ck_assert_ok(store, store_add(store, id, append));
    ck_assert_ok(store, db_commit(store->db, store->error));
}

log_mark_t store_mark_of(const char *digit, uint64_t mark, const char *refusals) {
    log_mark_t made = {.mark = mark, .refusals = refusals ? zr_blob_copy(refusals, strlen(refusals)) : NULL};
    memset(made.client, digit[0], sizeof made.client);
    return made;
}

void store_mark(store_t *store, const char *digit, uint64_t mark, const char *refusals, uint64_t now) {
    log_mark_t made = store_mark_of(digit, mark, refusals);
    ck_assert_ok(store, db_begin(store->db, store->error));
    ck_assert_ok(store, db_set_mark(store->db, &made, now, store->error));
    ck_assert_ok(store, db_commit(store->db, store->error));
    zr_blob_unref(made.refusals);
}

typedef struct {
    uint32_t id;
    db_room_t room;
} look_t;

static void s_look(void *ctx, const db_room_t *room) {
    look_t *look = ctx;
    if (room->id == look->id)
        look->room = *room;
}

db_room_t store_look(store_t *store, uint32_t id) {
    look_t look = {.id = id};
    ck_assert_ok(store, db_each_room(store->db, s_look, &look, store->error));
    ck_assert_uint_eq(look.room.id, id);
    return look.room;
}

/* --- The whole content --- */

typedef struct {
    FILE *out;
    db_t *reader;
    store_t *store;
} dump_t;

static uint64_t s_sum(const void *data, size_t len) {
    uint64_t sum = 14695981039346656037ULL;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ ((const uint8_t *)data)[i]) * 1099511628211ULL;
    return sum;
}

static void s_dump_frames(dump_t *dump, const db_room_t *room) {
    log_read_t read = {.after = room->bounds.oldest,
        .until = room->bounds.head,
        .entries = 1000000,
        .frames = 64,
        .bytes = 1 << 24,
        .room_len = room->name.len};
    memcpy(read.room, room->name.ptr, room->name.len);
    zr_blob_t *frames[64];
    log_slice_t slice = {.more = true};
    while (slice.more) {
        ck_assert_ok(
            dump->store, db_read(dump->reader, room->id, &room->bounds, &read, &slice, frames, dump->store->error));
        ck_assert(slice.complete);
        for (size_t i = 0; i < slice.frame_count; i++) {
            fprintf(dump->out, " %zu:%016" PRIx64, zr_blob_len(frames[i]),
                s_sum(zr_blob_data(frames[i]), zr_blob_len(frames[i])));
            zr_blob_unref(frames[i]);
        }
        read.after = slice.seq;
    }
    ck_assert_uint_eq(slice.seq, room->bounds.head);
}

static void s_dump_room(void *ctx, const db_room_t *room) {
    dump_t *dump = ctx;
    fprintf(dump->out,
        "room %u %.*s %" PRIu64 "…%" PRIu64 " at %" PRIu64 ", %" PRIu64 " entries, %" PRIu64 " bytes:", room->id,
        (int)room->name.len, room->name.ptr, room->bounds.oldest, room->bounds.head, room->bounds.time, room->entries,
        room->bytes);
    s_dump_frames(dump, room);
    fputc('\n', dump->out);
}

static void s_dump_value(void *ctx, uint32_t room, const zr_entry_t *entry) {
    fprintf(((dump_t *)ctx)->out, "value %u %.*s=%016" PRIx64 " %" PRIu64 " %" PRIu64 " %.*s\n", room,
        (int)entry->key.len, entry->key.ptr, s_sum(entry->body.ptr, entry->body.len), entry->seq, entry->time,
        (int)entry->sender.len, entry->sender.ptr);
}

static void s_dump_mark(void *ctx, const log_mark_t *mark) {
    fprintf(((dump_t *)ctx)->out, "mark %.32s %" PRIu64 " %.*s\n", mark->client, mark->mark,
        mark->refusals ? (int)zr_blob_len(mark->refusals) : 4,
        mark->refusals ? (const char *)zr_blob_data(mark->refusals) : "none");
}

char *store_dump(store_t *store) {
    char *text;
    size_t size;
    dump_t dump = {.out = open_memstream(&text, &size), .store = store};
    dump.reader = db_is_alone(store->db) ? store->db : db_open_reader(store->dir, store->error);
    ck_assert_msg(dump.reader, "%s", store->error->text);
    ck_assert_ok(store, db_each_room(store->db, s_dump_room, &dump, store->error));
    ck_assert_ok(store, db_each_value(store->db, s_dump_value, &dump, store->error));
    ck_assert_ok(store, db_each_mark(store->db, s_dump_mark, &dump, store->error));
    if (db_floor(dump.reader))
        fprintf(dump.out, "floor %llu\n", (unsigned long long)db_floor(dump.reader));
    if (dump.reader != store->db)
        db_close(dump.reader);
    fclose(dump.out);
    return text;
}

/* --- Chance --- */

uint64_t store_random(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

uint64_t store_below(uint64_t *state, uint64_t below) {
    return store_random(state) % below;
}

unsigned store_seeds(unsigned usual) {
    const char *times = getenv("ZR_STORE_SEEDS");
    return times ? usual * (unsigned)strtoul(times, NULL, 10) : usual;
}

unsigned store_stride(void) {
    const char *times = getenv("CK_TIMEOUT_MULTIPLIER");
    unsigned stride = times ? (unsigned)strtoul(times, NULL, 10) : 1;
    return stride ? stride : 1;
}
