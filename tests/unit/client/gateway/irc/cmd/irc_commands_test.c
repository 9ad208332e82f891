#include "irc_command.h"

#include "unit.h"

TEST(test_commands_stand_in_alphabetical_order_and_once) {
    for (size_t i = 1; i < irc_commands_count(); i++)
        ck_assert_int_lt(strcmp(irc_commands_at(i - 1)->name, irc_commands_at(i)->name), 0);
}
END_TEST

UNIT_SUITE("client.gateway.irc.cmd.irc_commands")
