#include "irc_members.h"

#include "unit.h"

TEST(test_members_come_and_go) {
    irc_member_t *members = NULL;
    irc_member_t *ann = irc_member_add(&members, zr_span("ann"));
    irc_member_add(&members, zr_span("bob"));
    irc_member_set_away(ann, "lunch");
    irc_member_set_away(ann, "tea");
    ck_assert_str_eq(irc_member_find(members, zr_span("ann"))->away, "tea");
    irc_member_set_away(ann, NULL);
    ck_assert_ptr_null(ann->away);
    irc_member_remove(&members, ann);
    ck_assert_ptr_null(irc_member_find(members, zr_span("ann")));
    ck_assert_ptr_nonnull(irc_member_find(members, zr_span("bob")));
    irc_members_finish(&members);
    ck_assert_ptr_null(members);
}
END_TEST

UNIT_SUITE("client.gateway.irc.state.irc_members")
