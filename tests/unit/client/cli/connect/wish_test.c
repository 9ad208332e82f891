#include "wish.h"

#include "unit.h"

TEST(test_no_nick_is_wanted) {
    wish_t wish = {0};
    wish_for(&wish, NULL);
    wish_connected(&wish, "guest-1", 1000);
    ck_assert(!wish_is_open(&wish));
    ck_assert(!wish_due(&wish, UINT64_MAX));
    ck_assert(!wish_refused(&wish, "", 1000));
}

TEST(test_the_wanted_nick_is_there) {
    wish_t wish = {0};
    wish_for(&wish, "ann");
    wish_connected(&wish, "ann", 1000);
    ck_assert(!wish_is_open(&wish));
    ck_assert(!wish_due(&wish, UINT64_MAX));
}

TEST(test_it_is_asked_for_again_and_again) {
    wish_t wish = {0};
    uint64_t now = 1000, wait = WISH_FIRST_MS;
    wish_for(&wish, "ann");
    wish_connected(&wish, "ann_", now);
    for (int i = 0; i < 10; i++) {
        ck_assert(wish_is_open(&wish));
        ck_assert(!wish_due(&wish, now + wait - 1));
        ck_assert(wish_due(&wish, now + wait));
        ck_assert(!wish_due(&wish, UINT64_MAX)); /* not while it is asked for */
        now += wait;
        ck_assert(!wish_refused(&wish, "bob", now)); /* of the person's own wish they hear */
        ck_assert(wish_refused(&wish, "ann", now));
        wait = 2 * wait < WISH_LAST_MS ? 2 * wait : WISH_LAST_MS;
    }
    ck_assert_uint_eq(wait, WISH_LAST_MS);
    ck_assert(wish_due(&wish, now + wait));
    wish_renamed(&wish, "ann");
    ck_assert(!wish_is_open(&wish));
    ck_assert(!wish_refused(&wish, "ann", now));
}

TEST(test_another_choice) {
    wish_t wish = {0};
    wish_for(&wish, "ann");
    wish_connected(&wish, "ann_", 1000);
    wish_renamed(&wish, "zoe");
    ck_assert(!wish_is_open(&wish));
    wish_connected(&wish, "zoe_", 2000); /* after a reconnect */
    ck_assert(wish_due(&wish, 2000 + WISH_FIRST_MS));
    wish_connected(&wish, "zoe", 9000); /* the answer is lost with the connection */
    ck_assert(!wish_is_open(&wish));
}

UNIT_SUITE("client.cli.wish")
