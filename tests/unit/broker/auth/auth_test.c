/* The thread of the authentication: handshakes, reloads and bans. Logins are in auth_login_test.c. */
#include <czmq.h>
#include <jansson.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>

#include "fixture_auth.h"
#include "zap.h"

/* --- Handshakes --- */

TEST(test_handshakes) {
    ck_assert_str_eq(fx_auth_zap_key(ALICE_KEY), "200 alice");
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "200 bob");
    ck_assert_str_eq(fx_auth_zap_key("1ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"), "400 ");
    ck_assert_str_eq(fx_auth_zap(ZAP_DOMAIN_CURVE, "NULL", NULL), "400 ");
    ck_assert_str_eq(fx_auth_zap("", "NULL", NULL), "400 "); /* nobody asks: plain listeners have no domain */
    ck_assert_str_eq(fx_auth_zap("", "CURVE", ALICE_KEY), "400 ");
    ck_assert_str_eq(fx_auth_zap("global", "NULL", NULL), "400 ");
    ck_assert_str_eq(fx_auth_zap(ZAP_DOMAIN_CURVE, "CURVE", NULL), "500 ");
}

/* Malformed requests, and askers that go away, do not disturb the next one. */
TEST(test_malformed) {
    for (unsigned i = 0; i < 300; i++) {
        zsock_t *asker = zsock_new_dealer(ZAP_ENDPOINT);
        zmsg_t *request = zmsg_new();
        zmsg_addstr(request, "");
        for (unsigned part = 0; part <= i % 12; part++)
            zmsg_addstr(request, part == 0 && i % 2 ? "1.0" : "");
        ck_assert_int_eq(zmsg_send(&request, asker), 0);
        zsock_destroy(&asker);
    }
    zsock_t *asker = zsock_new_req(ZAP_ENDPOINT);
    ck_assert_int_eq(zstr_send(asker, "nonsense"), 0);
    zmsg_t *reply = zmsg_recv(asker);
    ck_assert_uint_eq(zmsg_size(reply), 6);
    zmsg_first(reply);
    zmsg_next(reply);
    ck_assert(zframe_streq(zmsg_next(reply), "500"));
    zmsg_destroy(&reply);
    zsock_destroy(&asker);
    ck_assert_str_eq(fx_auth_zap_key(ALICE_KEY), "200 alice");
}

/* With libzmq asking: a client is let in under its user's name, one with another key is told that it is not. */
TEST(test_real_handshakes) {
    zr_error_t error = {0};
    char text[500];
    zr_pair_t server, known, unknown;
    ck_assert(zr_pair_make(&server, dir_path("server"), &error) && zr_pair_make(&known, dir_path("known"), &error) &&
              zr_pair_make(&unknown, dir_path("unknown"), &error));
    snprintf(text, sizeof text, BOB KEY("%s"), known.public_key);
    dir_write("users", text, 0600);
    fx_auth_start(false);

    zsock_t *listener = zsock_new(ZMQ_ROUTER);
    zsock_set_zap_domain(listener, ZAP_DOMAIN_CURVE);
    zsock_set_curve_server(listener, 1);
    zsock_set_curve_secretkey(listener, server.secret_key);
    int port = zsock_bind(listener, "tcp://127.0.0.1:*");
    ck_assert_int_gt(port, 0);
    for (unsigned i = 0; i < 2; i++) {
        const zr_pair_t *cert = i ? &unknown : &known;
        zsock_t *client = zsock_new(ZMQ_DEALER);
        zactor_t *monitor = zactor_new(zmonitor, client);
        zstr_sendx(monitor, "LISTEN", "HANDSHAKE_SUCCEEDED", "HANDSHAKE_FAILED_AUTH", NULL);
        zstr_send(monitor, "START");
        zsock_wait(monitor);
        zsock_set_curve_serverkey(client, server.public_key);
        zsock_set_curve_publickey(client, cert->public_key);
        zsock_set_curve_secretkey(client, cert->secret_key);
        ck_assert_int_eq(zsock_connect(client, "tcp://127.0.0.1:%d", port), 0);
        zmsg_t *event = zmsg_recv(monitor);
        char *name = zmsg_popstr(event), *value = zmsg_popstr(event);
        ck_assert_str_eq(name, i ? "HANDSHAKE_FAILED_AUTH" : "HANDSHAKE_SUCCEEDED");
        if (i)
            ck_assert_str_eq(value, "400");
        zstr_free(&name);
        zstr_free(&value);
        zmsg_destroy(&event);
        if (!i) {
            ck_assert_int_eq(zstr_send(client, "hello"), 0);
            zmsg_t *message = zmsg_recv(listener);
            ck_assert_str_eq(zframe_meta(zmsg_last(message), "User-Id"), "bob");
            ck_assert_str_eq(zframe_meta(zmsg_last(message), zap_generation()), "0");
            zmsg_destroy(&message);
        }
        zactor_destroy(&monitor);
        zsock_destroy(&client);
    }
    zsock_destroy(&listener);
}

/* --- Start --- */

static void s_refused(const auth_config_t *config, const char *part) {
    zr_error_t error = {0};
    access_t *access = NULL;
    ck_assert_int_ge(sodium_init(), 0);
    ck_assert(!auth_new(config, &access, &error));
    ck_assert_ptr_null(access);
    dir_assert_error(&error, part);
}

TEST(test_open_mode) {
    zr_error_t error = {0};
    access_t *access = NULL;
    auth_config_t config = {.plain = true, .encrypted = true};
    fx_auth_stop();
    auth = auth_new(&config, &access, &error);
    ck_assert_msg(auth != NULL, "%s", error.text);
    ck_assert(access_is_open_mode(access));
    access_destroy(access);
    ck_assert_str_eq(fx_auth_zap_key(ALICE_KEY), "400 ");
    auth_reload(auth, 1, zr_span("SIGHUP"));
    ck_assert_int_eq(fx_auth_code(1), ZR_ADMIN_FAILED);
    auth_ban(auth, 2, zr_span("bob"), zr_span("x"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(2), ZR_ADMIN_FAILED);
    auth_bans(auth, 3);
    ck_assert_int_eq(fx_auth_code(3), ZR_ADMIN_FAILED);
    auth_login(auth, 4, zr_span("alice"), zr_span("token"), zr_span("127.0.0.1"));
    auth_answer_t answer = fx_auth_answer();
    ck_assert_int_eq(answer.login, LOGIN_FAILED);
    auth_answer_finish(&answer);
}

TEST(test_fail_closed) {
    auth_config_t config = {.users = dir_path("users"), .encrypted = true};
    fx_auth_stop();
    ck_assert(unlink(dir_path("users")) == 0 && unlink(dir_path("users.bans")) == 0);
    s_refused(&config, "No such file");
    dir_write("users", USERS, 0622);
    s_refused(&config, "chmod");
    dir_write("users", "user\n    nonsense\n", 0600);
    s_refused(&config, "users:2:");
    dir_write("users", USERS, 0600);
    dir_write("users.bans", "nonsense\n", 0600);
    s_refused(&config, "users.bans:1:");
    dir_write("users.bans", "", 0666);
    s_refused(&config, "users.bans");
    dir_write("users.bans", "", 0600);
    fx_auth_start(false);
    s_refused(&config, "inproc://zeromq.zap.01"); /* there is one already */
    ck_assert_str_eq(fx_auth_zap_key(ALICE_KEY), "200 alice");
    fx_auth_start(false);
}

/* --- Reloads --- */

TEST(test_reload) {
    dir_write("users", USERS "user\n    name = alice\n", 0600);
    auth_reload(auth, 1, zr_span("alice"));
    auth_answer_t answer = fx_auth_answer();
    ck_assert_int_eq(answer.code, ZR_ADMIN_FAILED);
    ck_assert_ptr_null(answer.access);
    ck_assert_ptr_nonnull(strstr(answer.text, "users:9: user/name: another user has this name"));
    auth_answer_finish(&answer);
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "200 bob");

    /* The bans count as much as the users. */
    dir_write("users", ALICE KEY(BOB_KEY), 0600);
    dir_write("users.bans", "\xff\n", 0600);
    auth_reload(auth, 2, zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(2), ZR_ADMIN_FAILED);
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "200 bob");

    ck_assert_int_eq(unlink(dir_path("users.bans")), 0); /* it was there when the broker began */
    auth_reload(auth, 2, zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(2), ZR_ADMIN_FAILED);
    auth_ban(auth, 2, zr_span("bob"), zr_span("x"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(2), ZR_ADMIN_FAILED);

    dir_write("users.bans", "", 0600);
    auth_reload(auth, 3, zr_span("SIGHUP"));
    answer = fx_auth_answer();
    ck_assert_int_eq(answer.code, ZR_OK);
    ck_assert_str_eq(answer.text, "1 user, 1 key, 0 tokens, 0 bans");
    ck_assert_ptr_nonnull(access_user(answer.access, zr_span("alice")));
    ck_assert_ptr_null(access_user(answer.access, zr_span("bob")));
    ck_assert_uint_eq(answer.disowned.count, 1);
    ck_assert_str_eq(answer.disowned.items[0], "alice");
    ck_assert_uint_eq(answer.voided.count, 2);
    ck_assert_str_eq(answer.voided.items[0], "alice");
    ck_assert_str_eq(answer.voided.items[1], "bob");
    ck_assert_uint_eq(answer.generation, 1);
    auth_answer_finish(&answer);
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "200 alice");
    ck_assert_str_eq(fx_auth_zap_key(ALICE_KEY), "400 ");
}

/* A new user comes in only when the relay uses the new rights: rooms may not be open to all any more. */
TEST(test_handshakes_wait_for_the_relay) {
    fx_auth_start_with(ALICE KEY(ALICE_KEY));
    dir_write("users", USERS, 0600);
    auth_reload(auth, 1, zr_span("alice"));
    auth_answer_t answer;
    struct pollfd ready = {.fd = auth_fd(auth), .events = POLLIN};
    while (!auth_take(auth, &answer))
        ck_assert_int_eq(poll(&ready, 1, 50000), 1);
    zsock_t *bob = fx_auth_ask_zap(ZAP_DOMAIN_CURVE, "CURVE", BOB_KEY);
    zmq_pollitem_t told = {.socket = zsock_resolve(bob), .events = ZMQ_POLLIN};
    ck_assert_int_eq(zmq_poll(&told, 1, 50), 0); /* as long as one cares to wait */
    auth_applied(auth, answer.generation);
    ck_assert_str_eq(fx_auth_zap_answer(bob), "200 bob");
    auth_answer_finish(&answer);
    for (int applied = 0; applied < 2; applied++) { /* which the relay does not live to see */
        auth_reload(auth, 2, zr_span("alice"));
        ck_assert_int_eq(poll(&ready, 1, 50000), 1);
        if (!applied)
            auth_applied(auth, UINT64_MAX);
        ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "200 bob");
    }
}

/* The fault of a file is told as text that JSON can carry. */
TEST(test_error_is_text) {
    dir_write("users", "user\n    name = a\n    allow = \"read : \xff{\x1b\"\n", 0600);
    auth_reload(auth, 1, zr_span("alice"));
    auth_answer_t answer = fx_auth_answer();
    ck_assert_ptr_nonnull(strstr(answer.text, "\\xff{\\x1b"));
    auth_answer_finish(&answer);
}

/* --- Bans --- */

TEST(test_bans_last) {
    auth_ban(auth, 1, zr_span("bob"), zr_span("spam\nalice"), zr_span("alice"));
    auth_answer_t answer = fx_auth_answer();
    ck_assert_int_eq(answer.code, ZR_OK);
    ck_assert_ptr_null(access_user(answer.access, zr_span("bob")));
    ck_assert_ptr_nonnull(access_user(answer.access, zr_span("alice")));
    auth_answer_finish(&answer);
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "400 ");
    fx_auth_start(false);
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "400 ");
    ck_assert_str_eq(fx_auth_zap_key(ALICE_KEY), "200 alice");
    auth_bans(auth, 2);
    answer = fx_auth_answer();
    json_t *list = json_loads(answer.text, 0, NULL);
    ck_assert_uint_eq(json_array_size(list), 1);
    const json_t *ban = json_array_get(list, 0);
    ck_assert_str_eq(json_string_value(json_object_get(ban, "user")), "bob");
    ck_assert_str_eq(json_string_value(json_object_get(ban, "by")), "alice");
    ck_assert_str_eq(json_string_value(json_object_get(ban, "reason")), "spam\\x0aalice");
    ck_assert_uint_eq(json_string_length(json_object_get(ban, "time")), BAN_TIME_LEN);
    json_decref(list);
    auth_answer_finish(&answer);

    /* A ban can be lifted even after its user was removed. */
    dir_write("users", ALICE KEY(ALICE_KEY), 0600);
    auth_reload(auth, 3, zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(3), ZR_OK);
    auth_unban(auth, 4, zr_span("bob"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(4), ZR_OK);
    dir_write("users", USERS, 0600);
    auth_reload(auth, 5, zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(5), ZR_OK);
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "200 bob");
}

TEST(test_bans_refused) {
    auth_ban(auth, 1, zr_span("carol"), zr_span("x"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(1), ZR_NO_SUCH_USER);
    auth_ban(auth, 2, zr_span(NULL), zr_span("x"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(2), ZR_NO_SUCH_USER);
    auth_ban(auth, 3, zr_span("bob"), zr_span("x"), zr_span("a b"));
    ck_assert_int_eq(fx_auth_code(3), ZR_ADMIN_FAILED);
    auth_unban(auth, 4, zr_span("bob"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(4), ZR_NO_SUCH_USER);
    ck_assert_str_eq(dir_read("users.bans"), ""); /* made at the start */
    /* A ban that cannot be written does not hold. A file that cannot be read is not written over. */
    dir_write("users.bans", "nonsense\n", 0600);
    auth_ban(auth, 5, zr_span("bob"), zr_span("x"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(5), ZR_ADMIN_FAILED);
    ck_assert_str_eq(dir_read("users.bans"), "nonsense\n");
    dir_write("users.bans", "", 0600);
    ck_assert_int_eq(mkdir(dir_path("users.bans.partial"), 0700), 0);
    auth_ban(auth, 6, zr_span("bob"), zr_span("x"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(6), ZR_ADMIN_FAILED);
    ck_assert_str_eq(fx_auth_zap_key(BOB_KEY), "200 bob");
}

/* Bans that the operator writes into the file by hand are not lost with the next ban. */
TEST(test_bans_by_hand) {
    dir_write("users.bans", "alice root 2026-01-31T23:59:59Z by hand\n", 0600);
    auth_ban(auth, 1, zr_span("bob"), zr_span("x"), zr_span("alice"));
    ck_assert_int_eq(fx_auth_code(1), ZR_OK);
    ck_assert_ptr_nonnull(strstr(dir_read("users.bans"), "by hand"));
    ck_assert_str_eq(fx_auth_zap_key(ALICE_KEY), "400 ");
}

/* --- The end --- */

/* Administrators' requests are carried out, even if nobody waits for the answers. */
TEST(test_destroy) {
    for (unsigned i = 0; i < 20; i++) {
        auth_reload(auth, i, zr_span("alice"));
        auth_bans(auth, i);
    }
    auth_ban(auth, 1, zr_span("bob"), zr_span("x"), zr_span("alice"));
    fx_auth_stop();
    ck_assert_int_eq(strncmp(dir_read("users.bans"), "bob alice ", 10), 0);
}

/* The descriptor is readable as long as there are answers, however often it is polled. */
TEST(test_descriptor) {
    struct pollfd ready = {.fd = auth_fd(auth), .events = POLLIN};
    auth_answer_t answer;
    ck_assert(!auth_take(auth, &answer));
    ck_assert_int_eq(poll(&ready, 1, 0), 0);
    for (unsigned i = 0; i < 3; i++)
        auth_bans(auth, i);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(poll(&ready, 1, 50000), 1);
        answer = fx_auth_answer();
        ck_assert_uint_eq(answer.ticket, i);
        ck_assert_str_eq(answer.text, "[]");
        auth_answer_finish(&answer);
    }
    ck_assert(!auth_take(auth, &answer));
    ck_assert_int_eq(poll(&ready, 1, 0), 0);
}

UNIT_SUITE_WITH("broker.auth", fx_auth_begin, fx_auth_end)
