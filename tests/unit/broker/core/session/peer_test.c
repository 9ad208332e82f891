#include "peer.h"

#include "fixture.h"
#include "state.h"

TEST(test_of_a_connection) {
    peer_t peer;
    fx.users[A] = "ann";
    fx.remote[B] = true;
    fx_hello(A, "ann");
    peer_of(fx.relay, A, &peer);
    ck_assert_span_eq(peer.user, LIT("ann"));
    ck_assert_uint_eq(peer.connection, A);
    ck_assert(peer.local && peer.takes_tokens);
    fx_say(B, "{'op':'ping'}");
    peer_of(fx.relay, B, &peer);
    ck_assert(!peer.local && !peer.takes_tokens);
}

TEST(test_without_an_edge_that_knows) {
    peer_t peer;
    fx.config.peer = NULL;
    fx_restart();
    peer_of(fx.relay, A, &peer);
    ck_assert(!peer.user.len && peer.local && peer.takes_tokens && !peer.connection);
}

/* Nobody, from the address that the gateway named, whoever the gateway is. */
TEST(test_of_a_channel) {
    static const struct {
        const char *address, *counted;
        bool secure;
    } cases[] = {{"203.0.113.7", "203.0.113.7", true}, {"2001:db8::1", "2001:db8::/64", false}, {"", "", true},
        {"127.0.0.1", "", false}};
    fx_hello(A, "gate");
    for (unsigned i = 0; i < 4; i++) {
        peer_t peer;
        fx_ask(A, "{'op':'open','channel':%u,'address':'%s','secure':%s}", i + 1, cases[i].address,
            cases[i].secure ? "true" : "false");
        fx_expect(A, "{'op':'ok'}");
        peer_of(fx.relay, route_of(A, i + 1), &peer);
        ck_assert_uint_eq(peer.user.len, 0);
        ck_assert_span_eq(peer.address, zr_span(cases[i].counted));
        ck_assert_int_eq(peer.takes_tokens, cases[i].secure);
        ck_assert_int_eq(peer.local, cases[i].counted[0] == '\0');
        ck_assert(!peer.connection && !peer.revoked);
    }
}

UNIT_SUITE_WITH("broker.core.session.peer", fx_start, fx_finish)
