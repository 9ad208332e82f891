/* The program's questions: paging, answers, refusals, asked again after a reconnect. */
#include "fixture_machine.h"
#include "machine_ask.h"

static uint64_t number;

static void s_reconnect(const char *epoch) {
    fixture_reconnect(epoch, false, "");
    EVENT("disconnected the broker does not know the session any more");
    ck_assert_int_eq(strncmp(fixture_event(), "connected", 9), 0);
}

TEST(test_who_in_pages) {
    ck_assert_int_eq(machine_who(b.machine, "a", &number), 0);
    ck_assert_uint_eq(number, 1);
    SENT("who room=a");
    fixture_json("{'op':'who','re':%d,'room':'a','version':1,'users':[{'nick':'ann'},{'nick':'bo'}],'count':3,"
                 "'silent':0,'more':true}",
        fixture_id());
    SENT("who room=a after=bo");
    fixture_json("{'op':'who','re':%d,'room':'a','version':1,'users':[{'nick':'cy'}],'count':3,'silent':0,"
                 "'more':false}",
        fixture_id());
    EVENTS("user ann for 1", "user bo for 1", "user cy for 1", "done 1 count=3 seq=0 complete", "");
    ck_assert_ptr_null(b.machine->first);
}

TEST(test_rooms_in_pages) {
    ck_assert_int_eq(machine_rooms(b.machine, NULL, NULL), 0);
    ck_assert_int_eq(machine_rooms(b.machine, "m/", &number), 0);
    ck_assert_uint_eq(number, 2);
    SENT("rooms prefix=");
    fixture_json("{'op':'rooms','re':%d,'rooms':[],'more':false}", fixture_id());
    EVENT("done 1 count=0 seq=0 complete");
    SENT("rooms prefix=m/");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'m/a','seq':4,'count':1}],'more':true}", fixture_id());
    SENT("rooms prefix=m/ after=m/a");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'m/b','seq':5,'count':2,'kept':false},"
                 "{'room':'m/c','seq':6,'count':0}],'more':false}",
        fixture_id());
    EVENTS("room m/a 4 1 for 2", "room m/b 5 2 not kept for 2", "room m/c 6 0 for 2", "done 2 count=3 seq=0 complete");
}

TEST(test_a_list_that_goes_backwards_ends) {
    machine_rooms(b.machine, NULL, &number);
    SENT("rooms prefix=");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'b'}],'more':true}", fixture_id());
    SENT("rooms prefix= after=b");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'a'}],'more':true}", fixture_id());
    EVENTS("room b 0 0 for 1", "room a 0 0 for 1", "done 1 count=2 seq=0 incomplete");
    NOTHING_SENT();
}

TEST(test_history_up_to_the_head_of_this_moment) {
    ck_assert_int_eq(machine_history(b.machine, "a", 2, 0, 0, &number), 0);
    SENT("rooms prefix=a limit=1");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'a','seq':6,'count':0}],'more':true}", fixture_id());
    SENT("replay room=a after=2 until=6");
    fixture_replay_whole("a", 2, 3, 4, true);
    SENT("replay room=a after=4 until=6");
    fixture_replay_whole("a", 4, 5, 6, false);
    for (int seq = 3; seq <= 6; seq++) {
        char expected[40];
        sprintf(expected, "entry a %d for 1", seq);
        EVENT(expected);
    }
    EVENTS("done 1 count=4 seq=6 complete", "");
}

TEST(test_history_of_nothing) {
    machine_history(b.machine, "a", 0, 0, 0, &number);
    SENT("rooms prefix=a limit=1");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'ab','seq':6,'count':0}],'more':false}", fixture_id());
    SENT("replay room=a after=0"); /* not listed */
    fixture_replayed(0, 0, true, false);
    EVENT("done 1 count=0 seq=0 complete");

    machine_history(b.machine, "a", 7, 0, 0, &number);
    fixture_run();
    fixture_sent();
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'a','seq':6,'count':0}],'more':false}", fixture_id());
    EVENT("done 2 count=0 seq=6 incomplete"); /* beyond the head: of another log */
    NOTHING_SENT();
}

TEST(test_history_with_a_limit) {
    machine_history(b.machine, "a", 0, 0, 3, &number);
    SENT("replay room=a after=0 limit=3");
    fixture_replay_whole("a", 0, 1, 2, true);
    SENT("replay room=a after=2 limit=1");
    fixture_replay_whole("a", 2, 3, 3, true);
    NOTHING_SENT();
    EVENTS("entry a 1 for 1", "entry a 2 for 1", "entry a 3 for 1", "done 1 count=3 seq=3 complete");
}

TEST(test_history_of_the_last) {
    machine_history(b.machine, "a", 0, 3, 0, &number);
    SENT("replay room=a last=3");
    fixture_replay_whole("a", 7, 8, 9, true);
    SENT("replay room=a after=9 limit=1");
    fixture_replay_whole("a", 9, 10, 10, true);
    EVENTS("entry a 8 for 1", "entry a 9 for 1", "entry a 10 for 1", "done 1 count=3 seq=10 complete");
    NOTHING_SENT();
}

TEST(test_history_of_a_room_that_begins_late) {
    machine_history(b.machine, "a", 0, 9, 0, &number);
    SENT("replay room=a last=9");
    fixture_replay_whole("a", 7, 8, 9, false);
    EVENTS("entry a 8 for 1", "entry a 9 for 1", "done 1 count=2 seq=9 complete");
    machine_history(b.machine, "a", 0, 0, 3, &number);
    SENT("replay room=a after=0 limit=3");
    fixture_replay_whole("a", 7, 8, 9, false);
    EVENTS("entry a 8 for 2", "entry a 9 for 2", "done 2 count=2 seq=9 complete");
}

TEST(test_history_that_is_forgotten_in_part) {
    machine_history(b.machine, "a", 2, 0, 9, &number);
    SENT("replay room=a after=2 limit=9");
    fixture_replay("a", 5, 6, 6);
    fixture_replayed(6, 1, false, false);
    EVENTS("entry a 6 for 1", "done 1 count=1 seq=6 incomplete");
}

TEST(test_history_waits_for_the_repair_of_its_room) {
    fixture_init();
    fixture_live_room("a", 5);
    fixture_live("a", 6, 7, 7);
    SENT("replay room=a after=5 until=6");
    int repair = fixture_id();
    machine_history(b.machine, "a", 0, 1, 0, &number);
    machine_history(b.machine, "b", 0, 1, 0, &number);
    SENT("replay room=b last=1");
    NOTHING_SENT(); /* frames do not say which replay they are of */
    fixture_replay("a", 5, 6, 6);
    fixture_json("{'op':'replayed','re':%d,'seq':6,'count':1,'complete':true,'more':false}", repair);
    SENT("replay room=a last=1");
}

TEST(test_history_goes_on_after_a_reconnect) {
    machine_history(b.machine, "a", 0, 0, 5, &number);
    SENT("replay room=a after=0 limit=5");
    int before = fixture_id();
    fixture_replay("a", 0, 1, 2);
    EVENTS("entry a 1 for 1", "entry a 2 for 1");
    s_reconnect(EPOCH_1);
    SENT("replay room=a after=2 limit=3");
    fixture_replay("a", 3, 4, 4); /* of the replay before: 3 went to nobody */
    fixture_json("{'op':'replayed','re':%d,'seq':5,'count':5,'complete':true,'more':false}", before);
    NO_EVENT();
    fixture_replay_whole("a", 2, 3, 5, false);
    NO_EVENT(); /* something odd came between */
    fixture_tick(RETRY_MS);
    SENT("replay room=a after=2 limit=3");
    fixture_replay_whole("a", 2, 3, 5, false);
    EVENTS("entry a 3 for 1", "entry a 4 for 1", "entry a 5 for 1", "done 1 count=5 seq=5 complete");
}

TEST(test_history_cut_by_another_epoch_ends) {
    machine_history(b.machine, "a", 0, 0, 5, &number);
    machine_history(b.machine, "b", 0, 0, 5, &number);
    SENT("replay room=a after=0 limit=5");
    fixture_replay("a", 0, 1, 1);
    EVENT("entry a 1 for 1");
    s_reconnect(EPOCH_2);
    EVENTS("epoch " EPOCH_2, "done 1 count=1 seq=0 incomplete");
    SENT("replay room=b after=0 limit=5"); /* had not begun */
}

static void s_state_frame(const char *room, uint64_t after, uint64_t seq, const char *key) {
    zr_buffer_t out = {0};
    zr_deliver_begin(&out, zr_span(room), ZR_FRAME_STATE, fixture_epoch, after);
    zr_deliver_add(
        &out, &(zr_entry_t){.seq = seq, .sender = zr_span("ann"), .key = zr_span(key), .body = zr_span("v")});
    fixture_front(out.data, out.len);
    zr_buffer_finish(&out);
}

TEST(test_state_is_valid_at_the_first_answers_seq) {
    machine_state(b.machine, "a", NULL, &number);
    SENT("state room=a after=0");
    s_state_frame("a", 0, 4, "k1");
    NO_EVENT();
    fixture_json("{'op':'ok','re':%d,'room':'a','seq':20,'count':1,'next':4,'more':true}", fixture_id());
    EVENT("entry a 4 for 1");
    SENT("state room=a after=4");
    s_state_frame("a", 4, 9, "k2");
    fixture_json("{'op':'ok','re':%d,'room':'a','seq':25,'count':1,'next':9,'more':false}", fixture_id());
    EVENTS("entry a 9 for 1", "done 1 count=2 seq=20 complete");
}

TEST(test_half_a_page_of_state_is_asked_for_anew) {
    machine_state(b.machine, "a", "k1", &number);
    SENT("state room=a key=k1 after=0");
    s_state_frame("a", 0, 4, "k1");
    s_reconnect(EPOCH_1);
    NO_EVENT();
    SENT("state room=a key=k1 after=0");
    fixture_json("{'op':'ok','re':%d,'room':'a','seq':30,'count':0,'next':0,'more':false}", fixture_id());
    EVENT("done 1 count=0 seq=30 complete"); /* deleted meanwhile */
}

TEST(test_direct_and_ping) {
    ck_assert_int_eq(machine_direct(b.machine, "ann", "hi \"there\"", &number), 0);
    ck_assert_int_eq(machine_ping(b.machine, NULL), 0);
    SENT("direct to=ann text=hi \"there\"");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
    EVENT("done 1 count=0 seq=0 complete");
    SENT("ping");
    fixture_json("{'op':'pong','re':%d,'time':99,'heads':{}}", fixture_id());
    const zrelay_event_t *event = machine_event(b.machine);
    ck_assert_int_eq(event->type, ZRELAY_DONE);
    ck_assert_uint_eq(event->request, 2);
    ck_assert_uint_eq(event->time, 99);
    fixture_json("{'op':'direct','from':'ann','text':'yes','time':5}");
    EVENT("direct ann yes 5");
}

TEST(test_a_direct_message_that_no_frame_holds) {
    char text[40000];
    memset(text, '\n', sizeof text - 1); /* two bytes each in JSON */
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(machine_direct(b.machine, "ann", text, NULL), ZRELAY_ELARGE);
    text[30000] = '\0';
    ck_assert_int_eq(machine_direct(b.machine, "ann", text, NULL), 0);
    ck_assert_int_eq(machine_direct(b.machine, "ann", "\xff", NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_direct(b.machine, "", "x", NULL), ZRELAY_EINVAL);
}

TEST(test_refused) {
    machine_direct(b.machine, "ann", "hi", &number);
    SENT("direct to=ann text=hi");
    fixture_json("{'op':'error','re':%d,'code':'no-such-user','text':'nobody'}", fixture_id());
    EVENT("refused no-such-user - mid=0-0 request=1 seq=0");
    machine_history(b.machine, "a", 0, 1, 0, &number);
    SENT("replay room=a last=1");
    fixture_json("{'op':'error','re':%d,'code':'bad-room','text':'no'}", fixture_id());
    EVENT("refused bad-room a mid=0-0 request=2 seq=0");
    ck_assert_ptr_null(b.machine->first);
    ck_assert_uint_eq(b.machine->asked_count, 0);
}

TEST(test_asked_again_under_another_id_after_a_reconnect) {
    machine_who(b.machine, "a", &number);
    SENT("who room=a");
    int before = fixture_id();
    s_reconnect(EPOCH_2);
    SENT("who room=a");
    ck_assert_int_ne(fixture_id(), before);
    fixture_json("{'op':'who','re':%d,'room':'a','users':[{'nick':'old'}],'count':1,'more':false}", before);
    fixture_json("{'op':'who','re':%d,'room':'a','users':[{'nick':'new'}],'count':1,'more':false}", fixture_id());
    EVENTS("epoch " EPOCH_2, "user new for 1", "done 1 count=1 seq=0 complete");
}

TEST(test_so_many_at_once) {
    for (int i = 0; i < REQUESTS_MAX; i++)
        ck_assert_int_eq(machine_ping(b.machine, NULL), 0);
    ck_assert_int_eq(machine_ping(b.machine, NULL), ZRELAY_EMANY);
    ck_assert_int_eq(machine_history(b.machine, "a", 0, 1, 0, NULL), ZRELAY_EMANY);
    SENT("ping");
    fixture_json("{'op':'pong','re':%d,'heads':{}}", fixture_id());
    ck_assert_int_eq(machine_ping(b.machine, NULL), 0);
}

TEST(test_bad_names) {
    ck_assert_int_eq(machine_history(b.machine, "a b", 0, 0, 0, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_history(b.machine, "a", 1, 1, 0, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_history(b.machine, NULL, 0, 0, 0, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_state(b.machine, "a", "k k", NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_state(b.machine, "", NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_who(b.machine, "*", NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_rooms(b.machine, "\xff", NULL), ZRELAY_EINVAL);
    NOTHING_SENT();
}

/* --- For operators --- */

TEST(test_admin) {
    ck_assert_int_eq(machine_admin(b.machine, "ban", "eve", "too loud", &number), 0);
    SENT("admin do=ban user=eve reason=too loud");
    fixture_json("{'op':'ok','re':%d,'text':'banned'}", fixture_id());
    const zrelay_event_t *event = machine_event(b.machine);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq((int)event->type, ZRELAY_DONE);
    ck_assert_uint_eq(event->request, number);
    ck_assert_str_eq(event->text, "banned");
    ck_assert_ptr_null(event->room);
    machine_admin(b.machine, "reload", NULL, NULL, &number);
    SENT("admin do=reload");
    fixture_json("{'op':'error','re':%d,'code':'admin-failed','text':'users:3: no'}", fixture_id());
    EVENT("refused admin-failed - mid=0-0 request=2 seq=0");
    machine_admin(b.machine, "unban", "eve", NULL, NULL);
    machine_close(b.machine, b.now); /* said before the end */
    SENTS("admin do=unban user=eve", "");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
    SENT("bye");
}

TEST(test_bans) {
    machine_admin(b.machine, "bans", NULL, NULL, NULL);
    SENT("admin do=bans");
    fixture_json(
        "{'op':'ok','re':%d,'bans':[{'user':'eve','by':'ann','time':'2026-11-20T12:00:01Z','reason':'too loud'},"
        "{'user':'bob','by':'ann','time':'soon'},{'by':'ann'},7,{'user':'cy','by':'-','time':12}]}",
        fixture_id());
    EVENTS("user eve for 1 by ann at 1795176001000000: too loud", "user bob for 1 by ann at 0: -",
        "user cy for 1 by - at 0: -", "done 1 count=5 seq=0 complete", "");
    machine_admin(b.machine, "bans", NULL, NULL, NULL);
    SENT("admin do=bans");
    fixture_json("{'op':'ok','re':%d}", fixture_id());
    EVENT("done 2 count=0 seq=0 complete");
}

TEST(test_admin_takes_only_what_the_protocol_allows) {
    char reason[REASON_MAX + 2];
    memset(reason, 'x', sizeof reason);
    reason[REASON_MAX + 1] = '\0';
    const struct {
        const char *what, *user, *reason;
    } bad[] = {{NULL, NULL, NULL}, {"stop", NULL, NULL}, {"kick", NULL, NULL}, {"ban", "a b", NULL},
        {"reload", "eve", NULL}, {"bans", NULL, "x"}, {"unban", "eve", "x"}, {"ban", "eve", "\xff"},
        {"ban", "eve", "a\nb"}, {"ban", "eve", reason}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(machine_admin(b.machine, bad[i].what, bad[i].user, bad[i].reason, NULL), ZRELAY_EINVAL);
    reason[REASON_MAX] = '\0';
    ck_assert_int_eq(machine_admin(b.machine, "kick", "eve", reason, NULL), 0);
}

TEST(test_kick) {
    ck_assert_int_eq(machine_kick(b.machine, "r", "eve", 0, NULL, &number), 0);
    SENT("kick room=r user=eve");
    fixture_json("{'op':'ok','re':%d,'room':'r'}", fixture_id());
    EVENT("done 1 count=0 seq=0 complete");
    machine_kick(b.machine, "r", "eve", 60, "too loud", &number);
    SENT("kick room=r user=eve for=60 reason=too loud");
    fixture_json("{'op':'error','re':%d,'code':'forbidden','room':'r','text':'no'}", fixture_id());
    EVENT("refused forbidden r mid=0-0 request=2 seq=0");
    machine_kick(b.machine, "r", "eve", -1, NULL, NULL);
    machine_close(b.machine, b.now); /* said before the end */
    SENTS("kick room=r user=eve for=0", "");
}

TEST(test_kick_takes_only_what_the_protocol_allows) {
    char reason[REASON_MAX + 2];
    memset(reason, 'x', sizeof reason);
    reason[REASON_MAX + 1] = '\0';
    ck_assert_int_eq(machine_kick(b.machine, "a b", "eve", 0, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_kick(b.machine, NULL, "eve", 0, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_kick(b.machine, "r", "a b", 0, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_kick(b.machine, "r", NULL, 0, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_kick(b.machine, "r", "eve", -2, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_kick(b.machine, "r", "eve", 604801, NULL, NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_kick(b.machine, "r", "eve", 0, reason, NULL), ZRELAY_EINVAL);
    reason[REASON_MAX] = '\0';
    ck_assert_int_eq(machine_kick(b.machine, "r", "eve", 604800, reason, NULL), 0);
}

TEST(test_asked_too_often_is_asked_again) {
    machine_who(b.machine, "a", &number);
    SENT("who room=a");
    fixture_json("{'op':'error','re':%d,'code':'rate-limited','text':'slow','wait':40}", fixture_id());
    NO_EVENT();
    ck_assert_uint_eq(machine_due(b.machine), b.now + 40);
    fixture_tick(40);
    SENT("who room=a");
    fixture_json("{'op':'who','re':%d,'users':[],'count':0,'more':false}", fixture_id());
    EVENT("done 1 count=0 seq=0 complete");
}

static void s_begin(void) {
    fixture_init();
    fixture_welcome();
}

UNIT_SUITE_WITH("client.lib.machine_questions", s_begin, fixture_finish)
