#include "irc_numerics.h"

#include "unit.h"

TEST(test_each_reply_has_a_number_of_its_own) {
    for (int i = 0; i < IRC_NUMERIC_COUNT; i++) {
        const irc_numeric_row_t *row = irc_numeric_row((irc_numeric_t)i);
        ck_assert_uint_gt(row->number, 0);
        ck_assert_uint_lt(row->number, 1000);
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(row->number, irc_numeric_row((irc_numeric_t)j)->number);
    }
}
END_TEST

TEST(test_names_say_whether_a_reply_is_an_error) {
    for (int i = 0; i < IRC_NUMERIC_COUNT; i++) {
        const irc_numeric_row_t *row = irc_numeric_row((irc_numeric_t)i);
        if (row->number >= 400 && row->number < 600)
            ck_assert_msg(strncmp(row->name, "ERR_", 4) == 0, "%s", row->name);
        else if (row->number < 400)
            ck_assert_msg(strncmp(row->name, "RPL_", 4) == 0, "%s", row->name);
    }
}
END_TEST

UNIT_SUITE("client.gateway.irc.text.irc_numerics")
