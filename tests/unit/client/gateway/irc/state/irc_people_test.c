#include "irc_people.h"

#include "unit.h"

static unsigned s_told;

static void s_changed(void *client, zr_span_t nick) {
    ck_assert_uint_eq(nick.len, 3);
    ck_assert_ptr_eq(client, &s_told);
    s_told++;
}

TEST(test_those_that_are_here_are_known) {
    irc_people_t *people = irc_people_new(s_changed);
    irc_people_watch(people, &s_told, true);
    irc_people_watch(people, &s_told, true);
    irc_people_come(people, zr_span("ann"), true);
    irc_people_come(people, zr_span("ann"), true);
    irc_people_come(people, zr_span("bob"), false);
    ck_assert_uint_eq(s_told, 2);
    ck_assert(irc_people_is_user(people, zr_span("ann")) && !irc_people_is_user(people, zr_span("bob")));
    ck_assert(irc_people_here(people, zr_span("bob")) && !irc_people_here(people, zr_span("Bob")));
    irc_people_go(people, zr_span("ann"), true);
    ck_assert(irc_people_is_user(people, zr_span("ann")));
    irc_people_watch(people, &s_told, false);
    irc_people_go(people, zr_span("ann"), true);
    ck_assert(!irc_people_here(people, zr_span("ann")));
    irc_people_go(people, zr_span("bob"), false);
    ck_assert_uint_eq(s_told, 2);
    ck_assert_uint_eq(irc_people_count(people), 0);
    ck_assert_uint_eq(irc_people_most(people), 3);
    irc_people_destroy(people);
}
END_TEST

UNIT_SUITE("client.gateway.irc.state.irc_people")
