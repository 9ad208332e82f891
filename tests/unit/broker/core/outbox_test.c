#include "outbox.h"

#include "unit.h"

static outbox_t outbox;
static effect_t effect;
static int s_freed;

static void s_free(void *data, void *hint) {
    (void)data;
    (void)hint;
    s_freed++;
}

static zr_blob_t *s_blob(void) {
    return zr_blob_wrap("x", 1, s_free, NULL);
}

static void s_send(route_t route) {
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_SEND, .route = route, .frame = s_blob()});
}

TEST(test_first_in_first_out_with_additions_meanwhile) {
    ck_assert(!outbox_take(&outbox, &effect));
    uint64_t in = 0, out = 0;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 1 + round % 7; i++)
            outbox_add(&outbox, &(effect_t){.kind = EFFECT_COMMIT, .commit = {.pass = ++in}});
        for (int i = 0; i < 1 + round % 5 && outbox_take(&outbox, &effect); i++)
            ck_assert_uint_eq(effect.commit.pass, ++out);
    }
    while (outbox_take(&outbox, &effect))
        ck_assert_uint_eq(effect.commit.pass, ++out);
    ck_assert_uint_eq(in, out);
    ck_assert_uint_eq(outbox.count, 0); /* an empty outbox begins at its beginning */
}

TEST(test_finish_gives_back_what_was_not_taken) {
    s_send(1);
    s_send(2);
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_PUBLISH, .frame = s_blob()});
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_APPEND, .append = {.frame = s_blob()}});
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_ALIVE, .session = 1});
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_LOGIN, .login = calloc(1, sizeof(login_request_t))});
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_ADMIN, .admin = calloc(1, sizeof(admin_request_t))});
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_FORGET, .forget = calloc(1, sizeof(log_forget_t))});
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_READ, .read = calloc(1, sizeof(log_read_t))});
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_DROP_USER, .user = "ann"});
    ck_assert(outbox_take(&outbox, &effect));
    outbox_finish(&outbox);
    ck_assert_int_eq(s_freed, 3);
    zr_blob_unref(effect.frame);
}

TEST(test_drop_route_takes_only_what_is_sent_there) {
    s_send(1);
    s_send(1);
    s_send(2);
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_COMMIT, .commit = {.pass = 1}});
    s_send(1);
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_ACK, .route = 1, .ack = {.upto = 1}});
    outbox_add(&outbox, &(effect_t){.kind = EFFECT_ACK, .route = 2, .ack = {.upto = 2}});
    ck_assert(outbox_take(&outbox, &effect));
    zr_blob_unref(effect.frame);
    outbox_drop_route(&outbox, 1);
    ck_assert(outbox_take(&outbox, &effect));
    ck_assert_uint_eq(effect.route, 2);
    zr_blob_unref(effect.frame);
    ck_assert(outbox_take(&outbox, &effect));
    ck_assert_int_eq(effect.kind, EFFECT_COMMIT);
    ck_assert(outbox_take(&outbox, &effect));
    ck_assert_int_eq(effect.kind, EFFECT_ACK);
    ck_assert_uint_eq(effect.ack.upto, 2);
    ck_assert(!outbox_take(&outbox, &effect));
    ck_assert_int_eq(s_freed, 4); /* and no frame is left behind */
    outbox_drop_route(&outbox, 1);
}

/* A connection that is lost takes its channels along; a channel only itself. */
TEST(test_drop_route_of_a_trunk) {
    const route_t routes[] = {route_of(1, 1), route_of(1, 2), route_of(2, 1), 1, 2};
    for (size_t i = 0; i < 5; i++)
        s_send(routes[i]);
    outbox_drop_route(&outbox, routes[0]);
    ck_assert(outbox_take(&outbox, &effect) && effect.route == routes[1]);
    zr_blob_unref(effect.frame);
    s_send(routes[1]);
    outbox_drop_route(&outbox, 1);
    s_send(routes[1]); /* opened anew */
    ck_assert(outbox_take(&outbox, &effect) && effect.route == routes[2]);
    zr_blob_unref(effect.frame);
    ck_assert(outbox_take(&outbox, &effect) && effect.route == 2);
    zr_blob_unref(effect.frame);
    ck_assert(outbox_take(&outbox, &effect) && effect.route == routes[1]);
    zr_blob_unref(effect.frame);
    ck_assert(!outbox_take(&outbox, &effect));
    ck_assert_int_eq(s_freed, 7);
}

TEST(test_route_parts) {
    route_t route = route_of(UINT32_MAX, 7);
    ck_assert_uint_eq(route_connection(route), UINT32_MAX);
    ck_assert_uint_eq(route_channel(route), 7);
    ck_assert_uint_eq(route_channel(UINT32_MAX), 0);
    ck_assert_uint_eq(route_connection(5), 5);
}

/* Effects added for a route after it was lost are for another session there. */
TEST(test_a_lost_route_may_be_used_again) {
    for (int round = 0; round < 3; round++) {
        for (route_t route = 1; route <= 1000; route++)
            s_send(route);
        for (route_t route = 1; route <= 1000; route++)
            if (route != 500)
                outbox_drop_route(&outbox, route);
        s_send(7);
        s_send(8);
        outbox_drop_route(&outbox, 8);
        static const route_t expected[] = {500, 7};
        for (int i = 0; i < 2; i++) {
            ck_assert(outbox_take(&outbox, &effect));
            ck_assert_uint_eq(effect.route, expected[i]);
            zr_blob_unref(effect.frame);
        }
        ck_assert(!outbox_take(&outbox, &effect));
        ck_assert_int_eq(s_freed, 1002 * (round + 1));
    }
}

static void s_end(void) {
    outbox_finish(&outbox);
}

UNIT_SUITE_WITH("broker.core.outbox", NULL, s_end)
