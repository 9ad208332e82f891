#include "settings.h"

#include <stdio.h>

#include "fixture_settings.h"

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

TEST(test_auth) {
    settings_t settings;
    settings_good(&settings, "auth\n    users = /z/users\n    tokens = 1\n");
    ck_assert_str_eq(settings.users, "/z/users");
    ck_assert_str_eq(settings.bans, "/z/users.bans");
    ck_assert(settings.relay.tokens);
    ck_assert_str_eq(s_ways(&settings), "--");
    settings_good(&settings,
        "auth\n    users = /z/users\n    bans = /b\n    encrypt = remote\n    server-key = /z/k_secret\n"
        "server\n    listen = tcp://127.0.0.1:1\n    listen = tcp://0.0.0.0:3\n    listen = ipc:///tmp/z\n");
    ck_assert_str_eq(settings.bans, "/b");
    ck_assert_str_eq(settings.server_key, "/z/k_secret");
    ck_assert_str_eq(s_ways(&settings), "-+--+-");
    ck_assert(settings_some_plain(&settings));
    settings_good(&settings,
        "auth\n    users = /u\n    encrypt = all\n    server-key = /k\n"
        "server\n    listen = tcp://127.0.0.1:1\n    listen = tcp://*:3\n    listen = ipc:///tmp/z\n");
    ck_assert_str_eq(s_ways(&settings), "++++++");
    ck_assert(!settings_some_plain(&settings));
    ck_assert(settings_some_encrypted(&settings));
    settings_good(&settings, "auth\n    users = /u\n    server-key = /k\nserver\n    back = tcp://relay.example.org:1\n"
                             "    back = tcp://127.0.0.1:2\n");
    ck_assert_str_eq(s_ways(&settings), "-+-");
    settings_good(&settings, "server\n    listen = tcp://*:1\n    insecure = 1\nauth\n    users = /u\n");
    ck_assert(!settings_some_encrypted(&settings));
    settings_bad("auth\n    users = /u\n    server-key = /k\n", "nothing is encrypted");

    ck_assert(!settings.relay.jwt);
    settings_good(&settings,
        "auth\n    users = u\n    jwt-keys = k.json\n    jwt-issuer = \"https://a\"\n    jwt-audience = b\n"
        "    jwt-leeway = 10m\n");
    ck_assert(settings.relay.jwt);
    ck_assert_str_eq(strrchr(settings.jwt_keys, '/'), "/k.json"); /* beside the file */
    ck_assert_str_eq(settings.jwt_issuer, "https://a");
    ck_assert_str_eq(settings.jwt_audience, "b");
    ck_assert_uint_eq(settings.jwt_leeway_ms, 600000);
    settings_bad("auth\n    jwt-keys = /k\n", "jwt-keys needs a users file");
    settings_bad("auth\n    users = /u\n    jwt-audience = b\n", "need the keys");
    settings_bad("auth\n    users = /u\n    jwt-keys = /k\n    jwt-leeway = 601s\n",
        "z.conf:4: auth/jwt-leeway: 601s is out of range");
    settings_bad("auth\n    encrypt = some\n", "z.conf:2: auth/encrypt: \"some\" is neither remote");
    settings_bad("auth\n    tokens = yes\n", "z.conf:2: auth/tokens: \"yes\" is neither 1");
    settings_bad("auth\n    users\n", "z.conf:2: auth/users: the value is missing");
    settings_bad("users = /u\n", "z.conf:1: users: belongs under \"auth\"");
    settings_bad("limits\n    max-address-connections = 0\n", "out of range");
}

/* The longest users file's name has room for that of its bans. */
TEST(test_the_longest_users_file) {
    settings_t settings;
    zr_error_t error = {0};
    char longest[SETTINGS_TEXT_MAX + 1];
    memset(longest, 'u', SETTINGS_TEXT_MAX);
    longest[SETTINGS_TEXT_MAX] = '\0';
    settings_default(&settings);
    strcpy(settings.users, longest);
    ck_assert(settings_complete(&settings, &error));
    ck_assert_uint_eq(strlen(settings.bans), SETTINGS_TEXT_MAX + strlen(".bans"));
    ck_assert_str_eq(settings.bans + SETTINGS_TEXT_MAX, ".bans");
}

/* On any doubt it does not start, and says what to do. */
TEST(test_nobody_gets_in_by_accident) {
    const char *remote = "server\n    listen = tcp://0.0.0.0:5570\n";
    char text[400];
    const char *ways_out[] = {"use 127.0.0.1", "--server-key FILE --users FILE", "--insecure"};
    for (size_t i = 0; i < 3; i++)
        settings_bad(remote, ways_out[i]);
    snprintf(text, sizeof text, "%sauth\n    users = /u\n", remote);
    settings_bad(text, "tcp://0.0.0.0:5570 can be reached from other machines");
    snprintf(text, sizeof text, "%sauth\n    server-key = /k\n", remote);
    settings_bad(text, "tcp://0.0.0.0:5570 is encrypted, and nothing says whose keys are let in; name the users file");
    settings_bad(
        "auth\n    server-key = /k\n    encrypt = all\n", "tcp://127.0.0.1:5570 is encrypted, and nothing says");
    snprintf(text, sizeof text, "%s    insecure = 1\nauth\n    server-key = /k\n    users = /u\n", remote);
    settings_bad(text, "contradict each other");
    settings_bad("auth\n    tokens = 1\n", "tokens are the users'");
    settings_bad("auth\n    bans = /b\n", "bans are of users");
    settings_bad("auth\n    users = /u\n    encrypt = all\n", "encrypt = all needs a key");
    /* A back of the listener's kind. */
    const char *keyed = "auth\n    server-key = /k\n    users = /u\nserver\n    listen = tcp://10.0.0.1:1\n";
    snprintf(text, sizeof text, "%s    back = tcp://127.0.0.1:2\n", keyed);
    settings_bad(text, "clients of tcp://10.0.0.1:1 need a tcp:// back that is encrypted too; add one with --back");
    snprintf(text, sizeof text, "%s    listen = ipc:///tmp/z\n    back = tcp://10.0.0.1:2\n", keyed);
    settings_bad(text, "clients of ipc:///tmp/z need a back that is not encrypted either; add one with --back");
    snprintf(text, sizeof text, "%s    back = tcp://127.0.0.1:2\n    advertise = tcp://relay.example.org:1\n", keyed);
    settings_t settings;
    settings_good(&settings, text);
    snprintf(text, sizeof text,
        "%s    listen = tcp://127.0.0.1:1\n    back = tcp://10.0.0.1:2\n    advertise = tcp://r.example.org:1\n",
        keyed);
    settings_bad(text, "clients of tcp://127.0.0.1:1 need a tcp:// back that is not encrypted either");
}

TEST(test_whole) {
    settings_bad("server\n    listen = tcp://*:5570\n", "tcp://*:5570 can be reached from other machines");
    settings_bad("server\n    back = tcp://10.0.0.1:1\n", "tcp://10.0.0.1:1 can be reached from other machines");
    settings_bad("server\n    back = ipc:///tmp/z\n", "clients of tcp://127.0.0.1:5570 need a tcp:// back;");
    settings_bad("server\n    listen = tcp://127.0.0.1:65535\n", "cannot derive the back of tcp://127.0.0.1:65535");
    settings_bad("limits\n    replay-frames = 1000\n", "replay-frames (1000) must be below route-queue (1000)");
    settings_bad("limits\n    route-bytes = 2M\n", "together (2097152) must be below route-bytes (2097152)");
    settings_bad("limits\n    route-bytes = 65M\n", "must be at most a quarter of all-route-bytes (268435456)");
    settings_t settings;
    settings_good(&settings, "limits\n    route-bytes = 2097153\n    all-route-bytes = 8388612\n");
    settings_good(&settings, "server\n    listen = tcp://*:5570\n    insecure = 1\n");
    settings_assert_endpoints(&settings.back, "tcp://*:5571");
    settings_good(&settings, "server\n    back = ipc:///tmp/z\n    advertise = tcp://relay.example.org:1\n");
    ck_assert_str_eq(settings.advertise, "tcp://relay.example.org:1");
    ck_assert(!settings.paired);
    settings_good(&settings, "server\n    listen = ipc:///tmp/f\n    back = ipc:///tmp/z\n");
}

TEST(test_accounts_that_may_use_a_socket) {
    static const char socket[] = "server\n    listen = ipc:///tmp/z\n";
    settings_t settings;
    char text[200];
    settings_good(&settings, socket);
    ck_assert_uint_eq(settings.ipc_mode, 0600);
    snprintf(text, sizeof text, "%s    ipc-group = chat\n", socket);
    settings_good(&settings, text);
    ck_assert_uint_eq(settings.ipc_mode, 0660);
    ck_assert_str_eq(settings.ipc_group, "chat");
    snprintf(text, sizeof text, "%s    ipc-group = chat\n    ipc-mode = 600\n", socket);
    settings_bad(text, "does not let it in");
    settings_bad("server\n    ipc-mode = 600\n", "need a listener ipc://PATH");
}

TEST(test_rooms_on_disk) {
    settings_bad(
        "room\n    pattern = a\n    level = disk\n", "room a: level disk needs a directory: log/data or --data");
    settings_bad("room\n    pattern = a\n    max-age = 7d\n",
        "room a: max-age, max-entries and max-bytes are for rooms on disk");
    settings_bad("log\n    data = /z\nroom\n    pattern = a\n    level = memory\n    max-entries = 7\n",
        "room a: max-age, max-e");
    settings_bad("log\n    data = /z\nlimits\n    max-rooms = 8388608\n", "max-rooms (8388608) must be below 8388608");
    settings_t settings;
    settings_good(&settings, "log\n    data = /z\nlimits\n    max-rooms = 8388607\n");
}

#define KEY_1 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_2 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

TEST(test_several_upstreams) {
    settings_t settings;
    settings_good(&settings, "upstream\n    endpoint = \"tcp://192.0.2.1:1, ipc:///a\"\n");
    ck_assert_str_eq(settings.upstream.endpoint, "tcp://192.0.2.1:1,ipc:///a");
    settings_good(&settings, "upstream\n    endpoint = tcp://192.0.2.1:1,tcp://192.0.2.2:1\n    certificate = /c\n"
                             "    server-key = \"" KEY_1 "," KEY_2 "\"\n");
    settings_bad("upstream\n    endpoint = tcp://192.0.2.1:1,tcp://192.0.2.1:1\n", "twice");
    settings_bad("upstream\n    endpoint = tcp://192.0.2.1:1,tcp://*:1\n", "others connect to it");
    settings_bad("upstream\n    endpoint = tcp://192.0.2.1:1\n    certificate = /c\n    server-key = \"" KEY_1 "," KEY_2
                 "\"\n",
        "more keys than endpoints");
    settings_bad("upstream\n    endpoint = tcp://192.0.2.1:1\n    server-key = \"" KEY_1 ",x\"\n", "no public key");
}

TEST(test_a_cluster) {
    settings_t settings;
    settings_good(&settings, "log\n    store = postgresql://a\ncluster\n    advertise = tcp://192.0.2.1:1\n"
                             "    peers = tcp://192.0.2.2:1,tcp://192.0.2.3:1\nupstream\n    certificate = /c\n");
    ck_assert_str_eq(settings.cluster_advertise, "tcp://192.0.2.1:1");
    ck_assert_str_eq(settings.peers, "tcp://192.0.2.2:1,tcp://192.0.2.3:1");
    settings_bad("cluster\n    advertise = tcp://192.0.2.1:1\n", "share a database");
    settings_bad("log\n    store = postgresql://a\ncluster\n    advertise = tcp://*:1\n", "others connect to it");
    settings_bad("log\n    store = postgresql://a\ncluster\n    advertise = tcp://192.0.2.1:1\nupstream\n"
                 "    server-key = \"" KEY_1 "\"\n    certificate = /c\n",
        "comes from the database");
    settings_bad("log\n    store = postgresql://a\nupstream\n    certificate = /c\n", "there is no upstream");
}

UNIT_SUITE("broker.settings_complete")
