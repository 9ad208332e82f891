#include "wire_work.h"

#include "names.h"
#include "unit.h"

static zr_span_t s_span(const zr_buffer_t *buffer) {
    return zr_span_of(buffer->data, buffer->len);
}

TEST(test_a_settle_of_the_most_ranges_is_read_and_one_more_is_not) {
    zr_buffer_t frame = {0};
    zr_settle_t settle;
    zr_range_t range;
    zr_settle_begin(&frame, 1, ZR_INT_MAX, ZR_SETTLE_EXTEND, ZR_SETTLE_MS_MAX);
    ck_assert(!zr_settle_read(&settle, s_span(&frame)));
    for (uint64_t i = 0; i < ZR_SETTLE_RANGES; i++)
        zr_settle_add(&frame, (zr_range_t){i, i});
    ck_assert(zr_settle_read(&settle, unit_at_edge(s_span(&frame))));
    ck_assert_uint_eq(settle.number, ZR_INT_MAX);
    for (uint64_t i = 0; i < ZR_SETTLE_RANGES; i++)
        ck_assert(zr_settle_next(&settle, &range) && range.first == i && range.last == i);
    ck_assert(!zr_settle_next(&settle, &range));
    zr_settle_add(&frame, (zr_range_t){1, 1});
    ck_assert(!zr_settle_read(&settle, s_span(&frame)));
    zr_buffer_finish(&frame);
}

/* A frame is refused at every length but the whole ones, and nothing beyond it is read. */
TEST(test_frames_that_are_cut_off_are_refused) {
    zr_buffer_t frame = {0};
    zr_settle_t settle;
    zr_settled_t settled;
    zr_settle_begin(&frame, 1, 1, ZR_SETTLE_DONE, 0);
    zr_settle_add(&frame, (zr_range_t){1, 2});
    for (size_t len = 0; len < frame.len; len++)
        ck_assert(!zr_settle_read(&settle, unit_at_edge(zr_span_of(frame.data, len))));
    zr_settled_begin(&frame, 1, 1);
    zr_settled_add(&frame, ZR_BECAME_TAKEN, (zr_range_t){1, 1});
    zr_settled_end(&frame, ZR_LEVEL_DISK, 7);
    for (size_t len = 0; len < frame.len; len++)
        ck_assert(zr_settled_read(&settled, unit_at_edge(zr_span_of(frame.data, len))) == (len == ZR_SETTLED_HEAD));
    zr_buffer_finish(&frame);
}

TEST(test_the_reason_of_a_reject) {
    zr_buffer_t frame = {0};
    zr_settle_t settle;
    zr_range_t range;
    for (size_t len = 0; len <= ZR_SETTLE_REASON_MAX + 1; len++) {
        zr_settle_begin(&frame, 9, 5, ZR_SETTLE_REJECT, 0);
        zr_settle_add(&frame, (zr_range_t){2, 2});
        zr_settle_because(&frame, unit_fill('x', len));
        ck_assert(zr_settle_read(&settle, unit_at_edge(s_span(&frame))) == (len <= ZR_SETTLE_REASON_MAX));
        if (len > ZR_SETTLE_REASON_MAX)
            break;
        ck_assert_uint_eq(settle.reason.len, len);
        ck_assert_uint_eq(settle.ms, 0);
        ck_assert(zr_settle_next(&settle, &range) && range.first == 2 && !zr_settle_next(&settle, &range));
    }
    zr_settle_begin(&frame, 9, 5, ZR_SETTLE_REJECT, 0);
    zr_settle_add(&frame, (zr_range_t){2, 2});
    zr_settle_because(&frame, LIT("abcdefghabcdefgh"));
    ck_assert(zr_settle_read(&settle, s_span(&frame)));
    frame.data[17] = 0; /* then it is another range, which falls */
    ck_assert(!zr_settle_read(&settle, s_span(&frame)));
    frame.data[17] = 200; /* it begins before the ranges */
    ck_assert(!zr_settle_read(&settle, s_span(&frame)));
    zr_buffer_finish(&frame);
}

TEST(test_a_settle_that_is_wrong_still_names_its_worker) {
    zr_buffer_t frame = {0};
    zr_settle_t settle;
    zr_settle_begin(&frame, 9, 5, ZR_SETTLE_DONE, 0);
    zr_settle_add(&frame, (zr_range_t){2, 1});
    ck_assert(!zr_settle_read(&settle, s_span(&frame)));
    ck_assert_uint_eq(settle.worker, 9);
    ck_assert_uint_eq(settle.number, 5);
    frame.data[4] = 0;
    ck_assert(!zr_settle_read(&settle, s_span(&frame)));
    ck_assert_uint_eq(settle.worker, 0);
    zr_buffer_finish(&frame);
}

TEST(test_a_work_frame_holds_a_deliver_frame) {
    zr_buffer_t frame = {0};
    uint32_t worker;
    uint16_t deliveries;
    zr_span_t inner;
    zr_deliver_reader_t reader;
    zr_entry_t entry = {.seq = 4, .time = 9, .sender = zr_span("ann"), .key = zr_span("k"), .body = zr_span("x")};
    zr_work_begin(&frame, 3, 2, zr_span("r"), 77, 3);
    zr_deliver_add(&frame, &entry);
    ck_assert(zr_work_read(s_span(&frame), &worker, &deliveries, &inner));
    ck_assert_uint_eq(worker, 3);
    ck_assert_uint_eq(deliveries, 2);
    ck_assert(zr_deliver_read(&reader, inner));
    ck_assert_uint_eq(reader.flags, ZR_FRAME_WORK);
    ck_assert_uint_eq(reader.epoch, 77);
    ck_assert_uint_eq(reader.prev, 3);
    ck_assert(zr_deliver_next(&reader, &entry) && entry.seq == 4);
    ck_assert(!zr_deliver_next(&reader, &entry) && !reader.failed);
    zr_buffer_finish(&frame);
}

UNIT_SUITE("common.wire_work")
