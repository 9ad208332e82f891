#include "fixture.h"

static uint64_t s_mid;

static void s_set(const char *key, const char *body) {
    fx_pub("r");
    if (body)
        fx_add_key(++s_mid, key, body);
    else
        fx_add_delete(++s_mid, key);
    fx_send_now(A);
    fx_drop_all(A, BACK);
}

static void s_start(void) {
    s_mid = 0;
    fx_start();
    fx_hello(A, "ann");
}

TEST(test_snapshot_is_the_last_of_each_key) {
    s_start();
    fx_ask(A, "{'op':'state','room':'r','id':1}");
    fx_expect_text(A, "{\"count\":0,\"more\":false,\"next\":0,\"op\":\"ok\",\"re\":1,\"room\":\"r\",\"seq\":0}");
    s_set("a", "1");
    s_set("b", "2");
    s_set("a", "3");
    s_set("c", "4");
    s_set("c", NULL);
    fx_ask(A, "{'op':'state','room':'r'}");
    fx_expect_text(A, "state r 0: 2/b=2 3/a=3");
    fx_expect(A, "{'op':'ok','seq':5,'count':2,'next':3,'more':false}");
    fx_ask(A, "{'op':'state','room':'r','after':2}");
    fx_expect_text(A, "state r 2: 3/a=3");
    fx_expect(A, "{'op':'ok','seq':5,'count':1,'next':3}");
    fx_answer(A, "{'op':'state','room':'r','after':7}", "{'op':'ok','seq':5,'count':0,'next':7,'more':false}");
}

TEST(test_one_key) {
    s_start();
    s_set("a", "1");
    s_set("b", "2");
    fx_ask(A, "{'op':'state','room':'r','key':'a'}");
    fx_expect_text(A, "state r 0: 1/a=1");
    fx_expect(A, "{'op':'ok','count':1,'next':1,'more':false}");
    fx_answer(A, "{'op':'state','room':'r','key':'a','after':1}", "{'op':'ok','count':0,'next':1}");
    fx_answer(A, "{'op':'state','room':'r','key':'z'}", "{'op':'ok','count':0}");
    s_set("a", NULL);
    fx_answer(A, "{'op':'state','room':'r','key':'a'}", "{'op':'ok','count':0,'seq':3}");
}

/* A reader takes the snapshot in slices, with writes between them, and then follows from the first answer's seq. It
 * must have the same state as the broker. */
TEST(test_slices_with_writes_in_between) {
    fx_begin();
    fx.config.replay_entries = 2;
    s_start();
    s_set("a", "1");
    s_set("b", "2");
    s_set("c", "3");
    s_set("d", "4");
    fx_ask(A, "{'op':'state','room':'r'}");
    fx_expect_text(A, "state r 0: 1/a=1 2/b=2");
    fx_expect(A, "{'op':'ok','seq':4,'count':2,'next':2,'more':true}");
    s_set("c", "5"); /* moves to the end */
    s_set("a", NULL);
    s_set("e", "7");
    fx_ask(A, "{'op':'state','room':'r','after':2}");
    fx_expect_text(A, "state r 2: 4/d=4 5/c=5");
    fx_expect(A, "{'op':'ok','seq':7,'count':2,'next':5,'more':true}");
    fx_ask(A, "{'op':'state','room':'r','after':5}");
    fx_expect_text(A, "state r 5: 7/e=7");
    fx_expect(A, "{'op':'ok','count':1,'next':7,'more':false}");
    fx_ask(A, "{'op':'replay','room':'r','after':4}"); /* which has what the slices missed: that a is gone */
    fx_expect_texts(A, "replay r 4: 5/c=5", "replay r 5: 6/a!");
}

TEST(test_frames_and_slices_are_bounded) {
    size_t entry = ZR_DELIVER_ENTRY_FIXED + 3 + 1 + 1, head = ZR_DELIVER_HEAD(1);
    fx_begin();
    fx.config.batch_bytes = head + 2 * entry;
    fx.config.replay_frames = 2;
    s_start();
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++)
        s_set(keys[i], "x");
    fx_ask(A, "{'op':'state','room':'r'}");
    fx_expect_texts(A, "state r 0: 1/a=x 2/b=x", "state r 0: 3/c=x 4/d=x");
    fx_expect(A, "{'op':'ok','count':4,'next':4,'more':true}");
    fx_ask(A, "{'op':'state','room':'r','after':4}");
    fx_expect_text(A, "state r 4: 5/e=x");
    fx_expect(A, "{'op':'ok','count':1,'next':5,'more':false}");

    for (size_t less = 0; less < 2; less++) {
        fx_begin();
        fx.config.replay_bytes = head + 3 * entry - less;
        s_start();
        for (int i = 0; i < 5; i++)
            s_set(keys[i], "x");
        fx_ask(A, "{'op':'state','room':'r'}");
        fx_expect_text(A, less ? "state r 0: 1/a=x 2/b=x" : "state r 0: 1/a=x 2/b=x 3/c=x");
        fx_expect(A, "{'op':'ok','more':true}");
    }

    fx_begin();
    fx.config.replay_bytes = fx.config.batch_bytes = 1; /* one entry always goes */
    s_start();
    s_set("a", "x");
    s_set("b", "x");
    fx_ask(A, "{'op':'state','room':'r'}");
    fx_expect_text(A, "state r 0: 1/a=x");
    fx_expect(A, "{'op':'ok','count':1,'more':true}");
}

TEST(test_state_outlives_the_log) {
    fx_begin();
    fx.limits.room_entries = 1;
    s_start();
    s_set("a", "1");
    s_set("b", "2");
    fx_ask(A, "{'op':'state','room':'r'}");
    fx_expect_text(A, "state r 0: 1/a=1 2/b=2");
}

TEST(test_bad_requests) {
    s_start();
    static const char *const cases[][2] = {
        {"", "bad-member"},
        {"'room':'r','after':-1,", "bad-member"},
        {"'room':'r','key':1,", "bad-member"},
        {"'room':'r','key':'',", "bad-key"},
        {"'room':'r','key':'a b',", "bad-key"},
        {"'room':'{',", "bad-room"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fx_ask(A, "{'op':'state',%s'id':1}", cases[i][0]);
        fx_expect(A, "{'op':'error','code':'%s','re':1}", cases[i][1]);
    }
}

static uint64_t s_room(void *ctx, route_t route) {
    ck_assert_uint_eq(route, A);
    return *(uint64_t *)ctx;
}

/* Of what may still be queued a slice takes no more than its part, but one frame in any case. A client whose queue has
 * no room for a large frame is told to wait. */
TEST(test_a_slice_fits_into_the_queue) {
    static uint64_t left;
    fx_begin();
    fx.config.room = s_room;
    fx.config.room_ctx = &left;
    fx.config.max_replays = 4;
    fx.config.max_frame = 1000;
    fx.config.batch_bytes = 1; /* a value in each frame */
    fx_start();
    fx_hello(A, "ann");
    char key[8];
    fx_pub("r");
    for (unsigned i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "key%02u", i);
        fx_add_key(i + 1, key, "some value");
    }
    fx_send_now(A);
    fx_drop(A);
    static const struct {
        uint64_t left;
        size_t count;
    } cases[] = {{0, 0}, {999, 0}, {1000, 4}, {4 * 1000, 10}, {4 << 20, 20}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        left = cases[i].left;
        fx_ask(A, "{'op':'state','room':'r'}");
        if (!cases[i].count) {
            fx_expect(A, "{'op':'error','code':'rate-limited','wait':1000}");
            fx_answer(A, "{'op':'replay','room':'r','after':0}", "{'op':'error','code':'rate-limited','wait':1000}");
            continue;
        }
        size_t frames = 0;
        while (strncmp(fx_text(A), "state", 5) == 0)
            frames++;
        if (cases[i].count == 10)
            ck_assert(frames > 1 && frames < 20);
        else
            ck_assert_uint_eq(frames, cases[i].count);
        fx_ask(A, "{'op':'replay','room':'r','after':0}");
        size_t replayed = 0;
        while (strncmp(fx_text(A), "replay", 6) == 0)
            replayed++;
        ck_assert_uint_ge(replayed, 1);
    }
}

UNIT_SUITE_WITH("broker.core.cmd_state", fx_start, fx_finish)
