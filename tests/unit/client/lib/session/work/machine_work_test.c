/* A worker of a group: asked for in each session, what the program said sent again until it is answered. */
#include "fixture_machine.h"
#include "machine_ask.h"
#include "machine_worker.h"

static uint32_t worker;

static void s_begin(const char *options) {
    ck_assert_int_eq(machine_work(b.machine, "r", "g", 5, options, &worker), 0);
    SENT("work room=r group=g worker=1 credit=5");
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':true,'held':0,'time':30000}",
        fixture_id());
    EVENT("working 1 r g");
}

static void s_handed_out(uint16_t deliveries, uint64_t first, uint64_t last) {
    zr_buffer_t out = {0};
    zr_work_begin(&out, 1, deliveries, zr_span("r"), fixture_epoch, first - 1);
    for (uint64_t seq = first; seq <= last; seq++)
        zr_deliver_add(&out, &(zr_entry_t){.seq = seq, .time = 7, .sender = zr_span("ann"), .body = zr_span("x")});
    fixture_front(out.data, out.len);
    zr_buffer_finish(&out);
}

/* The next SETTLE that was sent, as "VERB MS: FIRST-LAST …"; its number goes to `*number`. */
static const char *s_settle(uint64_t *number) {
    static char text[1000];
    zr_settle_t settle;
    zr_range_t range;
    fixture_run();
    ck_assert_uint_lt(b.looked, b.sent_count);
    ck_assert(zr_settle_read(&settle, fixture_span(b.sent[b.looked++])));
    ck_assert_uint_eq(settle.worker, 1);
    *number = settle.number;
    int at = sprintf(text, "%d %u:", settle.verb, settle.ms);
    while (zr_settle_next(&settle, &range))
        at += sprintf(text + at, " %" PRIu64 "-%" PRIu64, range.first, range.last);
    return text;
}

static void s_settled(uint64_t number, uint32_t count, zr_became_t became, uint64_t seq) {
    zr_buffer_t out = {0};
    zr_settled_begin(&out, 1, number);
    if (seq)
        zr_settled_add(&out, became, (zr_range_t){seq, seq});
    zr_settled_end(&out, ZR_LEVEL_DISK, count);
    fixture_front(out.data, out.len);
    zr_buffer_finish(&out);
}

TEST(test_entries_are_handed_out_and_settled_together) {
    uint64_t number;
    s_begin(NULL);
    s_handed_out(1, 4, 7);
    EVENTS("work 1 r 4 x1", "work 1 r 5 x1", "work 1 r 6 x1", "work 1 r 7 x1");
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 4, 0);
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 5, 0);
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 7, 0);
    machine_settle(b.machine, worker, ZR_SETTLE_RETRY, 6, 250);
    ck_assert_str_eq(s_settle(&number), "1 0: 4-5 7-7");
    s_settled(number, 2, ZR_BECAME_TAKEN, 7);
    EVENTS("unsettled 1 7-7 taken", "settled 1 4-7 2 2");
    ck_assert_str_eq(s_settle(&number), "2 250: 6-6");
    s_settled(number, 1, ZR_BECAME_HELD, 0);
    EVENTS("settled 1 6-6 1 2", "");
}

TEST(test_what_was_said_is_sent_again_after_a_loss) {
    uint64_t number, again;
    s_begin(NULL);
    s_handed_out(1, 1, 3);
    EVENTS("work 1 r 1 x1", "work 1 r 2 x1", "work 1 r 3 x1");
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 1, 0);
    s_settle(&number);
    fixture_reconnect(EPOCH_1, true, "");
    EVENT("disconnected the broker does not know the session any more");
    ck_assert_int_eq(strncmp(fixture_event(), "connected", 9), 0);
    SENT("work room=r group=g worker=1 credit=0"); /* new entries on their way would be given back too */
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':false,'held':4}", fixture_id());
    ck_assert_str_eq(s_settle(&again), "1 0: 1-1");
    ck_assert_uint_eq(again, number);
    ck_assert_str_eq(s_settle(&number), "5 0: 1-1 4-9007199254740991"); /* all that the program does not have */
    SENT("work room=r group=g worker=1 credit=5");
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':false,'held':9}", fixture_id());
    s_settled(again, 1, ZR_BECAME_HELD, 0);
    s_settled(number, 1, ZR_BECAME_HELD, 0);
    EVENTS("settled 1 1-1 1 2", "");
}

TEST(test_a_reject_has_a_reason) {
    uint64_t number;
    zr_settle_t settle;
    char reason[ZR_SETTLE_REASON_MAX + 2] = {0};
    s_begin(NULL);
    machine_reject(b.machine, worker, 1, "no card");
    machine_reject(b.machine, worker, 2, "no card");
    machine_reject(b.machine, worker, 3, NULL);
    ck_assert_str_eq(s_settle(&number), "3 0: 1-2");
    ck_assert(zr_settle_read(&settle, fixture_span(b.sent[b.looked - 1])));
    ck_assert_span_eq(settle.reason, LIT("no card"));
    ck_assert_str_eq(s_settle(&number), "3 0: 3-3");
    memset(reason, 'x', ZR_SETTLE_REASON_MAX + 1);
    ck_assert_int_eq(machine_reject(b.machine, worker, 4, reason), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_reject(b.machine, worker, 4, "\xff"), ZRELAY_EINVAL);
    reason[ZR_SETTLE_REASON_MAX] = 0;
    ck_assert_int_eq(machine_reject(b.machine, worker, 4, reason), 0);
}

TEST(test_a_group_that_lost_entries) {
    s_begin(NULL);
    fixture_json("{'op':'lost','worker':1,'room':'r','group':'g','count':3}");
    EVENTS("lost 1 r g 3", "");
    fixture_json("{'op':'lost','worker':2,'room':'r','group':'g','count':3}");
    fixture_json("{'op':'lost','worker':1,'room':'r','group':'g','count':0}");
    fixture_json("{'op':'lost'}");
    EVENTS("");
}

TEST(test_a_full_disk_of_the_broker) {
    uint64_t number, again;
    s_begin(NULL);
    machine_settle(b.machine, worker, ZR_SETTLE_REJECT, 1, 0);
    ck_assert_str_eq(s_settle(&number), "3 0: 1-1");
    fixture_json("{'op':'error','code':'store-failed','text':'','worker':1,'settle':%d}", (int)number);
    NOTHING_SENT();
    fixture_tick(1000);
    ck_assert_str_eq(s_settle(&again), "3 0: 1-1");
    ck_assert_uint_eq(again, number);
}

TEST(test_a_worker_that_is_refused_or_dismissed) {
    machine_work(b.machine, "r", "g", 5, "{\"time\":400}", &worker);
    SENT("work room=r time=400 group=g worker=1 credit=5");
    fixture_json("{'op':'error','re':%d,'code':'too-many-groups','text':''}", fixture_id());
    EVENTS("refused too-many-groups r mid=0-0 request=0 seq=0", "");
    ck_assert_int_eq(machine_settle(b.machine, worker, ZR_SETTLE_DONE, 1, 0), ZRELAY_EINVAL);
    machine_work(b.machine, "r", "g", 5, NULL, &worker);
    SENT("work room=r group=g worker=2 credit=5");
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':2,'created':true,'held':0}", fixture_id());
    EVENT("working 2 r g");
    fixture_json("{'op':'dismissed','worker':2,'room':'r','group':'g','reason':'deleted'}");
    EVENTS("dismissed 2 r g deleted", "");
    ck_assert_int_eq(machine_unwork(b.machine, worker), ZRELAY_EINVAL);
}

TEST(test_a_worker_that_ends_before_the_broker_answered) {
    s_begin(NULL);
    uint32_t other;
    machine_work(b.machine, "r", "h", 1, NULL, &other);
    SENT("work room=r group=h worker=2 credit=1");
    machine_unwork(b.machine, other);
    NOTHING_SENT();
    fixture_json("{'op':'working','re':%d,'room':'r','group':'h','worker':2,'created':true,'held':0}", fixture_id());
    SENT("unwork worker=2");
    fixture_json("{'op':'error','code':'no-group','text':''}"); /* it was dismissed before */
    EVENTS("");
}

TEST(test_closing_waits_for_what_was_said) {
    uint64_t number;
    s_begin(NULL);
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 1, 0);
    machine_close(b.machine, b.now);
    ck_assert_str_eq(s_settle(&number), "1 0: 1-1");
    NOTHING_SENT();
    s_settled(number, 1, ZR_BECAME_HELD, 0);
    SENT("unwork worker=1");
    SENT("bye");
}

TEST(test_another_epoch_voids_what_was_said) {
    uint64_t number;
    s_begin(NULL);
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 1, 0);
    s_settle(&number);
    fixture_reconnect(EPOCH_2, false, "");
    SENT("work room=r group=g worker=1 credit=5");
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':true,'held':0}", fixture_id());
    NOTHING_SENT();
}

TEST(test_what_is_said_of_a_lost_log_has_no_effect) {
    uint64_t number;
    s_begin(NULL);
    s_handed_out(1, 4, 6);
    EVENTS("work 1 r 4 x1", "work 1 r 5 x1", "work 1 r 6 x1");
    fixture_reconnect(EPOCH_2, false, "");
    SENT("work room=r group=g worker=1 credit=5");
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':true,'held':0}", fixture_id());
    machine_settle(b.machine, worker, ZR_SETTLE_EXTEND, 4, 1000);
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 4, 0);
    s_handed_out(1, 5, 6); /* other entries; the program has not seen them yet */
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 5, 0);
    NOTHING_SENT();
    EVENT("disconnected the broker does not know the session any more");
    ck_assert_int_eq(strncmp(fixture_event(), "connected", 9), 0);
    ck_assert_int_eq(strncmp(fixture_event(), "epoch", 5), 0);
    EVENTS("work 1 r 5 x1", "work 1 r 6 x1");
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 5, 0);
    machine_settle(b.machine, worker, ZR_SETTLE_DONE, 6, 0);
    ck_assert_str_eq(s_settle(&number), "1 0: 5-6");
}

TEST(test_frames_that_make_no_sense) {
    s_begin(NULL);
    fixture_front("\4\0\0\0\1\0\1r\0\1\4", 11);
    fixture_front("\4\0\0\0\2\0\1", 7);
    fixture_front("\6\0\0", 3);
    s_settled(77, 1, ZR_BECAME_HELD, 0);
    fixture_json("{'op':'dismissed','worker':'x'}");
    fixture_json("{'op':'dismissed'}");
    EVENT("");
    ck_assert_uint_eq(b.machine->malformed, 2);
}

TEST(test_wrong_wishes) {
    ck_assert_int_eq(machine_work(b.machine, "*", "g", 1, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_work(b.machine, "r", "a b", 1, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_work(b.machine, "r", "g", 1, "[]", NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_work(b.machine, "r", "g", 1ULL << 53, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_group(b.machine, "r", "g", "dance", NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_group(b.machine, "r", "g", "set", "x", NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_groups(b.machine, " ", NULL), ZRELAY_EINVAL);
    s_begin(NULL);
    ck_assert_int_eq(machine_settle(b.machine, worker, ZR_SETTLE_EXTEND, 1, ZR_SETTLE_MS_MAX + 1ULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_settle(b.machine, 9, ZR_SETTLE_DONE, 1, 0), ZRELAY_EINVAL);
}

TEST(test_groups_in_pages_and_changes) {
    uint64_t number;
    machine_groups(b.machine, NULL, &number);
    SENT("groups");
    fixture_json("{'op':'groups','re':%d,'groups':[{'room':'a','group':'g'}],'more':true,'next':'a'}", fixture_id());
    SENT("groups after=a");
    fixture_json("{'op':'groups','re':%d,'groups':[{'room':'b','group':'h'}],'more':false}", fixture_id());
    EVENTS("group a g for 1", "group b h for 1", "done 1 count=2 seq=0 complete", "");
    machine_group(b.machine, "a", "g", "seek", "{\"after\":7}", &number);
    SENT("group room=a after=7 group=g do=seek");
    fixture_json("{'op':'ok','re':%d,'room':'a','group':'g'}", fixture_id());
    EVENT("done 2 count=0 seq=0 complete");
}

static void s_live(void) {
    fixture_init();
    fixture_welcome();
    while (*fixture_event())
        ;
}

/* On one connection no frame is lost. Frames with new entries may be on their way when the answer comes. */
TEST(test_another_credit_gives_nothing_back) {
    s_begin(NULL);
    s_handed_out(1, 1, 3);
    EVENTS("work 1 r 1 x1", "work 1 r 2 x1", "work 1 r 3 x1");
    machine_credit(b.machine, worker, 9);
    SENT("work room=r group=g worker=1 credit=9");
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':false,'held':3}", fixture_id());
    NOTHING_SENT();
}

TEST(test_another_credit_while_the_answer_is_on_its_way) {
    machine_work(b.machine, "r", "g", 5, NULL, &worker);
    SENT("work room=r group=g worker=1 credit=5");
    int id = fixture_id();
    machine_credit(b.machine, worker, 9);
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':true,'held':0}", id);
    SENT("work room=r group=g worker=1 credit=9");
}

/* A SETTLE has room for so many gaps only: what lies beyond comes in the next one. */
TEST(test_many_gaps_are_given_back_in_pieces) {
    enum { HELD = ZR_SETTLE_RANGES + 10 };
    machine_work(b.machine, "r", "g", 10000, NULL, &worker);
    SENT("work room=r group=g worker=1 credit=10000");
    fixture_json("{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':true,'held':0}", fixture_id());
    for (uint64_t i = 1; i <= HELD; i++)
        s_handed_out(1, 2 * i, 2 * i);
    while (*fixture_event())
        ;
    fixture_reconnect(EPOCH_1, true, "");
    SENT("work room=r group=g worker=1 credit=0");
    fixture_json(
        "{'op':'working','re':%d,'room':'r','group':'g','worker':1,'created':false,'held':%d}", fixture_id(), HELD + 1);
    fixture_run();
    zr_settle_t settle;
    zr_range_t range;
    size_t ranges = 0;
    for (; ranges <= HELD && b.looked < b.sent_count; b.looked++) {
        ck_assert(zr_settle_read(&settle, fixture_span(b.sent[b.looked])));
        ck_assert_int_eq(settle.verb, ZR_SETTLE_RETURN);
        while (zr_settle_next(&settle, &range)) {
            ck_assert_uint_eq(range.first, 2 * ranges + 1);
            ck_assert_uint_eq(range.last, ranges < HELD ? 2 * ranges + 1 : ZR_INT_MAX);
            ranges++;
        }
    }
    ck_assert_uint_eq(ranges, HELD + 1);
}

UNIT_SUITE_WITH("client.lib.session.work.machine_work", s_live, fixture_finish)
