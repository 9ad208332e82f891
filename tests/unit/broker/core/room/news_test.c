/* A tick of many rooms is worked off in small pieces. Nothing is lost, and each room has its turn. */
#include <inttypes.h>

#include "fixture.h"
#include "presence.h"

enum { ROOMS = 300, SESSIONS = 3 };

/* Begins a round, and does nothing of it yet. */
static void s_begin(void) {
    relay_tick(fx.relay);
    fx_carry_out();
}

/* The room of the next presence frame, "" when no frame waits, and how many changes it names. */
static const char *s_told(size_t *changes) {
    static char room[ZR_ROOM_MAX + 1];
    const char *text = fx_text(BACK);
    *changes = 0;
    if (!text[0])
        return "";
    json_t *object = json_loads(strchr(text, '{'), 0, NULL);
    snprintf(room, sizeof room, "%s", json_string_value(json_object_get(object, "room")));
    *changes = json_array_size(json_object_get(object, "joined")) + json_array_size(json_object_get(object, "left"));
    json_decref(object);
    return room;
}

static void s_expect_told(const char *room, size_t changes) {
    size_t named;
    ck_assert_str_eq(s_told(&named), room);
    ck_assert_uint_eq(named, changes);
}

static void s_rename(route_t route, const char *nick) {
    fx_say(route, "{'op':'hello','proto':1,'client':'%s','nick':'%s'}", fx_client(route), nick);
}

TEST(test_a_rename_in_many_rooms) {
    for (route_t route = 1; route <= SESSIONS; route++) {
        fx_say(route, "{'op':'hello','proto':1,'client':'%s','nick':'n%" PRIu64 "'}", fx_client(route), route);
        for (unsigned room = 0; room < ROOMS; room++)
            fx_say(route, "{'op':'join','room':'r%u'}", room);
    }
    fx_tick();
    ck_assert_uint_eq(fx_drop(BACK), ROOMS);
    for (route_t route = 1; route <= SESSIONS; route++) {
        char nick[16];
        snprintf(nick, sizeof nick, "m%" PRIu64, route);
        s_rename(route, nick);
    }
    s_begin();
    fx_expect_silence(BACK);
    for (unsigned room = 0; room < ROOMS; room++) {
        char name[16];
        snprintf(name, sizeof name, "r%u", room);
        ck_assert(fx_piece());
        s_expect_told(name, 2 * SESSIONS);
        fx_expect_silence(BACK);
    }
    ck_assert(!fx_piece());
}

/* The storm in "large" takes a few pieces; "small", whose change came later, does not wait for all of them. */
TEST(test_rooms_take_turns) {
    enum { STORM = 2 * PRESENCE_CHANGES + 1 };
    fx_begin();
    fx.config.presence_names = STORM;
    fx_start();
    for (unsigned i = 1; i <= STORM; i++) {
        fx_say(i, "{'op':'hello','proto':1,'client':'%s','nick':'n%u'}", fx_client(i), i);
        fx_say(i, "{'op':'join','room':'large'}");
    }
    fx_say(A, "{'op':'join','room':'small'}");
    s_begin();
    static const struct {
        const char *room;
        size_t changes;
    } expected[] = {{"large", PRESENCE_CHANGES}, {"small", 1}, {"large", PRESENCE_CHANGES}, {"large", 1}};
    for (size_t i = 0; i < 4; i++) {
        ck_assert(fx_piece());
        s_expect_told(expected[i].room, expected[i].changes);
    }
    ck_assert(!fx_piece());
    fx_expect_silence(BACK);
}

/* A room is told once a tick, also while a round takes long. */
TEST(test_changes_during_a_round) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_say(A, "{'op':'join','room':'r'}");
    fx_say(A, "{'op':'join','room':'s'}");
    s_begin();
    ck_assert(fx_piece());
    s_expect_told("r", 1);
    fx_say(B, "{'op':'join','room':'r'}"); /* told already: at the next tick */
    fx_say(B, "{'op':'join','room':'s'}"); /* along with the change that waits */
    fx_say(B, "{'op':'join','room':'t'}"); /* new: at the next tick */
    ck_assert(fx_piece());
    s_expect_told("s", 2);
    ck_assert(!fx_piece());
    fx_say(B, "{'op':'leave','room':'t'}"); /* undone in time */
    s_begin();
    ck_assert(fx_piece());
    s_expect_told("r", 1);
    ck_assert(fx_piece());
    ck_assert(!fx_piece());
    fx_expect_silence(BACK);
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2);
}

/* A tick that comes before the round is over adds to it. */
TEST(test_a_round_that_lasts_longer_than_a_tick) {
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    for (unsigned room = 0; room < 3; room++)
        fx_say(A, "{'op':'join','room':'r%u'}", room);
    s_begin();
    ck_assert(fx_piece());
    fx_say(B, "{'op':'join','room':'r0'}");
    s_begin();
    for (unsigned room = 1; room <= 3; room++)
        ck_assert(fx_piece());
    ck_assert(!fx_piece());
    s_expect_told("r0", 1);
    s_expect_told("r1", 1);
    s_expect_told("r2", 1);
    s_expect_told("r0", 1);
    fx_expect_silence(BACK);
}

TEST(test_the_end_in_the_middle_of_a_round) {
    fx_hello(A, "ann");
    for (unsigned room = 0; room < 3; room++)
        fx_say(A, "{'op':'join','room':'r%u'}", room);
    s_begin();
    ck_assert(fx_piece());
    fx_say(A, "{'op':'bye'}"); /* the rooms stay until they were told */
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 3);
}

UNIT_SUITE_WITH("broker.core.news", fx_start, fx_finish)
