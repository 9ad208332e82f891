/* Frames of a hostile or broken broker: nothing crashes, nothing is believed, nothing grows. */
#include "fixture_machine.h"
#include "machine_ask.h"

static void s_both(const void *data, size_t len) {
    fixture_front(data, len);
    fixture_back(data, len);
}

TEST(test_nonsense_is_counted) {
    const struct {
        const char *data;
        size_t len;
    } frames[] = {
#define FRAME(text) {"" text, sizeof(text) - 1}
        FRAME(""),
        FRAME("\0"),
        FRAME("\x01"),
        FRAME("\x02"),
        FRAME("{"),
        FRAME("{}"),
        FRAME("{\"op\":5}"),
        FRAME("{\"op\":\"who\",\"re\":-1}"),
        FRAME("{\"op\":\"who\",\"re\":\"x\"}"),
        FRAME("[1]"),
        FRAME("{\"op\":\"welcome\"}"),
        FRAME("{\"op\":\"direct\"}"),
        FRAME("room"),
        FRAME("room\0"),
        FRAME("room\0\x02\0\0\0\0\0\0\0\0\0x"),
        FRAME("a\0\x01\0\0\0\0\0\0\0\0\0"),
        FRAME("\xff"),
        FRAME("\xff"
              "0123{}"),
        FRAME("a\x01"),
        FRAME("a\x02{}"),
    };
    fixture_live_room("a", 5);
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        uint64_t before = b.machine->malformed;
        s_both(frames[i].data, frames[i].len);
        ck_assert_uint_gt(b.machine->malformed, before);
    }
    fixture_quiet();
}

TEST(test_types_of_a_newer_broker_are_ignored) {
    fixture_welcome();
    for (char type = 0x07; type <= 0x1F; type++)
        fixture_front(&type, 1);
    fixture_json("{'op':'novelty','x':1}");
    ck_assert_uint_eq(b.machine->malformed, 0);
    NO_EVENT();
}

TEST(test_a_broken_welcome_is_none) {
    const char *wrong[] = {"'epoch':5", "'nick':''", "'resume':null", "'heartbeat':0", "'resumed':1", "'back':'%s'"};
    char text[1024], back[400];
    memset(back, 'x', sizeof back - 1);
    back[sizeof back - 1] = '\0';
    fixture_sent();
    int id = fixture_id();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *names[] = {"epoch", "nick", "resume", "heartbeat", "resumed", "back"};
        const char *good[] = {
            "'epoch':'e'", "'nick':'me'", "'resume':'r'", "'heartbeat':5000", "'resumed':false", "'back':'tcp://b'"};
        char bad[500];
        snprintf(bad, sizeof bad, wrong[i], back);
        size_t at = (size_t)sprintf(text, "{'op':'welcome','re':%d", id);
        for (size_t k = 0; k < 6; k++)
            at += (size_t)sprintf(text + at, ",%s", strcmp(names[k], names[i]) == 0 ? bad : good[k]);
        sprintf(text + at, "}");
        fixture_json("%s", text);
        ck_assert_uint_eq(b.machine->malformed, i + 1);
        ck_assert_int_eq(b.machine->state, STATE_GREETING);
    }
    fixture_json("{'op':'welcome','re':%d,'epoch':'e','nick':'me','resume':'r','back':'b','heartbeat':5000}", id + 1);
    ck_assert_int_eq(b.machine->state, STATE_GREETING); /* of no hello of ours */
    fixture_json("{'op':'welcome','re':%d,'epoch':'e','nick':'me','resume':'r','back':'b','heartbeat':"
                 "9007199254740991,"
                 "'limits':{'frame':0,'replays':999999,'rooms':-4,'entries':'x','control':[],'body':0}}",
        id);
    ck_assert_int_eq(b.machine->state, STATE_LIVE);
    ck_assert_uint_le(b.machine->heartbeat, 3600000);
    ck_assert_uint_eq(b.machine->limit_replays, READING_MAX);
    ck_assert_uint_ge(b.machine->limit_frame, 1024);
}

TEST(test_frames_that_break_off) {
    fixture_live_room("a", 5);
    zr_blob_t *whole = fixture_entries("a", 0, 5, 6, 8);
    for (size_t len = 0; len < zr_blob_len(whole); len++) {
        size_t fields = ZR_DELIVER_HEAD(1), one = ZR_DELIVER_ENTRY_FIXED + 3 + 1;
        if (len > fields && (len - fields) % one == 0)
            continue; /* whole entries, so a shorter frame */
        uint64_t before = b.machine->malformed;
        s_both(zr_blob_data(whole), len);
        ck_assert_uint_gt(b.machine->malformed, before);
    }
    fixture_quiet();
    zr_blob_unref(whole);
}

TEST(test_seqs_that_do_not_rise) {
    zr_buffer_t out = {0};
    const uint64_t seqs[][2] = {{7, 7}, {7, 6}, {5, 6}, {UINT64_MAX, 1}, {1ULL << 53, (1ULL << 53) + 1}};
    fixture_live_room("a", 5);
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
        zr_deliver_begin(&out, zr_span("a"), 0, fixture_epoch, 5);
        for (size_t k = 0; k < 2; k++)
            zr_deliver_add(&out, &(zr_entry_t){.seq = seqs[i][k], .sender = zr_span("x")});
        fixture_back(out.data, out.len);
        ck_assert_uint_eq(b.machine->malformed, i + 1);
    }
    NO_EVENT();
    zr_buffer_finish(&out);
}

TEST(test_replays_nobody_asked_for) {
    fixture_live_room("a", 5);
    fixture_replay("a", 5, 6, 7);
    fixture_replay("zzz", 5, 6, 7);
    machine_front(b.machine, fixture_entries("a", ZR_FRAME_STATE, 5, 6, 7), b.now);
    fixture_json("{'op':'replayed','re':77,'seq':9,'count':0,'complete':true,'more':true}");
    fixture_quiet();
}

TEST(test_wrong_answers) {
    fixture_live_room("a", 5);
    fixture_live("a", 7, 8, 8);
    EVENT("gap a 5");
    SENT("replay room=a after=5 until=7");
    int id = fixture_id();
    uint64_t before = b.machine->malformed;
    fixture_json("{'op':'joined','re':%d,'seq':1}", id); /* not what was asked */
    ck_assert_uint_eq(b.machine->malformed, before + 1);
    for (int i = 0; i < STUCK_MAX; i++) {
        fixture_json("{'op':'replayed','re':%d}", id); /* without its members */
        fixture_tick(RETRY_MS << i);
        SENT("replay room=a after=5 until=7");
        id = fixture_id();
    }
    fixture_json("{'op':'replayed','re':%d}", id);
    EVENT("lost a 5 7"); /* patience has an end */
    EVENTS("entry a 8", "repaired a 8");

    machine_who(b.machine, "a", NULL);
    machine_rooms(b.machine, "", NULL);
    machine_state(b.machine, "a", NULL, NULL);
    SENT("who room=a");
    fixture_json("{'op':'who','re':%d,'users':'x','more':5}", fixture_id());
    EVENT("done 1 count=0 seq=0 complete");
    SENT("rooms prefix=");
    fixture_json("{'op':'rooms','re':%d,'rooms':[5,{'room':7},{}],'more':true}", fixture_id());
    EVENT("done 2 count=3 seq=0 incomplete");
    SENT("state room=a after=0");
    fixture_json("{'op':'ok','re':%d,'seq':'x','next':-1}", fixture_id());
    EVENTS("done 3 count=0 seq=0 complete", "");
}

TEST(test_joined_without_its_members_is_asked_again) {
    machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome();
    fixture_synced();
    SENT("join room=a");
    fixture_json("{'op':'joined','re':%d,'room':'a'}", fixture_id());
    fixture_tick(RETRY_MS);
    SENT("join room=a");
}

TEST(test_heads_that_are_none) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'pong','heads':5}");
    fixture_json("{'op':'pong','heads':{'a':'x','b':1}}");
    fixture_json("{'op':'pong','heads':{'a':-1}}");
    fixture_json("{'op':'pong'}");
    ck_assert_uint_eq(machine_due(b.machine), b.now + 5000);
}

TEST(test_errors_of_any_shape) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'error'}");
    fixture_json("{'op':'error','code':5,'text':[],'mid':'x'}");
    fixture_json("{'op':'error','code':'x','re':99}");
    fixture_json("{'op':'error','code':'bad-frame','text':'t','mid':12345}");
    while (*fixture_event())
        ;
    ck_assert_int_eq(b.machine->state, STATE_LIVE);
    NOTHING_SENT();
}

TEST(test_held_frames_are_bounded) {
    fixture_live_room("a", 5);
    fixture_live("a", 100000, 100001, 100001);
    SENT("replay room=a after=5 until=100000");
    for (uint64_t i = 0; i < HELD_FRAMES + 100; i++)
        fixture_replay("a", 10 + i, 11 + i, 11 + i); /* none joins up */
    ck_assert_uint_eq(b.machine->held.frames, HELD_FRAMES);
    fixture_replayed(20, 5000, true, false);
    ck_assert_uint_eq(b.machine->held.frames, 0);
    ck_assert_uint_eq(b.machine->held.bytes, 0);
}

TEST(test_frames_after_the_end) {
    fixture_live_room("a", 5);
    machine_close(b.machine, b.now);
    SENT("bye");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
    EVENT("closed");
    fixture_live("a", 5, 6, 6);
    fixture_json("{'op':'bye','reason':'shutdown'}");
    fixture_no_session();
    fixture_tick(100000);
    fixture_quiet();
}

static uint64_t random_state;

static uint64_t s_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* Good frames with some bytes changed, in any order. */
TEST_TIMES(test_noise, 100) {
    random_state = 88172645463325252ULL + (uint64_t)_i;
    const char *texts[] = {"{\"op\":\"pong\",\"heads\":{\"a\":9,\"m/x\":3}}", "{\"op\":\"bye\",\"reason\":\"expired\"}",
        "{\"op\":\"error\",\"code\":\"no-session\"}", "{\"op\":\"error\",\"code\":\"conflict\",\"mid\":1,\"upto\":3}",
        "{\"op\":\"joined\",\"re\":3,\"room\":\"a\",\"seq\":9,\"oldest\":2,\"recovered\":false,\"version\":1,"
        "\"count\":1}",
        "{\"op\":\"replayed\",\"re\":4,\"seq\":9,\"count\":3,\"complete\":false,\"more\":true}",
        "{\"op\":\"rooms\",\"re\":5,\"rooms\":[{\"room\":\"m/x\",\"seq\":4}],\"more\":true}",
        "{\"op\":\"who\",\"re\":6,\"users\":[{\"nick\":\"x\"}],\"version\":3,\"count\":1,\"more\":true}",
        "{\"op\":\"ok\",\"re\":7,\"seq\":4,\"next\":2,\"more\":true}",
        "{\"op\":\"welcome\",\"re\":8,\"epoch\":\"e3\",\"nick\":\"me\",\"resume\":\"r\",\"back\":\"b\","
        "\"heartbeat\":100}",
        "a\x01{\"version\":2,\"joined\":[{\"nick\":\"q\"}],\"left\":[],\"count\":3}",
        "\x02\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x05"};
    machine_join(b.machine, "a", ZRELAY_FROM_AFTER | ZRELAY_PRESENCE, 0, b.now);
    machine_join(b.machine, "m/*", ZRELAY_FROM_NOW, 0, b.now);
    for (int step = 0; step < 3000; step++) {
        uint8_t frame[512];
        size_t len;
        uint64_t dice = s_random() % 20;
        if (b.sent_count > 4000)
            break;
        if (dice < 4) {
            uint64_t at = s_random() % 12;
            zr_blob_t *blob =
                fixture_entries(dice & 1 ? "a" : "m/x", s_random() % 4, at, at + 1, at + 1 + s_random() % 5);
            len = zr_blob_len(blob);
            memcpy(frame, zr_blob_data(blob), len);
            zr_blob_unref(blob);
        } else {
            const char *text = texts[s_random() % (sizeof texts / sizeof *texts)];
            len = text[0] == 2 ? ZR_ACK_SIZE : strlen(text);
            memcpy(frame, text, len);
        }
        for (char *re = len > 8 ? memmem(frame, len, "\"re\":", 5) : NULL; re; re = NULL)
            re[5] = (char)('0' + s_random() % 10); /* some of them answer */
        if (s_random() % 4 == 0)
            frame[s_random() % len] = (uint8_t)s_random();
        if (s_random() % 2)
            fixture_front(frame, len);
        else
            fixture_back(frame, len);
        if (s_random() % 8 == 0 && b.machine->nonce[0])
            fixture_synced();
        if (s_random() % 8 == 0)
            machine_publish(b.machine, "a", "k", ZR_ENTRY_EXPECT, 1, "x", 1, NULL);
        if (s_random() % 8 == 0)
            machine_who(b.machine, "a", NULL), machine_state(b.machine, "a", NULL, NULL);
        if (s_random() % 16 == 0)
            machine_history(b.machine, "m/x", 0, s_random() % 3, 0, NULL);
        if (s_random() % 64 == 0 && machine_leave(b.machine, "a", b.now) == 0)
            machine_join(b.machine, "a", ZRELAY_FROM_LAST | ZRELAY_PRESENCE, 2, b.now);
        fixture_tick(s_random() % 200);
        while (s_random() % 3 && machine_event(b.machine))
            ;
    }
}

UNIT_SUITE_WITH("client.lib.machine_frames", fixture_init, fixture_finish)
