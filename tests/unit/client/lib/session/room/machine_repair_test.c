/* Delivery: gaps, repairs, lost tails, entries lost for good. */
#include "fixture_machine.h"

TEST(test_live_entries_come_in_order) {
    fixture_live_room("a", 5);
    fixture_live("a", 5, 6, 8);
    fixture_live("a", 8, 9, 9);
    fixture_expect_entries("a", 6, 9);
    fixture_quiet();
}

TEST(test_an_entry_has_its_parts) {
    zr_buffer_t out = {0};
    fixture_live_room("a", 5);
    zr_deliver_begin(&out, zr_span("a"), 0, fixture_epoch, 5);
    zr_deliver_add(&out,
        &(zr_entry_t){
            .seq = 6, .time = 77, .flags = 0, .sender = zr_span("ann"), .key = zr_span("k"), .body = zr_span("body")});
    zr_deliver_add(&out,
        &(zr_entry_t){.seq = 9, .time = 78, .flags = ZR_ENTRY_DELETE, .sender = zr_span("bo"), .key = zr_span("k2")});
    fixture_back(out.data, out.len);
    zr_buffer_finish(&out);
    const zrelay_event_t *event = machine_event(b.machine);
    ck_assert_int_eq(event->type, ZRELAY_ENTRY);
    ck_assert_str_eq(event->room, "a");
    ck_assert_str_eq(event->sender, "ann");
    ck_assert_str_eq(event->key, "k");
    ck_assert_mem_eq(event->body, "body", 4);
    ck_assert_uint_eq(event->body_len, 4);
    ck_assert_uint_eq(event->time, 77);
    ck_assert(!event->deleted);
    event = machine_event(b.machine);
    ck_assert_str_eq(event->sender, "bo");
    ck_assert_str_eq(event->key, "k2");
    ck_assert_uint_eq(event->seq, 9);
    ck_assert_uint_eq(event->body_len, 0);
    ck_assert(event->deleted);
    ck_assert(!machine_has_event(b.machine));
    ck_assert_ptr_null(machine_event(b.machine));
}

TEST(test_duplicates_are_dropped) {
    fixture_live_room("a", 5);
    fixture_live("a", 3, 4, 5);
    fixture_live("a", 5, 6, 7);
    fixture_live("a", 5, 6, 7);
    fixture_live("a", 5, 6, 9); /* overlaps: the new part is taken */
    fixture_expect_entries("a", 6, 9);
    fixture_quiet();
}

TEST(test_rooms_not_joined_are_nobodys) {
    fixture_live_room("a", 5);
    fixture_live("ab", 5, 6, 7);
    NO_EVENT();
}

/* A room that begins above 0 is complete for a reader without entries, and not for one that has some by now. */
TEST(test_entries_come_while_the_beginning_is_asked_for) {
    fixture_welcome();
    machine_join(b.machine, "a", ZRELAY_FROM_AFTER, 0, b.now);
    fixture_run();
    fixture_synced();
    SENT("join room=a after=0");
    fixture_joined("a", 14, 14, ",'recovered':true");
    EVENT("joined a 14 1");
    SENT("replay room=a after=0");
    fixture_live("a", 0, 1, 2); /* from before the room was forgotten */
    fixture_expect_entries("a", 1, 2);
    fixture_replayed(14, 0, true, false);
    NO_EVENT();
    fixture_tick(RETRY_MS);
    SENT("replay room=a after=2");
    fixture_replayed(14, 0, false, false);
    EVENTS("lost a 2 14", "");
    fixture_live("a", 14, 15, 15);
    fixture_expect_entries("a", 15, 15);
}

TEST(test_gap_is_replayed_up_to_what_is_here) {
    fixture_live_room("a", 5);
    fixture_live("a", 8, 9, 10);
    EVENT("gap a 5");
    SENT("replay room=a after=5 until=8");
    fixture_live("a", 10, 11, 11); /* goes on meanwhile */
    NO_EVENT();
    fixture_replay_whole("a", 5, 6, 8, false);
    fixture_expect_entries("a", 6, 11);
    EVENTS("repaired a 11", "");
    NOTHING_SENT();
    fixture_live("a", 11, 12, 12);
    fixture_expect_entries("a", 12, 12);
}

TEST(test_gap_within_a_repair) {
    fixture_live_room("a", 5);
    fixture_live("a", 8, 9, 10);
    EVENT("gap a 5");
    SENT("replay room=a after=5 until=8");
    fixture_live("a", 12, 13, 13); /* and another hole */
    fixture_replay_whole("a", 5, 6, 8, false);
    fixture_expect_entries("a", 6, 10);
    NO_EVENT();
    SENT("replay room=a after=10 until=12");
    fixture_replay_whole("a", 10, 11, 12, false);
    fixture_expect_entries("a", 11, 13);
    EVENT("repaired a 13");
}

TEST(test_replay_in_slices) {
    fixture_live_room("a", 0);
    fixture_live("a", 6, 7, 7);
    SENT("replay room=a after=0 until=6");
    fixture_replay_whole("a", 0, 1, 3, true);
    SENT("replay room=a after=3 until=6");
    fixture_replay_whole("a", 3, 4, 6, false);
    EVENT("gap a 0");
    fixture_expect_entries("a", 1, 7);
    EVENT("repaired a 7");
}

TEST(test_frames_beyond_the_buffer_are_replayed) {
    fixture_live_room("a", 0);
    uint64_t last = KEPT_FRAMES + 10;
    for (uint64_t seq = 2; seq <= last; seq++)
        fixture_live("a", seq - 1, seq, seq);
    ck_assert_uint_eq(b.machine->kept.frames, KEPT_FRAMES);
    EVENT("gap a 0");
    SENT("replay room=a after=0 until=1");
    fixture_replay_whole("a", 0, 1, 1, false);
    fixture_expect_entries("a", 1, KEPT_FRAMES + 1);
    ck_assert_uint_eq(b.machine->kept.frames, 0);
    ck_assert_uint_eq(b.machine->kept.bytes, 0);
    NO_EVENT();
    SENT("replay room=a after=1025");
    fixture_live("a", last, last + 1, last + 1);
    fixture_replay("a", KEPT_FRAMES + 1, KEPT_FRAMES + 2, last);
    fixture_replayed(last, last - KEPT_FRAMES - 1, true, false);
    fixture_expect_entries("a", KEPT_FRAMES + 2, last + 1);
    EVENT("repaired a 1035");
    NOTHING_SENT();
}

TEST(test_a_large_frame_does_not_break_the_buffer) {
    char *body = calloc(1, KEPT_BYTES);
    zr_buffer_t out = {0};
    fixture_live_room("a", 5);
    zr_deliver_begin(&out, zr_span("a"), 0, fixture_epoch, 8);
    zr_deliver_add(&out, &(zr_entry_t){.seq = 9, .sender = zr_span("ann"), .body = zr_span_of(body, KEPT_BYTES)});
    fixture_back(out.data, out.len);
    zr_buffer_finish(&out);
    free(body);
    ck_assert_uint_eq(b.machine->kept.frames, 0);
    EVENT("gap a 5");
    SENT("replay room=a after=5");
}

TEST(test_lost_tail_is_replayed_after_a_grace) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'pong','time':1,'heads':{'a':7,'x':9}}");
    NOTHING_SENT();
    ck_assert_uint_eq(machine_due(b.machine), b.now + GRACE_MS);
    fixture_tick(GRACE_MS - 1);
    NOTHING_SENT();
    fixture_tick(1);
    EVENT("gap a 5");
    SENT("replay room=a after=5");
    fixture_replay_whole("a", 5, 6, 7, false);
    fixture_expect_entries("a", 6, 7);
    EVENT("repaired a 7");
    fixture_tick(1000);
    NOTHING_SENT();
}

TEST(test_a_tail_lost_during_a_repair_is_not_forgotten) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'pong','time':1,'heads':{'a':20}}");
    fixture_live("a", 8, 9, 10);
    SENT("replay room=a after=5 until=8");
    fixture_replay_whole("a", 5, 6, 8, false);
    while (*fixture_event()) /* up to 10, which is whole */
        ;
    fixture_tick(GRACE_MS);
    SENT("replay room=a after=10");
}

TEST(test_a_tail_that_comes_within_the_grace_is_not_lost) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'pong','time':1,'heads':{'a':7}}");
    fixture_live("a", 5, 6, 7);
    fixture_expect_entries("a", 6, 7);
    fixture_tick(GRACE_MS + 1);
    fixture_quiet();
}

TEST(test_a_busy_program_is_not_a_loss) {
    fixture_live_room("a", 5);
    fixture_live("a", 5, 6, 6);
    fixture_json("{'op':'pong','time':1,'heads':{'a':7}}");
    fixture_tick(GRACE_MS);
    NOTHING_SENT(); /* 7 may wait in SUB's queue */
    fixture_expect_entries("a", 6, 6);
    NO_EVENT();
    fixture_tick(GRACE_MS);
    SENT("replay room=a after=6");
}

TEST(test_a_head_that_the_log_does_not_have_is_asked_for_once) {
    fixture_live_room("a", 5);
    fixture_json("{'op':'pong','time':1,'heads':{'a':7}}");
    fixture_tick(GRACE_MS);
    SENT("replay room=a after=5");
    fixture_replayed(5, 0, true, false);
    fixture_tick(GRACE_MS);
    fixture_tick(GRACE_MS);
    NOTHING_SENT();
}

TEST(test_incomplete_replay_tells_what_is_lost) {
    fixture_live_room("a", 5);
    fixture_live("a", 11, 12, 12);
    EVENT("gap a 5");
    SENT("replay room=a after=5 until=11");
    fixture_replay("a", 8, 9, 11);
    NO_EVENT(); /* only `replayed` says whether it is lost */
    fixture_replayed(11, 3, false, false);
    EVENT("lost a 5 8");
    fixture_expect_entries("a", 9, 12);
    EVENTS("repaired a 12", "");
}

/* A room need not begin at 1: entries from before it was forgotten are no loss for a reader without entries of it. */
TEST(test_a_room_that_begins_late) {
    fixture_live_room("a", 0);
    fixture_live("a", 8, 9, 9);
    EVENT("gap a 0");
    SENT("replay room=a after=0 until=8");
    fixture_replayed(8, 0, true, false);
    fixture_expect_entries("a", 9, 9);
    EVENTS("repaired a 9", "");
    NOTHING_SENT();

    fixture_init();
    fixture_live_room("a", 0);
    fixture_live("a", 11, 12, 12);
    EVENT("gap a 0");
    SENT("replay room=a after=0 until=11");
    fixture_replay("a", 8, 9, 10);
    fixture_replay("a", 10, 11, 11);
    fixture_replayed(11, 3, true, false);
    fixture_expect_entries("a", 9, 12);
    EVENTS("repaired a 12", "");
}

/* A slice after 0 of which a frame fell out, or that has one of another slice, says nothing of where the room begins.
 */
TEST(test_a_room_that_only_seems_to_begin_late) {
    static const struct {
        uint64_t prev, first, last;
    } frames[][2] = {{{8, 9, 10}, {11, 12, 12}}, {{8, 9, 10}, {10, 11, 12}}};
    for (size_t i = 0; i < 2; i++) {
        fixture_init();
        fixture_live_room("a", 0);
        fixture_live("a", 12, 13, 13);
        EVENT("gap a 0");
        SENT("replay room=a after=0 until=12");
        for (size_t j = 0; j < 2; j++)
            fixture_replay("a", frames[i][j].prev, frames[i][j].first, frames[i][j].last);
        fixture_replayed(12, 3, true, false);
        NO_EVENT();
        fixture_tick(1000);
        SENT("replay room=a after=0 until=12");
    }
}

TEST(test_everything_forgotten) {
    fixture_live_room("a", 5);
    fixture_live("a", 11, 12, 12);
    EVENT("gap a 5");
    SENT("replay room=a after=5 until=11");
    fixture_replayed(11, 0, false, false);
    EVENT("lost a 5 11");
    fixture_expect_entries("a", 12, 12);
    EVENT("repaired a 12");
}

TEST(test_frames_of_an_earlier_replay_are_no_loss) {
    fixture_live_room("a", 5);
    fixture_live("a", 11, 12, 12);
    SENT("replay room=a after=5 until=11");
    fixture_replay("a", 8, 9, 11);
    fixture_replayed(11, 6, true, false); /* yet all six were sent: these were not */
    EVENTS("gap a 5", "");
    NOTHING_SENT();
    fixture_tick(RETRY_MS);
    SENT("replay room=a after=5 until=11");
    fixture_replay_whole("a", 5, 6, 11, false);
    fixture_expect_entries("a", 6, 12);
    EVENT("repaired a 12");
}

TEST(test_a_hole_that_no_replay_fills_is_lost_at_last) {
    fixture_live_room("a", 5);
    fixture_live("a", 8, 9, 9);
    EVENT("gap a 5");
    for (int i = 0; i < STUCK_MAX; i++) {
        SENT("replay room=a after=5 until=8");
        fixture_replayed(5, 0, true, false);
        NOTHING_SENT();
        fixture_tick(RETRY_MS << i);
    }
    EVENT("lost a 5 8");
    fixture_expect_entries("a", 9, 9);
    EVENT("repaired a 9");
    NOTHING_SENT();
}

TEST(test_too_many_replays_is_asked_again) {
    fixture_live_room("a", 5);
    fixture_live("a", 8, 9, 9);
    SENT("replay room=a after=5 until=8");
    fixture_json("{'op':'error','re':%d,'code':'too-many-replays','text':''}", fixture_id());
    NOTHING_SENT();
    ck_assert_uint_eq(machine_due(b.machine), b.now + RETRY_MS);
    fixture_tick(RETRY_MS);
    SENT("replay room=a after=5 until=8");
}

TEST(test_as_many_replays_as_the_broker_allows) {
    const char *rooms[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++)
        machine_join(b.machine, rooms[i], ZRELAY_FROM_AFTER, 0, b.now);
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'replays':2}");
    fixture_synced();
    size_t joins = b.looked;
    for (size_t i = 0; i < 3; i++) {
        b.looked = joins + i;
        fixture_sent();
        fixture_joined(rooms[i], 4, 0, ",'recovered':true");
    }
    b.looked = joins + 3;
    SENT("replay room=a after=0");
    int id = fixture_id();
    SENTS("replay room=b after=0", "");
    fixture_replay("a", 0, 1, 4);
    fixture_json("{'op':'replayed','re':%d,'seq':4,'count':4,'complete':true,'more':false}", id);
    SENT("replay room=c after=0");
}

TEST(test_replay_waits_for_a_program_that_is_behind) {
    char *body = calloc(1, 1 << 20);
    fixture_live_room("a", 0);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        zr_buffer_t out = {0};
        zr_deliver_begin(&out, zr_span("a"), 0, fixture_epoch, seq - 1);
        zr_deliver_add(&out, &(zr_entry_t){.seq = seq, .sender = zr_span("ann"), .body = zr_span_of(body, 1 << 20)});
        fixture_back(out.data, out.len);
        zr_buffer_finish(&out);
    }
    free(body);
    fixture_live("a", 7, 8, 8);
    NOTHING_SENT();
    fixture_expect_entries("a", 1, 3);
    SENT("replay room=a after=5 until=7");
}

TEST(test_private_rooms_come_by_dealer) {
    fixture_live_room("a", 5);
    machine_front(b.machine, fixture_entries("a", 0, 5, 6, 6), b.now);
    fixture_expect_entries("a", 6, 6);
    machine_front(b.machine, fixture_entries("a", 0, 8, 9, 9), b.now);
    EVENT("gap a 6");
}

/* The answer of a log that has 1 … head, at most `slice` entries at a time. */
static void s_answer_replay(const char *asked, uint64_t head, uint64_t slice) {
    unsigned long after, until = 0;
    if (sscanf(asked, "replay room=a after=%lu until=%lu", &after, &until) < 1)
        return;
    uint64_t to = until ? until : head, last = to > after + slice ? after + slice : to;
    if (last > after)
        fixture_replay("a", after, after + 1, last);
    fixture_replayed(last, last - after, true, last < to);
}

/* Every third frame is dropped on SUB, replays come in small slices, and publishing goes on all the time. The program
 * still gets every entry, in order. */
TEST(test_converges_while_publishing_goes_on) {
    enum { ROUNDS = 400, PER_ROUND = 20, SLICE = 40, QUIET = 100 };
    uint64_t head = 0, expected = 1;
    fixture_live_room("a", 0);
    for (int round = 0; round < ROUNDS + QUIET; round++) {
        for (int i = 0; i < PER_ROUND && round < ROUNDS; i++, head++)
            if (head % 3 != 1)
                fixture_live("a", head, head + 1, head + 1);
        while (b.looked < b.sent_count)
            s_answer_replay(fixture_sent(), head, SLICE);
        if (round % 10 == 0)
            fixture_json("{'op':'pong','heads':{'a':%" PRIu64 "}}", head);
        for (const zrelay_event_t *event; (event = machine_event(b.machine));) {
            ck_assert_int_ne(event->type, ZRELAY_LOST);
            if (event->type == ZRELAY_ENTRY)
                ck_assert_uint_eq(event->seq, expected++);
        }
        fixture_tick(50);
    }
    ck_assert_uint_eq(expected, head + 1);
}

/* --- By DEALER and by SUB --- */

TEST(test_a_room_changes_its_way) {
    fixture_live_room("a", 5);
    fixture_live("a", 5, 6, 6);
    fixture_live_front("a", 6, 7, 8);
    fixture_live("a", 7, 8, 8); /* both ways, as it changes */
    fixture_live_front("a", 8, 9, 9);
    fixture_live("a", 9, 10, 10);
    fixture_expect_entries("a", 6, 10);
    fixture_quiet();
}

/* The new way was faster: one replay, of which the program need not hear. */
TEST(test_frames_of_two_ways_cross) {
    fixture_live_room("a", 5);
    fixture_live_front("a", 6, 7, 7);
    SENT("replay room=a after=5 until=6");
    fixture_live("a", 5, 6, 6);
    fixture_replay_whole("a", 5, 6, 6, false);
    fixture_expect_entries("a", 6, 7);
    fixture_quiet();
    /* On one way it is a gap like any other. */
    fixture_live_front("a", 7, 8, 8);
    fixture_expect_entries("a", 8, 8);
    fixture_live_front("a", 9, 10, 10);
    EVENT("gap a 8");
}

TEST(test_a_replay_too_often_is_asked_again) {
    fixture_live_room("a", 5);
    fixture_live("a", 6, 7, 7);
    EVENT("gap a 5");
    SENT("replay room=a after=5 until=6");
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','text':'slow'}", fixture_id());
    fixture_tick(RETRY_MS - 1);
    NOTHING_SENT();
    fixture_tick(1);
    SENT("replay room=a after=5 until=6");
    /* Of a room that was left meanwhile it is not. */
    machine_leave(b.machine, "a", b.now);
    NOTHING_SENT(); /* one at a time now */
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','text':'slow'}", fixture_id());
    fixture_tick(RETRY_MS);
    SENTS("leave room=a", "");
}

UNIT_SUITE_WITH("client.lib.machine_repair", fixture_init, fixture_finish)
