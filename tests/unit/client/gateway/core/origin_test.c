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

UNIT_SUITE("client.gateway.origin")
