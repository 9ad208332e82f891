/* PROTOCOL.md and the headers that programs and oracles share say the same. What the oracles read from the page is all
 * there. */
#include "spec.h"

#include "barred.h"
#include "control.h"
#include "group_options.h"
#include "kick.h"
#include "members.h"
#include "names.h"
#include "relay.h"
#include "unit.h"
#include "wire_work.h"

#define SAYS(...)                                                                                                      \
    do {                                                                                                               \
        char said[200];                                                                                                \
        snprintf(said, sizeof said, __VA_ARGS__);                                                                      \
        ck_assert_msg(spec_says(said), "PROTOCOL.md does not say: %s", said);                                          \
    } while (0)

TEST(test_codes) {
    for (unsigned i = ZR_OK + 1; i < ZR_CODE_COUNT; i++) {
        const char *name = zr_code_name((zr_code_t)i);
        size_t found = 0;
        for (size_t at = 0; at < spec()->code_count; at++)
            found += strcmp(spec()->codes[at], name) == 0;
        ck_assert_msg(found == 1, "'%s' is in section 9 %zu times", name, found);
    }
    ck_assert_uint_eq(spec()->code_count, ZR_CODE_COUNT - 1);
}

/* Those of section 6, with their costs. */
TEST(test_ops) {
    static const char *const ops[] = {"hello", "join", "leave", "follow", "publish", "direct", "replay", "state", "who",
        "rooms", "ping", "kick", "admin", "open", "close", "work", "unwork", "group", "groups", "stats", "bye"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        ck_assert_msg(strcmp(ops[i], "bye") == 0 || spec_op(ops[i]), "no section of '%s' has its answer", ops[i]);
    for (size_t i = 0; i < spec()->op_count; i++)
        SAYS("`%s`", spec()->ops[i].name);
    ck_assert_uint_eq(spec()->op_count, sizeof ops / sizeof ops[0] - 1);
    ck_assert_str_eq(spec_op("hello")->answer, "welcome");
    ck_assert_str_eq(spec_op("replay")->answer, "replayed");
    ck_assert_str_eq(spec_op("state")->answer, "ok");
}

static void s_check_members(const char *name, size_t members, size_t asked, size_t errors) {
    const spec_op_t *op = spec_op(name);
    ck_assert_msg(op->member_count >= members, "%s: only %zu members are read", name, op->member_count);
    ck_assert_msg(op->asked_count >= asked, "%s: only %zu members of the request are read", name, op->asked_count);
    ck_assert_msg(op->error_count >= errors, "%s: only %zu errors are read", name, op->error_count);
}

TEST(test_answers_are_read) {
    s_check_members("hello", 12, 7, 9);
    s_check_members("join", 8, 2, 5);
    s_check_members("replay", 4, 4, 4);
    s_check_members("state", 4, 1, 5);
    s_check_members("who", 5, 2, 4);
    s_check_members("ping", 3, 0, 0);
    ck_assert_uint_ge(spec()->reason_count, 7);
    s_check_members("publish", 0, 5, 13);
    ck_assert(spec_may_fail(spec_op("join"), "too-many-joins") && !spec_may_fail(spec_op("join"), "conflict"));
}

TEST(test_answers_are_checked) {
    json_t *pong = json_pack("{si s{} s{}}", "time", 1, "heads", "versions");
    ck_assert_ptr_null(spec_wrong_member(spec_op("ping"), pong));
    json_object_set_new(pong, "heads", json_integer(1));
    ck_assert_str_eq(spec_wrong_member(spec_op("ping"), pong), "heads");
    json_object_del(pong, "heads");
    ck_assert_str_eq(spec_wrong_member(spec_op("ping"), pong), "heads");
    json_decref(pong);
}

TEST(test_bytes) {
    SAYS("### PUBLISH (0x%02x)", ZR_TYPE_PUBLISH);
    SAYS("### ACK (0x%02x)", ZR_TYPE_ACK);
    SAYS("### TRUNK (0x%02x)", ZR_TYPE_TRUNK);
    SAYS("### WORK (0x%02x)", ZR_TYPE_WORK);
    SAYS("### SETTLE (0x%02x)", ZR_TYPE_SETTLE);
    SAYS("### SETTLED (0x%02x)", ZR_TYPE_SETTLED);
    SAYS("a DELIVER frame with the flag 0x%02x WORK", ZR_FRAME_WORK);
    SAYS("less than %d bytes, or of the channel 0", ZR_TRUNK_HEAD);
    SAYS("R+1    1    version, 0x%02x\n", ZR_DELIVER_VERSION);
    SAYS("flags: 0x%02x REPLAY, 0x%02x STATE\n", ZR_FRAME_REPLAY, ZR_FRAME_STATE);
    SAYS("flags: 0x%02x DELETE, 0x%02x EXPECT, 0x%02x TTL;", ZR_ENTRY_DELETE, ZR_ENTRY_EXPECT, ZR_ENTRY_TTL);
    SAYS("+16    1    flags: 0x%02x DELETE, 0x%02x TTL\n", ZR_ENTRY_DELETE, ZR_ENTRY_TTL);
    SAYS("level: %d none, %d memory, %d disk, %d replicated\n", ZR_LEVEL_NONE, ZR_LEVEL_MEMORY, ZR_LEVEL_DISK,
        ZR_LEVEL_REPLICATED);
    SAYS("in %d bytes.", ZR_ACK_SIZE);
    SAYS("| `ROOM` 0x%02x | the room's entries", ZR_TOPIC_ENTRIES);
    SAYS("| `ROOM` 0x%02x | its presence", ZR_TOPIC_PRESENCE);
    SAYS("nonce      = %d*%d( %%x30-39", ZR_NONCE_MIN, ZR_NONCE_MAX);
    SAYS("so its first byte is `%c`", ZR_TYPE_CONTROL);
    SAYS("synced     = %%x%02X nonce", ZR_TYPE_SYNC);
}

TEST(test_names) {
    SAYS("| room | 1–%d bytes", ZR_ROOM_MAX);
    SAYS("| nick, user | 1–%d bytes", ZR_NICK_MAX);
    SAYS("| key | 1–%d bytes", ZR_KEY_MAX);
    SAYS("| client id | %d lower-case", ZR_CLIENT_ID_LEN);
    SAYS("| — | %d / %d / %d | bytes of room / nick / key", ZR_ROOM_MAX, ZR_NICK_MAX, ZR_KEY_MAX);
    SAYS("does not assign (categories Cf, Co and Cn).\n"); /* s_is_unseen of names_fuzz.c */
    ck_assert(ZR_INT_MAX == (1ULL << 53) - 1 && spec_says("2^53−1"));
}

TEST(test_limits) {
    relay_config_t config;
    relay_config_default(&config);
    const struct {
        const char *row;
        unsigned long long is;
    } limits[] = {
        {"nesting of JSON", ZR_CONTROL_DEPTH},
        {"values in a control frame", ZR_CONTROL_VALUES},
        {"bytes of `id`, of `agent`", ZR_ID_MAX},
        {"| bytes of `meta`, as JSON", ZR_META_MAX},
        {"| nesting of `meta`", ZR_META_DEPTH},
        {"| bytes of `meta` of the joins", META_JOINS_MAX},
        {"| bytes of metas, about", PRESENCE_META_BYTES},
        {"| bytes of `token` |", ZR_TOKEN_MAX},
        {"| bytes of a JWT |", ZR_JWT_MAX},
        {"| roles that a JWT names |", GRANT_ROLES_MAX},
        {"| bytes of `ask` and of `answer` |", ZR_ASK_MAX},
        {"| bytes of `reason` |", ADMIN_REASON_MAX},
        {"| seconds of `for` in `kick` |", KICK_FOR_MAX},
        {"| users that are kept out, counted once", BARRED_MAX},
        {"| `max-frame` |", config.max_frame},
        {"| `max-control` |", config.max_control},
        {"| `window` |", config.window},
        {"| `max-entries` |", config.max_entries},
        {"| `max-sessions` |", config.max_sessions},
        {"| `max-rooms` |", config.max_rooms},
        {"| `max-user-sessions` |", config.max_user_sessions},
        {"| `max-user-rooms` |", config.max_user_rooms},
        {"| `max-trunk-channels` |", config.max_trunk_channels},
        {"| `max-channels` |", config.max_channels},
        {"bytes of `address` in", ZR_ADDRESS_MAX},
        {"| `max-address-connections` |", config.max_address_channels},
        {"| `rate-handshakes` |", config.rate_channels},
        {"| `login-timeout` (section", config.login_timeout_ms},
        {"| `max-joins` |", config.max_joins},
        {"| `presence-names` |", config.presence_names},
        {"| `max-keys` |", config.max_keys},
        {"| `max-state-bytes` |", config.max_state_bytes},
        {"| `max-groups` |", config.max_groups},
        {"| `max-room-groups` |", config.max_room_groups},
        {"| `max-user-groups` |", config.max_user_groups},
        {"| `max-group-workers` |", config.max_group_workers},
        {"| bytes of the `reason` of a reject", ZR_SETTLE_REASON_MAX},
        {"| bytes of reasons of a group", GROUP_REASONS},
        {"| `max-group-entries` |", config.max_group_entries},
        {"| `max-group-keep` |", config.max_group_keep},
        {"| `max-group-bytes` |", config.max_group_bytes},
        {"ranges in a SETTLE", ZR_SETTLE_RANGES},
        {"| entries that a worker holds", GROUP_EACH_MAX},
        {"| entries of a group that are", GROUP_TOTAL_MAX},
        {"| `max-replays` |", config.max_replays},
        {"| `replay-entries` |", config.replay_entries},
        {"| `replay-frames` |", config.replay_frames},
        {"| `replay-bytes` |", config.replay_bytes},
        {"| `rate-ops` | 2,000 |", config.rate_ops},
        {"| `rate-control` | 1,048,576", config.rate_control},
        {"| `rate-entries` | 5,000,000 | e", config.rate_entries},
        {"| `rate-bytes` | 1,073", config.rate_bytes},
        {"| `max-clients` |", config.max_clients},
        {"| `max-waiting` |", config.max_waiting},
        {"| `batch-bytes` |", config.batch_bytes},
        {"| `heartbeat` (section", config.heartbeat_ms},
        {"| `forget-after` (section", config.forget_after_ms},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        ck_assert_msg(spec_limit(limits[i].row) == limits[i].is, "PROTOCOL.md: %s %llu, and it is %llu", limits[i].row,
            spec_limit(limits[i].row), limits[i].is);
}

UNIT_SUITE("fuzz.spec")
