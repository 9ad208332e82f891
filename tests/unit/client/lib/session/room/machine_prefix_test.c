/* Rooms of a prefix. */
#include "fixture_machine.h"

/* The broker takes it that we follow the prefix, and its list is asked for. */
static void s_followed(const char *follow) {
    SENT(follow);
    bool presence = strstr(follow, "presence");
    fixture_json("{'op':'ok','re':%d,'prefix':'m/'}", fixture_id());
    SENT(presence ? "rooms prefix=m/ presence=true" : "rooms prefix=m/");
}

/* A prefix whose list is asked for. */
static void s_prefix(int from) {
    ck_assert_int_eq(machine_join(b.machine, "m/*", from, 0, b.now), 0);
    fixture_welcome();
    fixture_actions_are("front back=tcp://back +m/ +~0101010101010101 ");
    fixture_synced();
    s_followed(from & ZRELAY_PRESENCE ? "follow prefix=m/ presence=true" : "follow prefix=m/");
}

static void s_list(const char *rooms, bool more) {
    fixture_json("{'op':'rooms','re':%d,'rooms':[%s],'more':%s}", fixture_id(), rooms, more ? "true" : "false");
}

/* A prefix with the rooms of `list`, whose events are taken. */
static void s_begin(int from, const char *list) {
    s_prefix(from);
    s_list(list, false);
    while (*fixture_event())
        ;
}

static void s_pong(const char *members) {
    fixture_json("{'op':'pong','time':1,%s}", members);
}

static void s_refuse(const char *code) {
    fixture_json("{'op':'error','re':%d,'code':'%s','text':'no'}", fixture_id(), code);
}

TEST(test_reads_what_exists) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("{'room':'m/a','seq':5,'count':1},{'room':'m/b','seq':0,'count':1}", true);
    EVENTS("joined m/a 5 1", "joined m/b 0 1");
    SENT("rooms prefix=m/ after=m/b");
    s_list("{'room':'m/c','seq':2,'count':0}", false);
    EVENTS("joined m/c 2 0", "joined m/* 0 3");
    fixture_live("m/a", 5, 6, 6);
    fixture_expect_entries("m/a", 6, 6);
    fixture_live_front("m/c", 2, 3, 3);
    fixture_expect_entries("m/c", 3, 3);
    fixture_quiet(); /* no room needs a join of its own */
}

TEST(test_a_room_that_comes_up_later_is_read_from_its_beginning) {
    s_begin(ZRELAY_FROM_NOW, "");
    fixture_live("m/new", 0, 1, 2);
    fixture_live("other", 0, 1, 2);
    EVENT("joined m/new 0 0");
    fixture_expect_entries("m/new", 1, 2);
    fixture_quiet();
    fixture_live("m/x", 3, 4, 4); /* its first entries were dropped */
    EVENTS("joined m/x 0 0", "gap m/x 0");
    SENT("replay room=m/x after=0 until=3");
}

TEST(test_a_room_seen_before_the_list_is_whole) {
    s_prefix(ZRELAY_FROM_NOW);
    fixture_live("m/new", 0, 1, 1);
    s_pong("'heads':{'m/lost':1}");
    fixture_quiet();
    s_list("", false);
    EVENTS("joined m/* 0 0", "joined m/new 0 0");
    fixture_expect_entries("m/new", 1, 1);
    EVENT("joined m/lost 1 0");
    SENTS("replay room=m/new after=1", "replay room=m/lost after=0");
}

/* The room of these frames may be forgotten by now, and its last entries with it. No pong would tell. */
TEST(test_a_room_seen_before_the_list_may_have_lost_its_end) {
    s_prefix(ZRELAY_FROM_NOW);
    fixture_live("m/old", 3, 4, 4);
    s_list("", false);
    EVENTS("joined m/* 0 0", "joined m/old 0 0", "gap m/old 0");
    SENT("replay room=m/old after=0 until=3");
    fixture_json(
        "{'op':'replayed','re':%d,'room':'m/old','seq':3,'count':0,'complete':false,'more':false}", fixture_id());
    EVENT("lost m/old 0 3");
    fixture_expect_entries("m/old", 4, 4);
    fixture_wait();
    SENT("replay room=m/old after=4");
    fixture_json(
        "{'op':'replayed','re':%d,'room':'m/old','seq':9,'count':0,'complete':false,'more':false}", fixture_id());
    EVENTS("lost m/old 4 9", "repaired m/old 9", "");
}

TEST(test_a_room_whose_only_entry_was_dropped_is_found) {
    s_begin(ZRELAY_FROM_NOW, "{'room':'m/a','seq':5}");
    s_pong("'heads':{'m/new':1,'m/a':6,'other':1,'m/ ':1,'m/bad':-1}");
    EVENTS("joined m/new 0 0", "");
    fixture_tick(GRACE_MS);
    EVENTS("gap m/new 0", "gap m/a 5", "");
    SENTS("replay room=m/new after=0", "replay room=m/a after=5");
    ck_assert_uint_eq(HASH_COUNT(b.machine->rooms), 3);
}

TEST(test_more_heads_are_asked_for_soon) {
    s_begin(ZRELAY_FROM_NOW, "");
    s_pong("'heads':{},'more':true");
    fixture_tick(MORE_MS - 1);
    NOTHING_SENT();
    fixture_tick(1);
    SENT("ping");
    s_pong("'heads':{},'more':1");
    fixture_tick(MORE_MS);
    NOTHING_SENT();
}

TEST(test_the_broker_wants_the_rooms_listed_again) {
    s_begin(ZRELAY_FROM_NOW, "{'room':'m/a','seq':5}");
    s_pong("'heads':{},'list':true");
    SENT("rooms prefix=m/");
    s_pong("'heads':{},'list':true"); /* meanwhile: the first page may be old */
    NOTHING_SENT();
    s_list("{'room':'m/a','seq':6},{'room':'m/b','seq':1}", false);
    EVENTS("joined m/b 0 0", "");
    fixture_tick(0);
    SENT("rooms prefix=m/");
    s_list("{'room':'m/a','seq':6},{'room':'m/b','seq':1}", false);
    fixture_tick(GRACE_MS);
    SENTS("replay room=m/a after=5", "replay room=m/b after=0", "");
}

TEST(test_a_program_without_prefixes_lists_nothing) {
    fixture_live_room("a", 5);
    s_pong("'heads':{},'list':true,'more':true");
    fixture_tick(MORE_MS);
    fixture_quiet();
}

TEST(test_from_a_position) {
    ck_assert_int_eq(machine_join(b.machine, "m/*", ZRELAY_FROM_AFTER, 7, b.now), 0);
    fixture_welcome();
    fixture_synced();
    s_followed("follow prefix=m/");
    s_list("{'room':'m/a','seq':9},{'room':'m/b','seq':7},{'room':'m/c','seq':3}", false);
    EVENTS("joined m/a 9 0", "joined m/b 7 0", "joined m/c 3 0", "lost m/c 7 0", "joined m/* 0 3");
    SENTS("replay room=m/a after=7", "replay room=m/c after=0", "");
}

TEST(test_the_last_entries) {
    ck_assert_int_eq(machine_join(b.machine, "m/*", ZRELAY_FROM_LAST, 2, b.now), 0);
    fixture_welcome();
    fixture_synced();
    s_followed("follow prefix=m/");
    s_list("{'room':'m/a','seq':9}", false);
    SENT("replay room=m/a last=2");
    fixture_replay("m/a", 7, 8, 9);
    fixture_replayed(9, 2, true, false);
    EVENTS("joined m/a 9 0", "joined m/* 0 1");
    fixture_expect_entries("m/a", 8, 9);
    NO_EVENT();
}

TEST(test_the_last_entries_of_a_room_that_may_be_read_later) {
    ck_assert_int_eq(machine_join(b.machine, "m/*", ZRELAY_FROM_LAST, 2, b.now), 0);
    fixture_welcome();
    fixture_synced();
    s_followed("follow prefix=m/");
    s_list("{'room':'m/a','seq':9}", false);
    SENT("replay room=m/a last=2");
    s_refuse("forbidden");
    s_pong("'heads':{},'list':true");
    SENT("rooms prefix=m/");
    s_list("{'room':'m/a','seq':9}", false);
    fixture_tick(RETRY_MS);
    SENT("replay room=m/a last=2");
}

/* Replays of many rooms are asked for a few at a time. */
TEST(test_many_rooms_that_are_behind) {
    enum { COUNT = 3 * REPAIRS_MAX };
    ck_assert_int_eq(machine_join(b.machine, "m/*", ZRELAY_FROM_AFTER, 0, b.now), 0);
    fixture_welcome();
    fixture_synced();
    s_followed("follow prefix=m/");
    zr_buffer_t rooms = {0};
    for (int i = 0; i < COUNT; i++)
        zr_buffer_printf(&rooms, "%s{'room':'m/%03d','seq':1}", i ? "," : "", i);
    zr_buffer_u8(&rooms, 0);
    s_list((const char *)rooms.data, false);
    zr_buffer_finish(&rooms);
    for (int i = 0; i < COUNT; i++) {
        char room[8], replay[40];
        size_t requests = 0;
        for (const request_t *request = b.machine->first; request; request = request->next)
            requests++;
        ck_assert_uint_le(requests, REPAIRS_MAX);
        snprintf(room, sizeof room, "m/%03d", i);
        snprintf(replay, sizeof replay, "replay room=%s after=0", room);
        int answered = (int)b.looked;
        SENT(replay);
        fixture_replay_whole(room, 0, 1, 1, false);
        b.looked = (size_t)answered + 1;
    }
    NOTHING_SENT();
    ck_assert_uint_eq(b.machine->repair_count, 0);
    size_t entries = 0;
    for (const char *event; *(event = fixture_event());)
        entries += strncmp(event, "entry", 5) == 0;
    ck_assert_uint_eq(entries, COUNT);
}

TEST(test_leaving_the_prefix) {
    s_begin(ZRELAY_FROM_NOW, "{'room':'m/a','seq':5,'count':1}");
    b.actions[0] = '\0';
    ck_assert_int_eq(machine_leave(b.machine, "m/a", b.now), ZRELAY_EINVAL); /* it was not joined by name */
    ck_assert_int_eq(machine_leave(b.machine, "m/*", b.now), 0);
    fixture_actions_are("-m/ ");
    SENT("unfollow prefix=m/");
    ck_assert_ptr_null(b.machine->rooms);
    ck_assert_ptr_null(b.machine->prefixes);
    ck_assert_uint_eq(b.machine->child_count + b.machine->prefix_count, 0);
    ck_assert_int_eq(machine_join(b.machine, "m/*", ZRELAY_FROM_NOW, 0, b.now), 0);
    fixture_run();
    fixture_synced();
    NOTHING_SENT(); /* until the broker has heard that it was left */
    fixture_json("{'op':'ok','re':%d,'prefix':'m/'}", fixture_id());
    SENT("follow prefix=m/");
}

TEST(test_a_room_that_another_prefix_wants_stays) {
    s_begin(ZRELAY_FROM_NOW, "{'room':'m/a','seq':5,'count':1}");
    ck_assert_int_eq(machine_join(b.machine, "*", ZRELAY_FROM_NOW, 0, b.now), 0);
    ck_assert_int_eq(machine_leave(b.machine, "m/*", b.now), 0);
    SENT("unfollow prefix=m/");
    ck_assert_ptr_nonnull(rooms_find(b.machine, zr_span("m/a")));
}

TEST(test_rooms_joined_by_name_are_left_alone) {
    machine_join(b.machine, "m/*", ZRELAY_FROM_NOW, 0, b.now);
    machine_join(b.machine, "m/a", ZRELAY_FROM_AFTER, 3, b.now);
    fixture_welcome();
    fixture_synced();
    SENT("follow prefix=m/");
    int follow = fixture_id();
    SENT("join room=m/a after=3");
    fixture_joined("m/a", 3, 0, ",'recovered':true");
    fixture_json("{'op':'ok','re':%d,'prefix':'m/'}", follow);
    SENT("rooms prefix=m/");
    s_list("{'room':'m/a','seq':3,'count':0}", false);
    EVENTS("joined m/a 3 1", "joined m/* 0 1");
    NOTHING_SENT();
    machine_leave(b.machine, "m/*", b.now);
    ck_assert_ptr_nonnull(rooms_find(b.machine, zr_span("m/a")));
}

/* They count against the broker's limit, the rooms that a prefix brings do not. */
TEST(test_prefixes_and_joined_rooms_are_limited) {
    machine_join(b.machine, "m/*", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'rooms':2}");
    fixture_synced();
    s_followed("follow prefix=m/");
    s_list("{'room':'m/a','seq':5},{'room':'m/b','seq':5},{'room':'m/c','seq':5}", false);
    EVENTS("connected " EPOCH_1 " me", "joined m/a 5 0", "joined m/b 5 0", "joined m/c 5 0", "joined m/* 0 3");
    ck_assert_int_eq(machine_join(b.machine, "n/*", ZRELAY_FROM_NOW, 0, b.now), 0);
    ck_assert_int_eq(machine_join(b.machine, "o/*", ZRELAY_FROM_NOW, 0, b.now), ZRELAY_EMANY);
    ck_assert_int_eq(machine_join(b.machine, "x", ZRELAY_FROM_NOW, 0, b.now), ZRELAY_EMANY);
}

TEST(test_a_prefix_that_is_refused) {
    ck_assert_int_eq(machine_join(b.machine, "m/*", ZRELAY_FROM_NOW, 0, b.now), 0);
    fixture_welcome();
    fixture_synced();
    SENT("follow prefix=m/");
    s_refuse("too-many-joins");
    EVENT("refused too-many-joins m/* mid=0-0 request=0 seq=0");
    ck_assert_ptr_null(b.machine->rooms);
}

TEST(test_a_list_that_is_refused) {
    s_begin(ZRELAY_FROM_NOW, "{'room':'m/a','seq':5}");
    s_pong("'heads':{},'list':true");
    SENT("rooms prefix=m/");
    s_refuse("forbidden");
    EVENT("refused forbidden m/* mid=0-0 request=0 seq=0");
    fixture_tick(LIST_MS);
    while (strcmp(fixture_sent(), "rooms prefix=m/") != 0)
        ck_assert_uint_lt(b.looked, b.sent_count);
}

/* --- Positions that are given up --- */

static void s_begin_small(size_t rooms, int from, const char *list) {
    fixture_init_with((machine_config_t){.nick = "me", .reconnect = true, .prefix_rooms = rooms});
    s_begin(from, list);
}

TEST(test_the_least_recently_moved_position_is_given_up) {
    s_begin_small(2, ZRELAY_FROM_NOW, "{'room':'m/a','seq':5},{'room':'m/b','seq':5}");
    fixture_live("m/a", 5, 6, 6);
    fixture_expect_entries("m/a", 6, 6);
    fixture_live("m/c", 0, 1, 1);
    EVENTS("forgotten m/b 5 1", "joined m/c 0 0", "entry m/c 1");
    fixture_live("m/b", 8, 9, 9); /* from its next entry on, whatever came before */
    EVENTS("forgotten m/a 6 2", "joined m/b 8 0", "entry m/b 9");
    fixture_live("m/b", 10, 11, 11);
    EVENTS("gap m/b 9", "");
    s_pong("'heads':{'m/a':9}"); /* its next entry may be on its way: reading begins with that */
    s_list("", false);
    NO_EVENT();
    ck_assert_uint_eq(b.machine->child_count, 2);
}

/* The head was told while the room was not known, and the frames after the one that brought it back were dropped. */
TEST(test_a_room_that_comes_back_is_looked_after) {
    s_begin_small(1, ZRELAY_FROM_NOW, "{'room':'m/a','seq':5}");
    fixture_live("m/b", 0, 1, 1);
    s_pong("'heads':{'m/a':9}");
    fixture_live("m/a", 6, 7, 7);
    EVENTS(
        "forgotten m/a 5 1", "joined m/b 0 0", "entry m/b 1", "forgotten m/b 1 2", "joined m/a 6 0", "entry m/a 7", "");
    for (uint64_t end = b.now + LIST_MS; b.now < end; fixture_tick(GRACE_MS))
        s_pong("'heads':{}");
    while (strcmp(fixture_sent(), "rooms prefix=m/") != 0)
        ck_assert_uint_lt(b.looked, b.sent_count);
    s_list("{'room':'m/a','seq':9},{'room':'m/b','seq':1}", false);
    fixture_tick(GRACE_MS);
    SENT("replay room=m/a after=7");
}

TEST(test_rooms_in_work_are_not_given_up) {
    s_begin_small(1, ZRELAY_FROM_NOW, "{'room':'m/a','seq':5}");
    fixture_live("m/a", 6, 7, 7);
    EVENT("gap m/a 5");
    SENT("replay room=m/a after=5 until=6");
    fixture_live("m/b", 0, 1, 1);
    fixture_live("m/b", 1, 2, 2);
    EVENTS("forgotten m/b 0 1", ""); /* once */
    fixture_replay_whole("m/a", 5, 6, 6, false);
    fixture_expect_entries("m/a", 6, 7);
    EVENT("repaired m/a 7");
    fixture_live("m/b", 2, 3, 3);
    EVENTS("forgotten m/a 7 2", "joined m/b 2 0", "entry m/b 3");
}

/* In another log each room that comes up is new. */
TEST(test_another_epoch_after_positions_were_given_up) {
    s_begin_small(1, ZRELAY_FROM_NOW, "{'room':'m/a','seq':5},{'room':'m/b','seq':5}");
    fixture_reconnect(EPOCH_2, false, "");
    fixture_synced();
    s_followed("follow prefix=m/");
    s_list("", false);
    while (*fixture_event())
        ;
    fixture_live("m/c", 1, 2, 2);
    EVENTS("forgotten m/b 0 1", "joined m/c 0 0", "gap m/c 0");
}

/* --- Reconnects --- */

TEST(test_after_a_reconnect) {
    s_begin(ZRELAY_FROM_NOW, "{'room':'m/a','seq':5,'count':1},{'room':'m/b','seq':5,'count':1}");
    fixture_resume();
    s_followed("follow prefix=m/");
    fixture_live("m/a", 5, 6, 6);
    s_list("{'room':'m/a','seq':5},{'room':'m/b','seq':7},{'room':'m/c','seq':2}", false);
    EVENTS("disconnected the broker does not know the session any more", "connected " EPOCH_1 " me resumed",
        "entry m/a 6", "joined m/c 2 0", "");
    SENTS("replay room=m/b after=5", "replay room=m/c after=0", ""); /* it came up meanwhile */
}

TEST(test_hostile_lists) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("1,{'room':5},{'room':'x'},{'room':'m/ '},{'room':'m/a','seq':-1},{'seq':1},{'room':'m/z','seq':1}", true);
    EVENT("joined m/z 1 0");
    ck_assert_uint_eq(HASH_COUNT(b.machine->rooms), 2);
    SENT("rooms prefix=m/ after=m/z");
    s_list("{'room':'m/b','seq':1}", true); /* backwards: no third page */
    EVENTS("joined m/b 1 0", "joined m/* 0 2");
}

/* --- Rights --- */

/* Its right to be read is taken, and given back: nothing comes twice. */
TEST(test_a_room_that_may_not_be_read_for_a_while) {
    static const char *const signs[] = {"pong", "list", "frame"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        fixture_init();
        s_begin(ZRELAY_FROM_NOW, "{'room':'m/a','seq':5,'count':1}");
        fixture_live("m/a", 6, 7, 7); /* the last that was sent, with a loss before */
        EVENT("gap m/a 5");
        SENT("replay room=m/a after=5 until=6");
        s_refuse("forbidden");
        fixture_tick(GRACE_MS);
        fixture_quiet();
        switch (i) {
        case 0:
            s_pong("'heads':{'m/a':9}");
            break;
        case 1:
            s_pong("'heads':{},'list':true");
            SENT("rooms prefix=m/");
            s_list("{'room':'m/a','seq':9}", false);
            break;
        case 2:
            fixture_live_front("m/a", 8, 9, 9);
            break;
        }
        fixture_tick(GRACE_MS);
        fixture_tick(RETRY_MS);
        SENT(i == 2 ? "replay room=m/a after=5 until=8" : "replay room=m/a after=5");
        fixture_replay_whole("m/a", 5, 6, i == 2 ? 8 : 9, false);
        fixture_expect_entries("m/a", 6, 9);
        EVENTS("repaired m/a 9", "");
    }
}

static void s_who(uint64_t version, const char *users) {
    SENT("who room=m/a");
    fixture_json(
        "{'op':'who','re':%d,'version':%" PRIu64 ",'users':[%s],'count':1,'more':false}", fixture_id(), version, users);
}

TEST(test_presence_of_a_room_that_may_not_be_read_for_a_while) {
    s_begin(ZRELAY_FROM_NOW | ZRELAY_PRESENCE, "{'room':'m/a','seq':5,'count':1}");
    s_who(1, "{'nick':'ann'}");
    fixture_presence("m/a", "{'version':2,'joined':[{'nick':'bo'}],'left':[],'count':2}");
    EVENT("presence m/a +bo - 2");
    fixture_live("m/a", 7, 8, 8);
    EVENT("gap m/a 5");
    SENT("replay room=m/a after=5 until=7");
    s_refuse("forbidden");
    fixture_presence("m/a", "{'version':4,'joined':[{'nick':'cy'}],'left':[],'count':3}"); /* on its way */
    fixture_quiet();
    s_pong("'heads':{},'list':true");
    SENT("rooms prefix=m/ presence=true");
    s_list("{'room':'m/a','seq':8,'count':1}", false);
    s_who(9, "{'nick':'ann'}");
    EVENT("presence m/a -bo - 1");
    fixture_tick(GRACE_MS);
    fixture_tick(RETRY_MS);
    SENT("replay room=m/a after=5");
    fixture_replay_whole("m/a", 5, 6, 8, false);
    fixture_expect_entries("m/a", 6, 8);
    EVENTS("repaired m/a 8", "");
}

/* It may be read again, and is gone: no list names it, and no pong. */
TEST(test_presence_of_a_room_that_is_gone_while_it_may_not_be_read) {
    s_begin(ZRELAY_FROM_NOW | ZRELAY_PRESENCE, "{'room':'m/a','seq':5,'count':1}");
    s_who(1, "{'nick':'ann'}");
    fixture_live("m/a", 7, 8, 8);
    EVENT("gap m/a 5");
    SENT("replay room=m/a after=5 until=7");
    s_refuse("forbidden");
    for (int again = 0; again < 2; again++) {
        s_pong("'heads':{},'list':true");
        SENT("rooms prefix=m/ presence=true");
        s_list("", false);
        fixture_tick(2 * RETRY_MS);
        SENT("who room=m/a");
        if (!again)
            s_refuse("forbidden");
    }
    fixture_json("{'op':'who','re':%d,'version':0,'users':[],'count':0,'more':false}", fixture_id());
    EVENT("presence m/a -ann - 0");
    s_pong("'heads':{},'list':true");
    SENT("rooms prefix=m/ presence=true");
    s_list("", false);
    fixture_quiet();
}

/* The right to presence alone is taken and given back. */
TEST(test_presence_that_may_not_be_seen_for_a_while) {
    s_begin(ZRELAY_FROM_NOW | ZRELAY_PRESENCE, "{'room':'m/a','seq':5,'count':1}");
    SENT("who room=m/a");
    s_refuse("forbidden");
    s_pong("'heads':{},'list':true");
    SENT("rooms prefix=m/ presence=true");
    s_list("{'room':'m/a','seq':5,'count':1,'version':9}", false);
    fixture_tick(GRACE_MS);
    s_who(9, "{'nick':'ann'}");
    fixture_presence("m/a", "{'version':10,'joined':[{'nick':'bo'}],'left':[],'count':2}");
    EVENT("presence m/a +bo - 2");
    s_pong("'heads':{},'list':true");
    SENT("rooms prefix=m/ presence=true");
    s_list("{'room':'m/a','seq':5,'count':1,'version':10}", false);
    fixture_tick(GRACE_MS);
    fixture_quiet();
    s_pong("'heads':{},'list':true");
    SENT("rooms prefix=m/ presence=true");
    s_list("{'room':'m/a','seq':5,'count':1,'version':11}", false); /* whose frame was dropped */
    fixture_tick(GRACE_MS);
    s_who(11, "{'nick':'bo'}");
    EVENTS("presence m/a -ann - 1", "");
}

/* With it perhaps the last users left, and its last entries. */
TEST(test_a_room_that_the_list_does_not_name_any_more) {
    s_begin(ZRELAY_FROM_NOW | ZRELAY_PRESENCE, "{'room':'m/a','seq':5,'count':1},{'room':'m/b','seq':0,'count':0}");
    s_who(1, "{'nick':'ann'}");
    SENT("who room=m/b");
    fixture_json("{'op':'who','re':%d,'version':1,'users':[],'count':0,'more':false}", fixture_id());
    while (*fixture_event())
        ;
    s_pong("'list':true");
    SENT("rooms prefix=m/ presence=true");
    s_list("", false);
    SENTS("replay room=m/a after=5", "who room=m/a");
}

/* Rooms that come and go for want of place do not make us ask for their users each time. */
TEST(test_presence_while_positions_are_given_up) {
    s_begin_small(1, ZRELAY_FROM_NOW | ZRELAY_PRESENCE, "");
    for (uint64_t seq = 1; seq < 20; seq++) {
        fixture_live("m/a", seq - 1, seq, seq);
        fixture_live("m/b", seq - 1, seq, seq);
    }
    while (*fixture_event())
        ;
    SENT("who room=m/a");
    NOTHING_SENT();
    fixture_tick(RETRY_MAX_MS);
    SENTS("ping", "who room=m/b", "");
}

/* A room that has users and no entry is known by its presence. */
TEST(test_presence_of_a_room_that_comes_up) {
    s_begin(ZRELAY_FROM_NOW | ZRELAY_PRESENCE, "");
    fixture_presence("m/a", "{'version':1,'joined':[{'nick':'ann'}],'left':[],'count':1}");
    EVENT("joined m/a 0 0");
    s_who(1, "{'nick':'ann'}");
    EVENT("presence m/a -- - 1");
    s_pong("'heads':{},'versions':{'m/b':1}");
    EVENT("joined m/b 0 0");
    SENT("who room=m/b");
}

/* Its last user leaves at once, and the broker knows nothing of it any more. */
TEST(test_presence_of_a_room_that_is_gone_again) {
    s_begin(ZRELAY_FROM_NOW | ZRELAY_PRESENCE, "");
    fixture_presence("m/a", "{'version':7,'joined':[],'left':[{'nick':'ann','reason':'bye'}],'count':0}");
    EVENT("joined m/a 0 0");
    SENT("who room=m/a");
    fixture_json("{'op':'who','re':%d,'version':0,'users':[],'count':0,'more':false}", fixture_id());
    fixture_tick(RETRY_MAX_MS);
    SENT("ping");
    NOTHING_SENT(); /* the list has said all */
}

TEST(test_presence_is_nothing_to_others) {
    s_begin(ZRELAY_FROM_NOW, "");
    fixture_presence("m/a", "{'version':1,'joined':[{'nick':'ann'}],'left':[],'count':1}");
    s_pong("'heads':{},'versions':{'m/b':1}");
    fixture_quiet();
    ck_assert_uint_eq(b.machine->child_count, 0);
}

UNIT_SUITE_WITH("client.lib.machine_prefix", fixture_init, fixture_finish)
