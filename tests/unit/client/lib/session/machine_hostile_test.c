/* Brokers that want the client to repeat itself, to go elsewhere, or to take more than it can hold. Each request that
 * brings nothing is repeated with a back-off that doubles up to RETRY_MAX_MS. */
#include "fixture_machine.h"
#include "machine_ask.h"

static bool drains = true; /* the program takes its events */

/* The clock goes on until the machine sends that request: how long that took. Pings and syncs are answered. */
static uint64_t s_until(const char *request) {
    uint64_t begin = b.now;
    for (;;) {
        while (drains && machine_event(b.machine))
            ;
        if (b.machine->nonce[0] && drains)
            fixture_synced();
        const char *sent = fixture_sent();
        if (strncmp(sent, request, strlen(request)) == 0)
            return b.now - begin;
        if (strcmp(sent, "ping") == 0)
            fixture_json("{'op':'pong'}");
        if (*sent)
            continue;
        uint64_t due = machine_due(b.machine);
        ck_assert_uint_lt(due, b.now + 60000);
        fixture_tick(due > b.now ? due - b.now : 1);
    }
}

/* The last of many waits is as long as any. */
static void s_check(const uint64_t *waits, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += waits[i];
    ck_assert_uint_ge(sum, 20000);
    ck_assert_uint_ge(waits[count - 1], RETRY_MAX_MS);
}

enum { TIMES = 14 };

TEST(test_waits_double_up_to_five_seconds) {
    ck_assert_uint_eq(machine_retry_ms(0), 0);
    ck_assert_uint_eq(machine_retry_ms(1), 100);
    ck_assert_uint_eq(machine_retry_ms(2), 200);
    ck_assert_uint_eq(machine_retry_ms(6), 3200);
    ck_assert_uint_eq(machine_retry_ms(7), 5000);
    ck_assert_uint_eq(machine_retry_ms(4000000000), 5000);
}

TEST(test_heads_that_lie) {
    uint64_t waits[TIMES];
    fixture_live_room("a", 5);
    for (int i = 0; i < TIMES; i++) {
        fixture_json("{'op':'pong','heads':{'a':%d}}", 100 + i);
        waits[i] = s_until("replay");
        fixture_replayed(5, 0, true, false);
    }
    s_check(waits, TIMES);
    /* An entry is progress. */
    fixture_live("a", 5, 6, 6);
    fixture_json("{'op':'pong','heads':{'a':900}}");
    ck_assert_uint_le(s_until("replay"), GRACE_MS);
}

/* Each list has a name a page and never ends. */
static void s_small_pages(const char *op, const char *request) {
    uint64_t waits[TIMES + PAGES_AT_ONCE];
    for (int i = 0; i < TIMES + PAGES_AT_ONCE; i++) {
        waits[i] = s_until(request);
        fixture_json("{'op':'%s','re':%d,'rooms':[{'room':'p%03d'}],'users':[{'nick':'n%03d'}],'more':true}", op,
            fixture_id(), i, i);
    }
    for (int i = 1; i <= PAGES_AT_ONCE; i++)
        ck_assert_uint_eq(waits[i], 0);
    s_check(waits + PAGES_AT_ONCE, TIMES);
}

/* Joins a prefix, up to its list. */
static void s_prefix(const char *prefix) {
    ck_assert_int_eq(machine_join(b.machine, prefix, ZRELAY_FROM_NOW, 0, b.now), 0);
    fixture_tick(0);
    fixture_synced();
    s_until("follow");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
}

TEST(test_lists_with_a_name_a_page) {
    fixture_live_room("a", 5);
    machine_who(b.machine, "a", NULL);
    fixture_run();
    s_small_pages("who", "who");
    machine_rooms(b.machine, "", NULL);
    fixture_run();
    s_small_pages("rooms", "rooms");
}

TEST(test_lists_of_our_own_with_a_name_a_page) {
    fixture_welcome();
    machine_join(b.machine, "a", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now);
    fixture_run();
    fixture_synced();
    s_until("join");
    fixture_joined("a", 0, 0, "");
    s_small_pages("who", "who");
    fixture_init();
    fixture_welcome();
    s_prefix("p*");
    s_small_pages("rooms", "rooms");
}

TEST(test_replays_that_are_refused) {
    uint64_t waits[TIMES];
    fixture_live_room("a", 5);
    for (int i = 0; i < TIMES; i++) {
        fixture_json("{'op':'pong','heads':{'a':%d}}", 100 + i);
        waits[i] = s_until("replay");
        fixture_json("{'op':'error','re':%d,'code':'bad-room','text':''}", fixture_id());
    }
    s_check(waits, TIMES);
}

TEST(test_replays_that_only_claim_to_go_forward) {
    uint64_t waits[TIMES];
    fixture_live_room("a", 5);
    fixture_json("{'op':'pong','heads':{'a':1000}}");
    s_until("replay");
    for (int i = 0; i < TIMES; i++) {
        fixture_replayed(6 + (uint64_t)i, 0, true, true);
        waits[i] = s_until("replay");
    }
    s_check(waits, TIMES);
}

TEST(test_rate_limited_without_a_wait) {
    uint64_t waits[TIMES];
    fixture_welcome();
    ck_assert_int_eq(machine_who(b.machine, "a", NULL), 0);
    s_until("who");
    for (int i = 0; i < TIMES; i++) {
        fixture_json("{'op':'error','re':%d,'code':'rate-limited','wait':0,'text':''}", fixture_id());
        waits[i] = s_until("who");
    }
    s_check(waits, TIMES);
}

TEST(test_a_new_nick_that_is_put_off_for_ever) {
    uint64_t waits[TIMES];
    fixture_welcome();
    ck_assert_int_eq(machine_rename(b.machine, "other", b.now), 0);
    s_until("hello");
    for (int i = 0; i < TIMES; i++) {
        fixture_json("{'op':'error','re':%d,'code':'rate-limited','wait':0,'text':''}", fixture_id());
        waits[i] = s_until("hello");
    }
    s_check(waits, TIMES);
}

TEST(test_joins_that_are_answered_with_nonsense) {
    uint64_t waits[TIMES];
    fixture_welcome();
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW, 0, b.now), 0);
    fixture_tick(0);
    fixture_synced();
    s_until("join");
    for (int i = 0; i < TIMES; i++) {
        fixture_json("{'op':'joined','re':%d,'room':'a'}", fixture_id());
        waits[i] = s_until("join");
    }
    s_check(waits, TIMES);
}

TEST(test_presence_that_jumps) {
    uint64_t waits[TIMES];
    fixture_welcome();
    ck_assert_int_eq(machine_join(b.machine, "a", ZRELAY_FROM_NOW | ZRELAY_PRESENCE, 0, b.now), 0);
    fixture_tick(0);
    fixture_synced();
    s_until("join");
    fixture_json("{'op':'joined','re':%d,'room':'a','seq':0,'version':1,'count':1}", fixture_id());
    s_until("who");
    for (int i = 0; i < TIMES; i++) {
        fixture_json("{'op':'who','re':%d,'room':'a','version':1,'users':[],'count':1,'more':false}", fixture_id());
        fixture_presence("a", "{'version':900,'joined':[],'left':[],'count':2}");
        waits[i] = s_until("who");
    }
    s_check(waits, TIMES);
}

/* Each session ends as soon as it began. */
static void s_flap(void (*lose)(void)) {
    fixture_init();
    uint64_t begin = b.now;
    for (int i = 0; i < 60; i++) {
        s_until("hello");
        fixture_json("{'op':'welcome','re':%d,'epoch':'" EPOCH_1
                     "','nick':'me','resume':'t','resumed':false,'back':'tcp://back',"
                     "'heartbeat':5000}",
            fixture_id());
        lose();
    }
    ck_assert_uint_ge(b.now - begin, 60000); /* the waits are random, 5 s on average in the end */
}

static void s_no_session(void) {
    fixture_json("{'op':'error','code':'no-session','text':''}");
}

static void s_expired(void) {
    fixture_json("{'op':'bye','reason':'expired'}");
}

static void s_broken(void) {
    machine_front_down(b.machine, b.now); /* frames came: it stood, though nobody said so */
}

TEST(test_sessions_that_end_at_once) {
    s_flap(s_no_session);
    s_flap(s_expired);
    s_flap(s_broken);
}

TEST(test_the_first_lost_session_is_renewed_at_once) {
    fixture_welcome();
    s_no_session();
    ck_assert_uint_eq(s_until("hello"), 0);
}

TEST(test_a_back_that_ends_at_once) {
    uint64_t waits[TIMES];
    fixture_live_room("a", 5);
    for (int i = 0; i < TIMES; i++) {
        uint64_t begin = b.now;
        b.actions[0] = '\0';
        machine_back_down(b.machine, b.now);
        while (fixture_run(), !strstr(b.actions, "back=")) {
            uint64_t due = machine_due(b.machine);
            fixture_tick(due > b.now ? due - b.now : 1);
            while (*fixture_sent())
                fixture_json("{'op':'pong'}");
        }
        waits[i] = b.now - begin;
    }
    s_check(waits, TIMES);
}

/* Its rooms are looked for once the SUB made anew is synced, and until then there is nothing to do. */
TEST(test_a_prefix_whose_back_ended_waits) {
    fixture_welcome();
    s_prefix("m/*");
    s_until("rooms");
    fixture_json("{'op':'rooms','re':%d,'rooms':[],'more':false}", fixture_id());
    fixture_json("{'op':'pong','list':true}");
    s_until("rooms");
    fixture_json("{'op':'error','re':%d,'code':'forbidden','text':'no'}", fixture_id());
    for (uint64_t end = b.now + LIST_MS - SYNC_MS / 2; b.now < end; fixture_tick(SYNC_MS / 2))
        fixture_json("{'op':'pong'}");
    machine_back_down(b.machine, b.now);
    fixture_tick(RETRY_MS);
    fixture_tick(SYNC_MS / 2);
    ck_assert_uint_gt(machine_due(b.machine), b.now);
    fixture_synced();
    s_until("follow");
}

/* Else the first syncs of the next session would ask a SUB that is gone. */
TEST(test_a_back_that_ends_before_welcome_is_made_anew) {
    fixture_live_room("a", 5);
    fixture_no_session();
    machine_back_down(b.machine, b.now);
    b.actions[0] = '\0';
    fixture_welcome_with(EPOCH_1, true, "");
    fixture_tick(RETRY_MS);
    ck_assert_ptr_nonnull(strstr(b.actions, "back=tcp://back +a0 +~"));
    fixture_synced();
    while (strcmp(fixture_sent(), "join room=a after=5") != 0)
        ck_assert_uint_lt(b.looked, b.sent_count);
}

TEST(test_what_a_lost_back_held_is_told_and_repaired) {
    fixture_live_room("a", 5);
    machine_back_down(b.machine, b.now);
    fixture_tick(RETRY_MS);
    fixture_synced();
    SENT("join room=a after=5");
    fixture_json("{'op':'joined','re':%d,'room':'a','seq':7,'oldest':0,'version':1,'count':1}", fixture_id());
    EVENT("gap a 5");
    SENT("replay room=a after=5");
    fixture_replay_whole("a", 5, 6, 7, false);
    fixture_expect_entries("a", 6, 7);
    EVENT("repaired a 7");
}

TEST(test_epochs_that_change_with_each_frame) {
    fixture_live_room("a", 5);
    size_t pings = 0;
    for (uint64_t end = b.now + 60000; b.now < end;) {
        zr_buffer_t out = {0};
        zr_deliver_begin(&out, zr_span("a"), 0, 0x77, 5);
        zr_deliver_add(&out, &(zr_entry_t){.seq = 6, .sender = zr_span("x")});
        fixture_back(out.data, out.len);
        zr_buffer_finish(&out);
        for (const char *sent; *(sent = fixture_sent());) {
            pings += strcmp(sent, "ping") == 0;
            fixture_json("{'op':'pong','heads':{}}");
        }
        fixture_tick(10);
    }
    ck_assert_uint_le(pings, 30); /* twelve of them are heartbeats */
}

/* Each frame shows a hole, and each replay is refused. */
TEST(test_rooms_of_a_prefix_that_cannot_be_read) {
    fixture_welcome();
    s_prefix("m/*");
    s_until("rooms");
    fixture_json("{'op':'rooms','re':%d,'rooms':[],'more':false}", fixture_id());
    size_t replays = 0;
    for (uint64_t i = 1; i < 100; i++) {
        fixture_live("m/x", 2 * i, 2 * i + 1, 2 * i + 1);
        for (const char *sent; *(sent = fixture_sent());) {
            if (strncmp(sent, "replay", 6) != 0)
                continue;
            replays++;
            fixture_json("{'op':'error','re':%d,'code':'forbidden','text':''}", fixture_id());
        }
    }
    ck_assert_uint_eq(replays, 1);
}

/* A broker that says of each pong that more follow, and that the rooms are to be listed. */
TEST(test_pongs_that_never_have_enough) {
    fixture_welcome();
    s_prefix("m/*");
    size_t pings = 0, lists = 0;
    for (uint64_t end = b.now + 60000; b.now < end; fixture_tick(10)) {
        for (const char *sent; *(sent = fixture_sent());) {
            if (strcmp(sent, "ping") == 0) {
                pings++;
                fixture_json("{'op':'pong','heads':{},'more':true,'list':true}");
            } else if (strncmp(sent, "rooms", 5) == 0) {
                lists++;
                fixture_json("{'op':'rooms','re':%d,'rooms':[],'more':false}", fixture_id());
            }
        }
    }
    ck_assert_uint_le(pings, 60000 / MORE_MS);
    ck_assert_uint_le(lists, pings + 1);
}

TEST(test_heartbeats_are_kept_within_limits) {
    static const struct {
        const char *told;
        uint64_t used;
    } cases[] = {{"1", 100}, {"99", 100}, {"100", 100}, {"101", 101}, {"3600000", 3600000}, {"3600001", 3600000},
        {"9007199254740991", 3600000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_init();
        s_until("hello");
        fixture_json("{'op':'welcome','re':%d,'epoch':'" EPOCH_1
                     "','nick':'me','resume':'t','back':'tcp://back','heartbeat':%s,"
                     "'limits':{'frame':-1,'control':0,'entries':0,'body':-5,'rooms':9223372036854775807,'replays':0,"
                     "'window':-9223372036854775808}}",
            fixture_id(), cases[i].told);
        ck_assert_uint_eq(b.machine->heartbeat, cases[i].used);
        ck_assert_uint_ge(b.machine->limit_replays, 1);
        ck_assert_uint_ge(b.machine->limit_frame, 1024);
        ck_assert_uint_ge(b.machine->limit_entries, 1);
        ck_assert_uint_ge(b.machine->limit_window, 1);
        ck_assert_uint_le(b.machine->limit_rooms, ROOMS_MAX);
    }
}

static void s_values(size_t count) {
    size_t len = 0;
    char *text = malloc(2 * count + 64);
    len += (size_t)sprintf(text, "{\"op\":\"direct\",\"from\":\"x\",\"text\":\",,\",\"a\":[1");
    for (size_t i = 0; i < count; i++, len += 2)
        memcpy(text + len, ",1", 2);
    len += (size_t)sprintf(text + len, "]}");
    machine_front(b.machine, zr_blob_copy(text, len), b.now);
    free(text);
}

/* A broker could else have everything published again, as often as it likes. */
TEST(test_a_welcome_that_answers_no_hello) {
    fixture_welcome();
    while (fixture_sent()[0])
        ;
    fixture_json(
        "{'op':'welcome','proto':1,'re':0,'epoch':'00000000000000aa','nick':'n','resume':'t','back':'tcp://h:1',"
        "'heartbeat':5000}");
    ck_assert_uint_eq(b.machine->malformed, 1);
    ck_assert_str_eq(fixture_sent(), "");
}

TEST(test_control_frames_of_too_many_values_are_not_read) {
    fixture_welcome();
    s_values(CONTROL_VALUES - 3);
    ck_assert_uint_eq(b.machine->malformed, 0);
    s_values(CONTROL_VALUES - 2);
    ck_assert_uint_eq(b.machine->malformed, 1);
}

static void s_text(size_t len) {
    char *text = malloc(len + 64);
    size_t start = (size_t)sprintf(text, "{\"op\":\"direct\",\"from\":\"x\",\"text\":\"");
    memset(text + start, 'x', len - start - 2);
    memcpy(text + len - 2, "\"}", 2);
    machine_front(b.machine, zr_blob_copy(text, len), b.now);
    free(text);
}

TEST(test_control_frames_that_are_too_long_are_not_read) {
    fixture_welcome();
    s_text(CONTROL_MAX);
    ck_assert_uint_eq(b.machine->malformed, 0);
    s_text(CONTROL_MAX + 1);
    ck_assert_uint_eq(b.machine->malformed, 1);
}

TEST(test_what_is_sent_unasked_is_bounded) {
    fixture_live_room("a", 5);
    for (int i = 0; i < 600000; i++)
        fixture_json(i % 2 ? "{'op':'direct','from':'x','text':'0123456789'}"
                           : "{'op':'error','code':'bad-frame','text':'0123456789'}");
    ck_assert_uint_le(b.machine->events.bytes, EVENTS_DROP + 4096);
}

TEST(test_a_back_that_is_refused_is_told_once_and_tried_again_later) {
    const zr_servers_t servers = {.items = {{.endpoint = "tcp://127.0.0.1:5570"}}, .named = 1, .count = 1};
    fixture_init_with((machine_config_t){.servers = &servers, .nick = "me", .reconnect = true});
    int told = 0;
    drains = false;
    uint64_t begin = b.now;
    for (int i = 0; i < 8; i++) {
        s_until("hello");
        fixture_json("{'op':'welcome','re':%d,'epoch':'" EPOCH_1
                     "','nick':'me','resume':'t','back':'inproc://jobs','heartbeat':5000}",
            fixture_id());
        for (const zrelay_event_t *event; (event = machine_event(b.machine));) {
            ck_assert_int_eq(event->type, ZRELAY_DISCONNECTED);
            ck_assert_str_eq(event->code, "back");
            told++;
        }
    }
    ck_assert_int_eq(told, 1);
    ck_assert_uint_ge(b.now - begin, 5000);
    ck_assert_ptr_null(strstr(b.actions, "back="));
}

UNIT_SUITE_WITH("client.lib.machine_hostile", fixture_init, fixture_finish)
