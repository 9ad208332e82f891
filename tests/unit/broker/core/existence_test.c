/* A user that may publish in a room and make it, but may not read it, never learns whether it exists. Each test asks
 * the same questions of a broker with the room and of a broker without it, and compares the answers. */
#include "fixture.h"

enum { ANSWERS = 32, TEXT = 200 };

typedef struct {
    char text[ANSWERS][TEXT];
    size_t count;
} answers_t;

/* Ann has used "secret" if it is to exist. Bob is blind everywhere. */
static void s_begin(bool exists, size_t max_user_rooms, size_t max_rooms) {
    fx_begin();
    fx.rights = "ann: rwspc *\nbob: wsc *\neve: rwspc *\n";
    fx.private = true;
    fx.config.max_user_rooms = max_user_rooms;
    fx.config.max_rooms = max_rooms;
    fx.users[A] = "ann";
    fx.users[B] = "bob";
    fx.users[C] = "eve";
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "eve");
    fx_ask(A, "{'op':'publish','room':'%s','key':'k','text':'x'}", exists ? "secret" : "elsewhere");
    fx_ask(A, "{'op':'publish','room':'%s','text':'y'}", exists ? "secret" : "elsewhere");
    fx_drop(A);
}

/* Notes all that Bob was answered. */
static void s_note(answers_t *answers) {
    for (const char *text; *(text = fx_text(B));) {
        ck_assert_uint_lt(answers->count, ANSWERS);
        snprintf(answers->text[answers->count++], TEXT, "%s", text);
    }
}

static void s_publish(answers_t *answers, const char *room) {
    fx_ask(B, "{'op':'publish','room':'%s','text':'x'}", room);
    s_note(answers);
}

static void s_publish_frame(answers_t *answers, const char *room, uint64_t mid) {
    fx_one_now(B, room, mid, "x");
    s_note(answers);
}

static void s_expect_same(const answers_t *with, const answers_t *without) {
    ck_assert_uint_eq(with->count, without->count);
    for (size_t i = 0; i < with->count; i++)
        ck_assert_str_eq(with->text[i], without->text[i]);
}

/* Runs `ask` against both brokers. */
static void s_compare(void (*ask)(answers_t *answers), size_t max_user_rooms, size_t max_rooms) {
    answers_t answers[2] = {0};
    for (int exists = 0; exists < 2; exists++) {
        s_begin(exists, max_user_rooms, max_rooms);
        ask(&answers[exists]);
    }
    s_expect_same(&answers[1], &answers[0]);
}

static void s_probe_at_the_quota(answers_t *answers) {
    s_publish(answers, "mine0");
    s_publish_frame(answers, "mine1", 1);
    s_publish(answers, "secret");
    s_publish_frame(answers, "secret", 2);
    fx_ask(B, "{'op':'publish','room':'secret','key':'k','text':'x'}");
    s_note(answers);
    ck_assert_ptr_nonnull(strstr(answers->text[2], "too-many-rooms"));
    s_publish(answers, "mine0"); /* its own rooms stay open to it */
    s_publish_frame(answers, "mine1", 3);
    ck_assert_ptr_nonnull(strstr(answers->text[5], "ack"));
    ck_assert_str_eq(answers->text[6], "ack 3 @0 memory");
}

TEST(test_a_full_quota_refuses_rooms_that_exist_too) {
    s_compare(s_probe_at_the_quota, 2, 100);
    s_compare(s_probe_at_the_quota, 100, 3); /* one is Ann's */
}

/* A room that exists takes as much of the quota as one that does not. */
static void s_probe_and_count(answers_t *answers) {
    s_publish(answers, "secret");
    s_publish_frame(answers, "secret", 1);
    for (int i = 0; i < 4; i++) {
        char room[16];
        snprintf(room, sizeof room, "mine%d", i);
        s_publish(answers, room);
    }
    s_publish_frame(answers, "secret", 2); /* counts already, and so stays open */
    ck_assert_str_eq(answers->text[answers->count - 1], "ack 2 @0 memory");
}

TEST(test_a_room_that_exists_takes_a_place_in_the_quota_too) {
    s_compare(s_probe_and_count, 3, 100);
    s_compare(s_probe_and_count, 100, 4); /* one is Ann's */
}

/* An entry that is refused takes no place. Then the room has to be looked at anew. */
static void s_probe_with_refused_entries(answers_t *answers) {
    fx_ask(B, "{'op':'publish','room':'secret','key':'k','text':'x','expect':0}");
    s_note(answers);
    fx_pub("secret");
    fx_add_expect(1, "k", 1, "x");
    fx_send_now(B);
    s_note(answers);
    s_publish(answers, "mine0");
    s_publish(answers, "secret");
    ck_assert_ptr_nonnull(strstr(answers->text[3], "too-many-rooms"));
}

TEST(test_a_refused_entry_takes_no_place) {
    s_compare(s_probe_with_refused_entries, 1, 100);
}

/* Whether a comparison holds would tell whether the key has a value. */
static void s_compare_and_set(answers_t *answers) {
    static const int expected[] = {0, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        fx_ask(B, "{'op':'publish','room':'secret','key':'k','text':'x','expect':%d}", expected[i]);
        s_note(answers);
        fx_ask(B, "{'op':'publish','room':'secret','key':'k','delete':true,'expect':%d}", expected[i]);
        s_note(answers);
        fx_pub("secret");
        fx_add_expect(i + 1, "k", (uint64_t)expected[i], "x");
        fx_send_now(B);
        s_note(answers);
        ck_assert_ptr_nonnull(strstr(answers->text[answers->count - 1], "forbidden"));
    }
}

TEST(test_a_comparison_is_for_readers) {
    s_compare(s_compare_and_set, 100, 100);
}

static void s_ask_everything(answers_t *answers) {
    static const char *const asks[] = {"{'op':'join','room':'secret'}", "{'op':'join','room':'secret','after':0}",
        "{'op':'leave','room':'secret'}", "{'op':'who','room':'secret'}", "{'op':'state','room':'secret'}",
        "{'op':'state','room':'secret','key':'k'}", "{'op':'replay','room':'secret','after':0}",
        "{'op':'replay','room':'secret','last':1}", "{'op':'rooms'}", "{'op':'rooms','prefix':'secret'}",
        "{'op':'publish','room':'secret','text':'x'}", "{'op':'publish','room':'secret','key':'k','text':'x'}",
        "{'op':'publish','room':'secret','key':'k','delete':true}", "{'op':'join','room':'secret','presence':false}",
        "{'op':'join','room':'secret','after':4503599627370496}", "{'op':'replay','room':'secret'}",
        "{'op':'replay','room':'secret','after':0,'until':5,'limit':1}", "{'op':'state','room':'secret','key':''}",
        "{'op':'state','room':'secret','key':'none'}", "{'op':'state','room':'secret','after':1}",
        "{'op':'who','room':'secret','after':'ann'}", "{'op':'who','room':'secret','limit':0}",
        "{'op':'publish','room':'secret','text':'x','mid':5}", "{'op':'ping'}"};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        fx_ask(B, "%s", asks[i]);
        s_note(answers);
    }
    s_publish_frame(answers, "secret", 1);
    s_publish_frame(answers, "secret", 1); /* sent again */
}

TEST(test_every_op_answers_the_same) {
    s_compare(s_ask_everything, 100, 100);
}

static void s_ask_everything_without_rights(answers_t *answers) {
    fx_set_access("ann: rwspc *\nbob: rwspc general\neve: rwspc *\n");
    fx_drop(B);
    for (int again = 0; again < 2; again++) { /* the first questions made no room either */
        answers->count = 0;
        s_ask_everything(answers);
    }
    fx_answer(A, "{'op':'rooms','prefix':'sec'}", "{'more':false}");
}

TEST(test_every_op_answers_the_same_without_any_right) {
    s_compare(s_ask_everything_without_rights, 100, 100);
}

/* Later sessions of a blind user find its rooms open, and its quota as full as it was. */
TEST(test_a_new_session_changes_nothing) {
    s_begin(true, 2, 100);
    answers_t answers = {0};
    s_publish(&answers, "secret");
    s_publish(&answers, "mine");
    fx_ask(B, "{'op':'bye'}");
    fx_drop(B);
    fx_hello(B, "bob");
    s_publish_frame(&answers, "secret", 1);
    fx_refused(B, "too-many-rooms", "{'op':'publish','room':'elsewhere','text':'x'}");
    ck_assert_str_eq(answers.text[2], "ack 1 @0 memory");
    ck_assert_uint_eq(relay_stats(fx.relay).rooms, 2);
}

/* Readers see which rooms there are, so for them rooms count only if they make them. */
TEST(test_readers_go_on_at_the_quota) {
    s_begin(true, 1, 3);
    fx_answer(C, "{'op':'publish','room':'eves','text':'x'}", "{'op':'ack','seq':1}");
    fx_answer(C, "{'op':'publish','room':'secret','text':'x'}", "{'op':'ack','seq':3}");
    fx_answer(C, "{'op':'join','room':'secret'}", "{'op':'joined','seq':3}");
    fx_refused(C, "too-many-rooms", "{'op':'join','room':'more'}");
}

/* Without the right to make rooms no quota is asked: such a user writes where there is something. */
TEST(test_without_create_no_quota_is_asked) {
    s_begin(true, 1, 1);
    fx_set_access("ann: rwspc *\nbob: w *\neve: rwspc *\n");
    fx_drop(B);
    fx_answer(B, "{'op':'publish','room':'secret','text':'x'}", "{'op':'ack','seq':0}");
    fx_refused(B, "forbidden", "{'op':'publish','room':'nowhere','text':'x'}");
}

/* A room that a blind user shares takes one more place of all, and gives it back when it goes. */
TEST(test_shared_rooms_count_among_all) {
    s_begin(true, 100, 3);
    answers_t answers = {0};
    s_publish(&answers, "secret"); /* counts twice now */
    fx_answer(C, "{'op':'join','room':'eves'}", "{'op':'joined'}");
    fx_refused(C, "too-many-rooms", "{'op':'join','room':'more'}");
}

UNIT_SUITE_WITH("broker.core.existence", fx_start, fx_finish)
