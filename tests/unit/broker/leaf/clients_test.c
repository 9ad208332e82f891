#include "clients.h"

#include "unit.h"

TEST(test_numbers_are_in_no_use) {
    clients_t clients = {0};
    leaf_client_t *one = clients_add(&clients, 1, NULL);
    clients.last = UINT32_MAX - 1;
    leaf_client_t *two = clients_add(&clients, 2, NULL), *three = clients_add(&clients, 3, NULL);
    ck_assert_uint_eq(two->number, UINT32_MAX);
    ck_assert_uint_eq(three->number, 2); /* 0 is no number, and 1 is in use */
    ck_assert_ptr_eq(clients_of(&clients, 1), one);
    ck_assert_ptr_null(clients_of(&clients, (uint64_t)1 << 32 | 1));
    clients_unroute(&clients, one);
    ck_assert_ptr_null(clients_at(&clients, 1));
    ck_assert_ptr_eq(clients_of(&clients, 1), one);
    clients_add(&clients, 1, NULL);
    clients_finish(&clients);
}

static leaf_client_t *s_user(clients_t *clients, route_t route, const char *name) {
    leaf_client_t *client = clients_add(clients, route, NULL);
    strcpy(client->user, name);
    return client;
}

static size_t s_accepted(const clients_t *clients) {
    return clients->users ? clients->users->clients : 0;
}

TEST(test_a_user_reads_until_it_is_forgotten) {
    clients_t clients = {0};
    leaf_client_t *one = s_user(&clients, 1, "ann"), *two = s_user(&clients, 2, "ann");
    clients_accept(&clients, one);
    clients_accept(&clients, one);
    clients_accept(&clients, two);
    ck_assert_uint_eq(s_accepted(&clients), 2);
    clients_remove(&clients, one);
    clients_doubt(&clients, two);
    clients_doubt(&clients, two);
    ck_assert_uint_eq(s_accepted(&clients), 0);
    clients_accept(&clients, two);
    ck_assert_uint_eq(s_accepted(&clients), 1);
    clients_unroute(&clients, two);
    ck_assert_uint_eq(s_accepted(&clients), 0);
    ck_assert(clients_has_user(&clients, zr_span("ann")));
    clients_forget_user(&clients, zr_span("ann"));
    clients_forget_user(&clients, zr_span("ann"));
    ck_assert(!clients_has_user(&clients, zr_span("ann")));
    clients_finish(&clients);
}

TEST(test_clients_of_a_forgotten_user_count_anew) {
    clients_t clients = {0};
    leaf_client_t *one = s_user(&clients, 1, "ann"), *other = s_user(&clients, 2, "bob");
    clients_accept(&clients, one);
    clients_accept(&clients, other);
    clients_forget_user(&clients, zr_span("ann"));
    clients_accept(&clients, s_user(&clients, 3, "ann"));
    clients_remove(&clients, one);
    ck_assert(clients_has_user(&clients, zr_span("ann")));
    ck_assert(other->accepted);
    clients_forget_user(&clients, zr_span("bob"));
    ck_assert_uint_eq(s_accepted(&clients), 1);
    clients_finish(&clients);
}

TEST(test_clients_of_a_gateway) {
    clients_t clients = {0};
    leaf_client_t *gateway = clients_add(&clients, 1, NULL);
    for (uint32_t channel = 1; channel <= 3; channel++)
        clients_add(&clients, route_of(1, channel), gateway);
    clients_remove(&clients, clients_at(&clients, route_of(1, 2)));
    ck_assert_ptr_null(clients_at(&clients, route_of(1, 2)));
    ck_assert_ptr_eq(clients_at(&clients, route_of(1, 3))->gateway, gateway);
    clients_finish(&clients);
}

UNIT_SUITE("broker.leaf.clients")
