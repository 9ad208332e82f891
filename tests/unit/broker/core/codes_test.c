/* Every error code of PROTOCOL.md, section 9, comes out of a frame that goes in. */
#include "fixture.h"

/* Prepares a session on A and hands in the frame that is refused. */
typedef void(provoke_fn)(void);

static void s_no_session(void) {
    fx_say(B, "{'op':'ping'}");
    fx_run();
    fx_expect_error(B, "no-session");
    fx_frame(A, LIT("\1"));
    fx_say(A, "{'op':'bye'}");
    fx_run();
    fx_drop(A);
    fx_say(A, "{'op':'ping'}");
}

static void s_bad_frame(void) {
    fx_frame(A, LIT("\1\1r"));
}

static void s_bad_json(void) {
    fx_say(A, "{'op'}");
}

static void s_unknown_op(void) {
    fx_say(A, "{'op':'dance'}");
}

static void s_bad_member(void) {
    fx_say(A, "{'op':'join'}");
}

static void s_bad_proto(void) {
    fx_say(A, "{'op':'hello','proto':2,'client':'%s'}", fx_client(A));
}

static void s_bad_room(void) {
    fx_say(A, "{'op':'join','room':'*'}");
}

static void s_bad_nick(void) {
    fx_say(A, "{'op':'direct','to':' ','text':''}");
}

static void s_bad_key(void) {
    fx_say(A, "{'op':'state','room':'r','key':' '}");
}

static void s_bad_id(void) {
    fx_one(A, "r", 0, "x");
}

static void s_nick_in_use(void) {
    fx_hello(B, "bob");
    fx_say(A, "{'op':'hello','proto':1,'client':'%s','nick':'bob'}", fx_client(A));
}

static void s_no_such_user(void) {
    fx_say(A, "{'op':'direct','to':'nobody','text':''}");
}

static void s_too_large(void) {
    fx_say(A, "{'op':'ping','x':'%0500d'}", 0);
}

static void s_too_many_entries(void) {
    fx_pub("r");
    for (uint64_t mid = 1; mid <= 6; mid++)
        fx_add(mid, "");
    fx_send(A);
}

static void s_too_many_sessions(void) {
    fx_hello(B, "bob");
    fx_say(A, "{'op':'bye'}");
    fx_run();
    fx_drop(A);
    fx_hello(C, "eve");
    fx_say(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
}

static void s_too_many_rooms(void) {
    fx_one(A, "a", 1, "");
    fx_one_now(A, "b", 2, "");
    fx_drop(A);
    fx_one(A, "c", 3, "");
}

static void s_too_many_joins(void) {
    fx_ask(A, "{'op':'join','room':'a'}");
    fx_drop(A);
    fx_say(A, "{'op':'join','room':'b'}");
}

static void s_too_many_keys(void) {
    fx_ask(A, "{'op':'publish','room':'r','key':'a'}");
    fx_ask(A, "{'op':'publish','room':'r','key':'b'}");
    fx_drop(A);
    fx_say(A, "{'op':'publish','room':'r','key':'c'}");
}

static void s_state_full(void) {
    fx_say(A, "{'op':'publish','room':'r','key':'a','text':'%0100d'}", 0);
}

static void s_too_many_replays(void) {
    fx.late = true;
    fx_say(A, "{'op':'replay','room':'r','after':0}");
    fx_say(A, "{'op':'replay','room':'r','after':0}");
}

static void s_conflict(void) {
    fx_say(A, "{'op':'publish','room':'r','key':'a','expect':1}");
}

static void s_store_failed(void) {
    fx.fail = 1;
    fx_one(A, "r", 1, "x");
}

static void s_outcome_unknown(void) {
    for (uint64_t mid = 1; mid <= 130; mid += 2) { /* one after the other they would be one refusal */
        fx_pub("r");
        fx_add_expect(mid, "k", 9, "");
        fx_send(A);
    }
    fx_run();
    fx_drop(A);
    fx_pub("r");
    fx_add_expect(1, "k", 9, "");
    fx_send(A);
}

static void s_forbidden(void) {
    relay_set_access(fx.relay, fx_access("anonymous: rwc *, !r secret"));
    fx_say(A, "{'op':'join','room':'secret'}");
}

static void s_login_required(void) {
    fx_ask(A, "{'op':'bye'}");
    relay_set_access(fx.relay, fx_access("bob: rwc *"));
    fx_drop(A);
    fx_say(A, "{'op':'hello','proto':1,'client':'%s'}", fx_client(A));
}

static void s_login_failed(void) {
    fx_ask(A, "{'op':'bye'}");
    fx_drop(A);
    fx_say(A, "{'op':'hello','proto':1,'client':'%s','user':'ann','token':'t'}", fx_client(A));
}

static void s_hello_with_token(void) {
    fx.config.tokens = true;
    fx_restart();
    fx_ask(A, "{'op':'hello','proto':1,'client':'%s','user':'ann','token':'t'}", fx_client(A));
}

static void s_rate_limited(void) {
    s_hello_with_token();
    relay_login_done(fx.relay, fx_effect(EFFECT_LOGIN), LOGIN_SLOW, 250, fx.now);
}

static void s_admin_failed(void) {
    relay_set_access(fx.relay, fx_access("anonymous: a *"));
    fx_ask(A, "{'op':'admin','do':'reload'}");
    relay_admin_done(fx.relay, fx_effect(EFFECT_ADMIN), ZR_ADMIN_FAILED, "users, line 7: no such right");
}

static provoke_fn *const s_provoke[ZR_CODE_COUNT] = {
    [ZR_NO_SESSION] = s_no_session,
    [ZR_BAD_FRAME] = s_bad_frame,
    [ZR_BAD_JSON] = s_bad_json,
    [ZR_UNKNOWN_OP] = s_unknown_op,
    [ZR_BAD_MEMBER] = s_bad_member,
    [ZR_BAD_PROTO] = s_bad_proto,
    [ZR_BAD_ROOM] = s_bad_room,
    [ZR_BAD_NICK] = s_bad_nick,
    [ZR_BAD_KEY] = s_bad_key,
    [ZR_BAD_ID] = s_bad_id,
    [ZR_NICK_IN_USE] = s_nick_in_use,
    [ZR_NO_SUCH_USER] = s_no_such_user,
    [ZR_TOO_LARGE] = s_too_large,
    [ZR_TOO_MANY_ENTRIES] = s_too_many_entries,
    [ZR_TOO_MANY_SESSIONS] = s_too_many_sessions,
    [ZR_TOO_MANY_ROOMS] = s_too_many_rooms,
    [ZR_TOO_MANY_JOINS] = s_too_many_joins,
    [ZR_TOO_MANY_KEYS] = s_too_many_keys,
    [ZR_STATE_FULL] = s_state_full,
    [ZR_TOO_MANY_REPLAYS] = s_too_many_replays,
    [ZR_CONFLICT] = s_conflict,
    [ZR_STORE_FAILED] = s_store_failed,
    [ZR_OUTCOME_UNKNOWN] = s_outcome_unknown,
    [ZR_FORBIDDEN] = s_forbidden,
    [ZR_LOGIN_REQUIRED] = s_login_required,
    [ZR_LOGIN_FAILED] = s_login_failed,
    [ZR_RATE_LIMITED] = s_rate_limited,
    [ZR_ADMIN_FAILED] = s_admin_failed,
};

TEST(test_every_code_is_answered) {
    for (unsigned code = ZR_OK + 1; code < ZR_CODE_COUNT; code++) {
        const char *name = zr_code_name((zr_code_t)code);
        ck_assert_msg(s_provoke[code] != NULL, "no frame here is refused with %s", name);
        fx_begin();
        fx.config.max_control = 400;
        fx.config.max_entries = 5;
        fx.config.max_sessions = fx.config.max_rooms = fx.config.max_keys = 2;
        fx.config.max_joins = fx.config.max_replays = 1;
        fx.config.max_state_bytes = 100;
        fx_start();
        fx_hello(A, "ann");
        s_provoke[code]();
        fx_run();
        fx_expect_error(A, name);
        ck_assert_uint_gt(strlen(fx_string("text")), 3); /* some codes have a text that says more */
        fx_expect_silence(A);
        fx_expect_silence(B); /* and nobody else's business */
    }
}

UNIT_SUITE_WITH("broker.core.codes", fx_start, fx_finish)
