/* Endpoints of brokers: which there are, and which stay on this machine. */
#include "remote.h"

#include "unit.h"

TEST(test_is_local) {
    static const char *const local[] = {"ipc:///run/x", "inproc://x", "tcp://127.0.0.1:1", "tcp://127.1.2.3:1",
        "tcp://localhost:1", "tcp://[::1]:1", "tcp://[::ffff:127.0.0.1]:1"};
    static const char *const remote[] = {"tcp://10.0.0.1:1", "tcp://127.example:1", "tcp://127.0.0.1.example:1",
        "tcp://localhost.example:1", "tcp://[::12]:1", "tcp://1270.0.0.1:1", "tcp://relay.example:1", "127.0.0.1", "",
        /* libzmq's SOURCE;DESTINATION */
        "tcp://127.0.0.1:0;192.0.2.1:1", "tcp://localhost:0;192.0.2.1:1", "tcp://[::1]:0;192.0.2.1:1"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        ck_assert_msg(remote_is_local(local[i]), "%s", local[i]);
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        ck_assert_msg(!remote_is_local(remote[i]), "%s", remote[i]);
}

TEST(test_endpoints) {
    static const char *const good[] = {
        "tcp://192.0.2.2:1", "tcp://relay.example:65535", "tcp://[::1]:5570", "ipc:///run/x", "inproc://x"};
    static const char *const bad[] = {"", "192.0.2.2:26570", "relay.example:5570", "tcp://192.0.2.2:26570x",
        "tcp://192.0.2.2", "tcp://192.0.2.2:", "tcp://:5570", "tcp://[::1]", "tcp://a:0", "tcp://a:65536", "tcp://a:-1",
        "tcp://a: 1", "udp://a:1", "ipc://", "inproc://"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(remote_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!remote_valid(bad[i]), "%s", bad[i]);
    ck_assert(!remote_valid(NULL));
}

TEST(test_lists) {
    zr_servers_t servers;
    bool local;
    ck_assert_ptr_null(remote_read(&servers, "tcp://127.0.0.1:1,ipc:///x", &local));
    ck_assert(local);
    ck_assert_ptr_null(remote_read(&servers, "tcp://127.0.0.1:1,tcp://a.example:1", &local));
    ck_assert(!local);
    ck_assert_ptr_nonnull(remote_read(&servers, "tcp://127.0.0.1:1,nonsense", &local));
    ck_assert_ptr_nonnull(remote_read(&servers, "", &local));
}

UNIT_SUITE("common.net.remote")
