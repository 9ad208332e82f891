#include "origins.h"

#include "unit.h"

static origins_t s_origins;
static uint64_t s_now, s_wait;

static void s_begin(size_t max, uint64_t per_second) {
    origins_finish(&s_origins);
    s_origins = (origins_t){.max = max, .rate = origins_rate(per_second)};
    s_now = 1000000000;
}

static zr_code_t s_open(const char *text, origin_t **origin) {
    zr_address_t address;
    ck_assert_int_eq(zr_address_read(zr_span(text), &address), ZR_ADDRESS_COUNTED);
    return origins_open(&s_origins, &address, s_now, origin, &s_wait);
}

TEST(test_at_a_time) {
    origin_t *one, *two, *other;
    s_begin(2, 0);
    ck_assert_int_eq(s_open("10.0.0.1", &one), ZR_OK);
    ck_assert_int_eq(s_open("10.0.0.1", &two), ZR_OK);
    ck_assert_ptr_eq(one, two);
    ck_assert_int_eq(s_open("10.0.0.1", &two), ZR_TOO_MANY_CHANNELS);
    ck_assert_int_eq(s_open("10.0.0.2", &other), ZR_OK);
    origins_close(one);
    ck_assert_int_eq(s_open("10.0.0.1", &one), ZR_OK);
    origins_close(NULL);
    origins_finish(&s_origins);
}

TEST(test_in_a_second) {
    origin_t *origin;
    s_begin(1000, 10);
    for (unsigned i = 0; i < 10 * BUCKET_SECONDS; i++) {
        ck_assert_int_eq(s_open("10.0.0.1", &origin), ZR_OK);
        origins_close(origin); /* closing gives nothing back */
    }
    ck_assert_int_eq(s_open("10.0.0.1", &origin), ZR_RATE_LIMITED);
    ck_assert_uint_eq(s_wait, 100);
    ck_assert_int_eq(s_open("10.0.0.2", &origin), ZR_OK);
    s_now += 100000;
    ck_assert_int_eq(s_open("10.0.0.1", &origin), ZR_OK);
    origins_finish(&s_origins);
}

TEST(test_a_flood_has_its_price) {
    origin_t *origin;
    s_begin(1000, 10);
    ck_assert_int_eq(s_open("10.0.0.1", &origin), ZR_OK);
    origins_charge(&s_origins, origin, s_now);
    origins_charge(&s_origins, NULL, s_now);
    ck_assert_int_eq(s_open("10.0.0.1", &origin), ZR_RATE_LIMITED);
    ck_assert_uint_eq(s_wait, 200);
    for (unsigned i = 0; i < 1000; i++)
        origins_charge(&s_origins, origin, s_now);
    ck_assert_int_eq(s_open("10.0.0.1", &origin), ZR_RATE_LIMITED);
    ck_assert_uint_le(s_wait, ORIGINS_DEBT_S * 1000 + 100); /* so much is owed at most */
    origins_finish(&s_origins);
}

TEST(test_those_with_nothing_to_remember_are_forgotten) {
    origin_t *one, *other;
    s_begin(1000, 10);
    ck_assert_int_eq(s_open("10.0.0.1", &one), ZR_OK);
    ck_assert_int_eq(s_open("10.0.0.2", &other), ZR_OK);
    ck_assert_uint_eq(origins_count(&s_origins), 2);
    origins_close(other);
    origins_sweep(&s_origins, s_now + 99999);
    ck_assert_uint_eq(origins_count(&s_origins), 2);
    origins_sweep(&s_origins, s_now + 100000);
    ck_assert_uint_eq(origins_count(&s_origins), 1);
    origins_close(one);
    origins_sweep(&s_origins, s_now + 100000);
    ck_assert_uint_eq(origins_count(&s_origins), 0);
    origins_finish(&s_origins);
}

UNIT_SUITE("broker.core.origins")
