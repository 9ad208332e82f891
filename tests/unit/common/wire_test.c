#include "wire.h"

#include "names.h"
#include "unit.h"

static zr_span_t s_bytes(const zr_buffer_t *buffer) {
    return zr_span_of(buffer->data, buffer->len);
}

/* The result of zr_publish_read for a frame, which lies where reading too far crashes. */
typedef struct {
    zr_code_t code;
    size_t count;
    uint64_t first, last;
    zr_publish_reader_t reader;
} verdict_t;

static verdict_t s_verdict(zr_span_t frame) {
    verdict_t verdict = {.count = 99, .first = 99, .last = 99};
    verdict.code = zr_publish_read(&verdict.reader, unit_at_edge(frame), &verdict.count, &verdict.first, &verdict.last);
    return verdict;
}

static zr_code_t s_code(zr_span_t frame) {
    return s_verdict(frame).code;
}

/* A PUBLISH of one entry, valid or not. */
static zr_code_t s_publish_code(zr_span_t room, zr_publish_entry_t entry) {
    zr_buffer_t out = {0};
    zr_publish_begin(&out, room);
    zr_publish_add(&out, &entry);
    verdict_t verdict = s_verdict(s_bytes(&out));
    bool laid_out = verdict.code != ZR_BAD_FRAME;
    ck_assert_uint_eq(verdict.first, laid_out ? entry.mid : 0);
    ck_assert_uint_eq(verdict.last, laid_out ? entry.mid : 0);
    ck_assert_uint_eq(verdict.count, laid_out ? 1 : 0);
    zr_publish_entry_t read;
    /* with bad names too, since a refusal names the room and the ids */
    ck_assert(zr_publish_next(&verdict.reader, &read) == laid_out);
    ck_assert(!laid_out || (zr_span_equal(verdict.reader.room, room) && read.mid == entry.mid));
    zr_buffer_finish(&out);
    return verdict.code;
}

static const zr_publish_entry_t s_entries[] = {
    {1, 0, {NULL, 0}, 0, {"hello", 5}, 0},
    {5, 0, {"key", 3}, 0, {NULL, 0}, 0},
    {6, ZR_ENTRY_EXPECT, {"t\xC3\xBCr", 4}, 41, {"\0\xFF{", 3}, 0},
    {7, ZR_ENTRY_TTL, {"key", 3}, 0, {"x", 1}, 10000},
    {8, ZR_ENTRY_EXPECT | ZR_ENTRY_TTL, {"key", 3}, 42, {NULL, 0}, UINT64_MAX},
    {1000000, ZR_ENTRY_DELETE, {"key", 3}, 0, {NULL, 0}, 0},
    {ZR_INT_MAX, ZR_ENTRY_DELETE | ZR_ENTRY_EXPECT, {"k", 1}, ZR_INT_MAX, {NULL, 0}, 0},
};
enum { ENTRIES = sizeof s_entries / sizeof s_entries[0] };

static void s_build_publish(zr_buffer_t *out, size_t ends[ENTRIES + 1]) {
    zr_publish_begin(out, LIT("general"));
    ends[0] = out->len;
    for (size_t i = 0; i < ENTRIES; i++) {
        zr_publish_add(out, &s_entries[i]);
        ends[i + 1] = out->len;
    }
}

TEST(test_publish_comes_back) {
    zr_buffer_t out = {0};
    size_t ends[ENTRIES + 1];
    zr_buffer_append(&out, "old", 3); /* begin clears */
    s_build_publish(&out, ends);
    ck_assert_uint_eq(ends[0], ZR_PUBLISH_HEAD(7));
    ck_assert_uint_eq(ends[1] - ends[0], ZR_PUBLISH_ENTRY_FIXED + 5);
    verdict_t verdict = s_verdict(s_bytes(&out));
    ck_assert_int_eq(verdict.code, ZR_OK);
    ck_assert_uint_eq(verdict.count, ENTRIES);
    ck_assert_uint_eq(verdict.first, 1);
    ck_assert_uint_eq(verdict.last, ZR_INT_MAX);
    ck_assert_span_eq(verdict.reader.room, LIT("general"));
    zr_publish_entry_t entry;
    for (size_t i = 0; i < ENTRIES; i++) {
        ck_assert(zr_publish_next(&verdict.reader, &entry));
        ck_assert_uint_eq(entry.mid, s_entries[i].mid);
        ck_assert_uint_eq(entry.flags, s_entries[i].flags);
        ck_assert_uint_eq(entry.expect, s_entries[i].expect);
        ck_assert_uint_eq(entry.ttl, s_entries[i].ttl);
        ck_assert_span_eq(entry.key, s_entries[i].key);
        ck_assert_span_eq(entry.body, s_entries[i].body);
    }
    ck_assert(!zr_publish_next(&verdict.reader, &entry));
    ck_assert(!verdict.reader.failed);
    zr_buffer_finish(&out);
}

/* Plain ones first, then as they come. */
TEST(test_publish_plain_entries) {
    zr_buffer_t out = {0};
    zr_publish_begin(&out, LIT("general"));
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = 1, .body = LIT("hello")});
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = 300});
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = 301, .key = LIT("k"), .body = LIT("v")});
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = 302, .body = LIT("end")});
    verdict_t verdict = s_verdict(s_bytes(&out));
    zr_publish_entry_t entry;
    zr_span_t body;
    uint64_t mid;
    ck_assert(zr_publish_next_plain(&verdict.reader, &mid, &body));
    ck_assert_uint_eq(mid, 1);
    ck_assert_span_eq(body, LIT("hello"));
    ck_assert(zr_publish_next_plain(&verdict.reader, &mid, &body));
    ck_assert_uint_eq(mid, 300);
    ck_assert_uint_eq(body.len, 0);
    ck_assert(!zr_publish_next_plain(&verdict.reader, &mid, &body));
    ck_assert(zr_publish_next(&verdict.reader, &entry));
    ck_assert_span_eq(entry.key, LIT("k"));
    ck_assert(zr_publish_next_plain(&verdict.reader, &mid, &body));
    ck_assert_uint_eq(mid, 302);
    ck_assert_span_eq(body, LIT("end"));
    ck_assert(!zr_publish_next_plain(&verdict.reader, &mid, &body));
    ck_assert(!zr_publish_next(&verdict.reader, &entry));
    zr_buffer_finish(&out);
}

/* Of a plain entry that is cut off nothing is taken. */
TEST(test_publish_plain_every_prefix) {
    zr_buffer_t out = {0};
    zr_publish_begin(&out, LIT("r"));
    size_t head = out.len;
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = 1, .body = LIT("hello")});
    for (size_t len = 0; len < out.len - head; len++) {
        zr_publish_reader_t reader = {.rest = unit_at_edge(zr_span_of(out.data + head, len))};
        zr_span_t body;
        uint64_t mid;
        ck_assert_msg(!zr_publish_next_plain(&reader, &mid, &body), "%zu bytes", len);
        ck_assert_uint_eq(reader.rest.len, len);
    }
    zr_buffer_finish(&out);
}

/* Cut between entries, a frame is a shorter one; cut anywhere else, it is refused. */
TEST(test_publish_every_prefix) {
    zr_buffer_t out = {0};
    size_t ends[ENTRIES + 1], whole = 0;
    s_build_publish(&out, ends);
    for (size_t len = 0; len < out.len; len++) {
        verdict_t verdict = s_verdict(zr_span_of(out.data, len));
        if (len == ends[whole + 1])
            whole++;
        bool between = whole > 0 && len == ends[whole];
        ck_assert_msg(verdict.code == (between ? ZR_OK : ZR_BAD_FRAME), "%zu bytes", len);
        ck_assert_uint_eq(verdict.count, between ? whole : 0);
        ck_assert_uint_eq(verdict.first, between ? 1 : 0);
    }
    ck_assert_uint_eq(whole, ENTRIES - 1);
    zr_buffer_finish(&out);
}

TEST(test_publish_lengths_that_overflow) {
    static const char head[] = "\x01\x01r\0\0\0\0\0\0\0\x01\0\0";
    for (unsigned shift = 0; shift < 32; shift++) {
        char frame[sizeof head - 1 + 4 + 5];
        uint32_t len = 0xFFFFFFFFu >> shift;
        memcpy(frame, head, sizeof head - 1);
        for (int i = 0; i < 4; i++)
            frame[sizeof head - 1 + i] = (char)(len >> (24 - 8 * i));
        memcpy(frame + sizeof head + 3, "hello", 5);
        ck_assert_msg(s_code(zr_span_of(frame, sizeof frame)) == ZR_BAD_FRAME, "body of %u", len);
    }
    ck_assert_int_eq(s_code(LIT("\x01\x01r\0\0\0\0\0\0\0\x01\0\0\0\0\0\x05hello")), ZR_OK);
    ck_assert_int_eq(s_code(LIT("\x01\x01r\0\0\0\0\0\0\0\x01\0\0\0\0\0\x04hello")), ZR_BAD_FRAME);
    ck_assert_int_eq(s_code(LIT("\x01\xFFr\0\0\0\0\0\0\0\x01\0\0\0\0\0\x05hello")), ZR_BAD_FRAME);
    ck_assert_int_eq(s_code(LIT("\x01\x01r\0\0\0\0\0\0\0\x01\0\xFF\0\0\0\x05hello")), ZR_BAD_FRAME);
}

TEST(test_publish_type_byte) {
    char frame[] = "\x01\x01r\0\0\0\0\0\0\0\x01\0\0\0\0\0\0";
    for (int type = 0; type < 256; type++) {
        frame[0] = (char)type;
        ck_assert_int_eq(s_code(zr_span_of(frame, sizeof frame - 1)), type == 1 ? ZR_OK : ZR_BAD_FRAME);
    }
}

TEST(test_publish_flags) {
    zr_span_t none = {0}, key = LIT("k"), body = LIT("b");
    for (unsigned flags = 0; flags < 256; flags++)
        for (unsigned with = 0; with < 4; with++) {
            zr_publish_entry_t entry = {1, (uint8_t)flags, with & 1 ? key : none, 0, with & 2 ? body : none, 5};
            bool known = !(flags & ~0x0bu), deletes = flags & 1, lasts = flags & 8;
            bool good = flags == 0 || (known && (with & 1) && !(deletes && (lasts || (with & 2))));
            ck_assert_msg(s_publish_code(LIT("r"), entry) == (good ? ZR_OK : ZR_BAD_FRAME), "flags %02x, %skey, %sbody",
                flags, with & 1 ? "" : "no ", with & 2 ? "" : "no ");
        }
}

TEST(test_publish_room) {
    zr_publish_entry_t entry = {.mid = 3};
    for (size_t len = 0; len <= 255; len++)
        ck_assert_int_eq(s_publish_code(unit_fill('r', len), entry), len >= 1 && len <= 128 ? ZR_OK : ZR_BAD_ROOM);
    ck_assert_int_eq(s_publish_code(LIT("a b"), entry), ZR_BAD_ROOM);
    ck_assert_int_eq(s_publish_code(LIT("a\0b"), entry), ZR_BAD_ROOM);
    ck_assert_int_eq(s_publish_code(LIT("{a"), entry), ZR_BAD_ROOM);
    ck_assert_int_eq(s_publish_code(LIT("a*"), entry), ZR_BAD_ROOM);
    ck_assert_int_eq(s_publish_code(LIT("a\xC0\xAF"), entry), ZR_BAD_ROOM);
    ck_assert_int_eq(s_publish_code(LIT("caf\xC3\xA9"), entry), ZR_OK);
}

TEST(test_publish_key) {
    for (size_t len = 0; len <= 255; len++)
        ck_assert_int_eq(s_publish_code(LIT("r"), (zr_publish_entry_t){.mid = 3, .key = unit_fill('k', len)}), ZR_OK);
    ck_assert_int_eq(s_publish_code(LIT("r"), (zr_publish_entry_t){.mid = 3, .key = LIT("a b")}), ZR_BAD_KEY);
    ck_assert_int_eq(s_publish_code(LIT("r"), (zr_publish_entry_t){.mid = 3, .key = LIT("\xFF")}), ZR_BAD_KEY);
    ck_assert_int_eq(s_publish_code(LIT("r"), (zr_publish_entry_t){.mid = 3, .key = LIT("a\xE2\x80\xAE")}), ZR_BAD_KEY);
    ck_assert_int_eq(s_publish_code(LIT("r"), (zr_publish_entry_t){.mid = 3, .key = LIT("{*")}), ZR_OK);
}

static verdict_t s_two(zr_span_t room, uint64_t one, uint64_t two, zr_span_t key) {
    zr_buffer_t out = {0};
    zr_publish_begin(&out, room);
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = one});
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = two, .key = key});
    verdict_t verdict = s_verdict(s_bytes(&out));
    zr_buffer_finish(&out);
    return verdict;
}

TEST(test_publish_ids) {
    zr_publish_entry_t entry = {0};
    ck_assert_int_eq(s_publish_code(LIT("r"), entry), ZR_BAD_ID);
    entry.mid = ZR_INT_MAX;
    ck_assert_int_eq(s_publish_code(LIT("r"), entry), ZR_OK);
    entry.mid = ZR_INT_MAX + 1;
    ck_assert_int_eq(s_publish_code(LIT("r"), entry), ZR_BAD_ID);
    entry.mid = UINT64_MAX;
    ck_assert_int_eq(s_publish_code(LIT("r"), entry), ZR_BAD_ID);

    zr_span_t room = LIT("r"), none = {0};
    ck_assert_int_eq(s_two(room, 1, 2, none).code, ZR_OK);
    ck_assert_int_eq(s_two(room, 2, 2, none).code, ZR_BAD_ID);
    ck_assert_int_eq(s_two(room, 2, 1, none).code, ZR_BAD_ID);
    ck_assert_int_eq(s_two(room, 1, ZR_INT_MAX + 1, none).code, ZR_BAD_ID);
    verdict_t verdict = s_two(room, 2, 1, none);
    ck_assert_uint_eq(verdict.first, 2);
    ck_assert_uint_eq(verdict.last, 1);
    ck_assert_uint_eq(verdict.count, 2);
}

TEST(test_publish_broken_layout_outweighs_names) {
    ck_assert_int_eq(s_two(LIT("a b"), 2, 1, LIT("a b")).code, ZR_BAD_ROOM);
    ck_assert_int_eq(s_two(LIT("r"), 1, 2, LIT("a b")).code, ZR_BAD_KEY);
    verdict_t verdict = s_verdict(LIT("\x01\x01 \0\0\0\0\0\0\0\x01\0\0\0\0\0\x01"));
    ck_assert_int_eq(verdict.code, ZR_BAD_FRAME);
    ck_assert_uint_eq(verdict.first, 0);
}

TEST_ABORTS(test_publish_strings_that_do_not_fit) {
    zr_buffer_t out = {0};
    zr_publish_begin(&out, LIT("r"));
    zr_publish_add(&out, &(zr_publish_entry_t){.mid = 1, .key = unit_fill('k', 256)});
}

TEST(test_ack) {
    uint8_t bytes[ZR_ACK_SIZE];
    zr_ack_write(bytes, &(zr_ack_t){ZR_LEVEL_DISK, 0x0102030405060708, 0x1112131415161718});
    zr_span_t frame = zr_span_of(bytes, sizeof bytes);
    ck_assert_span_eq(frame, LIT("\x02\x02\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14\x15\x16\x17\x18"));
    zr_ack_t ack = {0};
    ck_assert(zr_ack_read(&ack, unit_at_edge(frame)));
    ck_assert_int_eq(ack.level, ZR_LEVEL_DISK);
    ck_assert_uint_eq(ack.upto, 0x0102030405060708);
    ck_assert_uint_eq(ack.seq, 0x1112131415161718);

    char longer[ZR_ACK_SIZE + 1] = {2, 1};
    for (size_t len = 0; len <= sizeof longer; len++)
        ck_assert_int_eq(zr_ack_read(&ack, unit_at_edge(zr_span_of(longer, len))), len == ZR_ACK_SIZE);
    longer[0] = 1;
    ck_assert(!zr_ack_read(&ack, zr_span_of(longer, ZR_ACK_SIZE)));
}

TEST(test_trunk) {
    uint8_t head[ZR_TRUNK_HEAD];
    uint32_t channel;
    zr_span_t inner;
    zr_trunk_head(head, 0x01020304);
    ck_assert_span_eq(zr_span_of(head, sizeof head), LIT("\3\1\2\3\4"));
    zr_blob_t *frame = zr_trunk_frame(UINT32_MAX, LIT("{}"));
    ck_assert_span_eq(zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), LIT("\3\377\377\377\377{}"));
    ck_assert(zr_trunk_read(zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), &channel, &inner));
    ck_assert_uint_eq(channel, UINT32_MAX);
    ck_assert_span_eq(inner, LIT("{}"));
    zr_blob_unref(frame);

    ck_assert(zr_trunk_read(unit_at_edge(LIT("\3\0\0\0\1")), &channel, &inner));
    ck_assert_uint_eq(inner.len, 0);
    frame = zr_trunk_frame(1, inner);
    ck_assert_span_eq(zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), LIT("\3\0\0\0\1"));
    zr_blob_unref(frame);
    for (size_t len = 0; len < ZR_TRUNK_HEAD; len++)
        ck_assert(!zr_trunk_read(unit_at_edge(zr_span_of("\3\0\0\0\1", len)), &channel, &inner));
    ck_assert(!zr_trunk_read(unit_at_edge(LIT("\3\0\0\0\0{}")), &channel, &inner));
    ck_assert(!zr_trunk_read(unit_at_edge(LIT("\2\0\0\0\1{}")), &channel, &inner));
}

TEST(test_level_names) {
    ck_assert_str_eq(zr_level_name(ZR_LEVEL_NONE), "none");
    ck_assert_str_eq(zr_level_name(ZR_LEVEL_MEMORY), "memory");
    ck_assert_str_eq(zr_level_name(ZR_LEVEL_DISK), "disk");
    ck_assert_str_eq(zr_level_name(ZR_LEVEL_REPLICATED), "replicated");
    ck_assert_str_eq(zr_level_name((zr_level_t)4), "unknown");
}

TEST(test_back_topics) {
    zr_span_t room = {0}, json = {0};
    ck_assert_int_eq(zr_back_read(unit_at_edge(LIT("general\0\1\0")), &room, &json), ZR_BACK_ENTRIES);
    ck_assert_span_eq(room, LIT("general"));
    ck_assert_int_eq(zr_back_read(unit_at_edge(LIT("caf\xC3\xA9\1{}")), &room, &json), ZR_BACK_PRESENCE);
    ck_assert_span_eq(room, LIT("caf\xC3\xA9"));
    ck_assert_span_eq(json, LIT("{}"));
    ck_assert_int_eq(zr_back_read(unit_at_edge(LIT("\xFF"
                                                   "01234567{}")),
                         &room, &json),
        ZR_BACK_SYNCED);
    ck_assert_span_eq(room, LIT("01234567"));
    ck_assert_span_eq(json, LIT("{}"));

    static const zr_span_t bad[] = {
        {"", 0},
        {"general", 7},
        {"general\1", 8},
        {"general\1[]", 10},
        {"general\2{}", 10},
        {"general\x1F{}", 10},
        {"\0", 1},
        {"\1{}", 3},
        {"{room\1{}", 8},
        {"a b\1{}", 6},
        {"\xFF", 1},
        {"\xFF{}", 3},
        {"\xFF"
         "0123456{}",
            10},
        {"\xFF"
         "0123456G{}",
            11},
        {"\xFF"
         "01234567",
            9},
        {"\xFF"
         "01234567[]",
            11},
    };
    zr_span_t before = room = json = LIT("as it was");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(zr_back_read(unit_at_edge(bad[i]), &room, &json) == ZR_BACK_BAD, "case %zu", i);
    ck_assert_span_eq(room, before);
    ck_assert_span_eq(json, before);
}

TEST(test_back_limits) {
    zr_span_t room, json;
    for (size_t len = 0; len <= 200; len++) {
        char frame[256];
        memset(frame, 'a', sizeof frame);
        memcpy(frame + len, "\1{}", 3);
        ck_assert_int_eq(zr_back_read(unit_at_edge(zr_span_of(frame, len + 3)), &room, &json),
            len >= 1 && len <= 128 ? ZR_BACK_PRESENCE : ZR_BACK_BAD);
        frame[0] = (char)0xFF;
        memset(frame + 1, 'a', len);
        memcpy(frame + 1 + len, "{}", 2);
        ck_assert_int_eq(zr_back_read(unit_at_edge(zr_span_of(frame, len + 3)), &room, &json),
            len >= 8 && len <= 32 ? ZR_BACK_SYNCED : ZR_BACK_BAD);
    }
}

UNIT_SUITE("common.wire")
