/* The limits of PROTOCOL.md, section 10, that the core keeps, from both sides: the last value that passes and the first
 * that does not. Others are in other tests. dispatch_test: nesting and ids. cmd/replay_test: a replay's slices.
 * cmd/state_test: a snapshot's slices. commit/batch_test: batch-bytes. cmd/ping_test, cmd/who_test, cmd/rooms_test and
 * room/members_test: the 500s. session/dedupe_test: the 64 refusals. log_memory_test: the log's limits. */
#include "fixture.h"
#include "relay_limits.h"

#define ANN "ann: rwspc *\nanonymous: rwspc *\n"
#define ANN_AND_BOB "ann: rwspc *\nbob: rwspc *\nanonymous: rwspc *\n"

/* A PUBLISH frame of just `len` bytes. */
static void s_publish_len(uint64_t mid, size_t len) {
    zr_buffer_t out = {0};
    zr_publish_begin(&out, LIT("r"));
    zr_publish_add(&out,
        &(zr_publish_entry_t){.mid = mid, .body = unit_fill('b', len - ZR_PUBLISH_HEAD(1) - ZR_PUBLISH_ENTRY_FIXED)});
    ck_assert_uint_eq(out.len, len);
    fx_frame(A, zr_span_of(out.data, out.len));
    fx_run();
    zr_buffer_finish(&out);
}

TEST(test_max_frame) {
    fx_begin();
    fx.config.max_frame = 100;
    fx_start();
    fx_hello(A, "ann");
    s_publish_len(1, 100);
    fx_expect_text(A, "ack 1 @1 memory");
    s_publish_len(2, 101);
    fx_expect(A, "{'code':'too-large','mid':2,'room':'r'}");
    s_publish_len(2, 50); /* refused is refused */
    fx_expect(A, "{'code':'too-large','mid':2}");
    s_publish_len(3, 50);
    fx_expect_text(A, "ack 3 @2 memory");
    fx_finish();
}

TEST(test_max_control) {
    fx_begin();
    fx.config.max_control = 200;
    fx_start();
    fx_hello(A, "ann");
    for (int len = 200; len <= 201; len++) {
        fx_ask(A, "{'op':'ping'%*s}", len - (int)strlen("{'op':'ping'}"), "");
        if (len == 200)
            fx_expect(A, "{'op':'pong'}");
        else
            fx_expect_error(A, "too-large");
    }
    fx_finish();
}

TEST(test_max_entries) {
    fx_begin();
    fx.config.max_entries = 3;
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 3; mid++)
        fx_add(mid, "x");
    fx_send(A);
    fx_run();
    fx_expect_text(A, "ack 3 @3 memory");
    fx_pub("r");
    for (uint64_t mid = 4; mid <= 7; mid++)
        fx_add(mid, "x");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'code':'too-many-entries','mid':4,'upto':7,'room':'r'}");
    fx_expect_silence(A);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 3);
    fx_finish();
}

TEST(test_bytes_of_names) {
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'%.*s'}", 128, unit_fill('r', 128).ptr);
    fx_expect(A, "{'op':'joined'}");
    fx_ask(A, "{'op':'join','room':'%.*s'}", 129, unit_fill('r', 129).ptr);
    fx_expect_error(A, "bad-room");
    fx_ask(A, "{'op':'publish','room':'r','key':'%.*s'}", 255, unit_fill('k', 255).ptr);
    fx_expect(A, "{'op':'ack'}");
    fx_ask(A, "{'op':'publish','room':'r','key':'%.*s'}", 256, unit_fill('k', 256).ptr);
    fx_expect_error(A, "bad-key");
    for (int len = 32; len <= 33; len++) {
        fx_ask(A, "{'op':'hello','proto':1,'client':'%s','nick':'%.*s'}", fx_client(A), len, unit_fill('n', 33).ptr);
        if (len == 32)
            fx_expect(A, "{'op':'welcome'}");
        else
            fx_expect_error(A, "bad-nick");
    }
    for (int len = 64; len <= 65; len++) {
        fx_ask(A, "{'op':'hello','proto':1,'client':'%s','agent':'%.*s'}", fx_client(A), len, unit_fill('a', 65).ptr);
        if (len == 64)
            fx_expect(A, "{'op':'welcome'}");
        else
            fx_expect_error(A, "bad-member");
    }
    fx_finish();
}

TEST(test_max_sessions) {
    fx_begin();
    fx.config.max_sessions = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(C, "{'op':'hello','proto':1,'client':'%s','nick':'eve'}", fx_client(C));
    fx_expect_error(C, "too-many-sessions");
    relay_route_lost(fx.relay, A); /* detached ones count */
    fx_ask(C, "{'op':'hello','proto':1,'client':'%s','nick':'eve'}", fx_client(C));
    fx_expect_error(C, "too-many-sessions");
    fx_resume(D, A, "ann");
    fx_ask(C, "{'op':'hello','proto':1,'client':'%s','nick':'ann'}", fx_client(A)); /* takes the place of its own */
    fx_expect(C, "{'op':'welcome','resumed':false}");
    fx_ask(B, "{'op':'bye'}");
    fx_hello(9, "eve");
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 2);
    fx_finish();
}

TEST(test_max_rooms) {
    fx_begin();
    fx.config.max_rooms = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'a'}");
    fx_expect(A, "{'op':'joined'}");
    fx_one(A, "b", 1, "x");
    fx_run();
    fx_expect_text(A, "ack 1 @1 memory");
    fx_ask(A, "{'op':'join','room':'c'}");
    fx_expect_error(A, "too-many-rooms");
    fx_one(A, "c", 2, "x");
    fx_run();
    fx_expect(A, "{'code':'too-many-rooms','mid':2,'room':'c'}");
    fx_ask(A, "{'op':'publish','room':'c','mid':3,'id':1}");
    fx_expect(A, "{'code':'too-many-rooms','mid':3,'room':'c','re':1}");
    fx_one(A, "b", 4, "x"); /* those that are there go on */
    fx_run();
    fx_expect_text(A, "ack 4 @2 memory");
    fx_ask(A, "{'op':'leave','room':'a'}");
    fx_expect(A, "{'op':'ok'}");
    fx_tick();
    fx_ask(A, "{'op':'join','room':'c'}");
    fx_expect(A, "{'op':'joined'}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2);
    fx_finish();
}

TEST(test_max_joins) {
    fx_begin();
    fx.config.max_joins = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_ask(A, "{'op':'join','room':'a'}");
    fx_ask(A, "{'op':'join','room':'b','presence':false}");
    fx_drop(A);
    fx_ask(A, "{'op':'join','room':'c'}");
    fx_expect_error(A, "too-many-joins");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2); /* the room was not made for it */
    fx_ask(A, "{'op':'join','room':'b'}");
    fx_expect(A, "{'op':'joined'}");
    fx_ask(B, "{'op':'join','room':'c'}"); /* each session has its own */
    fx_expect(B, "{'op':'joined'}");
    fx_ask(A, "{'op':'leave','room':'a'}");
    fx_drop(A);
    fx_ask(A, "{'op':'join','room':'c'}");
    fx_expect(A, "{'op':'joined'}");
    fx_finish();
}

TEST(test_max_keys) {
    fx_begin();
    fx.config.max_keys = 2;
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_key(1, "a", "x");
    fx_add_key(2, "b", "x");
    fx_add_key(3, "c", "x");
    fx_add_key(4, "a", "y");
    fx_add_delete(5, "b");
    fx_add_key(6, "c", "x");
    fx_add_key(7, "b", "x");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'code':'too-many-keys','mid':3,'key':'c','room':'r'}");
    fx_expect(A, "{'code':'too-many-keys','mid':7,'key':'b'}");
    fx_expect_text(A, "ack 6 @5 memory");
    fx_pub("s"); /* each room has its own */
    fx_add_key(8, "c", "x");
    fx_send(A);
    fx_run();
    fx_expect_text(A, "ack 8 @1 memory");
    fx_ask(A, "{'op':'publish','room':'r','key':'d'}");
    fx_expect(A, "{'code':'too-many-keys','key':'d'}");
    fx_finish();
}

TEST(test_max_state_bytes) {
    size_t size = ZR_DELIVER_ENTRY_FIXED + 3 + 1 + 4; /* sender, key, body */
    for (size_t less = 0; less < 2; less++) {
        fx_begin();
        fx.config.max_state_bytes = 2 * size - less;
        fx_start();
        fx_hello(A, "ann");
        fx_pub("r");
        fx_add_key(1, "a", "1234");
        fx_send(A);
        fx_pub("s");
        fx_add_key(2, "b", "1234");
        fx_send(A);
        fx_run();
        if (less) {
            fx_expect(A, "{'code':'state-full','mid':2,'key':'b','room':'s'}");
            fx_expect_text(A, "ack 1 @1 memory");
        } else {
            fx_expect_text(A, "ack 2 @1 memory");
        }
        fx_pub("r");
        fx_add_key(3, "a", "12345");
        fx_add_delete(4, "a");
        fx_send(A);
        fx_pub("s");
        fx_add_key(5, "c", "1234");
        fx_send(A);
        fx_run();
        if (!less)
            fx_expect(A, "{'code':'state-full','mid':3}");
        fx_expect_text(A, less ? "ack 5 @1 memory" : "ack 5 @2 memory");
        fx_finish();
    }
}

TEST(test_max_replays) {
    fx_begin();
    fx.config.max_replays = 2;
    fx.late = true;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    for (int i = 1; i <= 3; i++)
        fx_ask(A, "{'op':'replay','room':'r','after':0,'id':%d}", i);
    fx_expect(A, "{'op':'error','code':'too-many-replays','re':3}");
    fx_ask(B, "{'op':'replay','room':'r','after':0}");
    fx_expect_silence(B);
    fx_log_step();
    fx_expect(A, "{'op':'replayed','re':1}");
    fx_ask(A, "{'op':'replay','room':'r','after':0,'id':4}");
    fx_log_all();
    fx_expect(A, "{'op':'replayed','re':2}");
    fx_expect(A, "{'op':'replayed','re':4}");
    fx_expect(B, "{'op':'replayed'}");
    fx_finish();
}

/* Snapshots are under way until their turn comes. */
TEST(test_max_replays_counts_snapshots) {
    fx_begin();
    fx.config.max_replays = 2;
    fx.late = true;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    for (int i = 1; i <= 3; i++)
        fx_say(A, "{'op':'state','room':'r','id':%d}", i);
    fx_say(B, "{'op':'state','room':'r'}");
    fx_run();
    fx_expect(A, "{'op':'error','code':'too-many-replays','re':3}");
    fx_expect(A, "{'op':'ok','re':1}");
    fx_expect(A, "{'op':'ok','re':2}");
    fx_expect(B, "{'op':'ok'}");
    fx_say(A, "{'op':'replay','room':'r','after':0,'id':4}");
    fx_say(A, "{'op':'state','room':'r','id':5}");
    fx_say(A, "{'op':'state','room':'r','id':6}");
    fx_say(A, "{'op':'replay','room':'r','after':0,'id':7}");
    fx_run();
    fx_expect(A, "{'op':'error','code':'too-many-replays','re':6}");
    fx_expect(A, "{'op':'error','code':'too-many-replays','re':7}");
    fx_expect(A, "{'op':'ok','re':5}");
    fx_log_all();
    fx_expect(A, "{'op':'replayed','re':4}");
    fx_finish();
}

TEST(test_max_clients) {
    fx_begin();
    fx.config.max_clients = 2;
    fx_start();
    for (route_t route = 1; route <= 3; route++) {
        fx_hello(route, "ann");
        fx_one(route, "r", 1, "x");
        fx_ask(route, "{'op':'bye'}");
        fx_drop(route);
    }
    for (route_t route = 3; route >= 1; route--) { /* the first is forgotten, and its resend a new entry */
        fx_hello(route, "ann");
        fx_one(route, "r", 1, "x");
        fx_ask(route, "{'op':'bye'}");
        fx_expect(route, "{'op':'ok'}");
        fx_expect_silence(route);
        fx_hello(route, "ann");
        fx_one(route, "r", 1, "x");
        fx_run();
        fx_expect_text(route, "ack 1 @0 memory");
        fx_ask(route, "{'op':'bye'}");
        fx_drop(route);
    }
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 4);
    fx_finish();
}

TEST(test_what_a_room_keeps) {
    fx_begin();
    fx.limits.room_entries = 2;
    fx_start();
    fx_hello(A, "ann");
    for (uint64_t mid = 1; mid <= 3; mid++) {
        fx_one(A, "r", mid, "x");
        fx_run();
        fx_drop(A);
        fx_ask(A, "{'op':'join','room':'r','after':0}");
        fx_expect(A, "{'oldest':%d,'recovered':%s}", mid == 3, mid == 3 ? "false" : "true");
    }
    fx_finish();
}

TEST(test_max_user_sessions) {
    fx_begin();
    fx.config.max_user_sessions = 2;
    fx.rights = ANN_AND_BOB;
    fx.users[1] = fx.users[2] = fx.users[3] = "ann";
    fx.users[4] = "bob";
    fx_start();
    fx_hello(1, "ann");
    fx_hello(2, "ann");
    fx_ask(3, "{'op':'hello','proto':1,'client':'%s'}", fx_client(3));
    fx_expect_error(3, "too-many-sessions");
    fx_hello(4, "bob"); /* it is ann's limit */
    fx_hello(10, "x");  /* nobody's sessions are not one user's */
    fx_hello(11, "y");
    fx_hello(12, "z");
    fx_resume(3, 2, "ann"); /* the same one on another connection, */
    fx_ask(2, "{'op':'hello','proto':1,'client':'%s'}", fx_client(1));
    fx_expect(2, "{'op':'welcome','resumed':false}"); /* and one in place of another */
    fx_expect(1, "{'op':'bye','reason':'replaced'}");
    fx_ask(1, "{'op':'hello','proto':1,'client':'%s'}", fx_client(9));
    fx_expect_error(1, "too-many-sessions");
    fx_ask(3, "{'op':'bye'}");
    fx_ask(1, "{'op':'hello','proto':1,'client':'%s'}", fx_client(9));
    fx_expect(1, "{'op':'welcome','user':'ann'}");
    fx_finish();
}

static void s_expect_join(route_t route, const char *room, const char *answer) {
    fx_ask(route, "{'op':'join','room':'%s'}", room);
    fx_expect(route, "{'op':'%s'}", answer);
}

TEST(test_max_user_rooms) {
    fx_begin();
    fx.config.max_user_rooms = 2;
    fx.rights = ANN_AND_BOB;
    fx.users[1] = fx.users[2] = "ann";
    fx.users[3] = "bob";
    fx_start();
    fx_hello(1, "ann");
    fx_hello(2, "ann");
    fx_hello(3, "bob");
    s_expect_join(1, "a", "joined");
    fx_one(2, "b", 1, "x");
    fx_run();
    fx_expect_text(2, "ack 1 @1 memory");
    fx_one(1, "c", 1, "x");
    fx_run();
    fx_expect(1, "{'code':'too-many-rooms','mid':1,'room':'c'}");
    s_expect_join(2, "c", "error");
    s_expect_join(3, "c", "joined"); /* which another user made, */
    s_expect_join(1, "c", "joined"); /* that room is for all */
    fx_ask(1, "{'op':'bye'}");
    fx_drop(1);
    fx_tick(); /* "a" is gone, "b" holds an entry */
    s_expect_join(2, "d", "joined");
    s_expect_join(2, "e", "error");
    fx_ask(2, "{'op':'bye'}");
    fx_drop(2);
    fx_tick();
    fx_hello(1, "ann"); /* neither a new session nor a new name makes it forget "b" */
    s_expect_join(1, "d", "joined");
    s_expect_join(1, "e", "error");
    fx_finish();
}

TEST(test_rooms_of_those_who_did_not_log_in) {
    fx_begin();
    fx.config.max_user_rooms = 1;
    fx.rights = ANN_AND_BOB;
    fx_start();
    fx_hello(1, "x");
    fx_hello(2, "y");
    s_expect_join(1, "a", "joined"); /* all of one address are one */
    s_expect_join(2, "b", "error");
    fx_finish();

    fx_begin(); /* without users: others than those of this machine */
    fx.config.max_user_rooms = 1;
    fx.remote[2] = fx.remote[3] = true;
    fx_start();
    fx_hello(1, "x");
    fx_hello(2, "y");
    fx_hello(3, "z");
    s_expect_join(1, "a", "joined");
    s_expect_join(1, "b", "joined");
    s_expect_join(2, "c", "joined");
    s_expect_join(3, "d", "error");
    fx_finish();
}

/* Anonymous clients leave half of the sessions to the users. */
TEST(test_max_sessions_of_those_who_did_not_log_in) {
    for (size_t max = 3; max <= 4; max++) {
        fx_begin();
        fx.config.max_sessions = max;
        fx.rights = ANN;
        fx_start();
        fx_hello(1, "x");
        fx_hello(2, "y");
        fx_ask(3, "{'op':'hello','proto':1,'client':'%s','nick':'z'}", fx_client(3));
        fx_expect_error(3, "too-many-sessions");
        fx_ask(3, "{'op':'hello','proto':1,'client':'%s','nick':'x'}", fx_client(1)); /* takes the place of its own */
        fx_expect(3, "{'op':'welcome'}");
        fx.users[4] = "ann";
        fx_hello(4, "ann");
        fx_ask(2, "{'op':'bye'}");
        fx_drop(2);
        fx_hello(5, "z");
        fx_finish();
    }
    fx_begin(); /* one of one, too */
    fx.config.max_sessions = 1;
    fx.rights = ANN;
    fx_start();
    fx_hello(1, "x");
    fx_finish();
    fx_begin(); /* without users all are for everybody */
    fx.config.max_sessions = 3;
    fx_start();
    fx_hello(1, "x");
    fx_hello(2, "y");
    fx_hello(3, "z");
    fx_finish();
}

/* What is there and above a limit stays; a session that owed much by the limits before is no flooder by the new ones. */
TEST(test_limits_change_while_it_runs) {
    fx_begin();
    fx.config.max_rooms = 2;
    fx.config.greeting = "before";
    fx_start();
    fx_hello(A, "ann");
    fx_one_now(A, "r", 1, "x");
    fx_expect_text(A, "ack 1 @1 memory");
    fx_one_now(A, "s", 2, "x");
    fx_drop(A);
    fx_one_now(A, "t", 3, "x");
    fx_expect_error(A, "too-many-rooms");
    for (int i = 0; i < 3000; i++)
        fx_say(A, "{'op':'ping'}");
    fx_run();
    fx_drop(A);
    fx.config.max_rooms = 3;
    fx.config.rate_ops = 1;
    fx.config.greeting = "after";
    relay_set_limits(fx.relay, &fx.config);
    ck_assert_uint_eq(relay_stats(fx.relay).max_rooms, 3);
    fx_one_now(A, "t", 4, "x");
    fx_expect_text(A, "ack 4 @1 memory");
    uint64_t limited = relay_stats(fx.relay).limited;
    fx_ask(A, "{'op':'rooms'}"); /* to wait, and not to leave */
    ck_assert_uint_eq(relay_stats(fx.relay).limited, limited + 1);
    ck_assert_uint_eq(relay_stats(fx.relay).sessions, 1);
    ck_assert_uint_eq(relay_stats(fx.relay).flooders, 0);
    fx_drop(A);
    fx_pass(10000);
    fx_ask(B, "{'op':'hello','proto':1,'client':'%s'}", fx_client(B));
    fx_expect(B, "{'op':'welcome','greeting':'after'}");
    fx.config.max_rooms = 1;
    relay_set_limits(fx.relay, &fx.config);
    fx_one_now(A, "s", 5, "x"); /* it is there */
    fx_expect_text(A, "ack 5 @2 memory");
    fx_one_now(A, "u", 6, "x");
    fx_expect_error(A, "too-many-rooms");
    fx_finish();
}

/* What is there stays, and counts. */
TEST(test_other_limits_of_state_at_work) {
    fx_begin();
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_key(1, "k", "value");
    fx_send_now(A);
    uint64_t bytes = relay_stats(fx.relay).state_bytes;
    ck_assert_uint_gt(bytes, 0);
    relay_set_limits(fx.relay, &fx.config);
    ck_assert_uint_eq(relay_stats(fx.relay).state_bytes, bytes);
    fx.config.max_state_bytes = bytes;
    relay_set_limits(fx.relay, &fx.config);
    fx_drop(A);
    fx_pub("r");
    fx_add_key(2, "l", "v");
    fx_send_now(A);
    fx_expect_error(A, "state-full");
    fx_pub("r");
    fx_add_key(3, "k", "v");
    fx_send_now(A);
    fx_expect_text(A, "ack 3 @2 memory");
    fx_finish();
}

static void s_set_for(uint64_t mid, uint64_t ttl) {
    fx_pub("r");
    fx_add_ttl(mid, "k", ttl, "x");
    fx_send_now(A);
}

TEST(test_max_ttl) {
    fx_begin();
    fx.config.max_ttl_ms = 5000;
    fx_start();
    fx_hello(A, "ann");
    s_set_for(1, 5000);
    fx_expect_text(A, "ack 1 @1 memory");
    s_set_for(2, 5001);
    fx_expect(A, "{'op':'error','code':'bad-member','mid':2,'key':'k'}");
    s_set_for(3, 0);
    fx_expect(A, "{'op':'error','code':'bad-member','mid':3}");
    s_set_for(4, 1);
    fx_expect_text(A, "ack 4 @2 memory");
    s_set_for(2, 5000); /* refused for good */
    fx_expect(A, "{'op':'error','code':'bad-member','mid':2}");
    fx_ask(A, "{'op':'publish','room':'r','key':'k','text':'x','ttl':5001}");
    fx_expect_error(A, "bad-member");
    fx_ask(A, "{'op':'publish','room':'r','key':'k','text':'x','ttl':5000}");
    fx_expect(A, "{'op':'ack','seq':3}");
    fx_finish();
}

UNIT_SUITE("broker.core.limits")
