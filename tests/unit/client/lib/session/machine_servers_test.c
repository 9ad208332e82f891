/* Sessions with several servers: which one is tried when, and what a broker may teach. */
#include "fixture_machine.h"

static void s_begin(void) {
    static const zr_servers_t servers = {.items = {{.endpoint = "tcp://a.example:1"}, {.endpoint = "tcp://b.example:1"},
                                             {.endpoint = "tcp://c.example:1"}},
        .named = 3,
        .count = 3};
    fixture_init_with((machine_config_t){.servers = &servers, .nick = "me", .reconnect = true});
    b.actions[0] = '\0';
}

static void s_welcome(const char *more) {
    while (strncmp(fixture_sent(), "hello", 5) != 0)
        ck_assert_uint_lt(b.looked, b.sent_count);
    fixture_epoch = 0xe1;
    fixture_json("{'op':'welcome','re':%d,'proto':1,'epoch':'" EPOCH_1 "','nick':'me','resume':'token','resumed':false,"
                 "'back':'tcp://back.example:1','heartbeat':5000,'level':'memory','time':1,'server':'test'%s}",
        fixture_id(), more);
    EVENT("connected " EPOCH_1 " me");
}

/* It waits no longer than `window`, and then connects to this server. */
static void s_goes_to(const char *server, uint64_t window) {
    ck_assert_uint_le(machine_due(b.machine) - b.now, window);
    fixture_wait();
    ck_assert_str_eq(machine_server(b.machine), server);
    ck_assert_ptr_nonnull(strstr(b.actions, "front "));
    b.actions[0] = '\0';
    SENT(HELLO);
}

static void s_unreachable(void) {
    machine_front_unreachable(b.machine, "nobody there", b.now);
    fixture_run();
}

TEST(test_a_lost_session_goes_on_at_the_next_server_under_its_client_id) {
    ck_assert_str_eq(machine_server(b.machine), "tcp://a.example:1");
    fixture_up();
    s_welcome("");
    machine_publish(b.machine, "a", NULL, 0, 0, "1", 1, NULL);
    fixture_run();
    SENT("publish a 1");
    fixture_down();
    EVENT("disconnected the connection to the broker broke");
    ck_assert_str_eq(machine_server(b.machine), "tcp://a.example:1"); /* while it waits */
    ck_assert_uint_le(machine_due(b.machine) - b.now, 100);
    fixture_wait();
    ck_assert_str_eq(machine_server(b.machine), "tcp://b.example:1");
    SENT(HELLO " resume=token"); /* the same client id */
    b.looked--;
    s_welcome("");
    SENT("publish a 1");
}

TEST(test_unreachable_servers_are_passed_and_told_of_after_a_round) {
    SENT(HELLO);
    s_unreachable();
    s_goes_to("tcp://b.example:1", 100);
    s_unreachable();
    NO_EVENT();
    s_goes_to("tcp://c.example:1", 100);
    s_unreachable();
    EVENT("disconnected [unreachable] nobody there");
    s_goes_to("tcp://a.example:1", 100);
    s_unreachable();
    NO_EVENT();                              /* once */
    s_goes_to("tcp://b.example:1", 2 * 100); /* the wait grows with each round */
}

TEST(test_a_silent_server_is_passed_after_two_seconds_unless_it_took_the_connection) {
    SENT(HELLO);
    fixture_tick(1999);
    ck_assert_ptr_null(strstr(b.actions, "disconnect"));
    fixture_tick(1);
    ck_assert_ptr_nonnull(strstr(b.actions, "disconnect"));
    s_goes_to("tcp://b.example:1", 100);
    fixture_up();
    fixture_tick(4999);
    ck_assert_ptr_null(strstr(b.actions, "disconnect"));
    fixture_tick(1);
    ck_assert_ptr_nonnull(strstr(b.actions, "disconnect"));
}

TEST(test_a_session_that_must_not_reconnect_tries_each_server_once) {
    static const zr_servers_t servers = {
        .items = {{.endpoint = "tcp://a.example:1"}, {.endpoint = "tcp://b.example:1"}}, .named = 2, .count = 2};
    fixture_init_with((machine_config_t){.servers = &servers, .nick = "me"});
    SENT(HELLO);
    s_unreachable();
    NO_EVENT();
    fixture_wait();
    SENT(HELLO);
    s_unreachable();
    EVENTS("disconnected [unreachable] nobody there", "closed");
}

/* The first one refuses this key; the next one may know it. */
TEST(test_a_session_that_must_not_reconnect_passes_a_server_that_refuses) {
    static const zr_servers_t servers = {
        .items = {{.endpoint = "tcp://a.example:1"}, {.endpoint = "tcp://b.example:1"}}, .named = 2, .count = 2};
    fixture_init_with((machine_config_t){.servers = &servers, .nick = "me"});
    SENT(HELLO);
    machine_front_failed(b.machine, FRONT_REFUSED, b.now);
    fixture_run();
    NO_EVENT();
    fixture_wait();
    ck_assert_str_eq(machine_server(b.machine), "tcp://b.example:1");
    SENT(HELLO);
    machine_front_failed(b.machine, FRONT_REFUSED, b.now);
    fixture_run();
    EVENTS("disconnected [refused] the broker refuses this connection", "closed");
}

TEST(test_peers_are_learned_by_the_rules_for_the_back) {
    s_welcome(",'peers':['tcp://b.example:1','tcp://d.example:1','tcp://127.0.0.1:1','inproc://x','nonsense',7]");
    ck_assert_uint_eq(b.machine->servers.count, 4);
    ck_assert_str_eq(b.machine->servers.items[3].endpoint, "tcp://d.example:1");
}

TEST(test_other_peers_take_the_place_of_those_before) {
    s_welcome(",'peers':['tcp://d.example:1']");
    for (int i = 0; i < 3; i++) { /* b, c, d */
        fixture_up();
        fixture_down();
        fixture_wait();
    }
    ck_assert_str_eq(machine_server(b.machine), "tcp://d.example:1");
    EVENT("disconnected the connection to the broker broke");
    b.looked = b.sent_count - 1;
    s_welcome(",'peers':['tcp://e.example:1']"); /* the one in use is kept */
    ck_assert_uint_eq(b.machine->servers.count, 5);
    ck_assert_str_eq(machine_server(b.machine), "tcp://d.example:1");
}

UNIT_SUITE_WITH("client.lib.machine_servers", s_begin, fixture_finish)
