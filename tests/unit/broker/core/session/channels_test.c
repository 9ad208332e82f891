#include "channels.h"

#include "session.h"
#include "unit.h"

TEST(test_found_by_their_routes) {
    channels_t channels = {0};
    session_t one = {.route = 7}, other = {.route = 8};
    channel_t *first = channel_add(&channels, &one, 1, 100);
    channel_t *second = channel_add(&channels, &one, UINT32_MAX, 200);
    channel_t *its = channel_add(&channels, &other, 1, 300);
    ck_assert_uint_eq(channels_count(&channels), 3);
    ck_assert_uint_eq(one.channel_count, 2);
    ck_assert_ptr_eq(channel_find(&channels, route_of(7, 1)), first);
    ck_assert_ptr_eq(channel_find(&channels, route_of(7, UINT32_MAX)), second);
    ck_assert_ptr_eq(channel_find(&channels, route_of(8, 1)), its);
    ck_assert_ptr_null(channel_find(&channels, route_of(7, 2)));
    ck_assert_ptr_null(channel_find(&channels, route_of(9, 1)));
    ck_assert_ptr_null(channel_find(&channels, 7));
    ck_assert_ptr_null(channel_find(&channels, 0));
    channel_remove(&channels, first);
    ck_assert_ptr_null(channel_find(&channels, route_of(7, 1)));
    ck_assert_ptr_eq(one.channels, second);
    channel_remove(&channels, second);
    channel_remove(&channels, its);
    ck_assert(!one.channels && !one.channel_count && !channels.quiet && channels_count(&channels) == 0);
    channels_finish(&channels);
}

TEST(test_those_that_said_no_hello) {
    channels_t channels = {0};
    session_t trunk = {.route = 7};
    channel_t *first = channel_add(&channels, &trunk, 1, 100);
    channel_t *second = channel_add(&channels, &trunk, 2, 200);
    ck_assert_ptr_eq(channels.quiet, first);
    channel_hear(&channels, first);
    channel_hear(&channels, first);
    ck_assert_ptr_eq(channels.quiet, second);
    ck_assert_uint_eq(second->opened, 200);
    channel_remove(&channels, second);
    ck_assert_ptr_null(channels.quiet);
    channel_remove(&channels, first);
    channels_finish(&channels);
}

UNIT_SUITE("broker.core.session.channels")
