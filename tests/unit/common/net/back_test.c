/* Where a broker may send a client for reading. */
#include "back.h"

#include <stdio.h>

#include "unit.h"

static void s_taken(const char *front, const char *back) {
    ck_assert_msg(back_refusal(front, back) == NULL, "%s -> %s: %s", front, back, back_refusal(front, back));
}

static void s_refused(const char *front, const char *back) {
    ck_assert_msg(back_refusal(front, back) != NULL, "%s -> %s", front, back);
}

#define LOCAL "tcp://127.0.0.1:5570"
#define REMOTE "tcp://192.0.2.1:5570"
#define NAMED "tcp://relay.example:5570"

TEST(test_on_this_machine_the_back_stays_on_it) {
    s_taken(LOCAL, "tcp://127.0.0.1:5571");
    s_taken(LOCAL, "tcp://127.0.0.9:1");
    s_taken(LOCAL, "tcp://localhost:5571");
    s_taken("tcp://localhost:5570", "tcp://127.0.0.1:5571");
    s_taken("tcp://[::1]:5570", "tcp://[::1]:5571");
    s_refused(LOCAL, "tcp://192.0.2.1:5571");
    s_refused(LOCAL, "tcp://relay.example:5571");
    s_refused(LOCAL, "tcp://127.0.0.1.example:5571");
}

TEST(test_elsewhere_it_may_be_any_other_machine) {
    s_taken(REMOTE, "tcp://192.0.2.1:5571");
    s_taken(REMOTE, "tcp://relay.example:5571");
    s_taken(NAMED, "tcp://192.0.2.1:5571");
    s_taken(NAMED, "tcp://[2001:db8::1]:5571");
    static const char *const here[] = {"127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "a.localhost", "[::1]",
        "[::ffff:127.0.0.1]", "[::127.0.0.1]", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0.0.0.0",
        "0.1.2.3", "[::]", "[::ffff:0.0.0.0]"};
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        char back[64];
        snprintf(back, sizeof back, "tcp://%s:22", here[i]);
        s_refused(REMOTE, back);
        s_refused(NAMED, back);
    }
}

TEST(test_a_path_stays_in_its_directory) {
    s_taken("ipc:///run/zrelay/front", "ipc:///run/zrelay/front-back");
    s_taken("ipc:///run/zrelay/front", "ipc:///run/zrelay/back");
    s_taken("ipc://front", "ipc://front-back");
    s_taken("ipc://@front", "ipc://@front-back");
    s_taken("ipc:///run/zrelay/front", "tcp://127.0.0.1:5571");
    static const char *const bad[] = {"ipc:///run/docker.sock", "ipc:///run/zrelay/../docker.sock", "ipc://back",
        "ipc:///run/zrelay/sub/back", "ipc:///run/zrelay/", "ipc:///run/zrelay/..", "ipc://@back", "ipc://", "ipc://*",
        "ipc:///run//zrelay/back", "ipc:///run/zrelay/a b", "tcp://192.0.2.1:5571"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        s_refused("ipc:///run/zrelay/front", bad[i]);
    s_refused("ipc://@front", "ipc:///run/x");
    s_refused("ipc://front", "ipc:///run/x");
    char path[256];
    snprintf(path, sizeof path, "ipc:///run/%0100d", 1);
    s_taken("ipc:///run/front", path);
    snprintf(path, sizeof path, "ipc:///run/%0103d", 1);
    s_refused("ipc:///run/front", path);
}

TEST(test_nothing_else_is_an_endpoint) {
    static const char *const bad[] = {"inproc://jobs", "inproc://", "", "tcp://", "tcp://127.0.0.1",
        "tcp://127.0.0.1:0", "tcp://127.0.0.1:*", "tcp://*:5571", "tcp://:5571", "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:0;192.0.2.1:1", "tcp://127.0.0.1:5571;", "tcp://127.0.0.1:5571 ", "tcp://127.0.0.1:5571\n",
        "udp://127.0.0.1:1", "ws://a:1", "pgm://a:1", "TCP://127.0.0.1:1", "vmci://1:1", "tcp://a/b:1", "tcp://a@b:1",
        "tcp://[]:1", "ipc:///tmp/x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        s_refused(LOCAL, bad[i]);
        s_refused(NAMED, bad[i]);
    }
    s_refused("inproc://front", "inproc://back");
    s_refused("inproc://front", "tcp://192.0.2.1:1");
}

UNIT_SUITE("common.net.back")
