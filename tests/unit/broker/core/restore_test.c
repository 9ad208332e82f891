/* The records of client ids stored with the passes, and the state of a broker that begins on a log from before. */
#include <stdio.h>

#include "fixture.h"

static void s_start(void) {
    fx_begin();
    fx.durable = true;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
}

static void s_restart(void) {
    fx_restart();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
}

/* The marks of the last commit: "CLIENT:MARK CLIENT:MARK+refusals". */
static const char *s_marks(void) {
    static char text[256];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < fx.mark_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%lu:%llu%s", i ? " " : "",
            strtoul(fx.marks[i].client, NULL, 16), (unsigned long long)fx.marks[i].mark,
            fx.marks[i].refused ? "+" : "");
    return text;
}

TEST(test_marks_of_a_pass) {
    s_start();
    fx_one(A, "r", 1, "a"); /* what the log may hold of the id is void: an empty list comes with the first mark */
    fx_run();
    ck_assert_str_eq(s_marks(), "1:1+");
    fx_one(A, "r", 2, "a");
    fx_one(B, "r", 7, "a");
    fx_one_now(A, "s", 5, "a");
    ck_assert_str_eq(s_marks(), "1:5 2:7+");
    fx_one(A, "r", 3, "a"); /* a resend moves nothing */
    fx_run();
    ck_assert_str_eq(s_marks(), "");
    fx_pub("r");
    fx_add_expect(6, "k", 9, "a");
    fx_send_now(A); /* nothing but a refusal */
    ck_assert_str_eq(s_marks(), "1:6+");
    fx_ask(A, "{'op':'publish','room':'r','text':'x','mid':8}");
    ck_assert_str_eq(s_marks(), "1:8");
    fx_ask(A, "{'op':'publish','room':'r','text':'x','key':'k','expect':9,'mid':9}");
    ck_assert_str_eq(s_marks(), "1:9+");
    fx_ask(A, "{'op':'publish','room':'r','text':'x'}");
    ck_assert_str_eq(s_marks(), "");
    fx_one(A, "r", 10, "a");
    fx_ask(A, "{'op':'bye'}"); /* it is remembered */
    ck_assert_str_eq(s_marks(), "1:10");
}

TEST(test_a_client_that_was_forgotten_in_the_pass) {
    fx_begin();
    fx.durable = true;
    fx.config.max_clients = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_one(A, "r", 5, "a");
    fx_say(A, "{'op':'bye'}"); /* there is no place for it beside B */
    fx_run();
    ck_assert_str_eq(s_marks(), "");
    fx_drop(A);
    fx_hello(A, "ann");
    fx_one(A, "r", 6, "a");
    fx_say(A, "{'op':'bye'}");
    fx_say(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
    fx_one_now(A, "r", 7, "a");
    ck_assert_str_eq(s_marks(), "1:7+"); /* once */
}

TEST(test_no_marks_for_a_log_that_forgets) {
    fx_hello(A, "ann");
    fx_one_now(A, "r", 1, "a");
    ck_assert_str_eq(s_marks(), "");
    fx_pub("r");
    fx_add_expect(2, "k", 9, "a");
    fx_send(A);
    fx_drop(A);
    fx_run();
    ck_assert_str_eq(s_marks(), "");
}

/* The refusals that a failed pass did not store come with the next mark. */
TEST(test_marks_after_a_pass_that_failed) {
    s_start();
    fx_one(A, "r", 1, "a");
    fx_one_now(B, "r", 1, "a");
    fx_pub("r");
    fx_add_expect(2, "k", 9, "a");
    fx_send(A);
    fx_one(B, "r", 2, "b");
    fx.fail = 1;
    fx_run();
    fx_drop_all(A, B);
    fx_one(A, "r", 3, "a");
    fx_one_now(B, "r", 3, "a");
    ck_assert_str_eq(s_marks(), "1:3+ 2:3+");
    fx_drop(A);
    s_restart();
    fx_pub("r");
    fx_add_expect(2, "k", 0, "a");
    fx_send(A);
    fx_one_now(B, "r", 2, "b");
    fx_expect(A, "{'op':'error','code':'conflict','mid':2,'seq':0}");
    fx_expect(B, "{'op':'error','code':'store-failed','mid':2}");
}

/* --- From before --- */

TEST(test_rooms_are_as_they_were) {
    s_start();
    fx_one(A, "r", 1, "a");
    fx_one(A, "r", 2, "b");
    fx_one_now(A, "s", 3, "c");
    fx.now -= 1000000; /* the clock was set back meanwhile */
    s_restart();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2);
    fx_answer(B, "{'op':'rooms'}", "{'rooms':[{'room':'r','seq':2,'count':0},{'room':'s','seq':1,'count':0}]}");
    fx_answer(B, "{'op':'join','room':'r','after':1}", "{'op':'joined','seq':2,'oldest':0,'recovered':true}");
    fx_ask(B, "{'op':'replay','room':'r','after':1}");
    fx_expect_text(B, "replay r 1: 2/b");
    fx_expect(B, "{'op':'replayed','seq':2,'complete':true}");
    fx_one(A, "r", 4, "d"); /* the fixture checks that its time is not before that of 2 */
    fx_run();
    fx_expect_text(BACK, "r 2: 3/d");
}

TEST(test_what_was_not_stored_never_was) {
    s_start();
    fx_one_now(A, "r", 1, "a");
    fx.late = true;
    fx_one(A, "r", 2, "lost");
    fx_one_now(A, "t", 3, "lost");
    s_restart();
    fx_log_all();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 1);
    fx_one_now(A, "r", 2, "again");
    fx_log_all();
    fx_expect_text(BACK, "r 1: 2/again");
    fx_expect_text(A, "ack 2 @2 disk");
}

TEST(test_resends_after_a_restart) {
    s_start();
    fx_pub("r");
    fx_add(1, "a");
    fx_add_expect(2, "k", 9, "b");
    fx_add_key(3, "k", "c");
    fx_send_now(A);
    s_restart();
    fx_pub("r");
    fx_add(1, "a");
    fx_add_expect(2, "k", 0, "b");
    fx_add_key(3, "k", "c");
    fx_send_now(A);
    fx_expect(A, "{'op':'error','code':'conflict','mid':2,'key':'k','seq':2}");
    fx_expect_texts(A, "ack 3 @0 disk", "");
    fx_expect_silence(BACK);
    fx_one(A, "r", 4, "d");
    fx_one(B, "r", 1, "e"); /* another client's ids are its own */
    fx_run();
    fx_expect_text(A, "ack 4 @3 disk");
    fx_expect_text(B, "ack 1 @4 disk");
}

TEST(test_values_are_as_they_were) {
    s_start();
    fx_pub("r");
    fx_add_key(1, "k", "a");
    fx_add_key(2, "l", "b");
    fx_add_key(3, "k", "c");
    fx_add_key(4, "gone", "x");
    fx_add_delete(5, "gone");
    fx_send_now(A);
    s_restart();
    fx_ask(B, "{'op':'state','room':'r'}");
    fx_expect_text(B, "state r 0: 2/l=b 3/k=c");
    fx_expect(B, "{'op':'ok','seq':5,'count':2}");
    fx_pub("r");
    fx_add_expect(6, "k", 1, "old");
    fx_add_expect(7, "k", 3, "new");
    fx_add_expect(8, "gone", 0, "back");
    fx_send_now(A);
    fx_expect(A, "{'op':'error','code':'conflict','mid':6,'seq':3}");
    fx_expect_texts(A, "ack 7 @6 disk", "ack 8 @7 disk");
}

/* Of rooms of a lower level nothing is left, and their positions do not come again, as the epoch is the same. */
TEST(test_rooms_of_a_lower_level_begin_above) {
    static const policy_t levels[] = {
        {.pattern = "memory*", .has_level = true, .level = ZR_LEVEL_MEMORY},
        {.pattern = "none*", .has_level = true, .level = ZR_LEVEL_NONE},
    };
    static const char *const rooms[] = {"memory", "none"};
    for (int i = 0; i < 2; i++) {
        fx_begin();
        fx.durable = true;
        fx.config.policies = (policies_t){levels, 2};
        fx_start();
        fx_hello(A, "ann");
        fx_one(A, rooms[i], 1, "a");
        fx_one_now(A, rooms[i], 2, "b");
        fx.base = 1000;
        s_restart();
        ck_assert_uint_eq(relay_stats(fx.relay).rooms, 0);
        fx_ask(B, "{'op':'join','room':'%s','after':2}", rooms[i]);
        fx_expect(B, "{'op':'joined','seq':1000,'oldest':1000,'recovered':false}");
        fx_ask(B, "{'op':'replay','room':'%s','after':2}", rooms[i]);
        fx_expect(B, "{'op':'replayed','seq':1000,'count':0,'complete':false,'more':false}");
        fx_one(A, rooms[i], 2, "b"); /* acked before: lost, but not twice there */
        fx_one_now(A, rooms[i], 3, "c");
        char text[64];
        snprintf(text, sizeof text, "%s 1000: 1001/c", rooms[i]);
        fx_expect_text(BACK, text);
        snprintf(text, sizeof text, "ack 3 @1001 %s", rooms[i]);
        fx_expect_text(A, text);
        fx_ask(B, "{'op':'replay','room':'%s','after':1000}", rooms[i]);
        snprintf(text, sizeof text, "replay %s 1000: 1001/c", rooms[i]);
        if (i == 0)
            fx_expect_text(B, text);
        fx_expect(B, "{'op':'replayed','seq':1001,'complete':%s}", i == 0 ? "true" : "false");
        fx_ask(B, "{'op':'join','room':'%s','after':1000}", rooms[i]);
        fx_expect(B, "{'op':'joined','seq':1001,'oldest':%d}", i == 0 ? 1000 : 1001);
    }
}

static void s_garbage(const log_restore_t *restore) {
    void *ctx = restore->ctx;
    log_bounds_t bounds = {0};
    restore->room(ctx, LIT("r"), &bounds); /* it is there */
    restore->room(ctx, LIT(""), &bounds);
    restore->room(ctx, LIT("{}"), &bounds);
    restore->room(ctx, unit_fill('x', 1000), &bounds);
    zr_entry_t entry = {.seq = 9, .key = LIT("k"), .body = LIT("b")};
    restore->value(ctx, LIT("nowhere"), &entry);
    entry.flags = ZR_ENTRY_DELETE;
    restore->value(ctx, LIT("r"), &entry);
    entry.flags = 0;
    entry.key = LIT("");
    restore->value(ctx, LIT("r"), &entry);
    entry.key = unit_fill('k', ZR_KEY_MAX + 1);
    restore->value(ctx, LIT("r"), &entry);
    log_mark_t mark = {.mark = 5, .refusals = zr_blob_copy("garbage", 7)};
    memcpy(mark.client, "0123456789abcdef0123456789abcdef", ZR_CLIENT_ID_LEN);
    restore->mark(ctx, &mark);
    zr_blob_unref(mark.refusals);
}

TEST(test_what_cannot_be_is_left_out) {
    s_start();
    fx_pub("r");
    fx_add_key(1, "k", "a");
    fx_send_now(A);
    fx.restore = s_garbage;
    s_restart();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 1);
    fx_ask(B, "{'op':'state','room':'r'}");
    fx_expect_text(B, "state r 0: 1/k=a");
    fx_expect(B, "{'op':'ok','count':1}");
}

TEST(test_more_rooms_than_the_limit_by_now) {
    s_start();
    for (uint64_t mid = 1; mid <= 4; mid++) {
        char room[] = {'r', (char)('0' + mid), '\0'};
        fx_one(A, room, mid, "x");
    }
    fx_run();
    fx.config.max_rooms = 2;
    s_restart();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 4);
    fx_one_now(A, "r9", 5, "x");
    fx_expect(A, "{'op':'error','code':'too-many-rooms','mid':5}");
    fx_one_now(A, "r3", 6, "x");
    fx_expect_text(A, "ack 6 @2 disk");
}

TEST(test_a_room_that_was_looked_at_is_still_there) {
    s_start();
    fx_one_now(A, "r", 1, "a");
    s_restart();
    fx_ask(B, "{'op':'join','room':'r'}");
    fx_ask(B, "{'op':'leave','room':'r'}");
    fx_tick();
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 1);
}

UNIT_SUITE_WITH("broker.core.restore", fx_start, fx_finish)
