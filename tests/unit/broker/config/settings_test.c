#include "settings.h"

#include <stdio.h>

#include "fixture_settings.h"

TEST(test_defaults) {
    settings_t settings;
    settings_good(&settings, "");
    settings_assert_endpoints(&settings.listen, "tcp://127.0.0.1:5570");
    settings_assert_endpoints(&settings.back, "tcp://127.0.0.1:5571");
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

TEST(test_values) {
    settings_t settings;
    settings_good(&settings, "# a comment\n"
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
    settings_assert_endpoints(&settings.listen, "tcp://127.0.0.1:7000 ipc:///tmp/z");
    settings_assert_endpoints(&settings.back, "tcp://127.0.0.1:7001 ipc:///tmp/z-back");
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

TEST(test_comments) {
    settings_t settings;
    settings_good(&settings, "server # one\n    tick = 50 # ms #\n    greeting = a b\t## c\n    heartbeat = 250 #\n");
    ck_assert_uint_eq(settings.tick_ms, 50);
    ck_assert_uint_eq(settings.relay.heartbeat_ms, 250);
    ck_assert_str_eq(settings.greeting, "a b");
}

TEST(test_sections_may_be_split) {
    settings_t settings;
    settings_good(&settings, "limits\n    max-joins = 7\nserver\n    tick = 50\nlimits\n    max-rooms = 8\n");
    ck_assert_uint_eq(settings.relay.max_joins, 7);
    ck_assert_uint_eq(settings.relay.max_rooms, 8);
}

TEST(test_bad_syntax) {
    settings_bad("server\n   tick = 100\n", "z.conf:2: indent");
    settings_bad("server\n\ttick = 100\n", "z.conf:2: indent");
    settings_bad("    tick = 100\n", "z.conf:1: indented too deep");
    settings_bad("server\n        tick = 100\n", "z.conf:2: indented too deep");
    settings_bad("server\n    tick = 100\n        x = 1\n", "z.conf:3: indented too deep");
    settings_bad("#\n\nserver\n    tick 100\n", "z.conf:4: a name is followed");
    settings_bad("server\n    greeting = \"hello\n", "z.conf:2: the closing quote");
    settings_bad("server\n    greeting = \"hello\" there\n", "z.conf:2: nothing but a comment");
    settings_bad("server\n    greeting = you #2\n", "z.conf:2: a # that");
    settings_bad("server\n    greeting = you# 2\n", "z.conf:2: a # that");
    settings_bad("server\n    greeting = \"caf\xe9\"\n", "z.conf:2: server/greeting: not valid UTF-8");
    settings_bad("server\n    listen = \"ipc:///caf\xe9\"\n", "the path is not valid UTF-8");
    settings_bad("server\n    back = \"ipc:///caf\xe9\"\n", "the path is not valid UTF-8");
    settings_bad("server\n    advertise = \"ipc:///caf\xe9\"\n", "the path is not valid UTF-8");
    settings_bad("server\n    advertise = \"ipc:///a\xc2\x9b\"\n", "a space or a control character");
    settings_bad("server\n    = 100\n", "z.conf:2: a line starts with a name");
    settings_bad("server {\n", "z.conf:1: a name is followed");
}

TEST(test_bad_members) {
    settings_bad("serber\n", "z.conf:1: serber: no such section");
    settings_bad("server = 1\n", "z.conf:1: server: a section has no value");
    settings_bad("tick = 100\n", "z.conf:1: tick: belongs under \"server\"");
    settings_bad("server\n    tik = 100\n", "z.conf:2: server/tik: no such setting");
    settings_bad("server\n    max-frame = 100\n", "z.conf:2: server/max-frame: no such setting");
    settings_bad("server\n    tick = 100\n    # \n    tick = 100\n", "z.conf:4: server/tick: already set in line 2");
    settings_bad("server\n    tick\n", "z.conf:2: server/tick: the value is missing");
    settings_bad("server\n    tick =\n", "z.conf:2: server/tick: the value is missing");
    settings_bad("server\n    tick = often\n", "z.conf:2: server/tick: \"often\" is no time");
    settings_bad("server\n    tick = -5\n", "is no time");
    settings_bad("server\n    tick = 1.5\n", "is no time");
    settings_bad("server\n    tick = 100ms\n", "is no time");
    settings_bad("server\n    tick = k\n", "is no time");
    settings_bad("server\n    tick = 0\n",
        "z.conf:2: server/tick: 0 is out of range; write a time (in milliseconds) from 10 to 60000");
    settings_bad("server\n    tick = 2m\n", "out of range");
    settings_bad("limits\n    max-joins = 99999999999999999999999\n", "out of range");
    settings_bad("limits\n    max-joins = 18446744073709551617\n", "out of range");
    settings_bad("limits\n    max-frame = 17179869184G\n", "out of range");
    settings_bad("server\n    insecure = yes\n", "z.conf:2: server/insecure: \"yes\" is neither 1");
    settings_bad("server\n    log-level = loud\n",
        "z.conf:2: server/log-level: must be error, warn, info or debug, not \"loud\"");
    settings_bad(
        "server\n    listen = tcp://127.0.0.1\n", "z.conf:2: server/listen: cannot use \"tcp://127.0.0.1\": the port");
    settings_bad("server\n    advertise = tcp://*:5571\n", "z.conf:2: server/advertise: cannot advertise");
    settings_bad("server\n    advertise = tcp://relay.example.org:0\n", "cannot advertise");
    settings_bad("log\n    on-corrupt = maybe\n", "z.conf:2: log/on-corrupt: \"maybe\" is neither aside");
    settings_bad("log\n    data\n", "z.conf:2: log/data: the value is missing");
}

/* An operator hears of everything at once, and only of what is wrong itself. */
TEST(test_all_faults_are_told) {
    static const char text[] =
        "serber\n    tick = 1\nserver\n    tick = 1\n    tik = 100\nroom\n    level = disk\nroom\n    level = disc\n"
        "room\n    pattern = a*b\nlimits\n    max-joins = 0\n";
    static const char *const lines[] = {":1: serber: no such", ":4: server/tick: 1 is out", ":5: server/tik: no such",
        ":6: room: the pattern is missing", ":9: room/level: must be disk, memory or none, not \"disc\"",
        ":11: room/pattern: \"a*b\"", ":13: limits/max-joins: 0 is out"};
    settings_t settings;
    zr_error_t error = {0};
    const char *line = NULL;
    ck_assert(!settings_try(&settings, text, &error));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        line = zr_error_next(&error, line);
        ck_assert_ptr_nonnull(line);
        ck_assert_msg(strstr(line, lines[i]) != NULL, "'%s' does not say '%s'", line, lines[i]);
    }
    ck_assert_ptr_null(zr_error_next(&error, line));
    ck_assert(!settings_try(&settings, "auth\n    tokens = 1\n    encrypt = all\n", &error));
    ck_assert_uint_eq(error.count, sizeof lines / sizeof lines[0] + 2);
}

TEST(test_times) {
    settings_t settings;
    settings_good(&settings, "server\n    heartbeat = 2s\nlog\n    mark-age = 90m\n");
    ck_assert_uint_eq(settings.relay.heartbeat_ms, 2000);
    ck_assert_uint_eq(settings.mark_age_ms, 90 * 60 * 1000);
    settings_good(&settings, "log\n    mark-age = 36h\n");
    ck_assert_uint_eq(settings.mark_age_ms, 36 * 3600 * 1000);
    settings_good(&settings, "log\n    forget-after = 1s\n");
    ck_assert_uint_eq(settings.relay.forget_after_ms, 1000);
    settings_good(&settings, "log\n    forget-after = 0\n");
    ck_assert_uint_eq(settings.relay.forget_after_ms, 0);
    settings_bad("log\n    mark-age = 2w\n", "z.conf:2: log/mark-age: \"2w\" is no time");
    settings_bad("log\n    mark-age = 1M\n", "\"1M\" is no time");
    settings_bad("log\n    mark-age = 1ss\n", "\"1ss\" is no time");
    settings_bad("log\n    mark-age = s\n", "\"s\" is no time");
    settings_bad("log\n    mark-age = 1s\n", "1s is out of range; write a time (in milliseconds) from 60000");
    settings_bad("log\n    queue-bytes = 1m\n", "\"1m\" is no number");
}

TEST(test_log_on_disk) {
    settings_t settings;
    settings_good(&settings, "");
    ck_assert_str_eq(settings.data, "");
    ck_assert(!settings.refuse_corrupt);
    ck_assert_uint_eq(settings.queue_bytes, 64 << 20);
    ck_assert_uint_eq(settings.mark_age_ms, 7ULL * 24 * 3600 * 1000);
    ck_assert_uint_eq(settings.relay.forget_after_ms, 30ULL * 24 * 3600 * 1000);
    ck_assert_uint_eq(settings.relay.policies.count, 0);
    settings_good(&settings, "log\n    data = /var/lib/z\n    on-corrupt = refuse\n    queue-bytes = 1M\n");
    ck_assert_str_eq(settings.data, "/var/lib/z");
    ck_assert(settings.refuse_corrupt);
    ck_assert_uint_eq(settings.queue_bytes, 1 << 20);
    settings_good(&settings, "log\n    on-corrupt = aside\n");
    ck_assert(!settings.refuse_corrupt);
}

TEST(test_rooms) {
    settings_t settings;
    settings_good(&settings,
        "log\n    data = /z\n"
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
    settings_good(&settings, "room\n    pattern = a*\n    level = none\n"); /* without data too */
    settings_good(&settings, "log\n    data = /z\nroom\n    pattern = a\n    max-age = 1d\n");
    ck_assert(!settings.policies[0].has_level);
}

TEST(test_bad_rooms) {
    settings_bad("\nroom\n    level = none\n", "z.conf:2: room: the pattern is missing");
    settings_bad("room\nserver\n    tick = 100\n", "z.conf:1: room: the pattern is missing");
    settings_bad("room\n    pattern = a b\n", "z.conf:2: room/pattern: \"a b\" is neither a room name");
    settings_bad("room\n    pattern = *a\n", "room/pattern: \"*a\" is neither");
    settings_bad("room\n    pattern = a*\n    level = none\nroom\n    pattern = a*\n",
        "z.conf:5: room/pattern: another section is about \"a*\" already");
    settings_bad("room\n    pattern = a\n    level = tape\n",
        "z.conf:3: room/level: must be disk, memory or none, not \"tape\"");
    settings_bad("room\n    pattern = a\n    pattern = b\n", "z.conf:3: room/pattern: already set in line 2");
    settings_bad("room\n    pattern = a\n    max-age = 7\n", "z.conf:3: room/max-age: 7 is out of range");
    settings_bad("room\n    pattern = a\n    keep = 7\n", "z.conf:3: room/keep: no such setting");
    settings_bad("pattern = a\n", "z.conf:1: pattern: belongs under \"room\"");
    char text[10000] = "";
    for (int i = 0; i < 257; i++)
        sprintf(text + strlen(text), "room\n    pattern = r%d\n", i);
    settings_bad(text, "z.conf:513: room: more than 256 of these sections");
}

TEST(test_rates) {
    settings_t settings;
    settings_good(&settings,
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
    settings_bad("limits\n    rate-ops = 100000000001\n", "out of range");
    settings_bad("limits\n    max-user-sessions = 0\n", "out of range");
    settings_bad("limits\n    max-user-rooms = 0\n", "out of range");
}

TEST(test_limits_of_the_reader) {
    char text[4000];
    strcpy(text, "server\n    greeting = ");
    memset(text + strlen(text), 'g', 1001);
    text[strlen("server\n    greeting = ") + 1001] = '\0';
    settings_bad(text, "z.conf:2: the line is longer");
    strcpy(text, "server\n");
    for (int i = 0; i < 17; i++)
        sprintf(text + strlen(text), "    listen = tcp://127.0.0.1:%d\n", 7000 + 2 * i);
    settings_bad(text, "z.conf:18: server/listen: more than 16 endpoints");
}

TEST(test_permissions_of_a_socket) {
    settings_t settings;
    settings_good(&settings, "server\n    listen = ipc:///tmp/z\n    ipc-mode = 666\n");
    ck_assert_uint_eq(settings.ipc_mode, 0666);
    static const char *const bad[] = {"", "6", "66", "0466", "06660", "0888", "-600", "0x1ff", "4294967296600"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "server\n    listen = ipc:///tmp/z\n    ipc-mode = '%s'\n", bad[i]);
        settings_bad(text, "server/ipc-mode: ");
    }
}

/* A relative path of a socket begins at the folder of the file. */
TEST(test_paths_of_sockets) {
    settings_t settings;
    char text[ENDPOINT_TEXT_SIZE];
    settings_good(&settings, "server\n    listen = ipc://z\n    listen = ipc:///z\n    listen = ipc://@z\n");
    endpoint_format(&settings.listen.items[0], text);
    ck_assert_int_eq(strncmp(text, "ipc:///", 7), 0);
    ck_assert_str_eq(strrchr(text, '/'), "/z");
    ck_assert_uint_gt(strlen(text), strlen("ipc:///z"));
    ck_assert_str_eq(settings.listen.items[1].path, "/z");
    ck_assert_str_eq(settings.listen.items[2].path, "@z");
}

/* Endpoints of the command line replace those of the file. */
TEST(test_options_replace_the_files) {
    settings_t settings;
    zr_error_t error = {0};
    const char *listen[] = {"tcp://127.0.0.1:3", "ipc://z"}, *data[] = {"/a", "/b"}, *wrong[] = {"tcp://"};
    zr_setting_option_t options[] = {{"listen", "server", "listen", {listen, 2}}, {"data", "log", "data", {data, 2}}};
    settings_good(&settings, "server\n    listen = tcp://127.0.0.1:1\n    back = tcp://127.0.0.1:2\n");
    ck_assert(zr_settings_apply(&settings_table, &settings, options, 2, &error));
    settings_assert_endpoints(&settings.listen, "tcp://127.0.0.1:3 ipc://z");
    settings_assert_endpoints(&settings.back, "tcp://127.0.0.1:2");
    ck_assert_str_eq(settings.data, "/b"); /* the last one */
    options[0].values = (zr_texts_t){wrong, 1};
    ck_assert(!zr_settings_apply(&settings_table, &settings, options, 2, &error));
    dir_assert_error(&error, "--listen: cannot use \"tcp://\"");
}

UNIT_SUITE("broker.settings")
