/* The events of libzmq's monitor, as version 4.3.4 sends them (each seen there). */
#include "link.h"

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

UNIT_SUITE("client.lib.link")
