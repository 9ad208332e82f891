#include "access_build.h"
#include "session.h"

#include "unit.h"

static client_t s_clients[4];

/* A session whose client id is all digit `i`. */
static session_t *s_add(sessions_t *sessions, int i, const char *nick) {
    memset(s_clients[i].id, '0' + i, ZR_CLIENT_ID_LEN);
    return session_add(sessions, &s_clients[i], zr_span(nick), false);
}

TEST(test_is_found_by_everything) {
    sessions_t sessions = {0};
    session_t *ann = s_add(&sessions, 1, "ann"), *bob = s_add(&sessions, 2, "bob");
    session_set_route(&sessions, ann, 7);
    ck_assert_uint_lt(ann->id, bob->id);
    ck_assert_uint_eq(sessions.count, 2);
    ck_assert_ptr_eq(session_by_id(&sessions, bob->id), bob);
    ck_assert_ptr_eq(session_by_route(&sessions, 7), ann);
    ck_assert_ptr_null(session_by_route(&sessions, 0)); /* bob has no route, and 0 is no route */
    ck_assert_ptr_eq(session_by_client(&sessions, unit_fill('2', ZR_CLIENT_ID_LEN)), bob);
    ck_assert_ptr_eq(session_user(&sessions, LIT("ann"))->sessions, ann);
    ck_assert_ptr_null(session_user(&sessions, LIT("an")));
    uint64_t id = ann->id;
    session_remove(&sessions, ann);
    ck_assert_ptr_null(session_by_id(&sessions, id));
    ck_assert_ptr_null(session_by_route(&sessions, 7));
    ck_assert_ptr_null(session_user(&sessions, LIT("ann")));
    session_remove(&sessions, bob);
    ck_assert_uint_eq(sessions.count, 0);
}

TEST(test_route_moves_and_each_move_is_another_link) {
    sessions_t sessions = {0};
    session_t *ann = s_add(&sessions, 1, "ann");
    session_set_route(&sessions, ann, 7);
    uint64_t link = ann->link;
    session_set_route(&sessions, ann, 8);
    ck_assert_uint_gt(ann->link, link);
    ck_assert_ptr_null(session_by_route(&sessions, 7));
    link = ann->link;
    session_set_route(&sessions, ann, 0);
    session_set_route(&sessions, ann, 8);
    ck_assert_uint_gt(ann->link, link);
    ck_assert_ptr_eq(session_by_route(&sessions, 8), ann);
    session_remove(&sessions, ann);
}

TEST(test_user_lives_as_long_as_its_last_session) {
    sessions_t sessions = {0};
    session_t *one = s_add(&sessions, 1, "ann"), *two = s_add(&sessions, 2, "ann");
    ck_assert_ptr_eq(one->user, two->user);
    session_remove(&sessions, one);
    ck_assert_ptr_eq(session_user(&sessions, LIT("ann"))->sessions, two);
    session_set_nick(&sessions, two, LIT("eve"));
    ck_assert_ptr_null(session_user(&sessions, LIT("ann")));
    ck_assert_span_eq(user_nick(two->user), LIT("eve"));
    session_remove(&sessions, two);
    ck_assert_ptr_null(sessions.users);
}

TEST(test_rights_are_of_the_room_that_is_asked_for) {
    sessions_t sessions = {0};
    access_t *access = access_new();
    access_user_t *user = access_add_user(access, LIT("ann"));
    access_add_rule(user, false, RIGHT_READ, LIT("a"));
    access_add_rule(user, false, RIGHT_WRITE, LIT("b*"));
    session_t *ann = s_add(&sessions, 1, "ann");
    ann->access = user;
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(session_rights(ann, LIT("a")), RIGHT_READ);
        ck_assert_uint_eq(session_rights(ann, LIT("b")), RIGHT_WRITE);
        ck_assert_uint_eq(session_rights(ann, LIT("bb")), RIGHT_WRITE);
        ck_assert_uint_eq(session_rights(ann, LIT("aa")), 0);
    }
    access_add_rule(user, false, RIGHT_READ, LIT("aa"));
    session_rights_forget(ann);
    ck_assert_uint_eq(session_rights(ann, LIT("aa")), RIGHT_READ);
    session_remove(&sessions, ann);
    access_destroy(access);
}

UNIT_SUITE("broker.core.session")
