/* The events of libzmq's monitor, as version 4.3.4 sends them (each seen there). */
#include "link_changes.h"

#include <zmq.h>

#include "unit.h"

enum { MISMATCH = ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, CRYPTO = ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC };

TEST(test_meaning) {
    static const struct {
        int event, value;
        bool encrypted, known;
        link_change_t means;
    } cases[] = {
        {ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0, false, false, LINK_UP},
        {ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0, true, false, LINK_UP},
        {ZMQ_EVENT_DISCONNECTED, 14, false, true, LINK_DOWN},
        {ZMQ_EVENT_DISCONNECTED, 14, true, true, LINK_DOWN},
        {ZMQ_EVENT_DISCONNECTED, 14, false, false, LINK_DOWN}, /* a proxy behind which nobody is */
        {ZMQ_EVENT_DISCONNECTED, 14, true, false, LINK_HANDSHAKE},
        {ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400, true, false, LINK_REFUSED},
        {ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400, false, false, LINK_REFUSED},
        {ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 300, true, false, LINK_DOWN},
        {ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 500, true, false, LINK_DOWN},
        {ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, 32, true, false, LINK_HANDSHAKE}, /* another server key */
        {ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, 32, false, false, LINK_DOWN},
        {ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, CRYPTO, true, false, LINK_HANDSHAKE},
        {ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, MISMATCH, true, false, LINK_MECHANISM},
        {ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, MISMATCH, false, false, LINK_MECHANISM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(link_meaning((uint16_t)cases[i].event, (uint32_t)cases[i].value, cases[i].encrypted,
                          cases[i].known) == cases[i].means,
            "case %zu", i);
}

TEST(test_changes_come_in_order_and_of_too_many_the_last) {
    link_changes_t changes = {0};
    ck_assert(link_changes_begin(&changes));
    ck_assert_int_eq(link_changes_next(&changes), LINK_SAME);
    for (int i = 0; i < LINK_CHANGES_MAX; i++)
        link_changes_tell(&changes, i % 2 ? LINK_DOWN : LINK_UP);
    link_changes_fail(&changes, "no route");
    link_changes_tell(&changes, LINK_BACK);
    ck_assert(link_changes_any(&changes));
    ck_assert_int_eq(link_changes_next(&changes), LINK_BACK);
    for (int i = 0; i < LINK_CHANGES_MAX - 1; i++)
        ck_assert_int_eq(link_changes_next(&changes), i % 2 ? LINK_DOWN : LINK_UP);
    ck_assert_int_eq(link_changes_next(&changes), LINK_UNREACHABLE);
    ck_assert_str_eq(changes.why, "no route");
    ck_assert_int_eq(link_changes_next(&changes), LINK_SAME);
    ck_assert(!link_changes_any(&changes));
    link_changes_finish(&changes);
}

TEST(test_a_new_socket_forgets_what_the_old_one_told) {
    link_changes_t changes = {0};
    ck_assert(link_changes_begin(&changes));
    link_changes_tell(&changes, LINK_DOWN);
    link_changes_tell(&changes, LINK_BACK);
    link_changes_forget(&changes, true);
    ck_assert_int_eq(link_changes_next(&changes), LINK_BACK);
    link_changes_tell(&changes, LINK_BACK);
    link_changes_forget(&changes, false);
    ck_assert_int_eq(link_changes_next(&changes), LINK_SAME);
    link_changes_finish(&changes);
}

UNIT_SUITE("client.lib.link_changes")
