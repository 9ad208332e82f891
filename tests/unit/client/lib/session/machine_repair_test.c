/* Delivery: gaps, repairs, lost tails, entries lost for good. */
#include "fixture_machine.h"

static fixture_t b;

START_TEST(test_live_entries_come_in_order) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 5, 6, 8);
    fixture_live(&b, "a", 8, 9, 9);
    fixture_expect_entries(&b, "a", 6, 9);
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_an_entry_has_its_parts) {
    zr_buffer_t out = {0};
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    zr_deliver_begin(&out, zr_span("a"), 0, fixture_epoch, 5);
    zr_deliver_add(&out,
        &(zr_entry_t){
            .seq = 6, .time = 77, .flags = 0, .sender = zr_span("ann"), .key = zr_span("k"), .body = zr_span("body")});
    zr_deliver_add(&out,
        &(zr_entry_t){.seq = 9, .time = 78, .flags = ZR_ENTRY_DELETE, .sender = zr_span("bo"), .key = zr_span("k2")});
    fixture_back(&b, out.data, out.len);
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
    fixture_finish(&b);
}
END_TEST

START_TEST(test_duplicates_are_dropped) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 3, 4, 5);
    fixture_live(&b, "a", 5, 6, 7);
    fixture_live(&b, "a", 5, 6, 7);
    fixture_live(&b, "a", 5, 6, 9); /* overlaps: the new part is taken */
    fixture_expect_entries(&b, "a", 6, 9);
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_rooms_not_joined_are_nobodys) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "ab", 5, 6, 7);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

/* A room that begins above 0 is complete for a reader without entries, and not for one that has some by now. */
START_TEST(test_entries_come_while_the_beginning_is_asked_for) {
    fixture_init(&b);
    fixture_welcome(&b);
    machine_join(b.machine, "a", ZRELAY_FROM_AFTER, 0, b.now);
    fixture_run(&b);
    fixture_synced(&b);
    SENT(&b, "join room=a after=0");
    fixture_joined(&b, "a", 14, 14, ",'recovered':true");
    EVENT(&b, "joined a 14 1");
    SENT(&b, "replay room=a after=0");
    fixture_live(&b, "a", 0, 1, 2); /* from before the room was forgotten */
    fixture_expect_entries(&b, "a", 1, 2);
    fixture_replayed(&b, 14, 0, true, false);
    NO_EVENT(&b);
    fixture_tick(&b, RETRY_MS);
    SENT(&b, "replay room=a after=2");
    fixture_replayed(&b, 14, 0, false, false);
    EVENT(&b, "lost a 2 14");
    NO_EVENT(&b);
    fixture_live(&b, "a", 14, 15, 15);
    fixture_expect_entries(&b, "a", 15, 15);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_gap_is_replayed_up_to_what_is_here) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 8, 9, 10);
    EVENT(&b, "gap a 5");
    SENT(&b, "replay room=a after=5 until=8");
    fixture_live(&b, "a", 10, 11, 11); /* goes on meanwhile */
    NO_EVENT(&b);
    fixture_replay(&b, "a", 5, 6, 8);
    fixture_replayed(&b, 8, 3, true, false);
    fixture_expect_entries(&b, "a", 6, 11);
    EVENT(&b, "repaired a 11");
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_live(&b, "a", 11, 12, 12);
    fixture_expect_entries(&b, "a", 12, 12);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_gap_within_a_repair) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 8, 9, 10);
    EVENT(&b, "gap a 5");
    SENT(&b, "replay room=a after=5 until=8");
    fixture_live(&b, "a", 12, 13, 13); /* and another hole */
    fixture_replay(&b, "a", 5, 6, 8);
    fixture_replayed(&b, 8, 3, true, false);
    fixture_expect_entries(&b, "a", 6, 10);
    NO_EVENT(&b);
    SENT(&b, "replay room=a after=10 until=12");
    fixture_replay(&b, "a", 10, 11, 12);
    fixture_replayed(&b, 12, 2, true, false);
    fixture_expect_entries(&b, "a", 11, 13);
    EVENT(&b, "repaired a 13");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_replay_in_slices) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 0);
    fixture_live(&b, "a", 6, 7, 7);
    SENT(&b, "replay room=a after=0 until=6");
    fixture_replay(&b, "a", 0, 1, 3);
    fixture_replayed(&b, 3, 3, true, true);
    SENT(&b, "replay room=a after=3 until=6");
    fixture_replay(&b, "a", 3, 4, 6);
    fixture_replayed(&b, 6, 3, true, false);
    EVENT(&b, "gap a 0");
    fixture_expect_entries(&b, "a", 1, 7);
    EVENT(&b, "repaired a 7");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_frames_beyond_the_buffer_are_replayed) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 0);
    uint64_t last = KEPT_FRAMES + 10;
    for (uint64_t seq = 2; seq <= last; seq++)
        fixture_live(&b, "a", seq - 1, seq, seq);
    ck_assert_uint_eq(b.machine->kept.frames, KEPT_FRAMES);
    EVENT(&b, "gap a 0");
    SENT(&b, "replay room=a after=0 until=1");
    fixture_replay(&b, "a", 0, 1, 1);
    fixture_replayed(&b, 1, 1, true, false);
    fixture_expect_entries(&b, "a", 1, KEPT_FRAMES + 1);
    ck_assert_uint_eq(b.machine->kept.frames, 0);
    ck_assert_uint_eq(b.machine->kept.bytes, 0);
    NO_EVENT(&b);
    SENT(&b, "replay room=a after=1025");
    fixture_live(&b, "a", last, last + 1, last + 1);
    fixture_replay(&b, "a", KEPT_FRAMES + 1, KEPT_FRAMES + 2, last);
    fixture_replayed(&b, last, last - KEPT_FRAMES - 1, true, false);
    fixture_expect_entries(&b, "a", KEPT_FRAMES + 2, last + 1);
    EVENT(&b, "repaired a 1035");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_large_frame_does_not_break_the_buffer) {
    char *body = calloc(1, KEPT_BYTES);
    zr_buffer_t out = {0};
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    zr_deliver_begin(&out, zr_span("a"), 0, fixture_epoch, 8);
    zr_deliver_add(&out, &(zr_entry_t){.seq = 9, .sender = zr_span("ann"), .body = zr_span_of(body, KEPT_BYTES)});
    fixture_back(&b, out.data, out.len);
    zr_buffer_finish(&out);
    free(body);
    ck_assert_uint_eq(b.machine->kept.frames, 0);
    EVENT(&b, "gap a 5");
    SENT(&b, "replay room=a after=5");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_lost_tail_is_replayed_after_a_grace) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_json(&b, "{'op':'pong','time':1,'heads':{'a':7,'x':9}}");
    NOTHING_SENT(&b);
    ck_assert_uint_eq(machine_due(b.machine), b.now + GRACE_MS);
    fixture_tick(&b, GRACE_MS - 1);
    NOTHING_SENT(&b);
    fixture_tick(&b, 1);
    EVENT(&b, "gap a 5");
    SENT(&b, "replay room=a after=5");
    fixture_replay(&b, "a", 5, 6, 7);
    fixture_replayed(&b, 7, 2, true, false);
    fixture_expect_entries(&b, "a", 6, 7);
    EVENT(&b, "repaired a 7");
    fixture_tick(&b, 1000);
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_tail_lost_during_a_repair_is_not_forgotten) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_json(&b, "{'op':'pong','time':1,'heads':{'a':20}}");
    fixture_live(&b, "a", 8, 9, 10);
    SENT(&b, "replay room=a after=5 until=8");
    fixture_replay(&b, "a", 5, 6, 8);
    fixture_replayed(&b, 8, 3, true, false);
    while (*fixture_event(&b)) /* up to 10, which is whole */
        ;
    fixture_tick(&b, GRACE_MS);
    SENT(&b, "replay room=a after=10");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_tail_that_comes_within_the_grace_is_not_lost) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_json(&b, "{'op':'pong','time':1,'heads':{'a':7}}");
    fixture_live(&b, "a", 5, 6, 7);
    fixture_expect_entries(&b, "a", 6, 7);
    fixture_tick(&b, GRACE_MS + 1);
    NOTHING_SENT(&b);
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_busy_program_is_not_a_loss) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 5, 6, 6);
    fixture_json(&b, "{'op':'pong','time':1,'heads':{'a':7}}");
    fixture_tick(&b, GRACE_MS);
    NOTHING_SENT(&b); /* 7 may wait in SUB's queue */
    fixture_expect_entries(&b, "a", 6, 6);
    NO_EVENT(&b);
    fixture_tick(&b, GRACE_MS);
    SENT(&b, "replay room=a after=6");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_head_that_the_log_does_not_have_is_asked_for_once) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_json(&b, "{'op':'pong','time':1,'heads':{'a':7}}");
    fixture_tick(&b, GRACE_MS);
    SENT(&b, "replay room=a after=5");
    fixture_replayed(&b, 5, 0, true, false);
    fixture_tick(&b, GRACE_MS);
    fixture_tick(&b, GRACE_MS);
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_incomplete_replay_tells_what_is_lost) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 11, 12, 12);
    EVENT(&b, "gap a 5");
    SENT(&b, "replay room=a after=5 until=11");
    fixture_replay(&b, "a", 8, 9, 11);
    NO_EVENT(&b); /* only `replayed` says whether it is lost */
    fixture_replayed(&b, 11, 3, false, false);
    EVENT(&b, "lost a 5 8");
    fixture_expect_entries(&b, "a", 9, 12);
    EVENT(&b, "repaired a 12");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

/* A room need not begin at 1: entries from before it was forgotten are no loss for a reader without entries of it. */
START_TEST(test_a_room_that_begins_late) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 0);
    fixture_live(&b, "a", 8, 9, 9);
    EVENT(&b, "gap a 0");
    SENT(&b, "replay room=a after=0 until=8");
    fixture_replayed(&b, 8, 0, true, false);
    fixture_expect_entries(&b, "a", 9, 9);
    EVENT(&b, "repaired a 9");
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_finish(&b);

    fixture_init(&b);
    fixture_live_room(&b, "a", 0);
    fixture_live(&b, "a", 11, 12, 12);
    EVENT(&b, "gap a 0");
    SENT(&b, "replay room=a after=0 until=11");
    fixture_replay(&b, "a", 8, 9, 10);
    fixture_replay(&b, "a", 10, 11, 11);
    fixture_replayed(&b, 11, 3, true, false);
    fixture_expect_entries(&b, "a", 9, 12);
    EVENT(&b, "repaired a 12");
    NO_EVENT(&b);
    fixture_finish(&b);
}
END_TEST

/* A slice after 0 of which a frame fell out, or that has one of another slice, says nothing of where the room begins.
 */
START_TEST(test_a_room_that_only_seems_to_begin_late) {
    static const struct {
        uint64_t prev, first, last;
    } frames[][2] = {{{8, 9, 10}, {11, 12, 12}}, {{8, 9, 10}, {10, 11, 12}}};
    for (size_t i = 0; i < 2; i++) {
        fixture_init(&b);
        fixture_live_room(&b, "a", 0);
        fixture_live(&b, "a", 12, 13, 13);
        EVENT(&b, "gap a 0");
        SENT(&b, "replay room=a after=0 until=12");
        for (size_t j = 0; j < 2; j++)
            fixture_replay(&b, "a", frames[i][j].prev, frames[i][j].first, frames[i][j].last);
        fixture_replayed(&b, 12, 3, true, false);
        NO_EVENT(&b);
        fixture_tick(&b, 1000);
        SENT(&b, "replay room=a after=0 until=12");
        fixture_finish(&b);
    }
}
END_TEST

START_TEST(test_everything_forgotten) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 11, 12, 12);
    EVENT(&b, "gap a 5");
    SENT(&b, "replay room=a after=5 until=11");
    fixture_replayed(&b, 11, 0, false, false);
    EVENT(&b, "lost a 5 11");
    fixture_expect_entries(&b, "a", 12, 12);
    EVENT(&b, "repaired a 12");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_frames_of_an_earlier_replay_are_no_loss) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 11, 12, 12);
    SENT(&b, "replay room=a after=5 until=11");
    fixture_replay(&b, "a", 8, 9, 11);
    fixture_replayed(&b, 11, 6, true, false); /* yet all six were sent: these were not */
    EVENT(&b, "gap a 5");
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_tick(&b, RETRY_MS);
    SENT(&b, "replay room=a after=5 until=11");
    fixture_replay(&b, "a", 5, 6, 11);
    fixture_replayed(&b, 11, 6, true, false);
    fixture_expect_entries(&b, "a", 6, 12);
    EVENT(&b, "repaired a 12");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_hole_that_no_replay_fills_is_lost_at_last) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 8, 9, 9);
    EVENT(&b, "gap a 5");
    for (int i = 0; i < STUCK_MAX; i++) {
        SENT(&b, "replay room=a after=5 until=8");
        fixture_replayed(&b, 5, 0, true, false);
        NOTHING_SENT(&b);
        fixture_tick(&b, RETRY_MS << i);
    }
    EVENT(&b, "lost a 5 8");
    fixture_expect_entries(&b, "a", 9, 9);
    EVENT(&b, "repaired a 9");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

START_TEST(test_too_many_replays_is_asked_again) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 8, 9, 9);
    SENT(&b, "replay room=a after=5 until=8");
    fixture_json(&b, "{'op':'error','re':%d,'code':'too-many-replays','text':''}", fixture_id(&b));
    NOTHING_SENT(&b);
    ck_assert_uint_eq(machine_due(b.machine), b.now + RETRY_MS);
    fixture_tick(&b, RETRY_MS);
    SENT(&b, "replay room=a after=5 until=8");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_as_many_replays_as_the_broker_allows) {
    const char *rooms[] = {"a", "b", "c"};
    fixture_init(&b);
    for (size_t i = 0; i < 3; i++)
        machine_join(b.machine, rooms[i], ZRELAY_FROM_AFTER, 0, b.now);
    fixture_welcome_with(&b, EPOCH_1, false, ",'limits':{'replays':2}");
    fixture_synced(&b);
    size_t joins = b.looked;
    for (size_t i = 0; i < 3; i++) {
        b.looked = joins + i;
        fixture_sent(&b);
        fixture_joined(&b, rooms[i], 4, 0, ",'recovered':true");
    }
    b.looked = joins + 3;
    SENT(&b, "replay room=a after=0");
    int id = fixture_id(&b);
    SENT(&b, "replay room=b after=0");
    NOTHING_SENT(&b);
    fixture_replay(&b, "a", 0, 1, 4);
    fixture_json(&b, "{'op':'replayed','re':%d,'seq':4,'count':4,'complete':true,'more':false}", id);
    SENT(&b, "replay room=c after=0");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_replay_waits_for_a_program_that_is_behind) {
    char *body = calloc(1, 1 << 20);
    fixture_init(&b);
    fixture_live_room(&b, "a", 0);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        zr_buffer_t out = {0};
        zr_deliver_begin(&out, zr_span("a"), 0, fixture_epoch, seq - 1);
        zr_deliver_add(&out, &(zr_entry_t){.seq = seq, .sender = zr_span("ann"), .body = zr_span_of(body, 1 << 20)});
        fixture_back(&b, out.data, out.len);
        zr_buffer_finish(&out);
    }
    free(body);
    fixture_live(&b, "a", 7, 8, 8);
    NOTHING_SENT(&b);
    fixture_expect_entries(&b, "a", 1, 3);
    SENT(&b, "replay room=a after=5 until=7");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_private_rooms_come_by_dealer) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    machine_front(b.machine, fixture_entries("a", 0, 5, 6, 6), b.now);
    fixture_expect_entries(&b, "a", 6, 6);
    machine_front(b.machine, fixture_entries("a", 0, 8, 9, 9), b.now);
    EVENT(&b, "gap a 6");
    fixture_finish(&b);
}
END_TEST

/* The answer of a log that has 1 … head, at most `slice` entries at a time. */
static void s_answer_replay(const char *asked, uint64_t head, uint64_t slice) {
    unsigned long after, until = 0;
    if (sscanf(asked, "replay room=a after=%lu until=%lu", &after, &until) < 1)
        return;
    uint64_t to = until ? until : head, last = to > after + slice ? after + slice : to;
    if (last > after)
        fixture_replay(&b, "a", after, after + 1, last);
    fixture_replayed(&b, last, last - after, true, last < to);
}

/* Every third frame is dropped on SUB, replays come in small slices, and publishing goes on all the time. The program
 * still gets every entry, in order. */
START_TEST(test_converges_while_publishing_goes_on) {
    enum { ROUNDS = 400, PER_ROUND = 20, SLICE = 40, QUIET = 100 };
    uint64_t head = 0, expected = 1;
    fixture_init(&b);
    fixture_live_room(&b, "a", 0);
    for (int round = 0; round < ROUNDS + QUIET; round++) {
        for (int i = 0; i < PER_ROUND && round < ROUNDS; i++, head++)
            if (head % 3 != 1)
                fixture_live(&b, "a", head, head + 1, head + 1);
        while (b.looked < b.sent_count)
            s_answer_replay(fixture_sent(&b), head, SLICE);
        if (round % 10 == 0)
            fixture_json(&b, "{'op':'pong','heads':{'a':%" PRIu64 "}}", head);
        for (const zrelay_event_t *event; (event = machine_event(b.machine));) {
            ck_assert_int_ne(event->type, ZRELAY_LOST);
            if (event->type == ZRELAY_ENTRY)
                ck_assert_uint_eq(event->seq, expected++);
        }
        fixture_tick(&b, 50);
    }
    ck_assert_uint_eq(expected, head + 1);
    fixture_finish(&b);
}
END_TEST

/* --- By DEALER and by SUB --- */

START_TEST(test_a_room_changes_its_way) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 5, 6, 6);
    fixture_live_front(&b, "a", 6, 7, 8);
    fixture_live(&b, "a", 7, 8, 8); /* both ways, as it changes */
    fixture_live_front(&b, "a", 8, 9, 9);
    fixture_live(&b, "a", 9, 10, 10);
    fixture_expect_entries(&b, "a", 6, 10);
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

/* The new way was faster: one replay, of which the program need not hear. */
START_TEST(test_frames_of_two_ways_cross) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live_front(&b, "a", 6, 7, 7);
    SENT(&b, "replay room=a after=5 until=6");
    fixture_live(&b, "a", 5, 6, 6);
    fixture_replay(&b, "a", 5, 6, 6);
    fixture_replayed(&b, 6, 1, true, false);
    fixture_expect_entries(&b, "a", 6, 7);
    NO_EVENT(&b);
    NOTHING_SENT(&b);
    /* On one way it is a gap like any other. */
    fixture_live_front(&b, "a", 7, 8, 8);
    fixture_expect_entries(&b, "a", 8, 8);
    fixture_live_front(&b, "a", 9, 10, 10);
    EVENT(&b, "gap a 8");
    fixture_finish(&b);
}
END_TEST

START_TEST(test_a_replay_too_often_is_asked_again) {
    fixture_init(&b);
    fixture_live_room(&b, "a", 5);
    fixture_live(&b, "a", 6, 7, 7);
    EVENT(&b, "gap a 5");
    SENT(&b, "replay room=a after=5 until=6");
    fixture_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow'}", fixture_id(&b));
    fixture_tick(&b, RETRY_MS - 1);
    NOTHING_SENT(&b);
    fixture_tick(&b, 1);
    SENT(&b, "replay room=a after=5 until=6");
    /* Of a room that was left meanwhile it is not. */
    machine_leave(b.machine, "a", b.now);
    fixture_run(&b);
    NOTHING_SENT(&b); /* one at a time now */
    fixture_json(&b, "{'op':'error','re':%d,'code':'rate-limited','text':'slow'}", fixture_id(&b));
    fixture_tick(&b, RETRY_MS);
    SENT(&b, "leave room=a");
    NOTHING_SENT(&b);
    fixture_finish(&b);
}
END_TEST

UNIT_MAIN("client.lib.machine_repair", test_live_entries_come_in_order, test_an_entry_has_its_parts,
    test_duplicates_are_dropped, test_rooms_not_joined_are_nobodys, test_entries_come_while_the_beginning_is_asked_for,
    test_gap_is_replayed_up_to_what_is_here, test_gap_within_a_repair, test_replay_in_slices,
    test_frames_beyond_the_buffer_are_replayed, test_a_large_frame_does_not_break_the_buffer,
    test_lost_tail_is_replayed_after_a_grace, test_a_tail_lost_during_a_repair_is_not_forgotten,
    test_a_tail_that_comes_within_the_grace_is_not_lost, test_a_busy_program_is_not_a_loss,
    test_a_head_that_the_log_does_not_have_is_asked_for_once, test_incomplete_replay_tells_what_is_lost,
    test_a_room_that_begins_late, test_a_room_that_only_seems_to_begin_late, test_everything_forgotten,
    test_frames_of_an_earlier_replay_are_no_loss, test_a_hole_that_no_replay_fills_is_lost_at_last,
    test_too_many_replays_is_asked_again, test_as_many_replays_as_the_broker_allows,
    test_replay_waits_for_a_program_that_is_behind, test_private_rooms_come_by_dealer,
    test_converges_while_publishing_goes_on, test_a_room_changes_its_way, test_frames_of_two_ways_cross,
    test_a_replay_too_often_is_asked_again)
