#include "fixture.h"

enum { USERS = 501 };

/* Users n000, n001, … join room r on routes 1, 2, … in an order that is not theirs. */
static void s_crowd(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char nick[16];
        snprintf(nick, sizeof nick, "n%03u", (i * 37) % count);
        fx_hello(i + 1, nick);
        fx_ask(i + 1, "{'op':'join','room':'r'}");
        fx_drop(i + 1);
    }
}

/* Are the users of fx.last n<first> … and so many? */
static void s_expect_users(unsigned first, unsigned count) {
    const json_t *users = json_object_get(fx.last, "users");
    ck_assert_uint_eq(json_array_size(users), count);
    for (unsigned i = 0; i < count; i++) {
        char nick[16];
        snprintf(nick, sizeof nick, "n%03u", first + i);
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(users, i), "nick")), nick);
    }
}

TEST(test_in_byte_order_with_counts) {
    s_crowd(5);
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_drop(A); /* n000 */
    fx_hello(10, "quiet");
    fx_ask(10, "{'op':'join','room':'r','presence':false}");
    fx_drop(10);
    fx_ask(A, "{'op':'who','room':'r','id':2}");
    fx_expect(A, "{'op':'who','re':2,'room':'r','version':0,'count':4,'silent':1,'more':false}");
    s_expect_users(1, 4);
    fx_tick();
    fx_drop(BACK);
    fx_answer(A, "{'op':'who','room':'r','limit':2}", "{'version':1,'count':4,'more':true}");
    s_expect_users(1, 2);
    fx_answer(A, "{'op':'who','room':'r','limit':2,'after':'n002'}", "{'more':false}");
    s_expect_users(3, 2);
    fx_answer(A, "{'op':'who','room':'r','after':'zzz'}", "{'users':[],'count':4,'more':false}");
}

TEST(test_at_most_five_hundred) {
    s_crowd(USERS);
    fx_answer(A, "{'op':'who','room':'r'}", "{'count':501,'more':true}");
    s_expect_users(0, 500);
    fx_answer(A, "{'op':'who','room':'r','limit':9007199254740991,'after':'n000'}", "{'count':501,'more':false}");
    s_expect_users(1, 500);
}

TEST(test_one_who_left_and_is_not_told_yet) {
    s_crowd(2);
    fx_tick();
    fx_ask(A, "{'op':'bye'}");
    fx_answer(B, "{'op':'who','room':'r'}", "{'version':1,'count':1}");
    s_expect_users(1, 1);
}

TEST(test_who_was_listed_is_told_even_if_gone_within_the_tick) {
    s_crowd(2);
    fx_hello(C, "eve");
    fx_answer(C, "{'op':'who','room':'r'}", "{'version':0,'count':2}");
    fx_ask(A, "{'op':'bye'}");
    fx_tick();
    fx_expect(BACK, "{'version':1,'joined':[{'nick':'n001'}],'left':[{'nick':'n000','reason':'bye'}],'count':1}");
}

TEST(test_a_room_that_is_not_there) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'who','room':'r'}");
    fx_expect(A, "{'op':'who','room':'r','version':0,'users':[],'count':0,'silent':0,'more':false}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
}

TEST(test_bad_requests) {
    fx_hello(A, "ann");
    static const char *const cases[][2] = {
        {"", "bad-member"},
        {"'room':'a b',", "bad-room"},
        {"'room':'r','after':'a b',", "bad-nick"},
        {"'room':'r','after':1,", "bad-member"},
        {"'room':'r','limit':0,", "bad-member"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fx_ask(A, "{'op':'who',%s'id':1}", cases[i][0]);
        fx_expect(A, "{'op':'error','code':'%s','re':1}", cases[i][1]);
    }
}

UNIT_SUITE_WITH("broker.core.cmd_who", fx_start, fx_finish)
