#include "seek.h"

#include "unit.h"

/* Looks in a log of the entries oldest..head, of which those from `first` on are not before the moment; `forgotten`
 * more go with each look. Returns where to read from and counts the looks. */
static uint64_t s_seek(
    uint64_t after, uint64_t oldest, uint64_t head, uint64_t first, uint64_t forgotten, unsigned *looks) {
    seek_t seek = {.low = after, .high = head};
    uint64_t at;
    *looks = 0;
    while (seek_next(&seek, &at)) {
        uint64_t seq = at + 1 < oldest ? oldest : at + 1;
        if (seq > head)
            seq = 0;
        seek_found(&seek, at, seq, seq < first);
        oldest += forgotten;
        ck_assert_uint_lt(++*looks, 64);
    }
    return seek.low;
}

TEST(test_near_and_never_too_far) {
    static const uint64_t heads[] = {0, 1, SEEK_NEAR, SEEK_NEAR + 1, 5000, 123457};
    unsigned looks;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        for (uint64_t oldest = 1; oldest <= heads[i]; oldest += heads[i] / 7 + 1)
            for (uint64_t first = oldest; first <= heads[i] + 1; first += heads[i] / 31 + 1) {
                uint64_t from = s_seek(0, oldest, heads[i], first, 0, &looks);
                ck_assert_uint_lt(from, first);
                uint64_t read = first - (from + 1 < oldest ? oldest : from + 1); /* in vain */
                ck_assert_uint_le(read, SEEK_NEAR);
            }
}

TEST(test_few_looks) {
    unsigned looks;
    s_seek(0, 1, 1ULL << 40, 1ULL << 39 | 12345, 0, &looks);
    ck_assert_uint_le(looks, 33);
    s_seek(0, 1, SEEK_NEAR, 7, 0, &looks);
    ck_assert_uint_eq(looks, 0);
}

TEST(test_begins_after_a_position) {
    unsigned looks;
    ck_assert_uint_ge(s_seek(9000, 1, 10000, 3, 0, &looks), 9000);
    ck_assert_uint_eq(s_seek(20000, 1, 10000, 3, 0, &looks), 20000); /* beyond the head: the broker will say so */
    ck_assert_uint_eq(looks, 0);
}

TEST(test_log_that_is_forgotten_meanwhile) {
    unsigned looks;
    for (uint64_t first = 1; first < 100000; first += 997)
        ck_assert_uint_lt(s_seek(0, 1, 100000, first, 20000, &looks), first < 20001 ? 100001 : first);
}

UNIT_SUITE("client.cli.seek")
