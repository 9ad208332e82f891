#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

#define KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static char s_text[2048];

static bool s_describe(const target_t *target, const char *code) {
    zrelay_event_t event = {.type = ZRELAY_DISCONNECTED, .code = code};
    zr_buffer_t out = {0};
    bool said = target_describe(target, &event, &out);
    snprintf(s_text, sizeof s_text, "%.*s", (int)out.len, out.len ? (const char *)out.data : "");
    zr_buffer_finish(&out);
    return said;
}

#define SAYS(words) ck_assert_msg(strstr(s_text, words) != NULL, "no '%s' in: %s", words, s_text)
#define SAYS_NOT(words) ck_assert_msg(strstr(s_text, words) == NULL, "'%s' in: %s", words, s_text)

static const char *s_turn(const char *list, size_t turn) {
    zr_buffer_t out = {0};
    target_turn(list, turn, &out);
    snprintf(s_text, sizeof s_text, "%s", (const char *)out.data);
    zr_buffer_finish(&out);
    return s_text;
}

TEST(test_the_turns_of_servers) {
    ck_assert_str_eq(s_turn("A,B,C", 0), "A,B,C");
    ck_assert_str_eq(s_turn("A,B,C", 1), "B,C");
    ck_assert_str_eq(s_turn("A,B,C", 2), "C,B");
    ck_assert_str_eq(s_turn("A,B,C", 3), "B,C");
    ck_assert_str_eq(s_turn("A,B", 7), "B");
    ck_assert_str_eq(s_turn("A", 0), "A");
    ck_assert_str_eq(s_turn("A", 5), "A");
}

/* The errors for a key that does not fit: its source and the remedy. */
TEST(test_a_key_that_does_not_fit) {
    static const struct {
        config_from_t from;
        unsigned line; /* among the known servers */
        const char *says;
    } cases[] = {
        {CONFIG_FLAG, 0, "the key given with --server-key (" KEY ")"},
        {CONFIG_ENVIRONMENT, 0, "the key in ZRELAY_SERVER_KEY (" KEY ")"},
        {CONFIG_FILE, 0, "the key given as server-key in /home/ann/zrelay.conf (" KEY ")"},
        {CONFIG_FLAG, 3, "given with --server-key and noted in /home/ann/zrelay/known-servers, line 3 ("},
    };
    setenv("XDG_CONFIG_HOME", "/home/ann", 1);
    config_t config = {.server = "tcp://a:1", .server_key = KEY, .file = "/home/ann/zrelay.conf"};
    target_t target = {.config = &config,
        .identity = {.encrypted = true, .servers = {.items = {{.key = KEY}}, .named = 1, .count = 1}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        config.server_key_from = cases[i].from;
        target.identity.known_lines[0] = cases[i].line;
        ck_assert(s_describe(&target, "handshake"));
        SAYS(cases[i].says);
        SAYS("ask its operator");
        if (!cases[i].line)
            SAYS_NOT("remove that line");
    }
    config.server_key = NULL;
    ck_assert(s_describe(&target, "handshake"));
    SAYS("the key noted in /home/ann/zrelay/known-servers, line 3 (" KEY ")");
    SAYS("new keys");
    SAYS("remove that line");
    ck_assert(s_describe(&target, "mechanism"));
    SAYS("does not encrypt");
    SAYS("line 3");
    SAYS("remove that line");
}

TEST(test_others_that_do_not_let_us_in) {
    config_t config = {.server = "tcp://a:1"};
    target_t target = {.config = &config};
    ck_assert(s_describe(&target, "mechanism"));
    SAYS("--certificate");
    SAYS("--server-key");
    ck_assert(s_describe(&target, "refused"));
    SAYS("refuses this connection");
    ck_assert(s_describe(&target, "handshake"));
    SAYS_NOT("key");
    target.identity = (identity_t){.encrypted = true, .own = {.public_key = KEY}};
    ck_assert(s_describe(&target, "refused"));
    SAYS("its operator needs your public key: " KEY);
    ck_assert(!s_describe(&target, "kicked"));
    ck_assert(!s_describe(&target, NULL));
}

TEST(test_no_endpoint_is_told_before_keys) {
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    static const char *const bad[] = {"tcp://192.0.2.2:26570x", "192.0.2.2:", "a b", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        config_t config = {.server = bad[i], .certificate = "/none", .certificate_given = true};
        target_t target;
        int pipes[2], before = dup(STDERR_FILENO);
        ck_assert_int_eq(pipe(pipes), 0);
        dup2(pipes[1], STDERR_FILENO);
        ck_assert_int_ne(target_resolve(&target, &config), 0);
        ssize_t len = read(pipes[0], s_text, sizeof s_text - 1);
        dup2(before, STDERR_FILENO);
        s_text[len > 0 ? len : 0] = '\0';
        close(pipes[0]);
        close(pipes[1]);
        close(before);
        SAYS("is no endpoint");
        target_finish(&target);
        free(config.file);
    }
}

/* What a server in the settings means; NULL: it stays as it is. */
TEST(test_servers_that_name_less) {
    static const struct {
        const char *given, *means;
    } cases[] = {{"a.example", "tcp://a.example:5570"}, {"a:1", "tcp://a:1"}, {"tcp://a", "tcp://a:5570"},
        {"127.0.0.1", "tcp://127.0.0.1:5570"}, {"::1", "tcp://[::1]:5570"}, {"[::1]", "tcp://[::1]:5570"},
        {"[::1]:7", "tcp://[::1]:7"}, {"tcp://[::1]:7", "tcp://[::1]:7"}, {"ipc:///run/x", NULL}, {"", NULL},
        {"a b", NULL}, {"tcp://", NULL}, {"a, b:1,ipc:///c", "tcp://a:5570,tcp://b:1,ipc:///c"}};
    setenv("XDG_CONFIG_HOME", "/nowhere", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        config_t config = {.server = cases[i].given};
        for (int session = 0; session < 2; session++) { /* the second finds the same broker */
            target_t target;
            target_resolve(&target, &config);
            ck_assert_str_eq(config.server, cases[i].means ? cases[i].means : cases[i].given);
            target_finish(&target);
        }
        config_finish(&config);
    }
}

UNIT_SUITE("client.cli.target")
