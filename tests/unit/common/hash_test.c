#include "hash.h"

#include <stdio.h>

#include "unit.h"

static const uint8_t s_key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Two vectors of the SipHash paper (SipHash-2-4, key 00…0f, inputs of 0 and 15 bytes 00…0e), folded to 32 bits. */
TEST(test_is_siphash) {
    static const uint64_t empty = 0x726fdb47dd0e0e31, fifteen = 0xa129ca6149be45e5;
    uint8_t input[15];
    for (unsigned i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    zr_hash_seed(s_key);
    ck_assert_uint_eq(zr_hash(input, 0), (uint32_t)(empty ^ empty >> 32));
    ck_assert_uint_eq(zr_hash(input, sizeof input), (uint32_t)(fifteen ^ fifteen >> 32));
}

TEST(test_depends_on_key_and_data) {
    uint32_t unseeded = zr_hash("room", 4);
    ck_assert_uint_eq(zr_hash("room", 4), unseeded);
    ck_assert_uint_ne(zr_hash("rooM", 4), unseeded);
    ck_assert_uint_ne(zr_hash("room", 3), unseeded);
    zr_hash_seed(s_key);
    ck_assert_uint_ne(zr_hash("room", 4), unseeded);
}

TEST(test_numbers_depend_on_key_and_number) {
    uint32_t unseeded = zr_hash_number(7);
    ck_assert_uint_eq(zr_hash_number(7), unseeded);
    ck_assert_uint_ne(zr_hash_number(8), unseeded);
    ck_assert_uint_ne(zr_hash_number(7 | 1ULL << 63), unseeded);
    zr_hash_seed(s_key);
    ck_assert_uint_ne(zr_hash_number(7), unseeded);
}

/* Numbers in a row, in the 1,024 buckets that a table takes first. */
TEST(test_numbers_spread) {
    unsigned buckets[1024] = {0};
    zr_hash_seed(s_key);
    for (uint64_t number = 0; number < 8 * 1024; number++) {
        unsigned *bucket = &buckets[zr_hash_number(number << 3) & 1023];
        ck_assert_uint_lt(++*bucket, 30);
    }
}

TEST(test_reads_no_byte_too_many) {
    for (size_t len = 0; len < 40; len++) {
        zr_span_t text = unit_fill('a', len);
        uint32_t hash = zr_hash(text.ptr, len);
        ck_assert_uint_eq(zr_hash(unit_at_edge(text).ptr, len), hash);
    }
}

typedef struct {
    char name[16];
    int value;
    UT_hash_handle hh;
} item_t;

/* uthash hands out buckets by the low bits: with the hash in place a table of many keys works, found and not found. */
TEST(test_uthash_uses_it) {
    item_t *table = NULL, *item, *next;
    zr_hash_seed(s_key);
    for (int i = 0; i < 5000; i++) {
        item = calloc(1, sizeof *item);
        snprintf(item->name, sizeof item->name, "room%d", i);
        item->value = i;
        HASH_ADD_STR(table, name, item);
        ck_assert_uint_eq(item->hh.hashv, zr_hash(item->name, strlen(item->name)));
    }
    for (int i = 0; i < 10000; i++) {
        char name[16];
        snprintf(name, sizeof name, "room%d", i);
        HASH_FIND_STR(table, name, item);
        ck_assert(i < 5000 ? item && item->value == i : !item);
    }
    HASH_ITER(hh, table, item, next) {
        HASH_DEL(table, item);
        free(item);
    }
}

UNIT_SUITE("common.hash")
