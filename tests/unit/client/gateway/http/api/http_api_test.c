/* What all resources have in common: addresses, origins, methods, lists and metrics. */
#include "fixture_api.h"

static const char *s_address_of(const char *peer, const char *headers) {
    api_request_from(peer, true, "GET", "/v1/rooms", headers, "");
    return api_channel_address(api_channel());
}

TEST(test_addresses_come_from_trusted_proxies_only) {
    ck_assert_str_eq(s_address_of("203.0.113.7", "X-Forwarded-For: 198.51.100.1\n"), "203.0.113.7");
    ck_assert_str_eq(s_address_of("127.0.0.1", "X-Forwarded-For: 198.51.100.1\n"), "198.51.100.1");
    ck_assert_str_eq(s_address_of("127.0.0.1", "X-Forwarded-For: 192.0.2.66, 198.51.100.2\n"), "198.51.100.2");
    ck_assert_str_eq(s_address_of("127.0.0.1", "X-Forwarded-For: 192.0.2.66\nX-Forwarded-For: 198.51.100.3\n"),
        "198.51.100.3"); /* some proxies add a field of their own */
    ck_assert_str_eq(s_address_of("127.0.0.1", ""), "127.0.0.1");
}

static bool s_secure_of(const char *peer, bool secure, const char *headers) {
    api_request_from(peer, secure, "GET", "/v1/rooms", headers, "");
    return api_channel_secure(api_channel());
}

TEST(test_secrets_travel_over_secure_connections_only) {
    ck_assert(s_secure_of("127.0.0.1", true, ""));
    ck_assert(!s_secure_of("203.0.113.7", false, "X-Forwarded-Proto: https\n"));
    ck_assert(s_secure_of("203.0.113.8", true, "X-Forwarded-Proto: http\n"));
    ck_assert(s_secure_of("127.0.0.1", true, "X-Forwarded-For: 198.51.100.1\nX-Forwarded-Proto: https\n"));
    ck_assert(!s_secure_of("127.0.0.1", true, "X-Forwarded-For: 198.51.100.2\nX-Forwarded-Proto: http\n"));
    ck_assert(!s_secure_of("127.0.0.1", true, "X-Forwarded-For: 198.51.100.3\n")); /* the proxy does not say */
    ck_assert(!s_secure_of("127.0.0.1", true,
        "X-Forwarded-For: 198.51.100.4\nX-Forwarded-Proto: https\nX-Forwarded-Proto: http\n")); /* smuggled */
}

TEST(test_origins) {
    exchange_t *e = api_request("POST", "/v1/rooms/lobby", "Origin: https://evil.example\n", "x");
    ck_assert_status(e, 403);
    ck_assert_has(api_body(e), "origin-refused");
    ck_assert_ptr_null(api_header(e, "Access-Control-Allow-Origin"));
    ck_assert_uint_eq(api_channels(), 0);
    e = api_request("OPTIONS", "/v1/rooms/lobby", "Origin: https://chat.example.org\n", "");
    ck_assert_status(e, 204);
    ck_assert_str_eq(api_header(e, "Access-Control-Allow-Origin"), "https://chat.example.org");
    ck_assert_str_eq(api_header(e, "Access-Control-Allow-Methods"), "GET, HEAD, POST, OPTIONS");
    e = api_request("GET", "/v1/rooms/a*", "Origin: https://chat.example.org\n", "");
    ck_assert_status(e, 400);
    ck_assert_str_eq(
        api_header(e, "Access-Control-Allow-Origin"), "https://chat.example.org"); /* the page may read why */
    e = api_request("OPTIONS", "/v1/rooms/lobby", "", "");
    ck_assert_str_eq(api_header(e, "Allow"), "GET, HEAD, POST, OPTIONS");
    ck_assert_ptr_null(api_header(e, "Access-Control-Allow-Origin"));
}

TEST(test_methods) {
    exchange_t *e = api_request("DELETE", "/v1/rooms", "", "");
    ck_assert_status(e, 405);
    ck_assert_str_eq(api_header(e, "Allow"), "GET, HEAD, OPTIONS");
    ck_assert_uint_eq(api_status(api_request("HEAD", "/v1/rooms/lobby/events", "", "")), 405);
    ck_assert_uint_eq(api_status(api_request("get", "/v1/rooms", "", "")), 405); /* methods have a case */
}

TEST(test_rooms) {
    exchange_t *e = api_request("GET", "/v1/rooms?prefix=m/&after=m/cpu&limit=2", "", "");
    channel_t *channel = api_welcome();
    const char *question = api_sent(channel);
    ck_assert_has(question, "\"prefix\":\"m/\"");
    ck_assert_has(question, "\"after\":\"m/cpu\"");
    ck_assert_has(question, "\"limit\":2");
    api_say(channel, "{'op':'rooms','re':1,'rooms':[{'room':'m/disk','seq':4,'count':2}],'more':true}");
    ck_assert_str_eq(api_body(e), "{\"rooms\":[{\"room\":\"m/disk\",\"seq\":4,\"count\":2}],\"more\":true}\n");
}

TEST(test_all_users_of_a_room) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby/who", "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "who");
    api_say(channel,
        "{'op':'who','re':1,'room':'lobby','version':7,'users':[{'nick':'ann'},{'nick':'bob','meta':{'a':1}}],"
        "'count':3,'silent':1,'more':true}");
    ck_assert_has(api_sent(channel), "\"after\":\"bob\"");
    api_say(channel, "{'op':'who','re':2,'room':'lobby','version':8,'users':[{'nick':'cleo'}],'count':3,'silent':1,"
                     "'more':false}");
    ck_assert_str_eq(api_body(e),
        "{\"room\":\"lobby\",\"count\":3,\"silent\":1,\"version\":7,\"users\":[{\"nick\":\"ann\"},"
        "{\"nick\":\"bob\",\"meta\":{\"a\":1}},{\"nick\":\"cleo\"}]}\n");
}

TEST(test_a_client_that_goes_between_two_pages) {
    exchange_t *e = api_request("GET", "/v1/rooms/lobby/who", "", "");
    channel_t *channel = api_welcome();
    api_expect(channel, "who");
    api_say(channel, "{'op':'who','re':1,'room':'lobby','version':7,'users':[{'nick':'ann'}],'count':3,'silent':1,"
                     "'more':true}");
    api_gone(e);
    api_say(channel, "{'op':'who','re':2,'room':'lobby','version':7,'users':[],'count':3,'silent':1,'more':false}");
}

TEST(test_metrics) {
    exchange_t *e = api_request("GET", "/v1/rooms", "", "");
    channel_t *channel = api_welcome();
    json_int_t id = api_expect(channel, "rooms");
    e = api_request("GET", "/metrics", "", "");
    api_say(channel, "{'op':'error','re':%d,'code':'forbidden','text':'x'}", (int)api_expect(channel, "stats"));
    ck_assert_has(api_body(e), "zrelay_gateway_http_waiting 1\n");
    ck_assert_ptr_null(strstr(api_body(e), "zrelay_sessions"));
    ck_assert_has(api_body(e), "zrelay_gateway_http_sessions 1\n");
    api_say(channel, "{'op':'error','re':%d,'code':'rate-limited','text':'x','wait':1}", (int)id);
    e = api_request("GET", "/metrics", "", "");
    api_say(channel,
        "{'op':'stats','re':%d,'time':1,'metrics':[{'name':'zrelay_sessions','type':'gauge','help':'S.','value':3}]}",
        (int)api_expect(channel, "stats"));
    ck_assert_has(api_body(e), "# HELP zrelay_sessions S.\n# TYPE zrelay_sessions gauge\nzrelay_sessions 3\n");
    ck_assert_has(api_body(e), "# TYPE zrelay_gateway_http_answers_total counter\n");
    ck_assert_has(api_body(e), "zrelay_gateway_http_answers_total{resource=\"rooms\",status=\"4xx\"} 1\n");
    ck_assert_has(api_body(e), "zrelay_gateway_http_waiting 0\n");
}

UNIT_SUITE_WITH("client.gateway.http.api.http_api", api_begin, api_end)
