/* The events of libzmq's monitor, as version 4.3.4 sends them (each seen there). */
#include "link.h"

#include <zmq.h>

#include "unit.h"

enum { MISMATCH = ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, CRYPTO = ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC };

START_TEST(test_meaning) {
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
END_TEST

START_TEST(test_is_local) {
    static const char *const local[] = {
        "ipc:///run/x", "inproc://x", "tcp://127.0.0.1:1", "tcp://127.1.2.3:1", "tcp://localhost:1", "tcp://[::1]:1"};
    static const char *const remote[] = {"tcp://10.0.0.1:1", "tcp://127.example:1", "tcp://127.0.0.1.example:1",
        "tcp://localhost.example:1", "tcp://[::12]:1", "tcp://1270.0.0.1:1", "tcp://relay.example:1", "127.0.0.1", "",
        /* libzmq's SOURCE;DESTINATION */
        "tcp://127.0.0.1:0;192.0.2.1:1", "tcp://localhost:0;192.0.2.1:1", "tcp://[::1]:0;192.0.2.1:1"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        ck_assert_msg(link_is_local(local[i]), "%s", local[i]);
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        ck_assert_msg(!link_is_local(remote[i]), "%s", remote[i]);
}
END_TEST

START_TEST(test_endpoints) {
    static const char *const good[] = {
        "tcp://192.0.2.2:1", "tcp://relay.example:65535", "tcp://[::1]:5570", "ipc:///run/x", "inproc://x"};
    static const char *const bad[] = {"", "192.0.2.2:26570", "relay.example:5570", "tcp://192.0.2.2:26570x",
        "tcp://192.0.2.2", "tcp://192.0.2.2:", "tcp://:5570", "tcp://[::1]", "tcp://a:0", "tcp://a:65536", "tcp://a:-1",
        "tcp://a: 1", "udp://a:1", "ipc://", "inproc://"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(link_endpoint_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!link_endpoint_valid(bad[i]), "%s", bad[i]);
    ck_assert(!link_endpoint_valid(NULL));
}
END_TEST

UNIT_MAIN("client.lib.link", test_meaning, test_is_local, test_endpoints)
