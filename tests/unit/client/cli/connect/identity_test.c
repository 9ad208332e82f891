#include "identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "known_servers.h"
#include "unit.h"

#define KEY_1 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_2 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define REMOTE "tcp://relay.example:5570"
#define LOCAL "tcp://127.0.0.1:5570"

static char s_folder[64], s_certificate[96], s_token[96], s_says[ZR_ERROR_SIZE];
static identity_t s_identity;

static void s_begin(void) {
    zr_error_t error = {0};
    zr_pair_t pair;
    strcpy(s_folder, "/tmp/zrelay-identity-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(s_folder));
    setenv("XDG_CONFIG_HOME", s_folder, 1);
    unsetenv("ZRELAY_TOKEN");
    snprintf(s_certificate, sizeof s_certificate, "%s/me", s_folder);
    snprintf(s_token, sizeof s_token, "%s/token", s_folder);
    ck_assert(zr_pair_make(&pair, s_certificate, &error));
    ck_assert(zr_file_create(s_token, 0600, zr_span("of the file \r\nmore\n"), &error));
}

static void s_end(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", s_folder);
    ck_assert_int_eq(system(command), 0);
    identity_finish(&s_identity);
}

static bool s_resolve(config_t config) {
    zr_error_t error = {0};
    bool good = identity_resolve(&s_identity, &config, &error);
    snprintf(s_says, sizeof s_says, "%s", error.text);
    ck_assert_uint_eq(error.count, !good);
    return good;
}

static void s_fails(config_t config, const char *words) {
    ck_assert(!s_resolve(config));
    ck_assert_msg(strstr(s_says, words) != NULL, "%s", s_says);
}

static void s_write_token(const char *text) {
    zr_error_t error = {0};
    unlink(s_token);
    ck_assert(zr_file_create(s_token, 0600, zr_span(text), &error));
}

TEST(test_a_file_that_changed_gives_another_token) {
    ck_assert(!identity_renew(&s_identity)); /* no token at all */
    ck_assert(s_resolve((config_t){.server = LOCAL, .user = "ann", .token_file = s_token, .token_file_given = true}));
    identity_forget(&s_identity);
    ck_assert(!identity_renew(&s_identity));
    ck_assert_str_eq(s_identity.token, "");
    s_write_token("another\n");
    ck_assert(identity_renew(&s_identity));
    ck_assert_str_eq(s_identity.token, "another");
    identity_forget(&s_identity);
    ck_assert(!identity_renew(&s_identity));
    s_write_token("\n"); /* while it is being written */
    ck_assert(!identity_renew(&s_identity));
    unlink(s_token);
    ck_assert(!identity_renew(&s_identity));
    setenv("ZRELAY_TOKEN", "of the environment", 1);
    ck_assert(s_resolve((config_t){.server = LOCAL, .user = "ann", .token_file = s_token}));
    s_write_token("a third\n");
    ck_assert(!identity_renew(&s_identity));
}

TEST(test_nothing_given) {
    ck_assert(s_resolve((config_t){.server = REMOTE}));
    ck_assert(!s_identity.encrypted);
    ck_assert_ptr_null(s_identity.user);
}

TEST(test_keys) {
    config_t config = {.server = REMOTE, .server_key = KEY_1, .certificate = s_certificate, .certificate_given = true};
    ck_assert(s_resolve(config));
    ck_assert(s_identity.encrypted);
    ck_assert_str_eq(s_identity.servers.items[0].key, KEY_1);
    ck_assert_uint_eq(strlen(s_identity.own.secret_key), ZR_CURVE_LEN);
    config.server_key = "short";
    s_fails(config, "is no server key");
    config.server_key = NULL;
    s_fails(config, "--server-key");
    config.certificate_given = false;
    s_fails(config, "--server-key");
    config.server = LOCAL; /* that the configuration names a certificate is for others */
    ck_assert(s_resolve(config));
    ck_assert(!s_identity.encrypted);
    s_fails((config_t){.server = REMOTE, .server_key = KEY_1}, "zrelay keygen");
    s_fails((config_t){.server = REMOTE, .server_key = KEY_1, .certificate = "/nonexistent"}, "No such file");
    s_fails(
        (config_t){
            .server = REMOTE, .server_key = KEY_1, .certificate = s_certificate, .user = "ann", .user_given = true},
        "without encryption");
}

TEST(test_certificates_that_are_none) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"nothing", "no secret key"},
        {"curve\n    public-key = \"" KEY_1 "\"\n", "no secret key"},
        {"curve\n    public-key = \"" KEY_1 "\"\n    secret-key = \"" KEY_2 "\"\n", "does not belong"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[128];
        zr_error_t error = {0};
        snprintf(path, sizeof path, "%s/bad%zu", s_folder, i);
        ck_assert(zr_file_create(path, 0600, zr_span(cases[i].text), &error));
        s_fails((config_t){.server = REMOTE, .server_key = KEY_1, .certificate = path}, cases[i].says);
    }
}

TEST(test_known_servers) {
    zr_error_t error = {0};
    config_t config = {.server = REMOTE, .server_key = KEY_1, .certificate = s_certificate};
    ck_assert(s_resolve(config));
    ck_assert_uint_eq(s_identity.known_lines[0], 0);
    ck_assert(identity_record(&s_identity, config.server, &error));
    ck_assert(identity_record(&s_identity, config.server, &error)); /* once */
    ck_assert(s_resolve(config));
    ck_assert(!s_identity.record[0]);
    config.server_key = NULL;
    ck_assert(s_resolve(config));
    ck_assert(s_identity.encrypted);
    ck_assert_str_eq(s_identity.servers.items[0].key, KEY_1);
    config.server_key = KEY_2;
    s_fails(config, "/zrelay/known-servers, line 1: somebody may be in between");
    config.server_key = KEY_1; /* given, and known */
    ck_assert(s_resolve(config));
    ck_assert_uint_eq(s_identity.known_lines[0], 1);
    config.server_key = KEY_2;
    /* A broker that was encrypted once is not connected to in the clear. */
    s_fails((config_t){.server = REMOTE}, "zrelay keygen");
    s_fails((config_t){.server = REMOTE}, REMOTE " is noted as encrypted in ");
    s_fails((config_t){.server = REMOTE}, "/zrelay/known-servers, line 1: ");
    s_fails((config_t){.server = REMOTE}, "emove that line");
    s_fails((config_t){.server = REMOTE, .user = "ann", .user_given = true}, "/zrelay/known-servers, line 1: a user");
    /* Asked for now: the note is not the reason. */
    s_fails((config_t){.server = REMOTE, .server_key = KEY_1}, "an encrypted connection needs");
    ck_assert_ptr_null(strstr(s_says, "known-servers"));
    config.server = "tcp://other.example:5570";
    ck_assert(s_resolve(config));
    ck_assert(identity_record(&s_identity, config.server, &error));
    char *path = known_path();
    zr_buffer_t text = {0};
    ck_assert(known_read(path, &text, &error));
    zr_buffer_u8(&text, '\0');
    ck_assert_str_eq((char *)text.data, REMOTE " " KEY_1 "\ntcp://other.example:5570 " KEY_2 "\n");
    FILE *file = fopen(path, "a");
    fputs("rubbish\n", file);
    fclose(file);
    config.server = "tcp://third.example:5570";
    s_fails(config, "known-servers, line 3: expected 'ENDPOINT KEY'");
    free(path);
    zr_buffer_finish(&text);
}

TEST(test_tokens) {
    config_t config = {.server = LOCAL, .user = "ann", .token_file = s_token};
    ck_assert(s_resolve(config));
    ck_assert_str_eq(s_identity.user, "ann");
    ck_assert_str_eq(s_identity.token, "of the file");
    setenv("ZRELAY_TOKEN", "of the environment", 1);
    ck_assert(s_resolve(config)); /* before the configuration's file */
    ck_assert_str_eq(s_identity.token, "of the environment");
    ck_assert_ptr_null(getenv("ZRELAY_TOKEN")); /* not for commands that are started */
    setenv("ZRELAY_TOKEN", "of the environment", 1);
    config.token_file_given = true; /* after a flag */
    ck_assert(s_resolve(config));
    ck_assert_str_eq(s_identity.token, "of the file");
    config.server = REMOTE;
    s_fails(config, "on this machine only");
    config.server = LOCAL;
    config.user = NULL;
    s_fails(config, "--user");
    s_fails((config_t){.server = LOCAL, .user = "ann"}, "--token-file");
    config = (config_t){.server = LOCAL, .user = "ann", .token_file = s_token};
    chmod(s_token, 0644);
    s_fails(config, "chmod 600");
}

/* A JWT names the user itself. */
TEST(test_a_token_that_an_application_signed) {
    zr_error_t error = {0};
    setenv("ZRELAY_TOKEN", "eyJ9.e30.c2ln", 1);
    ck_assert(s_resolve((config_t){.server = LOCAL}));
    ck_assert(s_identity.login && !s_identity.user);
    ck_assert_str_eq(s_identity.token, "eyJ9.e30.c2ln");
    setenv("ZRELAY_TOKEN", "eyJ9.e30.c2ln", 1);
    s_fails((config_t){.server = REMOTE}, "on this machine only");
    unlink(s_token);
    ck_assert(zr_file_create(s_token, 0600, zr_span("eyJ9.e31.c2ln\n"), &error));
    ck_assert(s_resolve((config_t){.server = LOCAL, .token_file = s_token, .token_file_given = true}));
    ck_assert_str_eq(s_identity.token, "eyJ9.e31.c2ln");
    ck_assert(s_resolve((config_t){.server = LOCAL, .user = "carol", .token_file = s_token}));
    ck_assert_str_eq(s_identity.user, "carol");
    ck_assert(s_resolve((config_t){.server = LOCAL, .token_file = s_token})); /* of the configuration */
    ck_assert_str_eq(s_identity.token, "eyJ9.e31.c2ln");
    ck_assert(s_resolve((config_t){.server = LOCAL, .token_file = "/nowhere/token"}));
    ck_assert(!s_identity.login);
    setenv("ZRELAY_TOKEN", "a.b.c", 1); /* of another broker, and so it is not used */
    ck_assert(s_resolve((config_t){.server = LOCAL}));
    ck_assert(!s_identity.login);
    for (size_t len = ZR_JWT_MAX; len <= ZR_JWT_MAX + 1; len++) {
        char token[ZR_JWT_MAX + 2];
        memset(token, 'e', len);
        token[1] = token[3] = '.';
        token[len] = '\0';
        setenv("ZRELAY_TOKEN", token, 1);
        ck_assert(s_resolve((config_t){.server = LOCAL}) == (len == ZR_JWT_MAX));
        unsetenv("ZRELAY_TOKEN");
    }
}

TEST(test_tokens_bounds) {
    char token[ZR_TOKEN_MAX + 2];
    memset(token, 'x', sizeof token);
    token[ZR_TOKEN_MAX + 1] = '\0';
    config_t config = {.server = LOCAL, .user = "ann", .token_file = s_token};
    for (int over = 0; over < 2; over++) {
        zr_error_t error = {0};
        const char *text = token + 1 - over;
        setenv("ZRELAY_TOKEN", text, 1);
        ck_assert(s_resolve(config) == !over);
        unsetenv("ZRELAY_TOKEN");
        unlink(s_token);
        ck_assert(zr_file_create(s_token, 0600, zr_span(text), &error));
        ck_assert(s_resolve(config) == !over);
        static const char *const bad[] = {"", "\nx", "\xff"};
        for (size_t i = 0; over && i < sizeof bad / sizeof bad[0]; i++) {
            unlink(s_token);
            ck_assert(zr_file_create(s_token, 0600, zr_span(bad[i]), &error));
            s_fails(config, "is no token");
        }
    }
}

TEST(test_each_of_several_servers_has_its_own_key) {
    zr_error_t error = {0};
    config_t config = {.server = REMOTE ",tcp://other.example:1",
        .server_key = KEY_1 "," KEY_2,
        .certificate = s_certificate,
        .certificate_given = true};
    ck_assert(s_resolve(config));
    ck_assert_str_eq(s_identity.servers.items[1].key, KEY_2);
    ck_assert(identity_record(&s_identity, "tcp://other.example:1", &error)); /* it answered; the first did not */
    ck_assert(identity_record(&s_identity, "tcp://stranger.example:1", &error));
    identity_finish(&s_identity);

    config.server_key = NULL;
    s_fails(config, "the broker at " REMOTE " is needed too");
    config.server_key = KEY_1; /* one key for both: the second is known by another */
    s_fails(config, "the broker at tcp://other.example:1 had another key");
    config.server = REMOTE ",tcp://third.example:1";
    ck_assert(s_resolve(config));
    ck_assert_str_eq(s_identity.servers.items[1].key, KEY_1);
}

TEST(test_a_token_goes_to_no_list_with_another_machine) {
    s_fails((config_t){.server = LOCAL "," REMOTE, .user = "ann", .token_file = s_token}, "on this machine only");
}

UNIT_SUITE_WITH("client.cli.identity", s_begin, s_end)
