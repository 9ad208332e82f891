/* The DELIVER half of wire.c. */
#include "names.h"
#include "unit.h"
#include "wire.h"

static const zr_entry_t s_entries[] = {
    {42, 1735689600000000, 0, {"ann", 3}, {NULL, 0}, {"hello", 5}, 0},
    {43, 1735689600000001, 0, {"j\xC3\xBCrgen", 7}, {"key", 3}, {NULL, 0}, 0},
    {47, 1735689600000250, ZR_ENTRY_DELETE, {"ann", 3}, {"key", 3}, {NULL, 0}, 0},
    {48, 1735689600000250, ZR_ENTRY_TTL, {"ann", 3}, {"key", 3}, {"x", 1}, 0x0102030405060708},
    {49, 1735689600000250, ZR_ENTRY_TTL, {NULL, 0}, {NULL, 0}, {NULL, 0}, 1},
    {ZR_INT_MAX, UINT64_MAX, 0, {NULL, 0}, {NULL, 0}, {"\0\xFF{", 3}, 0},
};
enum { ENTRIES = sizeof s_entries / sizeof s_entries[0] };

static zr_span_t s_bytes(const zr_buffer_t *buffer) {
    return zr_span_of(buffer->data, buffer->len);
}

static void s_build(zr_buffer_t *out, zr_span_t room, uint8_t flags, size_t ends[ENTRIES + 1]) {
    zr_deliver_begin(out, room, flags, 0xE1, 41);
    ends[0] = out->len;
    for (size_t i = 0; i < ENTRIES; i++) {
        ck_assert_uint_eq(zr_deliver_add(out, &s_entries[i]), ends[i]);
        ends[i + 1] = out->len;
        ck_assert_uint_eq(ends[i + 1] - ends[i], zr_entry_size(&s_entries[i]));
    }
}

static void s_check_entry(const zr_entry_t *entry, const zr_entry_t *expected) {
    ck_assert_uint_eq(entry->seq, expected->seq);
    ck_assert_uint_eq(entry->time, expected->time);
    ck_assert_uint_eq(entry->flags, expected->flags);
    ck_assert_span_eq(entry->sender, expected->sender);
    ck_assert_span_eq(entry->key, expected->key);
    ck_assert_span_eq(entry->body, expected->body);
    ck_assert_uint_eq(entry->ttl, expected->ttl);
}

TEST(test_comes_back) {
    zr_buffer_t out = {0};
    size_t ends[ENTRIES + 1];
    zr_buffer_append(&out, "old", 3); /* begin clears */
    s_build(&out, LIT("general"), ZR_FRAME_REPLAY, ends);
    ck_assert_uint_eq(ends[0], ZR_DELIVER_HEAD(7));
    ck_assert_uint_eq(ends[1] - ends[0], ZR_DELIVER_ENTRY_FIXED + 3 + 5);
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    ck_assert(zr_deliver_read(&reader, unit_at_edge(s_bytes(&out))));
    ck_assert_span_eq(reader.room, LIT("general"));
    ck_assert_uint_eq(reader.flags, ZR_FRAME_REPLAY);
    ck_assert_uint_eq(reader.epoch, 0xE1);
    ck_assert_uint_eq(reader.prev, 41);
    for (size_t i = 0; i < ENTRIES; i++) {
        ck_assert(zr_deliver_next(&reader, &entry));
        s_check_entry(&entry, &s_entries[i]);
    }
    ck_assert(!zr_deliver_next(&reader, &entry));
    ck_assert(!reader.failed);
    zr_buffer_finish(&out);
}

TEST(test_plain_is_the_same) {
    zr_buffer_t one = {0}, other = {0};
    zr_deliver_begin(&one, LIT("r"), 0, 1, 0);
    zr_deliver_begin(&other, LIT("r"), 0, 1, 0);
    for (size_t len = 0; len <= ZR_NICK_MAX; len++) {
        zr_entry_t entry = {.seq = 42 + len, .time = 1735689600000000 + len, .body = unit_fill('b', 7 * len)};
        zr_deliver_plain_t plain;
        char sender[ZR_NICK_MAX];
        memset(sender, 's', sizeof sender);
        entry.sender = zr_span_of(sender, len);
        zr_deliver_plain(&plain, entry.time, entry.sender);
        zr_deliver_add(&one, &entry);
        zr_deliver_add_plain(&other, &plain, entry.seq, entry.body);
        ck_assert_span_eq(s_bytes(&other), s_bytes(&one));
    }
    zr_buffer_finish(&one);
    zr_buffer_finish(&other);
}

TEST(test_every_prefix) {
    zr_buffer_t out = {0};
    size_t ends[ENTRIES + 1], whole = 0;
    s_build(&out, LIT("general"), 0, ends);
    for (size_t len = 0; len < out.len; len++) {
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        if (len == ends[whole + 1])
            whole++;
        bool readable = zr_deliver_read(&reader, unit_at_edge(zr_span_of(out.data, len)));
        ck_assert_msg(readable == (len > ends[0]), "%zu bytes", len);
        zr_deliver_reader_t skipping = reader;
        uint64_t seq;
        size_t read = 0;
        while (zr_deliver_next(&reader, &entry)) {
            ck_assert(zr_deliver_skip(&skipping, &seq));
            ck_assert_uint_eq(seq, entry.seq);
            ck_assert_ptr_eq(skipping.rest.ptr, reader.rest.ptr);
            s_check_entry(&entry, &s_entries[read++]);
        }
        ck_assert(!zr_deliver_skip(&skipping, &seq));
        ck_assert_int_eq(skipping.failed, reader.failed);
        ck_assert_uint_eq(read, whole);
        ck_assert_msg(reader.failed == (whole == 0 || len != ends[whole]), "%zu bytes", len);
        ck_assert(!zr_deliver_next(&reader, &entry)); /* failed stays failed */
    }
    ck_assert_uint_eq(whole, ENTRIES - 1);
    zr_buffer_finish(&out);
}

static bool s_head_good(zr_span_t frame) {
    zr_deliver_reader_t reader;
    bool good = zr_deliver_read(&reader, unit_at_edge(frame));
    ck_assert_int_eq(reader.failed, !good);
    return good;
}

TEST(test_head) {
    zr_buffer_t out = {0};
    size_t ends[ENTRIES + 1];
    for (size_t len = 0; len <= 200; len++) {
        s_build(&out, unit_fill('r', len), 0, ends);
        ck_assert_int_eq(s_head_good(s_bytes(&out)), len >= 1 && len <= 128);
    }
    s_build(&out, LIT("a b"), 0, ends);
    ck_assert(!s_head_good(s_bytes(&out)));
    s_build(&out, LIT("{a"), 0, ends);
    ck_assert(!s_head_good(s_bytes(&out)));
    s_build(&out, LIT("r"), 0xFF, ends); /* flags of a newer broker are let through */
    ck_assert(s_head_good(s_bytes(&out)));
    for (int byte = 0; byte < 256; byte++) {
        out.data[2] = (uint8_t)byte;
        ck_assert_int_eq(s_head_good(s_bytes(&out)), byte == 1);
    }
    out.data[2] = 1;
    for (int byte = 0; byte < 0x20; byte++) {
        out.data[1] = (uint8_t)byte;
        ck_assert_int_eq(s_head_good(s_bytes(&out)), byte == 0);
    }
    zr_buffer_finish(&out);
}

TEST(test_body_lengths_that_overflow) {
    zr_buffer_t out = {0};
    zr_deliver_begin(&out, LIT("r"), 0, 0xE1, 0);
    zr_deliver_add(&out, &s_entries[0]);
    uint8_t *len = out.data + out.len - 5 - 4;
    ck_assert_uint_eq(len[3], 5);
    for (unsigned shift = 0; shift < 32; shift++) {
        uint32_t value = 0xFFFFFFFFu >> shift;
        for (int i = 0; i < 4; i++)
            len[i] = (uint8_t)(value >> (24 - 8 * i));
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        ck_assert(zr_deliver_read(&reader, unit_at_edge(s_bytes(&out))));
        /* shorter than the five bytes: the rest is no entry */
        ck_assert_int_eq(zr_deliver_next(&reader, &entry), value <= 5);
        while (zr_deliver_next(&reader, &entry))
            ;
        ck_assert(reader.failed);
    }
    zr_buffer_finish(&out);
}

/* The entries of a frame that the cut must keep, the plain way. */
static void s_check_cut(zr_span_t frame, uint8_t flags, uint64_t after, uint64_t until, size_t limit) {
    zr_buffer_t expected = {0};
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    size_t count = 77, n = 0;
    uint64_t last = 77, prev, seq = 0;
    ck_assert(zr_deliver_read(&reader, frame));
    prev = reader.prev;
    while (zr_deliver_next(&reader, &entry)) {
        if (entry.seq > after && entry.seq <= until && n < limit) {
            if (n++ == 0)
                zr_deliver_begin(&expected, reader.room, flags, reader.epoch, prev);
            zr_deliver_add(&expected, &entry);
            seq = entry.seq;
        }
        prev = entry.seq;
    }
    zr_blob_t *blob = zr_deliver_cut(frame, flags, after, until, limit, &count, &last);
    ck_assert_uint_eq(count, n);
    ck_assert_uint_eq(last, seq);
    ck_assert_int_eq(blob != NULL, n > 0);
    if (blob)
        ck_assert_span_eq(zr_span_of(zr_blob_data(blob), zr_blob_len(blob)), s_bytes(&expected));
    zr_blob_unref(blob);
    zr_buffer_finish(&expected);
}

TEST(test_cut) {
    static const uint64_t edges[] = {0, 41, 42, 43, 44, 46, 47, 48, ZR_INT_MAX - 1, ZR_INT_MAX, UINT64_MAX};
    enum { EDGES = sizeof edges / sizeof edges[0] };
    zr_buffer_t out = {0};
    size_t ends[ENTRIES + 1];
    s_build(&out, LIT("general"), 0, ends);
    zr_span_t frame = unit_at_edge(s_bytes(&out));
    for (size_t after = 0; after < EDGES; after++)
        for (size_t until = 0; until < EDGES; until++)
            for (size_t limit = 0; limit <= ENTRIES + 1; limit++)
                s_check_cut(frame, (uint8_t)(limit & 3), edges[after], edges[until], limit);
    zr_buffer_finish(&out);
}

TEST(test_the_entry_after_a_seq) {
    zr_buffer_t out = {0};
    zr_deliver_begin(&out, LIT("r"), 0, 1, 3);
    size_t second = 0;
    for (uint64_t seq = 5; seq <= 9; seq += 2)
        second = zr_deliver_add(&out, &(zr_entry_t){.seq = seq, .sender = LIT("ann"), .body = LIT("x")});
    static const uint64_t expected[] = {5, 5, 5, 5, 5, 7, 7, 9, 9, 0, 0};
    for (uint64_t after = 0; after < 11; after++)
        ck_assert_uint_eq(zr_deliver_after(s_bytes(&out), after), expected[after]);
    ck_assert_uint_eq(zr_deliver_after(s_bytes(&out), UINT64_MAX), 0);
    zr_span_t broken = unit_at_edge(zr_span_of(out.data, second + 4)); /* in the middle of the last one */
    ck_assert_uint_eq(zr_deliver_after(broken, 5), 7);
    ck_assert_uint_eq(zr_deliver_after(broken, 7), 0);
    ck_assert_uint_eq(zr_deliver_after(LIT("r"), 0), 0);
    zr_buffer_finish(&out);
}

TEST(test_cut_of_what_cannot_be_read) {
    zr_buffer_t out = {0};
    size_t ends[ENTRIES + 1];
    s_build(&out, LIT("general"), 0, ends);
    for (size_t len = 0; len < out.len; len++) {
        size_t count = 77;
        uint64_t last = 77;
        zr_blob_t *blob =
            zr_deliver_cut(unit_at_edge(zr_span_of(out.data, len)), 0, 0, UINT64_MAX, SIZE_MAX, &count, &last);
        bool whole = false;
        for (size_t i = 1; i < ENTRIES; i++)
            whole |= len == ends[i];
        ck_assert_msg((blob != NULL) == whole, "%zu bytes", len);
        if (!whole)
            ck_assert(count == 0 && last == 0);
        zr_blob_unref(blob);
    }
    zr_buffer_finish(&out);
}

TEST(test_cut_refuses_seqs_that_do_not_rise) {
    zr_buffer_t out = {0};
    for (uint64_t second = 4; second <= 6; second++) {
        size_t count;
        uint64_t last;
        zr_deliver_begin(&out, LIT("r"), 0, 0xE1, 0);
        zr_deliver_add(&out, &(zr_entry_t){.seq = 5});
        zr_deliver_add(&out, &(zr_entry_t){.seq = second});
        zr_blob_t *blob = zr_deliver_cut(s_bytes(&out), 0, 0, 100, 100, &count, &last);
        ck_assert_int_eq(blob != NULL, second == 6);
        ck_assert_uint_eq(count, second == 6 ? 2 : 0);
        zr_blob_unref(blob);
    }
    zr_buffer_finish(&out);
}

TEST(test_longest_strings) {
    zr_buffer_t out = {0};
    zr_deliver_begin(&out, LIT("r"), 0, 0xE1, 0);
    zr_entry_t long_one = {.seq = 1, .sender = unit_fill('s', 255), .key = unit_fill('k', 255)}, entry;
    zr_deliver_add(&out, &long_one);
    zr_deliver_reader_t reader;
    ck_assert(zr_deliver_read(&reader, unit_at_edge(s_bytes(&out))));
    ck_assert(zr_deliver_next(&reader, &entry));
    s_check_entry(&entry, &long_one);
    zr_buffer_finish(&out);
}

TEST_ABORTS(test_sender_that_does_not_fit) {
    zr_buffer_t out = {0};
    zr_deliver_begin(&out, LIT("r"), 0, 0xE1, 0);
    zr_deliver_add(&out, &(zr_entry_t){.seq = 1, .sender = unit_fill('s', 256)});
}

UNIT_SUITE("common.deliver")
