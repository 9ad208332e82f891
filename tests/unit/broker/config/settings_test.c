#include "settings.h"

#include <stdio.h>

#include "unit.h"

/* Files that tests write are in a directory of their own, removed at the end of the test. */
static char s_dir[] = "/tmp/zrelay-settings-XXXXXX";
static char s_path[64];

static void s_setup(void) {
    strcpy(s_dir, "/tmp/zrelay-settings-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(s_dir));
    snprintf(s_path, sizeof s_path, "%s/z.conf", s_dir);
}

static void s_teardown(void) {
    unlink(s_path);
    rmdir(s_dir);
}

static void s_write(const void *text, size_t len) {
    FILE *file = fopen(s_path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, len, file), len);
    fclose(file);
}

static bool s_read_text(settings_t *settings, const char *text, zr_error_t *error) {
    settings_flags_t none = {0};
    s_setup();
    s_write(text, strlen(text));
    settings_default(settings);
    bool ok = settings_read_file(settings, s_path, error) && settings_complete(settings, &none, error);
    s_teardown();
    return ok;
}

static void s_good(settings_t *settings, const char *text) {
    zr_error_t error = {0};
    ck_assert_msg(s_read_text(settings, text, &error), "%s", error.text);
}

/* The error is one line and holds `part`. */
static void s_bad(const char *text, const char *part) {
    settings_t settings;
    zr_error_t error = {0};
    ck_assert_msg(!s_read_text(&settings, text, &error), "accepted: %s", text);
    ck_assert_msg(strstr(error.text, part) != NULL, "'%s' does not say '%s'", error.text, part);
    ck_assert_uint_eq(error.count, 1);
}

static void s_assert_endpoints(const settings_endpoints_t *endpoints, const char *expected) {
    char all[1000] = "";
    for (size_t i = 0; i < endpoints->count; i++) {
        char text[ENDPOINT_TEXT_SIZE];
        endpoint_format(&endpoints->items[i], text);
        strcat(all, i ? " " : "");
        strcat(all, text);
    }
    ck_assert_str_eq(all, expected);
}

START_TEST(test_defaults) {
    settings_t settings;
    s_good(&settings, "");
    s_assert_endpoints(&settings.listen, "tcp://127.0.0.1:5570");
    s_assert_endpoints(&settings.back, "tcp://127.0.0.1:5571");
    ck_assert(settings.paired);
    ck_assert(!settings.insecure);
    ck_assert_uint_eq(settings.relay.max_frame, 1048576);
    ck_assert_uint_eq(settings.relay.heartbeat_ms, 5000);
    ck_assert_uint_eq(settings.route_queue, 1000);
    ck_assert_uint_eq(settings.route_bytes, 32 << 20);
    ck_assert_uint_eq(settings.all_route_bytes, 256 << 20);
    ck_assert_uint_eq(settings.all_reader_bytes, 256 << 20);
    ck_assert_uint_eq(settings.log.bytes, 268435456);
    ck_assert_str_eq(settings.users, "");
    ck_assert_str_eq(settings.bans, "");
    ck_assert_str_eq(settings.server_key, "");
    ck_assert(!settings.relay.tokens);
    ck_assert(settings_some_plain(&settings));
    ck_assert_uint_eq(settings.max_address_connections, 1000);
    ck_assert_uint_eq(settings.rate_handshakes, 50);
    ck_assert_uint_eq(settings.rate_subscriptions, 2000);
}
END_TEST

START_TEST(test_values) {
    settings_t settings;
    s_good(&settings, "# a comment\n"
                      "  # an indented one\r\n"
                      "\n"
                      "server # and one here\n"
                      "    listen = tcp://127.0.0.1:7000\n"
                      "    listen = 'ipc:///tmp/z' # quoted\n"
                      "    heartbeat = 250\n"
                      "    tick=20\n"
                      "    greeting = \"a # b\"\t\n"
                      "    log-level = debug\n"
                      "    io-threads = 4\n"
                      "limits\n"
                      "    max-frame = 2M\n"
                      "    max-control = 8k\n"
                      "    max-state-bytes = 1G\n"
                      "    max-joins = 7\n"
                      "log\n"
                      "    room-bytes = 64K");
    s_assert_endpoints(&settings.listen, "tcp://127.0.0.1:7000 ipc:///tmp/z");
    s_assert_endpoints(&settings.back, "tcp://127.0.0.1:7001 ipc:///tmp/z-back");
    ck_assert_uint_eq(settings.relay.heartbeat_ms, 250);
    ck_assert_uint_eq(settings.tick_ms, 20);
    ck_assert_str_eq(settings.greeting, "a # b");
    ck_assert_int_eq(settings.log_level, ZR_LOG_DEBUG);
    ck_assert_uint_eq(settings.io_threads, 4);
    ck_assert_uint_eq(settings.relay.max_frame, 2 << 20);
    ck_assert_uint_eq(settings.relay.max_control, 8192);
    ck_assert_uint_eq(settings.relay.max_state_bytes, 1 << 30);
    ck_assert_uint_eq(settings.relay.max_joins, 7);
    ck_assert_uint_eq(settings.log.room_bytes, 65536);
}
END_TEST

START_TEST(test_comments) {
    settings_t settings;
    s_good(&settings, "server # one\n    tick = 50 # ms #\n    greeting = a b\t## c\n    heartbeat = 250 #\n");
    ck_assert_uint_eq(settings.tick_ms, 50);
    ck_assert_uint_eq(settings.relay.heartbeat_ms, 250);
    ck_assert_str_eq(settings.greeting, "a b");
}
END_TEST

START_TEST(test_sections_may_be_split) {
    settings_t settings;
    s_good(&settings, "limits\n    max-joins = 7\nserver\n    tick = 50\nlimits\n    max-rooms = 8\n");
    ck_assert_uint_eq(settings.relay.max_joins, 7);
    ck_assert_uint_eq(settings.relay.max_rooms, 8);
}
END_TEST

START_TEST(test_bad_syntax) {
    s_bad("server\n   tick = 100\n", "z.conf:2: indent");
    s_bad("server\n\ttick = 100\n", "z.conf:2: indent");
    s_bad("    tick = 100\n", "z.conf:1: indented too deep");
    s_bad("server\n        tick = 100\n", "z.conf:2: indented too deep");
    s_bad("server\n    tick = 100\n        x = 1\n", "z.conf:3: indented too deep");
    s_bad("#\n\nserver\n    tick 100\n", "z.conf:4: a name is followed");
    s_bad("server\n    greeting = \"hello\n", "z.conf:2: the closing quote");
    s_bad("server\n    greeting = \"hello\" there\n", "z.conf:2: nothing but a comment");
    s_bad("server\n    greeting = you #2\n", "z.conf:2: a # that");
    s_bad("server\n    greeting = you# 2\n", "z.conf:2: a # that");
    s_bad("server\n    greeting = \"caf\xe9\"\n", "z.conf:2: server/greeting: not valid UTF-8");
    s_bad("server\n    listen = \"ipc:///caf\xe9\"\n", "the path is not valid UTF-8");
    s_bad("server\n    back = \"ipc:///caf\xe9\"\n", "the path is not valid UTF-8");
    s_bad("server\n    advertise = \"ipc:///caf\xe9\"\n", "the path is not valid UTF-8");
    s_bad("server\n    advertise = \"ipc:///a\xc2\x9b\"\n", "a space or a control character");
    s_bad("server\n    = 100\n", "z.conf:2: a line starts with a name");
    s_bad("server {\n", "z.conf:1: a name is followed");
}
END_TEST

START_TEST(test_bad_members) {
    s_bad("serber\n", "z.conf:1: serber: no such section");
    s_bad("server = 1\n", "z.conf:1: server: a section has no value");
    s_bad("tick = 100\n", "z.conf:1: tick: belongs under \"server\"");
    s_bad("server\n    tik = 100\n", "z.conf:2: server/tik: no such setting");
    s_bad("server\n    max-frame = 100\n", "z.conf:2: server/max-frame: no such setting");
    s_bad("server\n    tick = 100\n    # \n    tick = 100\n", "z.conf:4: server/tick: already set in line 2");
    s_bad("server\n    tick\n", "z.conf:2: server/tick: the value is missing");
    s_bad("server\n    tick =\n", "z.conf:2: server/tick: the value is missing");
    s_bad("server\n    tick = often\n", "z.conf:2: server/tick: \"often\" is no time");
    s_bad("server\n    tick = -5\n", "is no time");
    s_bad("server\n    tick = 1.5\n", "is no time");
    s_bad("server\n    tick = 100ms\n", "is no time");
    s_bad("server\n    tick = k\n", "is no time");
    s_bad("server\n    tick = 0\n",
        "z.conf:2: server/tick: 0 is out of range; write a time (in milliseconds) from 10 to 60000");
    s_bad("server\n    tick = 2m\n", "out of range");
    s_bad("limits\n    max-joins = 99999999999999999999999\n", "out of range");
    s_bad("limits\n    max-joins = 18446744073709551617\n", "out of range");
    s_bad("limits\n    max-frame = 17179869184G\n", "out of range");
    s_bad("server\n    insecure = yes\n", "z.conf:2: server/insecure: \"yes\" is neither 1");
    s_bad("server\n    log-level = loud\n",
        "z.conf:2: server/log-level: must be error, warn, info or debug, not \"loud\"");
    s_bad(
        "server\n    listen = tcp://127.0.0.1\n", "z.conf:2: server/listen: cannot use \"tcp://127.0.0.1\": the port");
    s_bad("server\n    advertise = tcp://*:5571\n", "z.conf:2: server/advertise: cannot advertise");
    s_bad("server\n    advertise = tcp://relay.example.org:0\n", "cannot advertise");
    s_bad("log\n    on-corrupt = maybe\n", "z.conf:2: log/on-corrupt: \"maybe\" is neither aside");
    s_bad("log\n    data\n", "z.conf:2: log/data: the value is missing");
}
END_TEST

/* An operator hears of everything at once, and only of what is wrong itself. */
START_TEST(test_all_faults_are_told) {
    static const char text[] =
        "serber\n    tick = 1\nserver\n    tick = 1\n    tik = 100\nroom\n    level = disk\nroom\n    level = disc\n"
        "room\n    pattern = a*b\nlimits\n    max-joins = 0\n";
    static const char *const lines[] = {":1: serber: no such", ":4: server/tick: 1 is out", ":5: server/tik: no such",
        ":6: room: the pattern is missing", ":9: room/level: must be disk, memory or none, not \"disc\"",
        ":11: room/pattern: \"a*b\"", ":13: limits/max-joins: 0 is out"};
    settings_t settings;
    zr_error_t error = {0};
    const char *line = NULL;
    ck_assert(!s_read_text(&settings, text, &error));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        line = zr_error_next(&error, line);
        ck_assert_ptr_nonnull(line);
        ck_assert_msg(strstr(line, lines[i]) != NULL, "'%s' does not say '%s'", line, lines[i]);
    }
    ck_assert_ptr_null(zr_error_next(&error, line));
    ck_assert(!s_read_text(&settings, "auth\n    tokens = 1\n    encrypt = all\n", &error));
    ck_assert_uint_eq(error.count, sizeof lines / sizeof lines[0] + 2);
}
END_TEST

START_TEST(test_times) {
    settings_t settings;
    s_good(&settings, "server\n    heartbeat = 2s\nlog\n    mark-age = 90m\n");
    ck_assert_uint_eq(settings.relay.heartbeat_ms, 2000);
    ck_assert_uint_eq(settings.mark_age_ms, 90 * 60 * 1000);
    s_good(&settings, "log\n    mark-age = 36h\n");
    ck_assert_uint_eq(settings.mark_age_ms, 36 * 3600 * 1000);
    s_good(&settings, "log\n    forget-after = 1s\n");
    ck_assert_uint_eq(settings.relay.forget_after_ms, 1000);
    s_good(&settings, "log\n    forget-after = 0\n");
    ck_assert_uint_eq(settings.relay.forget_after_ms, 0);
    s_bad("log\n    mark-age = 2w\n", "z.conf:2: log/mark-age: \"2w\" is no time");
    s_bad("log\n    mark-age = 1M\n", "\"1M\" is no time");
    s_bad("log\n    mark-age = 1ss\n", "\"1ss\" is no time");
    s_bad("log\n    mark-age = s\n", "\"s\" is no time");
    s_bad("log\n    mark-age = 1s\n", "1s is out of range; write a time (in milliseconds) from 60000");
    s_bad("log\n    queue-bytes = 1m\n", "\"1m\" is no number");
}
END_TEST

START_TEST(test_log_on_disk) {
    settings_t settings;
    s_good(&settings, "");
    ck_assert_str_eq(settings.data, "");
    ck_assert(!settings.refuse_corrupt);
    ck_assert_uint_eq(settings.queue_bytes, 64 << 20);
    ck_assert_uint_eq(settings.mark_age_ms, 7ULL * 24 * 3600 * 1000);
    ck_assert_uint_eq(settings.relay.forget_after_ms, 30ULL * 24 * 3600 * 1000);
    ck_assert_uint_eq(settings.relay.policies.count, 0);
    s_good(&settings, "log\n    data = /var/lib/z\n    on-corrupt = refuse\n    queue-bytes = 1M\n");
    ck_assert_str_eq(settings.data, "/var/lib/z");
    ck_assert(settings.refuse_corrupt);
    ck_assert_uint_eq(settings.queue_bytes, 1 << 20);
    s_good(&settings, "log\n    on-corrupt = aside\n");
    ck_assert(!settings.refuse_corrupt);
    s_bad("log\n    data = /z\nlimits\n    max-rooms = 8388608\n", "max-rooms (8388608) must be below 8388608");

    zr_error_t error = {0};
    char longest[SETTINGS_TEXT_MAX + 2];
    memset(longest, 'd', sizeof longest);
    longest[SETTINGS_TEXT_MAX + 1] = '\0';
    ck_assert(!settings_set_path(settings.data, "--data", longest, &error));
    ck_assert(!settings_set_path(settings.data, "--data", "", &error));
    ck_assert_ptr_nonnull(strstr(error.text, "--data needs"));
    ck_assert(settings_set_path(settings.data, "--data", longest + 1, &error));
    ck_assert_str_eq(settings.data, longest + 1);
}
END_TEST

START_TEST(test_rooms) {
    settings_t settings;
    s_good(&settings, "log\n    data = /z\n"
                      "room\n    pattern = metrics/*\n    level = disk\n    max-age = 7d\n    max-entries = 1000\n"
                      "    max-bytes = 2G\n"
                      "room\n    pattern = chat\n    level = memory\n"
                      "limits\n    max-joins = 7\n"
                      "room\n    level = none\n    pattern = *\n");
    ck_assert_uint_eq(settings.relay.max_joins, 7);
    const policies_t *policies = &settings.relay.policies;
    ck_assert_uint_eq(policies->count, 3);
    ck_assert_ptr_eq(policies->policies, settings.policies);
    const policy_t *policy = policy_of(policies, zr_span("metrics/cpu"));
    ck_assert_str_eq(policy->pattern, "metrics/*");
    ck_assert(policy->has_level);
    ck_assert_int_eq(policy->level, ZR_LEVEL_DISK);
    ck_assert_uint_eq(policy->max_age, 7ULL * 24 * 3600 * 1000000);
    ck_assert_uint_eq(policy->max_entries, 1000);
    ck_assert_uint_eq(policy->max_bytes, 2ULL << 30);
    policy = policy_of(policies, zr_span("chat"));
    ck_assert_int_eq(policy->level, ZR_LEVEL_MEMORY);
    ck_assert_uint_eq(policy->max_age, 0);
    ck_assert_int_eq(policy_of(policies, zr_span("other"))->level, ZR_LEVEL_NONE);
    s_good(&settings, "room\n    pattern = a*\n    level = none\n"); /* without data too */
    s_good(&settings, "log\n    data = /z\nroom\n    pattern = a\n    max-age = 1d\n");
    ck_assert(!settings.policies[0].has_level);
}
END_TEST

START_TEST(test_bad_rooms) {
    s_bad("\nroom\n    level = none\n", "z.conf:2: room: the pattern is missing");
    s_bad("room\nserver\n    tick = 100\n", "z.conf:1: room: the pattern is missing");
    s_bad("room\n    pattern = a b\n", "z.conf:2: room/pattern: \"a b\" is neither a room name");
    s_bad("room\n    pattern = *a\n", "room/pattern: \"*a\" is neither");
    s_bad("room\n    pattern = a*\n    level = none\nroom\n    pattern = a*\n",
        "z.conf:5: room/pattern: another section is about \"a*\" already");
    s_bad("room\n    pattern = a\n    level = tape\n",
        "z.conf:3: room/level: must be disk, memory or none, not \"tape\"");
    s_bad("room\n    pattern = a\n    pattern = b\n", "z.conf:3: room/pattern: already set in line 2");
    s_bad("room\n    pattern = a\n    max-age = 7\n", "z.conf:3: room/max-age: 7 is out of range");
    s_bad("room\n    pattern = a\n    keep = 7\n", "z.conf:3: room/keep: no such setting");
    s_bad("pattern = a\n", "z.conf:1: pattern: belongs under \"room\"");
    s_bad("room\n    pattern = a\n    level = disk\n", "room a: level disk needs a directory: log/data or --data");
    s_bad("room\n    pattern = a\n    max-age = 7d\n",
        "room a: max-age, max-entries and max-bytes are for rooms on disk");
    s_bad("log\n    data = /z\nroom\n    pattern = a\n    level = memory\n    max-entries = 7\n",
        "room a: max-age, max-e");
    char text[10000] = "";
    for (int i = 0; i < 257; i++)
        sprintf(text + strlen(text), "room\n    pattern = r%d\n", i);
    s_bad(text, "z.conf:513: room: more than 256 of these sections");
}
END_TEST

/* Which endpoints are encrypted, listeners before backs, as "+-". */
static const char *s_ways(const settings_t *settings) {
    static char ways[2 * SETTINGS_ENDPOINTS_MAX + 1];
    size_t len = 0;
    for (size_t i = 0; i < settings->listen.count; i++)
        ways[len++] = settings->listen.items[i].encrypted ? '+' : '-';
    for (size_t i = 0; i < settings->back.count; i++)
        ways[len++] = settings->back.items[i].encrypted ? '+' : '-';
    ways[len] = '\0';
    return ways;
}

START_TEST(test_auth) {
    settings_t settings;
    s_good(&settings, "auth\n    users = /z/users\n    tokens = 1\n");
    ck_assert_str_eq(settings.users, "/z/users");
    ck_assert_str_eq(settings.bans, "/z/users.bans");
    ck_assert(settings.relay.tokens);
    ck_assert_str_eq(s_ways(&settings), "--");
    s_good(&settings,
        "auth\n    users = /z/users\n    bans = /b\n    encrypt = remote\n    server-key = /z/k_secret\n"
        "server\n    listen = tcp://127.0.0.1:1\n    listen = tcp://0.0.0.0:3\n    listen = ipc:///tmp/z\n");
    ck_assert_str_eq(settings.bans, "/b");
    ck_assert_str_eq(settings.server_key, "/z/k_secret");
    ck_assert_str_eq(s_ways(&settings), "-+--+-");
    ck_assert(settings_some_plain(&settings));
    s_good(&settings, "auth\n    users = /u\n    encrypt = all\n    server-key = /k\n"
                      "server\n    listen = tcp://127.0.0.1:1\n    listen = tcp://*:3\n    listen = ipc:///tmp/z\n");
    ck_assert_str_eq(s_ways(&settings), "++++++");
    ck_assert(!settings_some_plain(&settings));
    ck_assert(settings_some_encrypted(&settings));
    s_good(&settings, "auth\n    users = /u\n    server-key = /k\nserver\n    back = tcp://relay.example.org:1\n"
                      "    back = tcp://127.0.0.1:2\n");
    ck_assert_str_eq(s_ways(&settings), "-+-");
    s_good(&settings, "server\n    listen = tcp://*:1\n    insecure = 1\nauth\n    users = /u\n");
    ck_assert(!settings_some_encrypted(&settings));
    s_bad("auth\n    users = /u\n    server-key = /k\n", "nothing is encrypted");

    ck_assert(!settings.relay.jwt);
    s_good(&settings,
        "auth\n    users = u\n    jwt-keys = k.json\n    jwt-issuer = \"https://a\"\n    jwt-audience = b\n"
        "    jwt-leeway = 10m\n");
    ck_assert(settings.relay.jwt);
    ck_assert_str_eq(strrchr(settings.jwt_keys, '/'), "/k.json"); /* beside the file */
    ck_assert_str_eq(settings.jwt_issuer, "https://a");
    ck_assert_str_eq(settings.jwt_audience, "b");
    ck_assert_uint_eq(settings.jwt_leeway_ms, 600000);
    s_bad("auth\n    jwt-keys = /k\n", "jwt-keys needs a users file");
    s_bad("auth\n    users = /u\n    jwt-audience = b\n", "need the keys");
    s_bad("auth\n    users = /u\n    jwt-keys = /k\n    jwt-leeway = 601s\n",
        "z.conf:4: auth/jwt-leeway: 601s is out of range");
    s_bad("auth\n    encrypt = some\n", "z.conf:2: auth/encrypt: \"some\" is neither remote");
    s_bad("auth\n    tokens = yes\n", "z.conf:2: auth/tokens: \"yes\" is neither 1");
    s_bad("auth\n    users\n", "z.conf:2: auth/users: the value is missing");
    s_bad("users = /u\n", "z.conf:1: users: belongs under \"auth\"");
    s_bad("limits\n    max-address-connections = 0\n", "out of range");
}
END_TEST

/* The longest users file's name has room for that of its bans. */
START_TEST(test_the_longest_users_file) {
    settings_t settings;
    settings_flags_t none = {0};
    zr_error_t error = {0};
    char longest[SETTINGS_TEXT_MAX + 1];
    memset(longest, 'u', SETTINGS_TEXT_MAX);
    longest[SETTINGS_TEXT_MAX] = '\0';
    settings_default(&settings);
    ck_assert(settings_set_path(settings.users, "--users", longest, &error));
    ck_assert(settings_complete(&settings, &none, &error));
    ck_assert_uint_eq(strlen(settings.bans), SETTINGS_TEXT_MAX + strlen(".bans"));
    ck_assert_str_eq(settings.bans + SETTINGS_TEXT_MAX, ".bans");
}
END_TEST

/* On any doubt it does not start, and says what to do. */
START_TEST(test_nobody_gets_in_by_accident) {
    const char *remote = "server\n    listen = tcp://0.0.0.0:5570\n";
    char text[400];
    const char *ways_out[] = {"use 127.0.0.1", "--server-key FILE --users FILE", "--insecure"};
    for (size_t i = 0; i < 3; i++)
        s_bad(remote, ways_out[i]);
    snprintf(text, sizeof text, "%sauth\n    users = /u\n", remote);
    s_bad(text, "tcp://0.0.0.0:5570 can be reached from other machines");
    snprintf(text, sizeof text, "%sauth\n    server-key = /k\n", remote);
    s_bad(text, "tcp://0.0.0.0:5570 is encrypted, and nothing says whose keys are let in; name the users file");
    s_bad("auth\n    server-key = /k\n    encrypt = all\n", "tcp://127.0.0.1:5570 is encrypted, and nothing says");
    snprintf(text, sizeof text, "%s    insecure = 1\nauth\n    server-key = /k\n    users = /u\n", remote);
    s_bad(text, "contradict each other");
    s_bad("auth\n    tokens = 1\n", "tokens are the users'");
    s_bad("auth\n    bans = /b\n", "bans are of users");
    s_bad("auth\n    users = /u\n    encrypt = all\n", "encrypt = all needs a key");
    /* A back of the listener's kind. */
    const char *keyed = "auth\n    server-key = /k\n    users = /u\nserver\n    listen = tcp://10.0.0.1:1\n";
    snprintf(text, sizeof text, "%s    back = tcp://127.0.0.1:2\n", keyed);
    s_bad(text, "clients of tcp://10.0.0.1:1 need a tcp:// back that is encrypted too; add one with --back");
    snprintf(text, sizeof text, "%s    listen = ipc:///tmp/z\n    back = tcp://10.0.0.1:2\n", keyed);
    s_bad(text, "clients of ipc:///tmp/z need a back that is not encrypted either; add one with --back");
    snprintf(text, sizeof text, "%s    back = tcp://127.0.0.1:2\n    advertise = tcp://relay.example.org:1\n", keyed);
    settings_t settings;
    s_good(&settings, text);
    snprintf(text, sizeof text,
        "%s    listen = tcp://127.0.0.1:1\n    back = tcp://10.0.0.1:2\n    advertise = tcp://r.example.org:1\n",
        keyed);
    s_bad(text, "clients of tcp://127.0.0.1:1 need a tcp:// back that is not encrypted either");
}
END_TEST

START_TEST(test_rates) {
    settings_t settings;
    s_good(&settings,
        "limits\n    rate-ops = 0\n    rate-control = 2M\n    rate-entries = 100000000000\n    rate-bytes = 1k\n"
        "    max-user-sessions = 1\n    max-user-rooms = 2\n    max-address-connections = 3\n"
        "    rate-handshakes = 0\n    rate-subscriptions = 7\n");
    ck_assert_uint_eq(settings.relay.rate_ops, 0);
    ck_assert_uint_eq(settings.relay.rate_control, 2 << 20);
    ck_assert_uint_eq(settings.relay.rate_entries, 100000000000);
    ck_assert_uint_eq(settings.relay.rate_bytes, 1024);
    ck_assert_uint_eq(settings.relay.max_user_sessions, 1);
    ck_assert_uint_eq(settings.relay.max_user_rooms, 2);
    ck_assert_uint_eq(settings.max_address_connections, 3);
    ck_assert_uint_eq(settings.rate_handshakes, 0);
    ck_assert_uint_eq(settings.rate_subscriptions, 7);
    s_bad("limits\n    rate-ops = 100000000001\n", "out of range");
    s_bad("limits\n    max-user-sessions = 0\n", "out of range");
    s_bad("limits\n    max-user-rooms = 0\n", "out of range");
}
END_TEST

START_TEST(test_limits_of_the_reader) {
    char text[4000];
    strcpy(text, "server\n    greeting = ");
    memset(text + strlen(text), 'g', 1001);
    text[strlen("server\n    greeting = ") + 1001] = '\0';
    s_bad(text, "z.conf:2: the line is longer");
    strcpy(text, "server\n");
    for (int i = 0; i < 17; i++)
        sprintf(text + strlen(text), "    listen = tcp://127.0.0.1:%d\n", 7000 + 2 * i);
    s_bad(text, "z.conf:18: server/listen: more than 16 endpoints");
}
END_TEST

START_TEST(test_whole) {
    s_bad("server\n    listen = tcp://*:5570\n", "tcp://*:5570 can be reached from other machines");
    s_bad("server\n    back = tcp://10.0.0.1:1\n", "tcp://10.0.0.1:1 can be reached from other machines");
    s_bad("server\n    back = ipc:///tmp/z\n", "clients of tcp://127.0.0.1:5570 need a tcp:// back;");
    s_bad("server\n    listen = tcp://127.0.0.1:65535\n", "cannot derive the back of tcp://127.0.0.1:65535");
    s_bad("limits\n    replay-frames = 1000\n", "replay-frames (1000) must be below route-queue (1000)");
    s_bad("limits\n    route-bytes = 2M\n", "together (2097152) must be below route-bytes (2097152)");
    s_bad("limits\n    route-bytes = 65M\n", "must be at most a quarter of all-route-bytes (268435456)");
    settings_t settings;
    s_good(&settings, "limits\n    route-bytes = 2097153\n    all-route-bytes = 8388612\n");
    s_good(&settings, "server\n    listen = tcp://*:5570\n    insecure = 1\n");
    s_assert_endpoints(&settings.back, "tcp://*:5571");
    s_good(&settings, "server\n    back = ipc:///tmp/z\n    advertise = tcp://relay.example.org:1\n");
    ck_assert_str_eq(settings.advertise, "tcp://relay.example.org:1");
    ck_assert(!settings.paired);
    s_good(&settings, "server\n    listen = ipc:///tmp/f\n    back = ipc:///tmp/z\n");
}
END_TEST

START_TEST(test_flags_replace_the_files) {
    settings_t settings;
    settings_flags_t flags = {0};
    zr_error_t error = {0};
    s_setup();
    const char *text = "server\n    listen = tcp://127.0.0.1:1\n    back = tcp://127.0.0.1:2\n";
    s_write(text, strlen(text));
    settings_default(&settings);
    ck_assert(settings_add_flag(&flags.listen, "--listen", "tcp://127.0.0.1:3", &error));
    ck_assert(settings_add_flag(&flags.listen, "--listen", "tcp://127.0.0.1:5", &error));
    ck_assert(!settings_add_flag(&flags.listen, "--listen", "tcp://", &error));
    ck_assert_ptr_nonnull(strstr(error.text, "--listen: cannot use \"tcp://\""));
    ck_assert(settings_read_file(&settings, s_path, &error));
    ck_assert(settings_complete(&settings, &flags, &error));
    s_assert_endpoints(&settings.listen, "tcp://127.0.0.1:3 tcp://127.0.0.1:5");
    s_assert_endpoints(&settings.back, "tcp://127.0.0.1:2");
    s_teardown();
}
END_TEST

START_TEST(test_who_may_use_a_socket) {
    static const char socket[] = "server\n    listen = ipc:///tmp/z\n";
    settings_t settings;
    char text[200];
    s_good(&settings, socket);
    ck_assert_uint_eq(settings.ipc_mode, 0600);
    snprintf(text, sizeof text, "%s    ipc-group = chat\n", socket);
    s_good(&settings, text);
    ck_assert_uint_eq(settings.ipc_mode, 0660);
    ck_assert_str_eq(settings.ipc_group, "chat");
    snprintf(text, sizeof text, "%s    ipc-mode = 666\n", socket);
    s_good(&settings, text);
    ck_assert_uint_eq(settings.ipc_mode, 0666);
    static const char *const bad[] = {"", "6", "66", "0466", "06660", "0888", "-600", "0x1ff", "4294967296600"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "%s    ipc-mode = '%s'\n", socket, bad[i]);
        s_bad(text, "server/ipc-mode: ");
    }
}
END_TEST

START_TEST(test_unreadable_files) {
    settings_t settings;
    zr_error_t error = {0};
    s_setup();
    settings_default(&settings);
    ck_assert(!settings_read_file(&settings, s_path, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "No such file"));
    error = (zr_error_t){0};
    ck_assert(!settings_read_file(&settings, s_dir, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "directory"));
    error = (zr_error_t){0};
    s_write("server\n\0", 8);
    ck_assert(!settings_read_file(&settings, s_path, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "no text file"));
    error = (zr_error_t){0};
    char *large = malloc((1 << 20) + 1);
    memset(large, '\n', (1 << 20) + 1);
    s_write(large, (1 << 20) + 1);
    ck_assert(!settings_read_file(&settings, s_path, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "larger than"));
    error = (zr_error_t){0};
    s_write(large, 1 << 20);
    ck_assert(settings_read_file(&settings, s_path, &error));
    free(large);
    s_teardown();
}
END_TEST

static bool s_has_no_default(const char *line) {
    static const char *const names[] = {"advertise ", "data ", "users ", "bans ", "server-key ", "ipc-mode ",
        "ipc-group ", "jwt-keys ", "jwt-issuer ", "jwt-audience "};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(line, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* The example says of each setting what its default is: it must be true, and nothing may be forgotten. */
START_TEST(test_the_example_holds_the_defaults) {
    settings_t defaults, example;
    char line[1024], text[32768] = "", *end = text;
    s_good(&defaults, "");
    FILE *file = fopen(ZR_VECTORS "/../../broker/etc/zrelayd.conf", "r");
    ck_assert_ptr_nonnull(file);
    size_t settings_seen = 0;
    while (fgets(line, sizeof line, file)) {
        bool setting = strncmp(line, "    #", 5) == 0 && line[5] >= 'a' && line[5] <= 'z';
        settings_seen += setting;
        if (setting && s_has_no_default(line + 5))
            continue;
        end += setting ? sprintf(end, "    %s", line + 5) : sprintf(end, "%s", line);
    }
    fclose(file);
    s_good(&example, text);
    ck_assert_uint_eq(settings_seen, 70);
    ck_assert_str_eq(example.greeting, "Welcome.");
    example.greeting[0] = '\0';
    memset(example.greeting, 0, sizeof example.greeting);
    ck_assert(!example.paired);
    example.paired = true;
    s_assert_endpoints(&example.listen, "tcp://127.0.0.1:5570");
    s_assert_endpoints(&example.back, "tcp://127.0.0.1:5571");
    ck_assert_mem_eq(&example.relay, &defaults.relay, offsetof(relay_config_t, tokens)); /* the last; padding follows */
    ck_assert_int_eq(example.relay.tokens, defaults.relay.tokens);
    ck_assert_mem_eq(&example.log, &defaults.log, sizeof defaults.log);
    ck_assert_uint_eq(example.tick_ms, defaults.tick_ms);
    ck_assert_uint_eq(example.io_threads, defaults.io_threads);
    ck_assert_uint_eq(example.route_queue, defaults.route_queue);
    ck_assert_uint_eq(example.reader_queue, defaults.reader_queue);
    ck_assert_uint_eq(example.route_bytes, defaults.route_bytes);
    ck_assert_uint_eq(example.all_route_bytes, defaults.all_route_bytes);
    ck_assert_uint_eq(example.all_reader_bytes, defaults.all_reader_bytes);
    ck_assert_int_eq(example.log_level, defaults.log_level);
    ck_assert_int_eq(example.insecure, defaults.insecure);
    ck_assert_int_eq(example.refuse_corrupt, defaults.refuse_corrupt);
    ck_assert_uint_eq(example.queue_bytes, defaults.queue_bytes);
    ck_assert_uint_eq(example.mark_age_ms, defaults.mark_age_ms);
    ck_assert_int_eq(example.encrypt_all, defaults.encrypt_all);
    ck_assert_uint_eq(example.jwt_leeway_ms, defaults.jwt_leeway_ms);
    ck_assert_uint_eq(example.max_address_connections, defaults.max_address_connections);
    ck_assert_uint_eq(example.rate_handshakes, defaults.rate_handshakes);
    ck_assert_uint_eq(example.rate_subscriptions, defaults.rate_subscriptions);
}
END_TEST

UNIT_MAIN("broker.settings", test_defaults, test_values, test_comments, test_sections_may_be_split, test_bad_syntax,
    test_bad_members, test_all_faults_are_told, test_times, test_log_on_disk, test_rooms, test_bad_rooms, test_auth,
    test_the_longest_users_file, test_nobody_gets_in_by_accident, test_rates, test_limits_of_the_reader, test_whole,
    test_flags_replace_the_files, test_who_may_use_a_socket, test_unreadable_files, test_the_example_holds_the_defaults)
