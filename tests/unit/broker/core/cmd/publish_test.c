#include "fixture.h"

TEST(test_published_once) {
    fx_start();
    fx_hello(A, "ann");
    fx_one(A, "r", 5, "a");
    fx_run();
    fx_expect_text(A, "ack 5 @1 memory");
    fx_one(A, "r", 5, "a");
    fx_run();
    fx_expect_text(A, "ack 5 @0 memory");
    fx_resume(B, A, "ann");
    fx_pub("r");
    fx_add(5, "a");
    fx_add(6, "b");
    fx_send(B);
    fx_run();
    fx_expect_text(B, "ack 6 @2 memory");
    fx_ask(C, "{'op':'hello','proto':1,'client':'%s','nick':'ann'}", fx_client(A)); /* without the token */
    fx_expect(C, "{'op':'welcome','resumed':false}");
    fx_one(C, "r", 6, "b");
    fx_run();
    fx_expect_text(C, "ack 6 @0 memory");
    fx_ask(C, "{'op':'publish','room':'r','text':'b','mid':6}");
    fx_expect(C, "{'op':'ack','mid':6,'seq':0,'room':'r','level':'memory'}");
    fx_ask(C, "{'op':'bye'}");
    fx_hello(A, "ann"); /* and a session later */
    fx_one(A, "r", 6, "b");
    fx_run();
    fx_expect_text(A, "ack 6 @0 memory");
    fx_expect_text(BACK, "r 0: 1/a");
    fx_expect_text(BACK, "r 1: 2/b");
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).duplicates, 5);
    fx_hello(D, "dan"); /* another client id has message ids of its own */
    fx_one(D, "r", 6, "c");
    fx_run();
    fx_expect_text(D, "ack 6 @3 memory");
    fx_finish();
}

TEST(test_the_error_comes_before_the_ack_that_covers_it) {
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_key(1, "k", "a");
    fx_add_expect(2, "k", 7, "b");
    fx_add(3, "c");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'op':'error','code':'conflict','room':'r','mid':2,'key':'k','seq':1}");
    fx_expect_text(A, "ack 3 @2 memory");
    fx_expect_text(BACK, "r 0: 1/k=a 2/c");
    fx_finish();
}

TEST(test_keyed_entries_among_plain_ones) {
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add(1, "a");
    fx_add(2, "b");
    fx_add_key(3, "k", "c");
    fx_add(4, "d");
    fx_send(A);
    fx_run();
    fx_expect_text(A, "ack 4 @4 memory");
    fx_expect_text(BACK, "r 0: 1/a 2/b 3/k=c 4/d");
    fx_pub("r"); /* some were there before */
    fx_add(4, "d");
    fx_add(5, "e");
    fx_send(A);
    fx_run();
    fx_expect_text(A, "ack 5 @5 memory");
    fx_expect_text(BACK, "r 4: 5/e");
    fx_finish();
}

/* The room that a session wrote to last may be gone, and there again. */
TEST(test_a_room_that_was_gone_meanwhile) {
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_expect(1, "k", 7, "a"); /* refused: the room leaves nothing behind */
    fx_send(A);
    fx_run();
    fx_expect(A, "{'op':'error','code':'conflict','mid':1}");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_one(A, "r", 2, "b");
    fx_run();
    fx_expect_text(A, "ack 2 @1 memory");
    fx_expect_text(BACK, "r 0: 1/b");
    fx_one(A, "s", 3, "c");
    fx_one(A, "r", 4, "d");
    fx_run();
    fx_expect_text(A, "ack 4 @2 memory");
    fx_finish();
}

TEST(test_compare_and_set) {
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_expect(1, "k", 0, "a");
    fx_add_expect(2, "k", 0, "b");
    fx_add_expect(3, "k", 1, "c");
    zr_span_t key = LIT("k");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'code':'conflict','mid':2,'seq':1}");
    fx_expect_text(A, "ack 1 @1 memory");
    fx_expect_text(A, "ack 3 @2 memory");
    zr_buffer_t out = {0};
    zr_publish_begin(&out, LIT("r"));
    zr_publish_add(&out, &(zr_publish_entry_t){4, ZR_ENTRY_DELETE | ZR_ENTRY_EXPECT, key, 1, {0}, 0});
    zr_publish_add(&out, &(zr_publish_entry_t){5, ZR_ENTRY_DELETE | ZR_ENTRY_EXPECT, key, 2, {0}, 0});
    zr_publish_add(&out, &(zr_publish_entry_t){6, ZR_ENTRY_EXPECT, key, 0, LIT("d"), 0});
    fx_frame(A, zr_span_of(out.data, out.len));
    zr_buffer_finish(&out);
    fx_run();
    fx_expect(A, "{'code':'conflict','mid':4,'seq':2}");
    fx_expect_text(A, "ack 5 @3 memory");
    fx_expect_text(A, "ack 6 @4 memory");
    fx_expect_text(BACK, "r 0: 1/k=a 2/k=c");
    fx_expect_text(BACK, "r 2: 3/k! 4/k=d");
    fx_finish();
}

TEST(test_as_text) {
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'publish','room':'r','id':1}");
    fx_expect_text(A, "{\"level\":\"memory\",\"op\":\"ack\",\"re\":1,\"room\":\"r\",\"seq\":1}");
    fx_ask(A, "{'op':'publish','room':'r','text':'h\\u00e9','key':'k','mid':3}");
    fx_expect(A, "{'op':'ack','seq':2,'mid':3}");
    fx_ask(A, "{'op':'publish','room':'r','key':'k','delete':true,'expect':2}");
    fx_expect(A, "{'op':'ack','seq':3}");
    fx_ask(A, "{'op':'publish','room':'r','key':'k','delete':true,'text':'','expect':2}");
    fx_expect(A, "{'op':'error','code':'conflict','seq':0,'key':'k','room':'r'}");
    fx_expect_text(BACK, "r 0: 1/");
    fx_expect_text(BACK, "r 1: 2/k=h\xC3\xA9");
    fx_expect_text(BACK, "r 2: 3/k!");
    static const char *const cases[][2] = {
        {"", "bad-member"},
        {"'room':1", "bad-member"},
        {"'room':'a b'", "bad-room"},
        {"'room':'r','text':1", "bad-member"},
        {"'room':'r','key':''", "bad-key"},
        {"'room':'r','key':'a b'", "bad-key"},
        {"'room':'r','key':1", "bad-member"},
        {"'room':'r','delete':true", "bad-member"},
        {"'room':'r','delete':true,'key':'k','text':'x'", "bad-member"},
        {"'room':'r','delete':1,'key':'k'", "bad-member"},
        {"'room':'r','expect':1", "bad-member"},
        {"'room':'r','expect':-1,'key':'k'", "bad-member"},
        {"'room':'r','text':'x','ttl':5", "bad-member"},
        {"'room':'r','key':'k','text':'x','ttl':0", "bad-member"},
        {"'room':'r','key':'k','text':'x','ttl':-1", "bad-member"},
        {"'room':'r','key':'k','text':'x','ttl':'5s'", "bad-member"},
        {"'room':'r','key':'k','delete':true,'ttl':5", "bad-member"},
        {"'room':'r','mid':0", "bad-id"},
        {"'room':'r','mid':-1", "bad-member"},
        {"'room':'r','mid':9007199254740992", "bad-member"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fx_ask(A, "{'op':'publish',%s%s'id':9}", cases[i][0], cases[i][0][0] ? "," : "");
        fx_expect(A, "{'op':'error','code':'%s','re':9}", cases[i][1]);
    }
    fx_expect_silence(BACK);
    fx_finish();
}

TEST(test_sender_is_the_nick_of_the_moment) {
    fx_start();
    fx_hello(A, "ann");
    fx_one(A, "r", 1, "a");
    fx_say(A, "{'op':'hello','proto':1,'client':'%s','nick':'eve'}", fx_client(A));
    fx_one(A, "r", 2, "b");
    fx_run();
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    for (size_t i = 0; i < fx.seen_count; i++) {
        if (fx.seen[i].taken || fx.seen[i].kind != EFFECT_SEND || fx.seen[i].route != BACK)
            continue;
        zr_blob_t *frame = fx.seen[i].frame;
        ck_assert(zr_deliver_read(&reader, zr_span_of(zr_blob_data(frame), zr_blob_len(frame))));
        ck_assert(zr_deliver_next(&reader, &entry));
        ck_assert_span_eq(entry.sender, LIT("ann"));
        ck_assert(zr_deliver_next(&reader, &entry));
        ck_assert_span_eq(entry.sender, LIT("eve"));
    }
    fx_expect_text(BACK, "r 0: 1/a 2/b");
    fx_finish();
}

UNIT_SUITE("broker.core.cmd_publish")
