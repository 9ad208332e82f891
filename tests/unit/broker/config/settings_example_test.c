/* The annotated configuration. */
#include <stdio.h>

#include "fixture_settings.h"

static bool s_has_no_default(const char *line) {
    static const char *const names[] = {"advertise ", "settings-file ", "data ", "store ", "users ", "bans ",
        "server-key ", "ipc-mode ", "ipc-group ", "jwt-keys ", "jwt-issuer ", "jwt-audience ", "endpoint ", "peers ",
        "certificate ", "user ", "token-file "};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(line, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* The example says of each setting what its default is: it must be true, and nothing may be forgotten. */
TEST(test_the_example_holds_the_defaults) {
    settings_t defaults, example;
    char line[1024], text[32768] = "", *end = text;
    settings_good(&defaults, "");
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
    settings_good(&example, text);
    ck_assert_uint_eq(settings_seen, 85);
    ck_assert_str_eq(example.greeting, "Welcome.");
    example.greeting[0] = '\0';
    memset(example.greeting, 0, sizeof example.greeting);
    ck_assert(!example.paired);
    example.paired = true;
    settings_assert_endpoints(&example.listen, "tcp://127.0.0.1:5570");
    settings_assert_endpoints(&example.back, "tcp://127.0.0.1:5571");
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

UNIT_SUITE("broker.settings_example")
