/* Peers that send nonsense cost an honest session beside them nothing it can notice. */
#include "fixture.h"

static uint64_t s_random_state;

static uint32_t s_random(uint32_t below) {
    s_random_state = s_random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(s_random_state >> 33) % below;
}

/* A valid frame with a few bytes changed, inserted or taken away. */
static zr_span_t s_spoil(zr_span_t frame) {
    static char text[1024];
    size_t len = frame.len < 512 ? frame.len : 512;
    memcpy(text, frame.ptr, len);
    for (uint32_t i = s_random(4); i > 0 && len > 0; i--) {
        size_t at = s_random((uint32_t)len);
        switch (s_random(3)) {
        case 0:
            text[at] = (char)s_random(256);
            break;
        case 1:
            memmove(text + at + 1, text + at, len - at);
            text[at] = (char)s_random(256);
            len++;
            break;
        case 2:
            memmove(text + at, text + at + 1, len - at - 1);
            len--;
            break;
        }
    }
    return zr_span_of(text, len);
}

static void s_spoiled(route_t route) {
    static const char *const texts[] = {
        "{\"op\":\"join\",\"room\":\"g\",\"after\":3}",
        "{\"op\":\"publish\",\"room\":\"g\",\"text\":\"x\",\"key\":\"k\",\"expect\":0,\"mid\":7}",
        "{\"op\":\"replay\",\"room\":\"honest\",\"after\":0}",
        "{\"op\":\"hello\",\"proto\":1,\"client\":\"00000000000000000000000000000002\",\"nick\":\"ann\"}",
        "{\"op\":\"direct\",\"to\":\"nobody\",\"text\":\"\"}",
        "{\"op\":\"state\",\"room\":\"g\"}",
        "{\"op\":\"bye\"}",
    };
    uint32_t which = s_random(8);
    if (which < 7) {
        fx_frame(route, s_spoil(zr_span(texts[which])));
        return;
    }
    fx_pub("g");
    fx_add_key(s_random(50), "k", "x");
    fx_add_expect(s_random(50), "k", s_random(4), "y");
    fx_frame(route, s_spoil(fx_pub_frame()));
}

TEST(test_an_honest_session_notices_nothing) {
    fx_begin();
    fx.config.max_rooms = 20;
    fx.config.max_sessions = 3;
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'join','room':'honest'}");
    fx_drop(A);
    s_random_state = 42;
    for (uint64_t mid = 1; mid <= 3000; mid++) {
        for (uint32_t i = s_random(6); i > 0; i--)
            s_spoiled(B + s_random(2)); /* B and C; they say hello now and then */
        if (mid % 50 == 0)
            relay_tick(fx.relay);
        fx_expect_silence(A);
        char ack[64];
        if (mid % 10)
            continue;
        fx_one_now(A, "honest", mid, "x");
        snprintf(ack, sizeof ack, "ack %d @%d memory", (int)mid, (int)mid / 10);
        fx_expect_text(A, ack);
        fx_ask(A, "{'op':'ping'}");
        fx_expect(A, "{'op':'pong','heads':{'honest':%d}}", (int)mid / 10);
        fx_drop_all(B, C);
    }
    relay_stats_t stats = relay_stats(fx.relay);
    ck_assert_uint_le(stats.rooms, 20);
    ck_assert_uint_le(stats.sessions, 3);
    ck_assert_uint_gt(stats.errors, 1000);
}

TEST(test_every_length_of_a_publish_with_all_it_may_have) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_pub("room");
    fx_add_key(1, "key", "body");
    fx_add_expect(2, "key", 1, "other");
    fx_add_delete(3, "key");
    zr_span_t whole = fx_pub_frame();
    size_t refused = 0;
    for (size_t len = 0; len < whole.len; len++) {
        fx_frame(B, zr_span_of(whole.ptr, len));
        fx_run();
        const char *text = fx_text(B);
        refused += strstr(text, "\"bad-frame\"") != NULL;
        fx_drop(B);
        fx_expect_silence(A);
    }
    ck_assert_uint_eq(refused, whole.len - 2); /* after its first and after its second entry it is a frame */
    fx_frame(B, whole);
    fx_run();
    fx_expect_texts(B, "ack 1 @0 memory", "ack 2 @0 memory", "ack 3 @3 memory");
}

/* With one bit wrong a frame is taken or refused, but answered. */
TEST(test_every_wrong_bit_of_a_publish_is_answered) {
    char frame[256];
    fx_pub("room");
    fx_add(1, "body");
    fx_add_key(2, "key", "value");
    fx_add_delete(3, "key");
    fx_add_expect(4, "other", 0, "value");
    zr_span_t whole = fx_pub_frame();
    ck_assert_uint_le(whole.len, sizeof frame);
    memcpy(frame, whole.ptr, whole.len);
    for (size_t bit = 0; bit < 8 * whole.len; bit++) {
        fx_start(); /* or a wrong id would make resends of the next ones */
        fx_hello(A, "ann");
        frame[bit / 8] ^= (char)(1 << bit % 8);
        fx_frame(A, zr_span_of(frame, whole.len));
        fx_run();
        frame[bit / 8] ^= (char)(1 << bit % 8);
        ck_assert_uint_gt(fx_drop(A), 0);
        fx_answer(A, "{'op':'ping'}", "{'op':'pong'}");
    }
}

TEST(test_answers_are_not_much_larger_than_questions) {
    fx_hello(A, "ann");
    char room[129] = "", key[256] = "";
    memset(room, 'r', 128);
    memset(key, 'k', 255);
    fx_pub(room);
    for (uint64_t mid = 1; mid <= 3000; mid++)
        fx_add_expect(mid, key, 9, "");
    size_t asked = fx_pub_frame().len, answered = 0;
    fx_send_now(A);
    for (size_t i = 0; i < fx.seen_count; i++)
        if (!fx.seen[i].taken && fx.seen[i].kind == EFFECT_SEND)
            answered += zr_blob_len(fx.seen[i].frame);
    ck_assert_uint_eq(fx_drop(A), 3000);
    ck_assert_uint_lt(answered, 3 * asked);
}

UNIT_SUITE_WITH("broker.core.garbage", fx_start, fx_finish)
