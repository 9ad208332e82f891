#include "fixture.h"

/* Every op with every member it reads, and what the member may be: s(tring), i(nteger), b(oolean). */
static const struct {
    const char *op, *good; /* the other members, so that only one is wrong */
    const char *member;
    char type;
} s_members[] = {
    {"hello", "'client':'00000000000000000000000000000001'", "proto", 'i'},
    {"hello", "'proto':1", "client", 's'},
    {"hello", "'proto':1,'client':'00000000000000000000000000000001'", "nick", 's'},
    {"hello", "'proto':1,'client':'00000000000000000000000000000001'", "resume", 's'},
    {"hello", "'proto':1,'client':'00000000000000000000000000000001'", "agent", 's'},
    {"hello", "'proto':1,'client':'00000000000000000000000000000001'", "user", 's'},
    {"hello", "'proto':1,'client':'00000000000000000000000000000001'", "token", 's'},
    {"join", "'after':1", "room", 's'},
    {"join", "'room':'r'", "after", 'i'},
    {"join", "'room':'r'", "presence", 'b'},
    {"leave", "'x':1", "room", 's'},
    {"follow", "'x':1", "prefix", 's'},
    {"follow", "'prefix':'r'", "presence", 'b'},
    {"unfollow", "'x':1", "prefix", 's'},
    {"publish", "'text':''", "room", 's'},
    {"publish", "'room':'r'", "text", 's'},
    {"publish", "'room':'r'", "key", 's'},
    {"publish", "'room':'r','key':'k'", "delete", 'b'},
    {"publish", "'room':'r','key':'k'", "expect", 'i'},
    {"publish", "'room':'r'", "mid", 'i'},
    {"direct", "'text':''", "to", 's'},
    {"direct", "'to':'ann'", "text", 's'},
    {"replay", "'after':0", "room", 's'},
    {"replay", "'room':'r'", "after", 'i'},
    {"replay", "'room':'r'", "last", 'i'},
    {"replay", "'room':'r','after':0", "until", 'i'},
    {"replay", "'room':'r','after':0", "limit", 'i'},
    {"state", "'x':1", "room", 's'},
    {"state", "'room':'r'", "key", 's'},
    {"state", "'room':'r'", "after", 'i'},
    {"who", "'x':1", "room", 's'},
    {"who", "'room':'r'", "after", 's'},
    {"who", "'room':'r'", "limit", 'i'},
    {"rooms", "'x':1", "prefix", 's'},
    {"rooms", "'x':1", "after", 's'},
    {"rooms", "'x':1", "limit", 'i'},
    {"rooms", "'x':1", "presence", 'b'},
    {"work", "'group':'g','worker':1,'credit':1", "room", 's'},
    {"work", "'room':'r','worker':1,'credit':1", "group", 's'},
    {"work", "'room':'r','group':'g','credit':1", "worker", 'i'},
    {"work", "'room':'r','group':'g','worker':1", "credit", 'i'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "make", 'b'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "time", 'i'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "deliveries", 'i'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "backoff", 'i'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "each", 'i'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "total", 'i'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "dead", 's'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "ordered", 'b'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "all", 'b'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "now", 'b'},
    {"work", "'room':'r','group':'g','worker':1,'credit':1", "after", 'i'},
    {"unwork", "'x':1", "worker", 'i'},
    {"group", "'group':'g','do':'pause'", "room", 's'},
    {"group", "'room':'r','do':'pause'", "group", 's'},
    {"group", "'room':'r','group':'g'", "do", 's'},
    {"groups", "'x':1", "room", 's'},
    {"groups", "'x':1", "after", 's'},
    {"open", "'x':1", "channel", 'i'},
    {"open", "'channel':1", "address", 's'},
    {"open", "'channel':1", "secure", 'b'},
    {"close", "'x':1", "channel", 'i'},
    {"close", "'channel':1", "reason", 's'},
};

static const struct {
    const char *json;
    char type;
} s_values[] = {{"null", 'n'}, {"true", 'b'}, {"false", 'b'}, {"1", 'i'}, {"-1", '-'}, {"9007199254740992", '-'},
    {"9223372036854775807", '-'}, {"-9223372036854775808", '-'}, {"-0.0", 'f'}, {"1.0", 'f'}, {"1e3", 'f'},
    {"'x'", 's'}, {"[]", 'a'}, {"[1]", 'a'}, {"{}", 'o'}, {"{'room':'r'}", 'o'}};

TEST(test_wrong_types_of_every_member_of_every_op) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    size_t asked = 0;
    for (size_t m = 0; m < sizeof s_members / sizeof s_members[0]; m++) {
        fx.now += 1000000; /* so many requests cost more than the bucket holds */
        for (size_t v = 0; v < sizeof s_values / sizeof s_values[0]; v++) {
            if (s_values[v].type == s_members[m].type)
                continue;
            fx_ask(A, "{'op':'%s',%s,'%s':%s,'id':%zu}", s_members[m].op, s_members[m].good, s_members[m].member,
                s_values[v].json, ++asked);
            fx_expect(A, "{'op':'error','code':'bad-member','re':%zu}", asked);
            char named[64];
            snprintf(named, sizeof named, "'%s'", s_members[m].member);
            ck_assert_msg(
                strstr(fx_string("text"), named) != NULL, "%s %s: %s", s_members[m].op, named, fx_string("text"));
            fx_expect_silence(A);
        }
    }
    fx_expect_silence(B); /* nobody else notices anything of this */
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    ck_assert_uint_eq(relay_stats(fx.relay).errors, asked);
}

TEST(test_members_that_are_missing) {
    static const char *const asks[] = {"'op':'hello','client':'00000000000000000000000000000001'",
        "'op':'hello','proto':1", "'op':'join'", "'op':'leave'", "'op':'publish'", "'op':'direct','to':'ann'",
        "'op':'direct','text':''", "'op':'replay','room':'r'", "'op':'replay','after':0", "'op':'state'", "'op':'who'",
        "'op':'admin'", "'op':'follow'", "'op':'unfollow'", "'op':'work','room':'r'", "'op':'unwork'",
        "'op':'kick','room':'r'", "'op':'group','room':'r'", "'op':'open'", "'op':'close'"};
    fx_hello(A, "ann");
    relay_set_access(fx.relay, fx_access("anonymous: rwspcagk *"));
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        fx_refused(A, "bad-member", "{%s}", asks[i]);
}

/* Whatever member names it. Of another form of the same letters the error tells. */
TEST(test_names_that_are_none) {
    static const struct {
        const char *ask, *code;
    } asks[] = {{"'op':'join','room':", "bad-room"}, {"'op':'leave','room':", "bad-room"},
        {"'op':'publish','room':", "bad-room"}, {"'op':'state','room':", "bad-room"},
        {"'op':'who','room':", "bad-room"}, {"'op':'replay','after':0,'room':", "bad-room"},
        {"'op':'direct','text':'','to':", "bad-nick"}, {"'op':'who','room':'r','after':", "bad-nick"},
        {"'op':'hello','proto':1,'client':'00000000000000000000000000000001','nick':", "bad-nick"},
        {"'op':'follow','prefix':", "bad-room"}, {"'op':'publish','room':'r','key':", "bad-key"},
        {"'op':'state','room':'r','key':", "bad-key"}};
    char longest[301] = "";
    memset(longest, 'n', 300);
    const char *const names[] = {"a b", "a\\u001bb", "a\x7f", "a\u202eb", longest, "jose\u0301"};
    fx_hello(A, "ann");
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        for (size_t n = 0; n < 6; n++) {
            fx_refused(A, asks[i].code, "{%s'%s'}", asks[i].ask, names[n]);
            ck_assert_int_eq(strstr(fx_string("text"), "normalization form C") != NULL, n == 5);
        }
    fx_one_now(A, names[5], 1, "x");
    fx_expect(A, "{'op':'error','code':'bad-room','mid':1}");
    ck_assert_ptr_nonnull(strstr(fx_string("text"), "normalization form C"));
    fx_pub("r");
    fx_add_key(2, names[5], "x");
    fx_send_now(A);
    fx_expect(A, "{'op':'error','code':'bad-key','mid':2}");
    ck_assert_ptr_nonnull(strstr(fx_string("text"), "normalization form C"));
    fx_answer(A, "{'op':'rooms'}", "{'rooms':[]}");
}

/* An integer may be as large as JSON holds everywhere, and then means what it says. */
TEST(test_largest_integers) {
    static const uint64_t edges[] = {1ULL << 31, 1ULL << 32, ZR_INT_MAX, 1ULL << 53, 1ULL << 63, UINT64_MAX};
    fx_hello(A, "ann");
    for (uint64_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        fx_pub("r");
        fx_add_expect(i + 1, "k", edges[i], "x");
        fx_send_now(A);
        fx_expect(A, "{'code':'conflict','mid':%d,'seq':0}", (int)i + 1);
    }
    fx_one_now(A, "r", 10, "x");
    fx_expect_text(A, "ack 10 @1 memory");
    fx_answer(A, "{'op':'join','room':'r','after':9007199254740991}", "{'op':'joined','seq':1,'recovered':false}");
    fx_answer(A, "{'op':'state','room':'r','after':9007199254740991}", "{'op':'ok','count':0}");
    fx_answer(A, "{'op':'who','room':'r','limit':9007199254740991}", "{'op':'who','users':[{'nick':'ann'}]}");
    fx_answer(A, "{'op':'replay','room':'r','after':9007199254740991}", "{'op':'replayed','count':0,'complete':false}");
    static const char *const all[] = {
        "'last':9007199254740991", "'after':0,'until':9007199254740991,'limit':9007199254740991"};
    for (size_t i = 0; i < 2; i++) {
        fx_ask(A, "{'op':'replay','room':'r',%s}", all[i]);
        fx_expect_text(A, "replay r 0: 1/x");
        fx_expect(A, "{'op':'replayed','count':1,'complete':true,'more':false}");
    }
    fx_answer(A, "{'op':'publish','room':'r','text':'y','mid':9007199254740991}", "{'op':'ack','seq':2}");
    fx_answer(A, "{'op':'publish','room':'r','text':'y','mid':9007199254740991}", "{'op':'ack','seq':0}");
    fx_answer(A, "{'op':'publish','room':'r','text':'z','mid':11}", "{'op':'ack','seq':0}"); /* resends only */
}

TEST(test_ids) {
    fx_hello(A, "ann");
    char longest[65] = "";
    memset(longest, 'i', 64);
    fx_ask(A, "{'op':'ping','id':'%s'}", longest);
    fx_expect(A, "{'op':'pong','re':'%s'}", longest);
    fx_refused(A, "bad-member", "{'op':'ping','id':'%si'}", longest);
    fx_answer(A, "{'op':'ping','id':''}", "{'re':''}");
    fx_answer(A, "{'op':'ping','id':0}", "{'re':0}");
    fx_answer(A, "{'op':'ping','id':-9007199254740991}", "{'re':-9007199254740991}");
    fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
    ck_assert_ptr_null(json_object_get(fx.last, "re"));
    static const char *const bad[] = {"null", "true", "1.5", "[]", "{}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fx_refused(A, "bad-member", "{'op':'ping','id':%s}", bad[i]);
        ck_assert_ptr_null(json_object_get(fx.last, "re"));
    }
}

TEST(test_ops) {
    fx_hello(A, "ann");
    static const char *const unknown[] = {"nonsense", "Ping", "ping ", "pin", "pong", "welcome", "error"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        fx_ask(A, "{'op':'%s','id':1}", unknown[i]);
        fx_expect(A, "{'op':'error','code':'unknown-op','re':1}");
    }
    static const char *const bad[] = {"{}", "{'op':''}", "{'op':1}", "{'op':null}", "{'id':1}", "{'op':['ping']}",
        "{'op':'ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp'}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fx_refused(A, "bad-member", "%s", bad[i]);
    }
}

TEST(test_json_that_is_none) {
    fx_hello(A, "ann");
    static const char *const bad[] = {"{", "{}x", "{'op':'ping'", "{'op':'ping','op':'ping'}", "{'op':'pi\xFFng'}",
        "{'op':'a\\u0000b'}", "{'op':'ping',}", "{\xFF", "{'id':123456789012345678901234567890,'op':'ping'}",
        "{'id':1E400,'op':'ping'}", "{'op':'ping','x':+1}", "{'op':'ping','x':.5}", "{'op':'ping','x':Infinity}",
        "{'op':'ping','x':'\\x41'}", "{'op':'ping','x':/**/1}", "{'op':'ping','x':'unclosed}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fx_refused(A, "bad-json", "%s", bad[i]);
    }
    for (int depth = 8; depth <= 5000; depth += depth == 8 ? 1 : 4991) {
        static char text[16384];
        int len = snprintf(text, sizeof text, "{\"op\":\"ping\",\"x\":");
        memset(text + len, '[', (size_t)depth - 1);
        memset(text + len + depth - 1, ']', (size_t)depth - 1);
        text[len + 2 * depth - 2] = '}';
        fx_frame(A, zr_span_of(text, (size_t)(len + 2 * depth - 1)));
        fx_run();
        if (depth == 8)
            fx_expect(A, "{'op':'pong'}");
        else
            fx_expect_error(A, "bad-json");
    }
}

TEST(test_hello_broken_off_anywhere) {
    char text[256];
    int len =
        snprintf(text, sizeof text, "{\"op\":\"hello\",\"proto\":1,\"client\":\"%s\",\"nick\":\"ann\"}", fx_client(1));
    fx_start();
    for (int i = 0; i < len; i++) {
        fx_frame(A, zr_span_of(text, (size_t)i));
        fx_run();
        fx_expect_error(A, "no-session");
        fx_expect_silence(A);
    }
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 0);
    fx_frame(A, zr_span_of(text, (size_t)len));
    fx_run();
    fx_expect(A, "{'op':'welcome'}");
    for (int i = 1; i < len; i++) {
        fx_frame(A, zr_span_of(text, (size_t)i));
        fx_run();
        fx_expect_error(A, "bad-json");
    }
}

TEST(test_members_that_are_not_known_are_ignored) {
    fx_hello(A, "ann");
    fx_answer(A, "{'op':'ping','room':[],'whatever':{'a':null},'':0}", "{'op':'pong'}");
}

/* Whether the room is there or not. */
TEST(test_rooms_that_one_may_not_read) {
    static const char *const ops[] = {"join", "replay", "state", "who"};
    static const char *const rooms[] = {"there", "nowhere"};
    fx_begin();
    fx.rights = "ann: rwspc *\nbob: wspc *, r open, !p open\n";
    fx.private = true;
    fx_start();
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'there'}");
    fx_one_now(A, "there", 1, "x");
    for (size_t i = 0; i < 8; i++) {
        fx_ask(B, "{'op':'%s','room':'%s','id':%zu}", ops[i % 4], rooms[i / 4], i);
        fx_expect(B, "{'op':'error','code':'forbidden','re':%zu}", i);
    }
    fx_answer(B, "{'op':'leave','room':'there'}", "{'op':'ok'}");
    fx_answer(B, "{'op':'join','room':'open'}", "{'op':'joined'}");
    fx_ask(B, "{'op':'who','room':'open'}"); /* which needs another right too */
    fx_expect_error(B, "forbidden");
    fx_ask(B, "{'op':'who','room':' '}"); /* what is wrong of itself is told first */
    fx_expect_error(B, "bad-room");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2);
}

UNIT_SUITE_WITH("broker.core.dispatch", fx_start, fx_finish)
