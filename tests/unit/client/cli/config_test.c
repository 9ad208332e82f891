#include "config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static bool s_parse(config_t *config, const char *text, char *says, size_t size) {
    zr_error_t error = {0};
    config_init(config);
    bool good = config_parse(config, zr_span(text), "file", &error);
    snprintf(says, size, "%.200s", error.text);
    return good;
}

TEST(test_settings) {
    config_t config;
    char says[256];
    ck_assert(s_parse(&config, "\xef\xbb\xbf# mine\n\nserver = tcp://relay:5570 \r\nnick=ann", says, sizeof says));
    ck_assert_str_eq(config.file_server, "tcp://relay:5570");
    ck_assert_str_eq(config.file_nick, "ann");
    config_finish(&config);
    ck_assert(s_parse(&config, "", says, sizeof says));
    ck_assert_ptr_null(config.file_server);
    config_finish(&config);
}

TEST(test_mistakes) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"server = x\nport = 5\n", "file:2: port: unknown setting"},
        {"\n\nserver\n", "file:3: server: the value is missing"},
        {"nick =\n", "file:1: nick: the value is missing"},
        {"nick = a b\n", "file:1: nick: a nick is"},
        {"nick = a\nserver = x\nnick = b\n", "file:3: nick: already set in line 1"},
        {"= x\n", "file:1: a line starts with a name"},
        {"server = x\n    nick = a\n", "file:2: server/nick: a setting begins its line"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        config_t config;
        char says[256];
        ck_assert(!s_parse(&config, cases[i].text, says, sizeof says));
        ck_assert_msg(strncmp(says, cases[i].says, strlen(cases[i].says)) == 0, "%s", says);
        config_finish(&config);
    }
}

TEST(test_precedence) {
    config_t config;
    zr_error_t error = {0};
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
}

TEST(test_who_we_are) {
    config_t config;
    char says[256];
    setenv("HOME", "/home/ann", 1);
    ck_assert(
        s_parse(&config, "certificate = ~/me\nserver-key = K = ~/\nuser = ann\ntoken-file = /t\n", says, sizeof says));
    ck_assert_str_eq(config.file_certificate, "/home/ann/me");
    ck_assert_str_eq(config.file_server_key, "K = ~/");
    ck_assert_str_eq(config.file_user, "ann");
    ck_assert_str_eq(config.file_token_file, "/t");
    config_finish(&config);
    ck_assert(!s_parse(&config, "user = a b\n", says, sizeof says));
    config_finish(&config);
}

TEST(test_relative_paths_begin_at_the_files_folder) {
    static const char text[] = "certificate = keys/me\ntoken-file = ~/t\nserver = a\nserver-key = k\n";
    config_t config;
    zr_error_t error = {0};
    setenv("HOME", "/home/ann", 1);
    config_init(&config);
    ck_assert(config_parse(&config, zr_span(text), "/home/ann/.config/zrelay.conf", &error));
    ck_assert_str_eq(config.file_certificate, "/home/ann/.config/keys/me");
    ck_assert_str_eq(config.file_token_file, "/home/ann/t");
    ck_assert_str_eq(config.file_server, "a");
    ck_assert_str_eq(config.file_server_key, "k");
    config_finish(&config);
    ck_assert(config_parse(&config, zr_span("certificate = /me\ntoken-file = t\n"), "/etc/zrelay.conf", &error));
    ck_assert_str_eq(config.file_certificate, "/me");
    ck_assert_str_eq(config.file_token_file, "/etc/t");
    config_finish(&config);
}

TEST(test_precedence_of_who_we_are) {
    static const struct {
        const char *variable;
        size_t flag, file;
    } cases[] = {{"ZRELAY_CERTIFICATE", offsetof(config_t, certificate), offsetof(config_t, file_certificate)},
        {"ZRELAY_SERVER_KEY", offsetof(config_t, server_key), offsetof(config_t, file_server_key)},
        {"ZRELAY_USER", offsetof(config_t, user), offsetof(config_t, file_user)}};
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    unsetenv("ZRELAY_SERVER");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int given = 0; given < 8; given++) {
            config_t config;
            zr_error_t error = {0};
            config_init(&config);
            const char **flag = (const char **)((char *)&config + cases[i].flag);
            if (given & 1)
                *(char **)((char *)&config + cases[i].file) = strdup("file");
            if (given & 2)
                setenv(cases[i].variable, "environment", 1);
            else
                unsetenv(cases[i].variable);
            if (given & 4)
                *flag = "flag";
            ck_assert(config_resolve(&config, &error));
            const char *expected = given & 4 ? "flag" : given & 2 ? "environment" : given & 1 ? "file" : NULL;
            ck_assert_pstr_eq(*flag, expected);
            if (cases[i].flag == offsetof(config_t, server_key))
                ck_assert_int_eq(config.server_key_from, given & 4   ? CONFIG_FLAG
                                                         : given & 2 ? CONFIG_ENVIRONMENT
                                                                     : CONFIG_FILE);
            config_finish(&config);
        }
        unsetenv(cases[i].variable);
    }
}

TEST(test_the_files_key_is_of_the_files_server) {
    static const struct {
        const char *file, *flag;
        bool key;
    } cases[] = {{"tcp://a:1", NULL, true}, {"tcp://a:1", "tcp://a:1", true}, {"tcp://a:1", "tcp://b:1", false},
        {NULL, NULL, true}, {NULL, "tcp://b:1", false}};
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        config_t config;
        zr_error_t error = {0};
        config_init(&config);
        config.file_server = cases[i].file ? strdup(cases[i].file) : NULL;
        config.file_server_key = strdup("key");
        config.server = cases[i].flag;
        ck_assert(config_resolve(&config, &error));
        ck_assert_int_eq(config.server_key != NULL, cases[i].key);
        config_finish(&config);
    }
}

UNIT_SUITE("client.cli.config")
