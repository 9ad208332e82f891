/* Memory of published messages: used again, and never while it is being sent. */
#include "machine_chunks.h"
#include "unit.h"

static chunks_t c;

static void *s_take(size_t size, size_t room, chunk_t **chunk) {
    void *taken = chunks_take(&c, size, room, chunk);
    ck_assert_uint_eq((uintptr_t)taken % 8, 0);
    ck_assert_uint_ge(chunks_room(&c), room);
    memset(taken, 'x', size + room);
    chunks_grow(&c, room);
    return taken;
}

TEST(test_many_share_a_chunk) {
    chunk_t *first, *chunk;
    uint8_t *before = s_take(33, 7, &first);
    for (int i = 0; i < 100; i++) {
        uint8_t *taken = s_take(33, 7, &chunk);
        ck_assert_ptr_eq(chunk, first);
        ck_assert_uint_eq((size_t)(taken - before), 40);
        before = taken;
    }
    ck_assert_uint_eq(first->live, 101);
    for (int i = 0; i < 101; i++)
        chunks_release(&c, first);
    chunks_finish(&c);
}

TEST(test_what_is_empty_is_filled_anew) {
    chunk_t *chunk;
    uint8_t *first = s_take(100, 0, &chunk);
    s_take(100, 0, &chunk);
    chunks_release(&c, chunk);
    ck_assert_ptr_ne(s_take(100, 0, &chunk), first);
    chunks_release(&c, chunk);
    chunks_release(&c, chunk);
    ck_assert_ptr_eq(s_take(100, 0, &chunk), first);
    chunks_release(&c, chunk);
    chunks_finish(&c);
}

TEST(test_a_full_chunk_is_followed_by_another_and_used_again) {
    chunk_t *first, *second, *third;
    s_take(8, PACK_BYTES, &first);
    s_take(8, CHUNK_BYTES - 1000, &second);
    ck_assert_ptr_ne(first, second);
    chunks_release(&c, first);
    ck_assert_uint_eq(c.spare_count, 1);
    s_take(8, 2000, &third);
    ck_assert_ptr_eq(third, first);
    ck_assert_uint_eq(c.spare_count, 0);
    chunks_release(&c, third);
    chunks_release(&c, second);
    chunks_finish(&c);
}

TEST(test_what_is_still_being_sent_is_not_used_again) {
    chunk_t *first, *second, *third;
    uint8_t *taken = s_take(8, 100, &first);
    zr_blob_t *sending = zr_blob_ref(first->blob);
    chunks_release(&c, first);
    ck_assert_ptr_ne(s_take(8, 100, &first), taken);
    ck_assert_ptr_eq(first->blob, sending);
    s_take(8, CHUNK_BYTES - 1000, &second);
    chunks_release(&c, first);
    ck_assert_uint_eq(c.spare_count, 0); /* given up; its sender frees it */
    s_take(8, 2000, &third);
    ck_assert_ptr_ne(third->blob, sending);
    ck_assert_int_eq(taken[0], 'x');
    zr_blob_unref(sending);
    chunks_release(&c, second);
    chunks_release(&c, third);
    chunks_finish(&c);
}

TEST(test_large_ones_have_their_own_and_are_not_kept) {
    chunk_t *large, *small;
    s_take(8, 2 * CHUNK_BYTES, &large);
    chunks_release(&c, large);
    ck_assert_ptr_null(c.open);
    ck_assert_uint_eq(c.spare_count, 0);
    s_take(8, 2 * CHUNK_BYTES, &large);
    s_take(8, 8, &small);
    ck_assert_ptr_ne(large, small);
    chunks_release(&c, large);
    ck_assert_uint_eq(c.spare_count, 0);
    chunks_release(&c, small);
    chunks_finish(&c);
}

TEST(test_spare_chunks_are_bounded) {
    chunk_t *chunks[CHUNKS_SPARE + 3];
    size_t count = sizeof chunks / sizeof *chunks;
    for (size_t i = 0; i < count; i++)
        s_take(8, CHUNK_BYTES - 1000, &chunks[i]);
    for (size_t i = 0; i < count; i++)
        chunks_release(&c, chunks[i]);
    ck_assert_uint_eq(c.spare_count, CHUNKS_SPARE);
    chunks_finish(&c);
    ck_assert_ptr_null(c.spare);
}

UNIT_SUITE("client.lib.machine_chunks")
