/* Rooms joined by a prefix. */
#include "fixture_machine.h"

/* A prefix whose list is asked for. */
static void s_prefix(int from) {
    ck_assert_int_eq(machine_join(b.machine, "m/*", from, 0, b.now), 0);
    fixture_welcome();
    fixture_actions_are("front back=tcp://back +m/ +~0101010101010101 ");
    fixture_synced();
    SENT("rooms prefix=m/");
}

static void s_list(const char *rooms, bool more) {
    fixture_json("{'op':'rooms','re':%d,'rooms':[%s],'more':%s}", fixture_id(), rooms, more ? "true" : "false");
}

TEST(test_joins_what_exists_silently) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("{'room':'m/a','seq':5,'count':1},{'room':'m/b','seq':0,'count':1}", true);
    SENT("rooms prefix=m/ after=m/b");
    int list = fixture_id();
    SENT("join room=m/a presence=false");
    fixture_joined("m/a", 5, 0, "");
    EVENT("joined m/a 5 1");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'m/c','seq':2,'count':0}],'more':false}", list);
    EVENT("joined m/* 0 3");
    fixture_live("m/a", 5, 6, 6);
    fixture_expect_entries("m/a", 6, 6);
}

TEST(test_a_room_that_comes_up_later_is_read_from_its_beginning) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("", false);
    EVENT("joined m/* 0 0");
    fixture_live("m/new", 0, 1, 2);
    fixture_live("other", 0, 1, 2);
    fixture_expect_entries("m/new", 1, 2);
    NO_EVENT();
    SENT("join room=m/new after=2 presence=false");
    fixture_joined("m/new", 2, 0, ",'recovered':true");
    EVENT("joined m/new 2 1");

    fixture_live("m/x", 3, 4, 4); /* its first entries were dropped */
    NO_EVENT();
    SENT("join room=m/x after=0 presence=false");
    fixture_joined("m/x", 4, 0, ",'recovered':true");
    EVENT("joined m/x 4 1");
    SENT("replay room=m/x after=0 until=3");
}

TEST(test_a_room_seen_before_the_list_is_whole) {
    s_prefix(ZRELAY_FROM_NOW);
    fixture_live("m/new", 0, 1, 1);
    NOTHING_SENT();
    s_list("", false);
    EVENT("joined m/* 0 0");
    SENT("join room=m/new after=0 presence=false");
    fixture_joined("m/new", 1, 0, ",'recovered':true");
    EVENT("joined m/new 1 1");
    SENT("replay room=m/new after=0");
}

TEST(test_a_room_whose_only_entry_was_dropped_is_found) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("", false);
    for (uint64_t waited = 0; waited < LIST_MS; waited += 5000) {
        fixture_json("{'op':'pong','heads':{}}");
        fixture_tick(5000);
        SENT("ping");
    }
    SENT("rooms prefix=m/");
    s_list("{'room':'m/a','seq':5,'count':0}", false);
    SENT("join room=m/a after=0 presence=false");
}

/* Of a private room nothing is heard but by the list: a user looks more often, and reads it from its beginning. */
TEST(test_users_look_for_private_rooms) {
    ck_assert_int_eq(machine_join(b.machine, "m/*", ZRELAY_FROM_NOW, 0, b.now), 0);
    fixture_welcome_with(EPOCH_1, false, ",'user':'me'");
    fixture_synced();
    SENT("rooms prefix=m/");
    s_list("", false);
    for (int look = 0; look < 2; look++) {
        fixture_tick(LIST_USER_MS - 1);
        fixture_forget_sent();
        fixture_tick(1);
        const char *sent;
        while (strcmp(sent = fixture_sent(), "rooms prefix=m/") != 0)
            ck_assert_str_ne(sent, "");
        if (look == 0) /* a look that is refused is no reason to look less often */
            fixture_json("{'op':'error','re':%d,'code':'forbidden','text':'no'}", fixture_id());
        else
            s_list("{'room':'m/a','seq':5,'count':0}", false);
    }
    SENT("join room=m/a after=0 presence=false");
}

TEST(test_another_sync_lists_again) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("", false);
    fixture_join("x");
    fixture_tick(0);
    SENT("rooms prefix=m/");
}

TEST(test_leaving_the_prefix_leaves_its_rooms) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("{'room':'m/a','seq':5,'count':1}", false);
    SENT("join room=m/a presence=false");
    b.actions[0] = '\0';
    ck_assert_int_eq(machine_leave(b.machine, "m/a", b.now), ZRELAY_EINVAL); /* it was not joined by name */
    ck_assert_int_eq(machine_leave(b.machine, "m/*", b.now), 0);
    fixture_actions_are("-m/ ");
    SENT("leave room=m/a");
    ck_assert_ptr_null(b.machine->rooms);
    ck_assert_ptr_null(b.machine->prefixes);
}

TEST(test_a_room_that_another_prefix_wants_stays) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("{'room':'m/a','seq':5,'count':1}", false);
    SENT("join room=m/a presence=false");
    fixture_joined("m/a", 5, 0, "");
    ck_assert_int_eq(machine_join(b.machine, "*", ZRELAY_FROM_NOW, 0, b.now), 0);
    ck_assert_int_eq(machine_leave(b.machine, "m/*", b.now), 0);
    NOTHING_SENT();
    ck_assert_ptr_nonnull(rooms_find(b.machine, zr_span("m/a")));
}

TEST(test_rooms_joined_by_name_are_left_alone) {
    machine_join(b.machine, "m/*", ZRELAY_FROM_NOW, 0, b.now);
    machine_join(b.machine, "m/a", ZRELAY_FROM_AFTER, 3, b.now);
    fixture_welcome();
    fixture_synced();
    SENT("rooms prefix=m/");
    int list = fixture_id();
    SENT("join room=m/a after=3");
    fixture_joined("m/a", 3, 0, ",'recovered':true");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'m/a','seq':3,'count':0}],'more':false}", list);
    EVENTS("joined m/a 3 1", "joined m/* 0 1");
    NOTHING_SENT();
    machine_leave(b.machine, "m/*", b.now);
    ck_assert_ptr_nonnull(rooms_find(b.machine, zr_span("m/a")));
}

TEST(test_more_rooms_than_fit) {
    machine_join(b.machine, "m/*", ZRELAY_FROM_NOW, 0, b.now);
    fixture_welcome_with(EPOCH_1, false, ",'limits':{'rooms':1}");
    EVENT("connected " EPOCH_1 " me");
    fixture_synced();
    SENT("rooms prefix=m/");
    s_list("{'room':'m/a','seq':5},{'room':'m/b','seq':5},{'room':'m/c','seq':5}", false);
    EVENTS("refused too-many-joins m/* mid=0-0 request=0 seq=0", "joined m/* 0 3");
    fixture_live("m/d", 0, 1, 1);
    NO_EVENT();
}

TEST(test_a_room_too_many_for_the_broker_is_read_all_the_same) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("{'room':'m/a','seq':5,'count':1}", false);
    SENT("join room=m/a presence=false");
    fixture_json("{'op':'error','re':%d,'code':'too-many-joins','text':''}", fixture_id());
    EVENT("joined m/* 0 1");
    fixture_live("m/a", 5, 6, 6);
    fixture_expect_entries("m/a", 6, 6);
    NO_EVENT();
}

TEST(test_after_a_reconnect) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("{'room':'m/a','seq':5,'count':1}", false);
    SENT("join room=m/a presence=false");
    fixture_joined("m/a", 5, 0, "");
    fixture_resume();
    const char *first = fixture_sent();
    ck_assert_msg(strcmp(first, "rooms prefix=m/") == 0, "%s", first);
    int list = fixture_id();
    SENT("join room=m/a after=5 presence=false");
    fixture_joined("m/a", 5, 0, ",'recovered':true");
    fixture_json("{'op':'rooms','re':%d,'rooms':[{'room':'m/a','seq':5},{'room':'m/b','seq':2}],'more':false}", list);
    SENT("join room=m/b after=0 presence=false"); /* it came up meanwhile */
    NOTHING_SENT();
}

TEST(test_hostile_lists) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("1,{'room':5},{'room':'x'},{'room':'m/ '},{'room':'m/a','seq':-1},{'seq':1},{'room':'m/z','seq':1}", true);
    EVENT("");
    ck_assert_uint_eq(HASH_COUNT(b.machine->rooms), 2);
    SENT("rooms prefix=m/ after=m/z");
    s_list("{'room':'m/b','seq':1}", true); /* backwards: no third page */
    EVENT("joined m/* 0 2");
}

/* Its right to be read is taken, and given back: nothing is told, nothing comes twice. */
TEST(test_a_room_that_may_not_be_read_for_a_while) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("{'room':'m/a','seq':5,'count':1}", false);
    SENT("join room=m/a presence=false");
    fixture_joined("m/a", 5, 0, "");
    EVENTS("joined m/* 0 1", "joined m/a 5 1");
    fixture_live("m/a", 5, 6, 6);
    fixture_expect_entries("m/a", 6, 6);
    fixture_json("{'op':'left','room':'m/a','reason':'revoked','seq':6}");
    fixture_live("m/a", 6, 7, 7);
    fixture_json("{'op':'pong','time':1,'heads':{'m/a':8}}");
    fixture_tick(GRACE_MS);
    fixture_quiet();
    for (int look = 0; look < 2; look++) {
        fixture_tick(LIST_MS);
        do
            ck_assert_uint_lt(b.looked, b.sent_count);
        while (strcmp(fixture_sent(), "rooms prefix=m/") != 0);
        s_list(look ? "{'room':'m/a','seq':9,'count':1}" : "", false);
        if (look == 0)
            NOTHING_SENT();
    }
    SENT("join room=m/a after=6 presence=false");
    fixture_joined("m/a", 9, 0, ",'recovered':true,'private':true");
    SENT("replay room=m/a after=6");
    NO_EVENT();
}

static void s_who(uint64_t version, const char *users) {
    SENT("who room=m/a");
    fixture_json(
        "{'op':'who','re':%d,'version':%" PRIu64 ",'users':[%s],'count':1,'more':false}", fixture_id(), version, users);
}

TEST(test_presence_of_a_room_that_may_not_be_read_for_a_while) {
    s_prefix(ZRELAY_FROM_NOW | ZRELAY_PRESENCE);
    s_list("{'room':'m/a','seq':5,'count':1}", false);
    SENT("join room=m/a presence=false");
    fixture_joined("m/a", 5, 0, "");
    s_who(1, "{'nick':'ann'}");
    EVENTS("joined m/* 0 1", "joined m/a 5 1");
    fixture_presence("m/a", "{'version':2,'joined':[{'nick':'bo'}],'left':[],'count':2}");
    EVENT("presence m/a +bo - 2");
    fixture_live("m/a", 7, 8, 8);
    EVENT("gap m/a 5");
    SENT("replay room=m/a after=5 until=7");
    fixture_json("{'op':'left','room':'m/a','reason':'revoked','seq':8}");
    fixture_json("{'op':'error','re':%d,'code':'forbidden','text':'no'}", fixture_id());
    fixture_presence("m/a", "{'version':4,'joined':[{'nick':'cy'}],'left':[],'count':3}"); /* on its way */
    fixture_quiet();
    fixture_tick(LIST_MS);
    while (strcmp(fixture_sent(), "rooms prefix=m/") != 0)
        ck_assert_uint_lt(b.looked, b.sent_count);
    s_list("{'room':'m/a','seq':9,'count':1}", false);
    SENT("join room=m/a after=5 presence=false");
    fixture_joined("m/a", 8, 0, ",'recovered':true,'private':true");
    s_who(9, "{'nick':'ann'}");
    EVENT("presence m/a -bo - 1");
    SENT("replay room=m/a after=5");
    fixture_replay("m/a", 5, 6, 8);
    fixture_replayed(8, 3, true, false);
    fixture_expect_entries("m/a", 6, 8);
    EVENTS("repaired m/a 8", "");
}

TEST(test_a_room_that_may_not_be_read_after_a_reconnect) {
    s_prefix(ZRELAY_FROM_NOW);
    s_list("{'room':'m/a','seq':5,'count':1}", false);
    SENT("join room=m/a presence=false");
    fixture_joined("m/a", 5, 0, "");
    fixture_no_session();
    while (*fixture_event())
        ;
    fixture_welcome_with(EPOCH_1, false, "");
    EVENT("connected " EPOCH_1 " me");
    fixture_synced();
    SENT("rooms prefix=m/");
    int list = fixture_id();
    SENT("join room=m/a after=5 presence=false");
    fixture_json("{'op':'error','re':%d,'code':'forbidden','text':'no'}", fixture_id());
    fixture_json("{'op':'rooms','re':%d,'rooms':[],'more':false}", list);
    fixture_quiet();
}

UNIT_SUITE_WITH("client.lib.machine_prefix", fixture_init, fixture_finish)
