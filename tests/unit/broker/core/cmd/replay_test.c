#include "fixture.h"

/* `frames` frames of `entries` entries in room r; the last message id is `*mid`. */
static void s_fill(uint64_t *mid, int frames, int entries) {
    for (int f = 0; f < frames; f++) {
        fx_pub("r");
        for (int e = 0; e < entries; e++)
            fx_add(++*mid, "x");
        fx_send_now(A);
    }
    fx_drop_all(A, BACK);
}

static void s_start(int frames, int entries) {
    uint64_t mid = 0;
    fx_start();
    fx_hello(A, "ann");
    s_fill(&mid, frames, entries);
}

/* Asks with these members and compares with "FRAMES… | seq count complete more". */
static void s_expect(const char *members, const char *expected) {
    fx_ask(A, "{'op':'replay','room':'r',%s,'id':1}", members);
    char got[1024] = "";
    for (const char *text; (text = fx_text(A)), text[0];) {
        if (text[0] != '{') {
            ck_assert(strncmp(text, "replay r ", 9) == 0);
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s | ", text + 9);
            continue;
        }
        json_t *object = json_loads(text, 0, NULL);
        ck_assert_str_eq(json_string_value(json_object_get(object, "op")), "replayed");
        ck_assert_str_eq(json_string_value(json_object_get(object, "room")), "r");
        ck_assert_int_eq(json_integer_value(json_object_get(object, "re")), 1);
        snprintf(got + strlen(got), sizeof got - strlen(got), "%d %d%s%s",
            (int)json_integer_value(json_object_get(object, "seq")),
            (int)json_integer_value(json_object_get(object, "count")),
            json_is_true(json_object_get(object, "complete")) ? " complete" : "",
            json_is_true(json_object_get(object, "more")) ? " more" : "");
        json_decref(object);
    }
    ck_assert_msg(strcmp(got, expected) == 0, "%s: %s is not %s", members, got, expected);
}

TEST(test_slices) {
    s_start(2, 3);
    s_expect("'after':0", "0: 1/x 2/x 3/x | 3: 4/x 5/x 6/x | 6 6 complete");
    s_expect("'after':1,'until':5", "1: 2/x 3/x | 3: 4/x 5/x | 5 4 complete");
    s_expect("'after':4,'limit':1", "4: 5/x | 5 1 complete more");
    s_expect("'after':4,'limit':2", "4: 5/x 6/x | 6 2 complete");
    s_expect("'after':4,'limit':1,'until':5", "4: 5/x | 5 1 complete");
    s_expect("'after':6", "6 0 complete");
    s_expect("'after':7", "7 0");
    s_expect("'after':7,'until':9", "7 0");
    s_expect("'after':5,'until':2", "5 0 complete");
    s_expect("'last':1", "5: 6/x | 6 1 complete");
    s_expect("'last':3", "3: 4/x 5/x 6/x | 6 3 complete");
    s_expect("'last':4", "2: 3/x | 3: 4/x 5/x 6/x | 6 4 complete");
    s_expect("'last':4,'limit':2", "2: 3/x | 3: 4/x | 4 2 complete more");
    s_expect("'last':2,'until':4", "2: 3/x | 3: 4/x | 4 2 complete");
    s_expect("'last':100", "0: 1/x 2/x 3/x | 3: 4/x 5/x 6/x | 6 6 complete");
    s_expect("'last':2,'until':0", "0 0 complete");
}

TEST(test_after_some_was_forgotten) {
    fx_begin();
    fx.limits.room_entries = 4;
    s_start(3, 2); /* 1 and 2 are gone */
    s_expect("'after':0", "2: 3/x 4/x | 4: 5/x 6/x | 6 4");
    s_expect("'after':1", "2: 3/x 4/x | 4: 5/x 6/x | 6 4");
    s_expect("'after':2", "2: 3/x 4/x | 4: 5/x 6/x | 6 4 complete");
    s_expect("'after':0,'limit':1", "2: 3/x | 3 1 more");
    s_expect("'after':2,'limit':1", "2: 3/x | 3 1 complete more");
    s_expect("'after':0,'until':2", "2 0");
    s_expect("'after':0,'until':3", "2: 3/x | 3 1");
    s_expect("'last':4", "2: 3/x 4/x | 4: 5/x 6/x | 6 4 complete");
    s_expect("'last':5", "2: 3/x 4/x | 4: 5/x 6/x | 6 4");
    s_expect("'last':5,'limit':3", "2: 3/x 4/x | 4: 5/x | 5 3 more");
}

TEST(test_a_room_nobody_used) {
    fx_hello(A, "ann");
    s_expect("'after':0", "0 0 complete");
    s_expect("'after':3", "3 0");
    s_expect("'last':3", "0 0 complete");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_ask(A, "{'op':'join','room':'r'}");
    fx_drop(A);
    s_expect("'after':0", "0 0 complete");
    s_expect("'after':3", "3 0");
}

TEST(test_slices_end_at_the_brokers_limits) {
    fx_begin();
    fx.config.replay_entries = 3;
    s_start(2, 2);
    s_expect("'after':0", "0: 1/x 2/x | 2: 3/x | 3 3 complete more");
    s_expect("'after':0,'limit':100", "0: 1/x 2/x | 2: 3/x | 3 3 complete more");
    s_expect("'after':1", "1: 2/x | 2: 3/x 4/x | 4 3 complete");
    fx_begin();
    fx.config.replay_frames = 1;
    s_start(2, 2);
    s_expect("'after':0", "0: 1/x 2/x | 2 2 complete more");
    s_expect("'after':2", "2: 3/x 4/x | 4 2 complete");
    size_t frame = ZR_DELIVER_HEAD(1) + 2 * (ZR_DELIVER_ENTRY_FIXED + 4);
    for (size_t extra = 0; extra < 2; extra++) {
        fx_begin();
        fx.config.replay_bytes = 2 * frame - extra;
        s_start(3, 2);
        s_expect("'after':0", extra ? "0: 1/x 2/x | 2 2 complete more" : "0: 1/x 2/x | 2: 3/x 4/x | 4 4 complete more");
    }
    fx_begin();
    fx.config.replay_bytes = 1; /* one frame always goes */
    s_start(2, 2);
    s_expect("'after':0", "0: 1/x 2/x | 2 2 complete more");
}

TEST(test_going_on_reaches_the_end) {
    for (unsigned limit = 1; limit <= 8; limit++) {
        s_start(4, 5);
        uint64_t after = 0, count = 0;
        bool more = true;
        while (more) {
            fx_ask(A, "{'op':'replay','room':'r','after':%d,'limit':%u}", (int)after, limit);
            const char *text;
            while ((text = fx_text(A)), text[0] != '{')
                ;
            json_t *object = json_loads(text, 0, NULL);
            after = (uint64_t)json_integer_value(json_object_get(object, "seq"));
            count += (uint64_t)json_integer_value(json_object_get(object, "count"));
            more = json_is_true(json_object_get(object, "more"));
            json_decref(object);
            ck_assert_uint_eq(after, count);
        }
        ck_assert_uint_eq(count, 20);
    }
}

TEST(test_positions_with_gaps) {
    fx_begin();
    fx.gap = 3;
    s_start(2, 2); /* 3 6, 9 12 */
    s_expect("'after':0", "0: 3/x 6/x | 6: 9/x 12/x | 12 4 complete");
    s_expect("'after':3,'until':9", "3: 6/x | 6: 9/x | 9 2 complete");
    s_expect("'after':6,'limit':1,'until':11", "6: 9/x | 9 1 complete");
    s_expect("'after':9,'until':11", "9 0 complete");
    s_expect("'last':3", "3: 6/x | 6: 9/x 12/x | 12 3 complete");
    s_expect("'after':13", "13 0");
    fx_answer(A, "{'op':'join','room':'r','after':12}", "{'seq':12,'recovered':true}");
    fx_answer(A, "{'op':'ping'}", "{'heads':{'r':12}}");
    fx_pub("r");
    fx_add_expect(5, "k", 0, "a");
    fx_add_expect(6, "k", 13, "b");
    fx_add_expect(7, "k", 15, "c");
    fx_send_now(A);
    fx_expect(A, "{'code':'conflict','mid':6,'seq':15}");
    fx_expect_texts(A, "ack 5 @15 memory", "ack 7 @18 memory");
    fx_expect_text(BACK, "r 12: 15/k=a 18/k=c");
    fx_ask(A, "{'op':'state','room':'r','after':16}");
    fx_expect_text(A, "state r 16: 18/k=c");
    fx_expect(A, "{'op':'ok','seq':18,'next':18,'more':false}");
}

TEST(test_bad_requests) {
    fx_hello(A, "ann");
    static const char *const cases[][2] = {
        {"'after':0", "bad-member"},
        {"'room':'r'", "bad-member"},
        {"'room':'r','after':0,'last':1", "bad-member"},
        {"'room':'r','last':0", "bad-member"},
        {"'room':'r','after':-1", "bad-member"},
        {"'room':'r','after':'1'", "bad-member"},
        {"'room':'r','after':0,'until':-1", "bad-member"},
        {"'room':'r','after':0,'limit':0", "bad-member"},
        {"'room':'r*','after':0", "bad-room"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fx_refused(A, cases[i][1], "{'op':'replay',%s}", cases[i][0]);
        fx_expect_silence(A);
    }
}

UNIT_SUITE_WITH("broker.core.cmd_replay", fx_start, fx_finish)
