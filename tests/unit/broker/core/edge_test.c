/* The effects are carried out in their order, a few at a time. */
#include "edge.h"

#include "fixture.h"

static char s_done[4096]; /* what was carried out */
static edge_sent_t s_result;

static void s_note(const char *what, uint64_t number) {
    size_t len = strlen(s_done);
    snprintf(s_done + len, sizeof s_done - len, "%s%s %u", len ? ", " : "", what, (unsigned)number);
}

static edge_sent_t s_send(void *ctx, route_t route, zr_blob_t *frame, bool live) {
    ck_assert_ptr_eq(ctx, s_done);
    s_note(live ? "live" : "send", route);
    zr_blob_unref(frame);
    return s_result;
}

static void s_publish(void *ctx, zr_blob_t *frame) {
    ck_assert_ptr_eq(ctx, s_done);
    s_note("publish", zr_blob_len(frame));
    zr_blob_unref(frame);
}

static edge_t s_edge(void) {
    static const edge_calls_t calls = {.send = s_send, .publish = s_publish};
    s_done[0] = '\0';
    s_result = EDGE_SENT;
    return (edge_t){.calls = &calls, .ctx = s_done, .relay = fx.relay, .log = fx_log(), .outbox = &fx.outbox};
}

static void s_add(effect_kind_t kind, route_t route, bool live) {
    outbox_add(&fx.outbox,
        &(effect_t){.kind = kind, .route = route, .frame = kind == EFFECT_ACK ? NULL : zr_blob_new(7), .live = live});
}

TEST(test_a_bite_is_small) {
    edge_t edge = s_edge();
    for (route_t route = 1; route <= EDGE_BITE + 1; route++)
        s_add(EFFECT_SEND, route, false);
    ck_assert(edge_carry_out(&edge));
    ck_assert_ptr_nonnull(strstr(s_done, "send 16"));
    ck_assert_ptr_null(strstr(s_done, "send 17"));
    ck_assert(!edge_carry_out(&edge));
    ck_assert_ptr_nonnull(strstr(s_done, "send 16, send 17"));
    ck_assert(!edge_carry_out(&edge));
    for (route_t route = 1; route <= EDGE_BITE; route++)
        s_add(EFFECT_SEND, route, false);
    ck_assert(!edge_carry_out(&edge)); /* nothing is left of a full bite */
    ck_assert(outbox_is_empty(&fx.outbox));
}

/* A frame on the back may go to thousands of readers. */
TEST(test_a_bite_ends_with_a_frame_on_the_back) {
    edge_t edge = s_edge();
    s_add(EFFECT_SEND, 1, false);
    s_add(EFFECT_PUBLISH, 0, false);
    s_add(EFFECT_PUBLISH, 0, false);
    s_add(EFFECT_ACK, 2, false);
    ck_assert(edge_carry_out(&edge));
    ck_assert_str_eq(s_done, "send 1, publish 7");
    ck_assert(edge_carry_out(&edge));
    ck_assert(!edge_carry_out(&edge));
    ck_assert_str_eq(s_done, "send 1, publish 7, publish 7, send 2");
}

TEST(test_what_cannot_be_sent) {
    static const struct {
        edge_sent_t result;
        bool live;
        unsigned lost, dropped;
    } cases[] = {
        {EDGE_SENT, false, 0, 0},
        {EDGE_SENT, true, 0, 0},
        {EDGE_FULL, false, 1, 0},
        {EDGE_FULL, true, 0, 1},
        {EDGE_GONE, false, 1, 0},
        {EDGE_GONE, true, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fx_start();
        fx_hello(A, "ann");
        edge_t edge = s_edge();
        s_result = cases[i].result;
        s_add(EFFECT_SEND, A, cases[i].live);
        s_add(EFFECT_ACK, A, false); /* not even tried where the route is lost */
        ck_assert(!edge_carry_out(&edge));
        ck_assert_uint_eq(relay_stats(edge.relay).live_dropped, cases[i].dropped);
        const char *tried = cases[i].live ? "live 1" : "send 1";
        ck_assert_int_eq(strncmp(s_done, tried, strlen(tried)), 0);
        ck_assert_int_eq(strlen(s_done) > strlen(tried), !cases[i].lost);
        bool attached = cases[i].result == EDGE_SENT;
        ck_assert_uint_eq(relay_stats(fx.relay).dropped, !attached);
    }
}

/* A trunk whose queue is full loses the channel that the frame was for; one that is gone loses all of them. */
TEST(test_what_cannot_be_sent_to_a_channel) {
    static const struct {
        edge_sent_t result;
        bool live;
        size_t left;
    } cases[] = {{EDGE_SENT, false, 2}, {EDGE_FULL, true, 2}, {EDGE_FULL, false, 2}, {EDGE_GONE, false, 0},
        {EDGE_GONE, true, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fx_begin();
        fx_start();
        fx_hello(A, "gate");
        for (unsigned channel = 1; channel <= 2; channel++) {
            fx_ask(A, "{'op':'open','channel':%u}", channel);
            fx_drop(A);
            fx_hello(route_of(A, channel), channel == 1 ? "ann" : "bob");
        }
        edge_t edge = s_edge();
        s_result = cases[i].result;
        s_add(EFFECT_SEND, route_of(A, 1), cases[i].live);
        ck_assert(!edge_carry_out(&edge));
        ck_assert_uint_eq(relay_stats(fx.relay).channels, cases[i].left);
        bool lost = cases[i].result == EDGE_FULL && !cases[i].live;
        if (lost)
            fx_refused(route_of(A, 1), "no-session", "{'op':'ping'}");
        else if (cases[i].left)
            fx_answer(route_of(A, 1), "{'op':'ping'}", "{'op':'pong'}");
        if (cases[i].left)
            fx_answer(route_of(A, 2), "{'op':'ping'}", "{'op':'pong'}");
        else
            fx_refused(A, "no-session", "{'op':'ping'}");
    }
}

/* The functions that a user of the edge does not have. */
TEST(test_what_nobody_does_is_freed) {
    edge_t edge = s_edge();
    static const effect_kind_t kinds[] = {
        EFFECT_WATCH, EFFECT_ALIVE, EFFECT_UNWATCH, EFFECT_DROP, EFFECT_CHARGE, EFFECT_DROP_USER};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        outbox_add(&fx.outbox, &(effect_t){.kind = kinds[i]});
    outbox_add(&fx.outbox, &(effect_t){.kind = EFFECT_LOGIN, .login = calloc(1, sizeof(login_request_t))});
    outbox_add(&fx.outbox, &(effect_t){.kind = EFFECT_ADMIN, .admin = calloc(1, sizeof(admin_request_t))});
    ck_assert(!edge_carry_out(&edge));
    ck_assert_str_eq(s_done, "");
}

UNIT_SUITE_WITH("broker.core.edge", fx_start, fx_finish)
