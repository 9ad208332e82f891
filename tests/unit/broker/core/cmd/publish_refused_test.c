/* Entries that are refused, now and when they are sent again. */
#include "fixture.h"

TEST(test_what_was_refused_stays_refused) {
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_expect(1, "k", 7, "b");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'code':'conflict','mid':1,'seq':0}");
    fx_expect_silence(A); /* no ack: the error answers it */
    fx_pub("r");
    for (uint64_t mid = 2; mid <= 7; mid++)
        fx_add_key(mid, "k", "x");
    fx_send(A);
    fx_run();
    fx_drop(A);
    fx_drop(BACK);
    fx_resume(B, A, "ann");
    fx_pub("r");
    fx_add_expect(1, "k", 7, "b"); /* it would fit now */
    fx_send(B);
    fx_run();
    fx_expect(B, "{'code':'conflict','mid':1,'key':'k','seq':6}"); /* where the value stands by now */
    fx_ask(B, "{'op':'publish','room':'r','text':'b','mid':1,'key':'k','expect':6,'id':2}");
    fx_expect(B, "{'code':'conflict','mid':1,'re':2,'key':'k','seq':6}");
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).entries, 6);
    fx_finish();
}

TEST(test_refusals_side_by_side_are_one_error) {
    fx_begin();
    fx.config.max_keys = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_key(1, "a", "x");
    fx_add_key(2, "b", "x");
    fx_add_key(4, "c", "x");
    fx_add(5, "y");
    fx_add_key(6, "d", "x");
    fx_add_expect(7, "a", 9, "x");
    fx_add_expect(8, "a", 9, "x");
    fx_send(A);
    fx_run();
    fx_expect_text(A, "{\"code\":\"too-many-keys\",\"mid\":2,\"op\":\"error\",\"room\":\"r\","
                      "\"text\":\"the room holds no more keys; delete one\",\"upto\":4}");
    fx_expect(A, "{'code':'too-many-keys','mid':6,'key':'d'}");
    ck_assert_ptr_null(json_object_get(fx.last, "upto"));
    fx_expect(A, "{'code':'conflict','mid':7,'seq':1}"); /* each conflict says where its value stands */
    fx_expect(A, "{'code':'conflict','mid':8,'seq':1}");
    fx_expect_text(A, "ack 5 @2 memory");
    fx_expect_silence(A);
    for (uint64_t mid = 2; mid <= 4; mid += 2) { /* a resend in other frames gets the same answers */
        fx_pub("r");
        fx_add_key(mid, "b", "x");
        fx_send(A);
        fx_run();
        fx_expect(A, "{'code':'too-many-keys','mid':%d}", (int)mid);
    }
    fx_one(A, "r", 5, "y");
    fx_run();
    fx_expect_text(A, "ack 5 @0 memory");
    fx_finish();
}

TEST(test_a_new_refusal_beside_a_resent_one_is_kept_too) {
    fx_begin();
    fx.config.max_keys = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_key(1, "a", "x");
    fx_add_key(2, "b", "x");
    fx_send(A);
    fx_run();
    fx_drop(A);
    fx_pub("r");
    fx_add_key(2, "b", "x"); /* again */
    fx_add_key(3, "b", "x"); /* new */
    fx_send(A);
    fx_run();
    fx_expect(A, "{'code':'too-many-keys','mid':2}");
    fx_expect(A, "{'code':'too-many-keys','mid':3}");
    fx_pub("r");
    fx_add_key(3, "b", "x");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'code':'too-many-keys','mid':3}");
    fx_expect_silence(A);
    fx_finish();
}

TEST(test_outcome_unknown_beyond_the_last_refusals) {
    fx_start();
    fx_hello(A, "ann");
    for (uint64_t mid = 1; mid <= 65; mid++) {
        fx_pub("r");
        fx_add_expect(2 * mid, "k", 9, "x");
        fx_send(A);
    }
    fx_run();
    ck_assert_uint_eq(fx_drop(A), 65);
    fx_pub("r");
    fx_add_expect(1, "k", 9, "x");
    fx_add_expect(2, "k", 9, "x");
    fx_add_expect(4, "k", 9, "x");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'code':'outcome-unknown','mid':1,'upto':2}");
    fx_expect(A, "{'code':'conflict','mid':4}");
    fx_expect_silence(A);
    fx_ask(A, "{'op':'publish','room':'r','mid':2,'key':'k','expect':0}");
    fx_expect(A, "{'code':'outcome-unknown','mid':2}");
    fx_expect_silence(BACK);
    fx_finish();
}

TEST(test_a_frame_that_breaks_the_layout_stores_nothing) {
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add(1, "a");
    fx_add(2, "b");
    zr_span_t whole = fx_pub_frame();
    size_t first = ZR_PUBLISH_HEAD(1) + ZR_PUBLISH_ENTRY_FIXED + 1;
    for (size_t len = 1; len < whole.len; len++) {
        if (len == first)
            continue; /* the first entry alone, which is a frame */
        fx_frame(A, zr_span_of(whole.ptr, len));
        fx_run();
        fx_expect(A, "{'op':'error','code':'bad-frame'}");
        ck_assert_ptr_null(json_object_get(fx.last, "mid"));
    }
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_frame(A, whole); /* the ids were not used up */
    fx_run();
    fx_expect_text(A, "ack 2 @2 memory");
    fx_finish();
}

TEST(test_bad_ids) {
    fx_start();
    fx_hello(A, "ann");
    static const struct {
        uint64_t first, second;
        int mid; /* in the error; 0: none */
    } cases[] = {{0, 1, 0}, {2, 2, 2}, {3, 2, 3}, {1, 1ULL << 53, 1}, {1ULL << 53, 0, 0}, {UINT64_MAX, 0, 0}};
    static const char *const rooms[] = {"r", "a b"}; /* a bad name does not hide a bad id */
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        fx_pub(rooms[i % 2]);
        fx_add(cases[i / 2].first, "a");
        fx_add(cases[i / 2].second, "b");
        fx_send(A);
        fx_run();
        fx_expect_error(A, "bad-id");
        json_t *mid = json_object_get(fx.last, "mid");
        ck_assert_int_eq(json_integer_value(mid), cases[i / 2].mid);
        ck_assert_int_eq(mid != NULL, cases[i / 2].mid != 0);
        ck_assert_str_eq(json_string_value(json_object_get(fx.last, "room")), rooms[i % 2]);
    }
    fx_pub("r");
    fx_add_key(1, "a b", "x");
    fx_add(1, "y");
    fx_send(A);
    fx_run();
    fx_expect_error(A, "bad-id");
    fx_one(A, "r", ZR_INT_MAX - 1, "x");
    fx_one(A, "r", ZR_INT_MAX, "y");
    fx_run();
    fx_expect_text(A, "ack 9007199254740991 @2 memory");
    fx_finish();
}

TEST(test_bad_names) {
    fx_start();
    fx_hello(A, "ann");
    fx_pub("a b");
    fx_add(1, "x");
    fx_add(3, "y");
    fx_send(A);
    fx_pub("r");
    fx_add(4, "x");
    fx_add_key(5, "a b", "y");
    fx_send(A);
    fx_pub("r");
    fx_add_key(6, "a b", "y");
    fx_send(A);
    fx_run();
    fx_expect(A, "{'code':'bad-room','room':'a b','mid':1,'upto':3}");
    fx_expect(A, "{'code':'bad-key','room':'r','mid':4,'upto':5}");
    fx_expect(A, "{'code':'bad-key','room':'r','mid':6,'key':'a b'}");
    fx_expect_silence(A);
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_finish();
}

TEST(test_names_that_json_cannot_carry) {
    fx_start();
    fx_hello(A, "ann");
    static const char *const rooms[] = {"a\xFF", "a\0b"};
    for (uint64_t i = 0; i < 2; i++) {
        zr_buffer_t out = {0};
        zr_publish_begin(&out, zr_span_of(rooms[i], i + 2));
        zr_publish_add(&out, &(zr_publish_entry_t){.mid = 2 * i + 1});
        fx_frame(A, zr_span_of(out.data, out.len));
        fx_run();
        fx_expect(A, "{'code':'bad-room','mid':%d}", (int)(2 * i + 1)); /* which reads it as strictly as a client */
        ck_assert_ptr_null(json_object_get(fx.last, "room"));
        zr_publish_begin(&out, LIT("r"));
        zr_publish_add(&out, &(zr_publish_entry_t){.mid = 2 * i + 2, .key = zr_span_of(rooms[i], i + 2)});
        fx_frame(A, zr_span_of(out.data, out.len));
        fx_run();
        fx_expect(A, "{'code':'bad-key','mid':%d,'room':'r'}", (int)(2 * i + 2));
        ck_assert_ptr_null(json_object_get(fx.last, "key"));
        zr_buffer_finish(&out);
    }
    fx_finish();
}

TEST(test_refused_entries_leave_no_room_behind) {
    fx_start();
    fx_hello(A, "ann");
    fx_pub("r");
    fx_add_expect(1, "k", 9, "x");
    fx_send(A);
    fx_ask(A, "{'op':'publish','room':'s','key':'k','expect':3}");
    fx_expect_error(A, "conflict");
    fx_expect_error(A, "conflict");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_pub("t");
    fx_add_expect(1, "k", 9, "x");
    fx_send(A); /* nor does a resend */
    fx_run();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
    fx_finish();
}

UNIT_SUITE("broker.core.cmd_publish_refused")
