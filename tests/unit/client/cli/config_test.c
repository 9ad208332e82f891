#include "config.h"

#include <stdio.h>

#include "unit.h"

static bool s_parse(config_t *config, const char *text, char *says, size_t size) {
    zr_buffer_t error = {0};
    config_init(config);
    bool good = config_parse(config, zr_span(text), "file", &error);
    snprintf(says, size, "%.*s", (int)error.len, error.len ? (const char *)error.data : "");
    zr_buffer_finish(&error);
    return good;
}

START_TEST(test_settings) {
    config_t config;
    char says[256];
    ck_assert(s_parse(&config, "# mine\n\n server = tcp://relay:5570 \r\nnick=ann", says, sizeof says));
    ck_assert_str_eq(config.file_server, "tcp://relay:5570");
    ck_assert_str_eq(config.file_nick, "ann");
    config_finish(&config);
    ck_assert(s_parse(&config, "", says, sizeof says));
    ck_assert_ptr_null(config.file_server);
    config_finish(&config);
    ck_assert(s_parse(&config, "nick = a\nnick = b\n", says, sizeof says));
    ck_assert_str_eq(config.file_nick, "b");
    config_finish(&config);
}
END_TEST

START_TEST(test_mistakes) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"server = x\nport = 5\n", "file:2: unknown setting 'port'"},
        {"\n\nserver\n", "file:3: expected 'name = value'"},
        {"nick =\n", "file:1: 'nick' needs a value"},
        {"nick = a b\n", "file:1: a nick is"},
        {"= x\n", "file:1: unknown setting ''"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        config_t config;
        char says[256];
        ck_assert(!s_parse(&config, cases[i].text, says, sizeof says));
        ck_assert_msg(strncmp(says, cases[i].says, strlen(cases[i].says)) == 0, "%s", says);
        config_finish(&config);
    }
}
END_TEST

START_TEST(test_precedence) {
    config_t config;
    zr_buffer_t error = {0};
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    unsetenv("ZRELAY_SERVER");
    config_init(&config);
    ck_assert(config_resolve(&config, &error));
    ck_assert_str_eq(config.server, CONFIG_SERVER);
    config_finish(&config);
    setenv("ZRELAY_SERVER", "tcp://env:1", 1);
    config_init(&config);
    config.file_server = strdup("tcp://file:1");
    ck_assert(config_resolve(&config, &error));
    ck_assert_str_eq(config.server, "tcp://env:1");
    config_finish(&config);
    config_init(&config);
    config.server = "tcp://flag:1";
    ck_assert(config_resolve(&config, &error));
    ck_assert_str_eq(config.server, "tcp://flag:1");
    config_finish(&config);
    zr_buffer_finish(&error);
}
END_TEST

UNIT_MAIN("client.cli.config", test_settings, test_mistakes, test_precedence)
