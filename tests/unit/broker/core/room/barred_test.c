#include "barred.h"

#include <stdio.h>

#include "unit.h"

static barred_t s_barred;

static void s_begin(void) {
    s_barred = (barred_t){0};
}

static void s_end(void) {
    barred_finish(&s_barred);
}

static bool s_is(const char *room, const char *nick) {
    return barred_is(&s_barred, zr_span(room), zr_span(nick));
}

static bool s_add(const char *room, const char *nick, uint64_t until) {
    return barred_add(&s_barred, zr_span(room), zr_span(nick), until);
}

TEST(test_one_room_and_one_nick) {
    ck_assert(!s_is("r", "bob"));
    ck_assert(s_add("r", "bob", 10));
    ck_assert(s_is("r", "bob"));
    ck_assert(!s_is("r2", "bob"));
    ck_assert(!s_is("r", "bo"));
    ck_assert(!s_is("rb", "ob"));
    ck_assert(barred_remove(&s_barred, zr_span("r"), zr_span("bob")));
    ck_assert(!barred_remove(&s_barred, zr_span("r"), zr_span("bob")));
    ck_assert(!s_is("r", "bob"));
}

TEST(test_each_ends_at_its_time) {
    char nick[ZR_NICK_MAX + 1];
    s_add("r", "bob", 30);
    s_add("r", "eve", 20);
    s_add("q", "eve", 20);
    ck_assert(!barred_end(&s_barred, 19, nick));
    for (int i = 0; i < 2; i++) {
        ck_assert(barred_end(&s_barred, 20, nick));
        ck_assert_str_eq(nick, "eve");
    }
    ck_assert(!barred_end(&s_barred, 29, nick));
    ck_assert(s_is("r", "bob"));
    ck_assert(barred_end(&s_barred, 30, nick));
    ck_assert_str_eq(nick, "bob");
    ck_assert(!barred_end(&s_barred, 100, nick));
    ck_assert(!s_is("r", "bob"));
}

TEST(test_the_last_end_counts) {
    char nick[ZR_NICK_MAX + 1];
    s_add("r", "bob", 10);
    s_add("r", "bob", 20);
    ck_assert(!barred_end(&s_barred, 10, nick));
    ck_assert(s_is("r", "bob"));
    s_add("r", "bob", 15);
    ck_assert(barred_end(&s_barred, 15, nick));
}

TEST(test_so_many) {
    char nick[ZR_NICK_MAX + 1];
    for (int i = 0; i < BARRED_MAX; i++) {
        snprintf(nick, sizeof nick, "n%d", i);
        ck_assert(s_add("r", nick, 10));
    }
    ck_assert(!s_add("r", "bob", 10));
    ck_assert(s_add("r", "n7", 20)); /* it is there already */
    ck_assert(barred_end(&s_barred, 10, nick));
    ck_assert(s_add("r", "bob", 10));
}

UNIT_SUITE_WITH("broker.core.room.barred", s_begin, s_end)
