#include "buffer.h"

#include "unit.h"

TEST(test_empty_has_no_memory) {
    zr_buffer_t buffer = {0};
    zr_buffer_append(&buffer, NULL, 0);
    ck_assert_ptr_null(buffer.data);
    zr_buffer_finish(&buffer);
    zr_buffer_finish(&buffer);
    ck_assert_uint_eq(buffer.size, 0);
}

TEST(test_integers_are_big_endian) {
    zr_buffer_t buffer = {0};
    zr_buffer_u8(&buffer, 0xFE);
    zr_buffer_u64(&buffer, 0x1112131415161718);
    ck_assert_span_eq(zr_span_of(buffer.data, buffer.len), LIT("\xFE\x11\x12\x13\x14\x15\x16\x17\x18"));
    zr_buffer_finish(&buffer);
}

TEST(test_content_survives_growth) {
    zr_buffer_t buffer = {0};
    for (unsigned i = 0; i < 100000; i++)
        zr_buffer_append(&buffer, &i, sizeof i);
    ck_assert_uint_eq(buffer.len, 100000 * sizeof(unsigned));
    for (unsigned i = 0; i < 100000; i++)
        if (memcmp(buffer.data + i * sizeof i, &i, sizeof i) != 0)
            ck_abort_msg("number %u", i);
    zr_buffer_finish(&buffer);
}

TEST(test_growth_doubles) {
    zr_buffer_t buffer = {0};
    unsigned grown = 0;
    for (unsigned i = 0; i < 1 << 20; i++) {
        size_t before = buffer.size;
        zr_buffer_u8(&buffer, 1);
        if (buffer.size != before) {
            grown++;
            ck_assert(before == 0 || buffer.size == 2 * before);
        }
    }
    ck_assert_uint_le(grown, 20);
    zr_buffer_finish(&buffer);
}

TEST(test_reserve_gives_room_and_adds_nothing) {
    zr_buffer_t buffer = {0};
    zr_buffer_append(&buffer, "ab", 2);
    uint8_t *to = zr_buffer_reserve(&buffer, 5000);
    ck_assert_ptr_eq(to, buffer.data + 2);
    ck_assert_uint_eq(buffer.size, 5002); /* what is asked for at once is known to be enough */
    ck_assert_uint_eq(buffer.len, 2);
    memset(to, 'c', 5000);
    buffer.len += 5000;
    ck_assert_int_eq(buffer.data[1], 'b');
    ck_assert_int_eq(buffer.data[5001], 'c');
    ck_assert_ptr_eq(zr_buffer_reserve(&buffer, 0), buffer.data + 5002);
    zr_buffer_finish(&buffer);
}

TEST(test_clear_keeps_the_memory) {
    zr_buffer_t buffer = {0};
    zr_buffer_append(&buffer, "abc", 3);
    uint8_t *data = buffer.data;
    zr_buffer_clear(&buffer);
    ck_assert_uint_eq(buffer.len, 0);
    zr_buffer_append(&buffer, "d", 1);
    ck_assert_ptr_eq(buffer.data, data);
    ck_assert_int_eq(buffer.data[0], 'd');
    zr_buffer_finish(&buffer);
}

/* Small and large contents take different ways; both leave an empty buffer that can be used again. */
/* Or what was reserved for a large content that did not come would stay. */
TEST(test_to_blob_keeps_no_large_memory) {
    zr_buffer_t buffer = {0};
    zr_buffer_reserve(&buffer, 100000);
    zr_buffer_append(&buffer, "small", 5);
    zr_blob_t *blob = zr_buffer_to_blob(&buffer);
    ck_assert_span_eq(zr_span_of(zr_blob_data(blob), zr_blob_len(blob)), LIT("small"));
    ck_assert_ptr_null(buffer.data);
    ck_assert_uint_eq(buffer.size, 0);
    zr_blob_unref(blob);
}

TEST(test_to_blob) {
    static const size_t sizes[] = {0, 1, 255, 2047, 2048, 2049, 100000};
    zr_buffer_t buffer = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t n = 0; n < sizes[i]; n++)
            zr_buffer_u8(&buffer, (uint8_t)(n * 7));
        zr_blob_t *blob = zr_buffer_to_blob(&buffer);
        ck_assert_uint_eq(buffer.len, 0);
        zr_buffer_append(&buffer, "after", 5);
        ck_assert_uint_eq(zr_blob_len(blob), sizes[i]);
        for (size_t n = 0; n < sizes[i]; n++)
            if (zr_blob_data(blob)[n] != (uint8_t)(n * 7))
                ck_abort_msg("byte %zu of %zu", n, sizes[i]);
        zr_blob_unref(blob);
        zr_buffer_clear(&buffer);
    }
    zr_buffer_finish(&buffer);
}

TEST(test_fixed_memory) {
    uint8_t bytes[8];
    zr_buffer_t buffer = {.data = bytes, .size = sizeof bytes, .fixed = true};
    zr_buffer_append(&buffer, "12345678", 8);
    ck_assert_mem_eq(bytes, "12345678", 8);
    zr_blob_t *blob = zr_buffer_to_blob(&buffer);
    ck_assert_mem_eq(zr_blob_data(blob), "12345678", 8);
    zr_blob_unref(blob);
    zr_buffer_finish(&buffer);
}

TEST_ABORTS(test_fixed_memory_does_not_grow) {
    uint8_t bytes[8];
    zr_buffer_t buffer = {.data = bytes, .size = sizeof bytes, .fixed = true};
    zr_buffer_append(&buffer, "123456789", 9);
}

TEST_ABORTS(test_overflow_stops_the_program) {
    zr_buffer_t buffer = {0};
    zr_buffer_append(&buffer, "abc", 3);
    zr_buffer_reserve(&buffer, SIZE_MAX - 1);
}

UNIT_SUITE("common.buffer")
