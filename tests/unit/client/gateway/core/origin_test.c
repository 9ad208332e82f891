#include "origin.h"

#include "unit.h"

TEST(test_without_a_list_its_own_pages_may) {
    static gateway_config_t config;
    ck_assert(origin_allowed(&config, NULL, NULL));
    ck_assert(origin_allowed(&config, NULL, "relay:5580"));
    ck_assert(origin_allowed(&config, "http://relay:5580", "relay:5580"));
    ck_assert(origin_allowed(&config, "https://relay:5580", "Relay:5580"));
    ck_assert(!origin_allowed(&config, "http://relay:5581", "relay:5580"));
    ck_assert(!origin_allowed(&config, "http://relay", "relay:5580"));
    ck_assert(!origin_allowed(&config, "http://relay:5580", NULL));
    ck_assert(!origin_allowed(&config, "null", "relay"));
    ck_assert(!origin_allowed(&config, "null", ""));
    ck_assert(!origin_allowed(&config, "", ""));
}

TEST(test_with_a_list_only_those) {
    static gateway_config_t config = {.origins = {"https://a", "https://b"}, .origin_count = 2};
    ck_assert(origin_allowed(&config, NULL, "a"));
    ck_assert(origin_allowed(&config, "https://b", "x"));
    ck_assert(!origin_allowed(&config, "http://b", "b"));
    ck_assert(!origin_allowed(&config, "https://b.evil", "b.evil"));
    static gateway_config_t all = {.origins = {"*"}, .origin_count = 1};
    ck_assert(origin_allowed(&all, "https://evil", "a"));
}

TEST(test_names_for_this_machine) {
    static gateway_config_t config = {.origins = {"https://relay.example.org", "http://b:8080"}, .origin_count = 2};
    static const char *const good[] = {"localhost", "LocalHost:5580", "chat.localhost:5580", "127.0.0.1:5580",
        "127.0.0.1", "[::1]:5580", "[::1]", "192.0.2.1", "relay.example.org", "Relay.Example.Org:5580", "b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(origin_host_allowed(&config, good[i]), "%s", good[i]);
    ck_assert(origin_host_allowed(&config, NULL));
    static const char *const bad[] = {"evil.example", "evil.example:5580", "localhost.evil.example", "xlocalhost", "",
        ":5580", "127.0.0.1.evil.example", "[::1.evil.example", "evil.relay.example.org", ".localhost", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!origin_host_allowed(&config, bad[i]), "%s", bad[i]);
    static gateway_config_t all = {.origins = {"*"}, .origin_count = 1};
    ck_assert(origin_host_allowed(&all, "evil.example"));
}

UNIT_SUITE("client.gateway.origin")
