#include "servers.h"

#include <stdio.h>

#include "unit.h"

#define KEY_1 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_2 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static zr_servers_t s_servers;

static const char *s_fault(const char *list) {
    return zr_servers_read(&s_servers, zr_span(list));
}

TEST(test_one_server_and_several) {
    ck_assert_ptr_null(s_fault("tcp://a:1"));
    ck_assert_uint_eq(s_servers.count, 1);
    zr_servers_next(&s_servers);
    ck_assert_str_eq(zr_servers_now(&s_servers)->endpoint, "tcp://a:1");

    ck_assert_ptr_null(s_fault("tcp://a:1, tcp://b:2 ,ipc:///c"));
    static const char *const order[] = {"tcp://a:1", "tcp://b:2", "ipc:///c", "tcp://a:1"};
    for (size_t i = 0; i < 4; i++, zr_servers_next(&s_servers))
        ck_assert_str_eq(zr_servers_now(&s_servers)->endpoint, order[i]);
}

TEST(test_lists_that_are_wrong) {
    static const char *const bad[] = {"", " ", "a,", ",a", "a,,b", "a,a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(s_fault(bad[i]), "'%s'", bad[i]);
        ck_assert_uint_eq(s_servers.count, 0);
    }
}

TEST(test_at_most_sixteen_of_256_bytes) {
    char list[400] = "";
    for (int i = 0; i < ZR_SERVERS_MAX; i++)
        sprintf(list + strlen(list), "%sh%d", i ? "," : "", i);
    ck_assert_ptr_null(s_fault(list));
    ck_assert_uint_eq(s_servers.count, ZR_SERVERS_MAX);
    strcat(list, ",more");
    ck_assert_ptr_nonnull(strstr(s_fault(list), "at most 16"));

    memset(list, 'x', ZR_SERVER_MAX + 1);
    list[ZR_SERVER_MAX] = '\0';
    ck_assert_ptr_null(s_fault(list));
    list[ZR_SERVER_MAX] = 'x';
    list[ZR_SERVER_MAX + 1] = '\0';
    ck_assert_ptr_nonnull(strstr(s_fault(list), "256 bytes"));
}

TEST(test_one_key_for_all_or_one_each) {
    s_fault("a,b");
    ck_assert_ptr_null(zr_servers_read_keys(&s_servers, zr_span(KEY_1)));
    ck_assert_str_eq(s_servers.items[1].key, KEY_1);
    ck_assert_ptr_null(zr_servers_read_keys(&s_servers, zr_span(KEY_1 "," KEY_2)));
    ck_assert_str_eq(s_servers.items[0].key, KEY_1);
    ck_assert_str_eq(s_servers.items[1].key, KEY_2);
    ck_assert_ptr_nonnull(zr_servers_read_keys(&s_servers, zr_span(KEY_1 "," KEY_2 "," KEY_1)));
    ck_assert_ptr_nonnull(zr_servers_read_keys(&s_servers, zr_span(KEY_1 ",short")));
    ck_assert_ptr_nonnull(zr_servers_read_keys(&s_servers, zr_span("")));
    s_fault("a,b,c");
    ck_assert_ptr_nonnull(zr_servers_read_keys(&s_servers, zr_span(KEY_1 "," KEY_2)));

    ck_assert(zr_server_keys_valid(zr_span(KEY_1)));
    ck_assert(zr_server_keys_valid(zr_span(KEY_1 "," KEY_2)));
    ck_assert(!zr_server_keys_valid(zr_span("")));
    ck_assert(!zr_server_keys_valid(zr_span(KEY_1 ",x")));
}

TEST(test_learned_ones_stand_behind_and_have_the_key_in_use) {
    s_fault("a,b");
    zr_servers_read_keys(&s_servers, zr_span(KEY_1 "," KEY_2));
    zr_servers_next(&s_servers);
    zr_servers_learn(&s_servers, zr_span("a")); /* known */
    zr_servers_learn(&s_servers, zr_span("c"));
    zr_servers_learn(&s_servers, zr_span(""));
    ck_assert_uint_eq(s_servers.count, 3);
    zr_servers_next(&s_servers);
    ck_assert_str_eq(zr_servers_now(&s_servers)->endpoint, "c");
    ck_assert_str_eq(zr_servers_now(&s_servers)->key, KEY_2);

    zr_servers_learn(&s_servers, zr_span("d"));
    zr_servers_forget(&s_servers); /* the one in use stays */
    ck_assert_uint_eq(s_servers.count, 3);
    ck_assert_str_eq(zr_servers_now(&s_servers)->endpoint, "c");
    zr_servers_next(&s_servers);
    ck_assert_str_eq(zr_servers_now(&s_servers)->endpoint, "a");
    zr_servers_forget(&s_servers);
    ck_assert_uint_eq(s_servers.count, 2);
    for (int i = 0; i < 2 * ZR_SERVERS_MAX; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%d", i);
        zr_servers_learn(&s_servers, zr_span(name));
    }
    ck_assert_uint_eq(s_servers.count, ZR_SERVERS_MAX);
}

UNIT_SUITE("common.servers")
