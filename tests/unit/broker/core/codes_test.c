/* Every error code of PROTOCOL.md, section 9, comes out of a frame that goes in. */
#include "fixture.h"

#define CLIENT_A "00000000000000000000000000000001"

/* Prepares what is refused to the session on A, or hands it in. */
typedef void(provoke_fn)(void);

static void s_no_session(void) {
    fx_say(B, "{'op':'ping'}");
    fx_run();
    fx_expect_error(B, "no-session");
    fx_frame(A, LIT("\1"));
    fx_say(A, "{'op':'bye'}");
    fx_run();
    fx_drop(A);
}

static void s_bad_frame(void) {
    fx_frame(A, LIT("\1\1r"));
}

static void s_bad_id(void) {
    fx_one(A, "r", 0, "x");
}

static void s_nick_in_use(void) {
    fx_hello(B, "bob");
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
}

static void s_too_many_channels(void) {
    fx_ask(A, "{'op':'open','channel':1}");
    fx_drop(A);
}

static void s_too_many_keys(void) {
    fx_ask(A, "{'op':'publish','room':'r','key':'a'}");
    fx_ask(A, "{'op':'publish','room':'r','key':'b'}");
    fx_drop(A);
}

static void s_state_full(void) {
    fx_say(A, "{'op':'publish','room':'r','key':'a','text':'%0100d'}", 0);
}

static void s_too_many_replays(void) {
    fx.late = true;
    fx_say(A, "{'op':'replay','room':'r','after':0}");
}

static void s_too_many_groups(void) {
    fx_ask(A, "{'op':'work','room':'r','group':'a','worker':1,'credit':1}");
    fx_ask(A, "{'op':'unwork','worker':1}");
    fx_drop(A);
}

static void s_too_many_workers(void) {
    fx_hello(B, "bob");
    fx_ask(B, "{'op':'work','room':'r','group':'a','worker':1,'credit':1}");
    fx_drop(B);
}

static void s_not_kept(void) {
    static const policy_t none = {.pattern = "*", .has_level = true, .level = ZR_LEVEL_NONE};
    fx.config.policies = (policies_t){&none, 1};
    fx_restart();
    fx_hello(A, "ann");
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
}

static void s_login_required(void) {
    fx_ask(A, "{'op':'bye'}");
    relay_set_access(fx.relay, fx_access("bob: rwc *"));
    fx_drop(A);
}

static void s_login_failed(void) {
    fx_ask(A, "{'op':'bye'}");
    fx_drop(A);
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

static const struct {
    provoke_fn *provoke; /* or NULL */
    const char *say;     /* and then this, by A, or NULL */
} s_refused[ZR_CODE_COUNT] = {
    [ZR_NO_SESSION] = {s_no_session, "{'op':'ping'}"},
    [ZR_BAD_FRAME] = {s_bad_frame, NULL},
    [ZR_BAD_JSON] = {NULL, "{'op'}"},
    [ZR_UNKNOWN_OP] = {NULL, "{'op':'dance'}"},
    [ZR_BAD_MEMBER] = {NULL, "{'op':'join'}"},
    [ZR_BAD_PROTO] = {NULL, "{'op':'hello','proto':2,'client':'" CLIENT_A "'}"},
    [ZR_BAD_ROOM] = {NULL, "{'op':'join','room':'*'}"},
    [ZR_BAD_NICK] = {NULL, "{'op':'direct','to':' ','text':''}"},
    [ZR_BAD_KEY] = {NULL, "{'op':'state','room':'r','key':' '}"},
    [ZR_BAD_ID] = {s_bad_id, NULL},
    [ZR_NICK_IN_USE] = {s_nick_in_use, "{'op':'hello','proto':1,'client':'" CLIENT_A "','nick':'bob'}"},
    [ZR_NO_SUCH_USER] = {NULL, "{'op':'direct','to':'nobody','text':''}"},
    [ZR_NO_CHANNEL] = {NULL, "{'op':'close','channel':1}"},
    [ZR_TOO_LARGE] = {s_too_large, NULL},
    [ZR_TOO_MANY_ENTRIES] = {s_too_many_entries, NULL},
    [ZR_TOO_MANY_SESSIONS] = {s_too_many_sessions, "{'op':'hello','proto':1,'client':'" CLIENT_A "'}"},
    [ZR_TOO_MANY_ROOMS] = {s_too_many_rooms, NULL},
    [ZR_TOO_MANY_JOINS] = {s_too_many_joins, "{'op':'join','room':'b'}"},
    [ZR_TOO_MANY_CHANNELS] = {s_too_many_channels, "{'op':'open','channel':2}"},
    [ZR_TOO_MANY_KEYS] = {s_too_many_keys, "{'op':'publish','room':'r','key':'c'}"},
    [ZR_STATE_FULL] = {s_state_full, NULL},
    [ZR_TOO_MANY_REPLAYS] = {s_too_many_replays, "{'op':'replay','room':'r','after':0}"},
    [ZR_CONFLICT] = {NULL, "{'op':'publish','room':'r','key':'a','expect':1}"},
    [ZR_NO_GROUP] = {NULL, "{'op':'unwork','worker':1}"},
    [ZR_TOO_MANY_GROUPS] = {s_too_many_groups, "{'op':'work','room':'r','group':'b','worker':2,'credit':1}"},
    [ZR_TOO_MANY_WORKERS] = {s_too_many_workers, "{'op':'work','room':'r','group':'a','worker':2,'credit':1}"},
    [ZR_NOT_KEPT] = {s_not_kept, "{'op':'work','room':'r','group':'a','worker':1,'credit':1}"},
    [ZR_STORE_FAILED] = {s_store_failed, NULL},
    [ZR_OUTCOME_UNKNOWN] = {s_outcome_unknown, NULL},
    [ZR_FORBIDDEN] = {s_forbidden, "{'op':'join','room':'secret'}"},
    [ZR_LOGIN_REQUIRED] = {s_login_required, "{'op':'hello','proto':1,'client':'" CLIENT_A "'}"},
    [ZR_LOGIN_FAILED] = {s_login_failed, "{'op':'hello','proto':1,'client':'" CLIENT_A "','user':'ann','token':'t'}"},
    [ZR_RATE_LIMITED] = {s_rate_limited, NULL},
    [ZR_ADMIN_FAILED] = {s_admin_failed, NULL},
};

TEST(test_every_code_is_answered) {
    for (unsigned code = ZR_OK + 1; code < ZR_CODE_COUNT; code++) {
        const char *name = zr_code_name((zr_code_t)code);
        ck_assert_msg(s_refused[code].provoke || s_refused[code].say, "no frame here is refused with %s", name);
        fx_begin();
        fx.config.max_control = 400;
        fx.config.max_entries = 5;
        fx.config.max_sessions = fx.config.max_rooms = fx.config.max_keys = 2;
        fx.config.max_joins = fx.config.max_replays = fx.config.max_trunk_channels = 1;
        fx.config.max_state_bytes = 100;
        fx.config.max_groups = fx.config.max_group_workers = 1;
        fx_start();
        fx_hello(A, "ann");
        if (s_refused[code].provoke)
            s_refused[code].provoke();
        if (s_refused[code].say)
            fx_say(A, "%s", s_refused[code].say);
        fx_run();
        fx_expect_error(A, name);
        ck_assert_uint_gt(strlen(fx_string("text")), 3); /* some codes have a text that says more */
        fx_expect_silence(A);
        fx_expect_silence(B); /* and nobody else's business */
    }
}

UNIT_SUITE_WITH("broker.core.codes", fx_start, fx_finish)
