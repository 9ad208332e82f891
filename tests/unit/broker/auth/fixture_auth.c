/* See fixture_auth.h. */
#include "fixture_auth.h"

#include <czmq.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>

#include "zap.h"

auth_t *auth;

void fx_auth_begin(void) {
    dir_begin();
    fx_auth_start_with(USERS);
}

void fx_auth_end(void) {
    fx_auth_stop();
    dir_end();
}

static void s_start(const auth_config_t *config) {
    zr_error_t error = {0};
    access_t *access = NULL;
    ck_assert_int_ge(sodium_init(), 0);
    fx_auth_stop();
    auth = auth_new(config, &access, &error);
    ck_assert_msg(auth != NULL, "%s", error.text);
    ck_assert(!access_is_open_mode(access));
    access_destroy(access);
}

void fx_auth_start(bool tokens) {
    char *users = strdup(dir_path("users"));
    s_start(&(auth_config_t){.users = users, .tokens = tokens, .plain = tokens, .encrypted = true});
    free(users);
}

void fx_auth_start_signed(void) {
    static char keys[1000];
    char *users = strdup(dir_path("users"));
    snprintf(keys, sizeof keys, "%s", dir_path("keys"));
    s_start(&(auth_config_t){
        .users = users, .plain = true, .encrypted = true, .jwt = keys, .jwt_rules = {.leeway = 1000000}});
    free(users);
}

void fx_auth_start_with(const char *text) {
    dir_write("users", text, 0600);
    fx_auth_start(false);
}

void fx_auth_stop(void) {
    auth_destroy(auth);
    auth = NULL;
}

auth_answer_t fx_auth_answer(void) {
    auth_answer_t answer;
    struct pollfd ready = {.fd = auth_fd(auth), .events = POLLIN};
    while (!auth_take(auth, &answer))
        ck_assert_int_eq(poll(&ready, 1, 50000), 1);
    if (answer.access)
        auth_applied(auth, answer.generation);
    return answer;
}

zr_code_t fx_auth_code(uint64_t ticket) {
    auth_answer_t answer = fx_auth_answer();
    ck_assert_uint_eq(answer.ticket, ticket);
    ck_assert_int_eq(answer.code == ZR_OK && answer.kind != AUTH_BANS, answer.access != NULL);
    zr_code_t code = answer.code;
    auth_answer_finish(&answer);
    return code;
}

zsock_t *fx_auth_ask_zap(const char *domain, const char *mechanism, const char *key_text) {
    zsock_t *asker = zsock_new_req(ZAP_ENDPOINT);
    ck_assert_ptr_nonnull(asker);
    zmsg_t *request = zmsg_new();
    const char *frames[] = {"1.0", "id-7", domain, "10.0.0.1", "", mechanism};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        zmsg_addstr(request, frames[i]);
    if (key_text) {
        uint8_t key[ZR_CURVE_BYTES];
        ck_assert_ptr_nonnull(zmq_z85_decode(key, key_text));
        zmsg_addmem(request, key, sizeof key);
    }
    ck_assert_int_eq(zmsg_send(&request, asker), 0);
    return asker;
}

const char *fx_auth_zap_answer(zsock_t *asker) {
    static char result[200];
    zmsg_t *reply = zmsg_recv(asker);
    ck_assert_ptr_nonnull(reply);
    ck_assert_uint_eq(zmsg_size(reply), 6);
    char *parts[6];
    for (size_t i = 0; i < 6; i++)
        parts[i] = zmsg_popstr(reply);
    ck_assert_str_eq(parts[0], "1.0");
    ck_assert_str_eq(parts[1], "id-7");
    ck_assert_int_eq(parts[2][0] == '2', parts[5][0] != '\0');
    snprintf(result, sizeof result, "%s %s", parts[2], parts[4]);
    for (size_t i = 0; i < 6; i++)
        zstr_free(&parts[i]);
    zmsg_destroy(&reply);
    zsock_destroy(&asker);
    return result;
}

const char *fx_auth_zap(const char *domain, const char *mechanism, const char *key_text) {
    return fx_auth_zap_answer(fx_auth_ask_zap(domain, mechanism, key_text));
}

const char *fx_auth_zap_key(const char *key_text) {
    return fx_auth_zap(ZAP_DOMAIN_CURVE, "CURVE", key_text);
}
