#include "fixture.h"

#define RIGHTS "ann: rwspc *\nbob: r b*\n"

TEST(test_those_that_are_used) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'rooms','id':1}");
    fx_expect_text(A, "{\"more\":false,\"op\":\"rooms\",\"re\":1,\"rooms\":[]}");
    fx_ask(A, "{'op':'join','room':'b'}");
    fx_one(A, "b", 1, "x");
    fx_one(A, "a/2", 2, "x");
    fx_one_now(A, "a/2", 3, "x");
    fx_ask(A, "{'op':'join','room':'a/1','presence':false}");
    fx_drop(A);
    fx_ask(A, "{'op':'rooms'}");
    fx_expect(A, "{'rooms':[{'room':'a/1','seq':0,'count':0},{'room':'a/2','seq':2,'count':0},"
                 "{'room':'b','seq':1,'count':1}],'more':false}");
    fx_ask(A, "{'op':'rooms','prefix':'a/'}");
    fx_expect(A, "{'rooms':[{'room':'a/1','seq':0,'count':0},{'room':'a/2','seq':2,'count':0}]}");
    fx_answer(A, "{'op':'rooms','after':'a/2','prefix':''}", "{'rooms':[{'room':'b','seq':1,'count':1}],'more':false}");
    fx_answer(A, "{'op':'rooms','limit':1,'after':'a'}", "{'rooms':[{'room':'a/1','seq':0,'count':0}],'more':true}");
    fx_ask(A, "{'op':'leave','room':'a/1'}");
    fx_drop(A);
    fx_answer(A, "{'op':'rooms','limit':1,'prefix':'a'}", "{'rooms':[{'room':'a/2','seq':2,'count':0}],'more':false}");
}

TEST(test_one_that_is_only_told_of_a_leave_is_not_listed) {
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_tick();
    fx_ask(A, "{'op':'leave','room':'r'}");
    fx_drop(A);
    fx_answer(A, "{'op':'rooms'}", "{'rooms':[]}");
}

TEST(test_at_most_five_hundred) {
    fx_hello(A, "ann");
    for (unsigned i = 0; i < 501; i++) {
        char room[16];
        snprintf(room, sizeof room, "r%03u", i);
        fx_one(A, room, i + 1, "x");
    }
    fx_run();
    fx_drop(A);
    fx_answer(A, "{'op':'rooms'}", "{'more':true}");
    ck_assert_uint_eq(json_array_size(json_object_get(fx.last, "rooms")), 500);
    fx_answer(A, "{'op':'rooms','after':'r499'}", "{'rooms':[{'room':'r500','seq':1,'count':0}],'more':false}");
}

TEST(test_bad_requests) {
    fx_hello(A, "ann");
    static const char *const cases[] = {"'prefix':1", "'after':[]", "'limit':0", "'limit':'1'"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fx_refused(A, "bad-member", "{'op':'rooms',%s}", cases[i]);
    }
}

TEST(test_only_those_one_may_read) {
    fx_begin();
    fx.rights = RIGHTS;
    fx.private = true;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    for (char name[] = "a"; name[0] <= 'd'; name[0]++)
        for (int i = 0; i < 2; i++)
            fx_ask(A, "{'op':'join','room':'%s%d'}", name, i);
    fx_ask(B, "{'op':'rooms'}");
    fx_expect(B, "{'rooms':[{'room':'b0','seq':0,'count':0},{'room':'b1','seq':0,'count':0}],'more':false}");
    fx_answer(B, "{'op':'rooms','limit':1}", "{'rooms':[{'room':'b0','seq':0,'count':0}],'more':true}");
    fx_ask(B, "{'op':'rooms','limit':1,'after':'b0'}");
    fx_expect(B, "{'rooms':[{'room':'b1','seq':0,'count':0}],'more':false}"); /* nor that there are more */
    fx_answer(B, "{'op':'rooms','prefix':'a'}", "{'rooms':[],'more':false}");
}

TEST(test_presence_versions) {
    fx_begin();
    fx.rights = RIGHTS;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'b'}");
    fx_tick();
    fx_drop_all(A, B);
    fx_answer(A, "{'op':'rooms','presence':true}", "{'rooms':[{'room':'b','seq':0,'count':1,'version':1}]}");
    fx_answer(A, "{'op':'rooms'}", "{'rooms':[{'room':'b','seq':0,'count':1}]}");
    fx_answer(B, "{'op':'rooms','presence':true}", "{'rooms':[{'room':'b','seq':0,'count':0}]}");
}

UNIT_SUITE_WITH("broker.core.cmd_rooms", fx_start, fx_finish)
