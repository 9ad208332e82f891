#include "irc_isupport.h"

#include <stdio.h>

#include "irc_caps.h"
#include "irc_names.h"
#include "unit.h"

static const char *s_value(const char *name) {
    for (size_t i = 0; i < irc_isupport_count(); i++) {
        const char *token = irc_isupport_token(i);
        if (strncmp(token, name, strlen(name)) == 0 && token[strlen(name)] == '=')
            return token + strlen(name) + 1;
    }
    return NULL;
}

static const struct {
    const char *name;
    int value;
} s_limits[] = {
    {"AWAYLEN", IRC_AWAY_MAX},
    {"CHANNELLEN", IRC_CHANNEL_MAX},
    {"CHATHISTORY", IRC_HISTORY_MAX},
    {"KICKLEN", IRC_REASON_MAX},
    {"LINELEN", 512},
    {"MONITOR", IRC_MONITOR_MAX},
    {"NICKLEN", ZR_NICK_MAX},
    {"TOPICLEN", IRC_TOPIC_MAX},
};

TEST_TIMES(test_limits_are_those_in_force, sizeof s_limits / sizeof s_limits[0]) {
    const char *value = s_value(s_limits[_i].name);
    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(atoi(value), s_limits[_i].value);
}
END_TEST

TEST(test_targets_are_those_in_force) {
    char privmsg[32];
    snprintf(privmsg, sizeof privmsg, "PRIVMSG:%d,", IRC_TARGETS_MAX);
    ck_assert_ptr_nonnull(strstr(s_value("TARGMAX"), privmsg));
}
END_TEST

TEST(test_tokens_are_parameters_in_alphabetical_order) {
    for (size_t i = 0; i < irc_isupport_count(); i++) {
        ck_assert_ptr_null(strchr(irc_isupport_token(i), ' '));
        if (i > 0)
            ck_assert_int_lt(strcmp(irc_isupport_token(i - 1), irc_isupport_token(i)), 0);
    }
}
END_TEST

UNIT_SUITE("client.gateway.irc.text.irc_isupport")
