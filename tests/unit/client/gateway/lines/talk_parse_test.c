#include "talk_parse.h"

#include <stdio.h>

#include "unit.h"

/* "KIND NAME|TEXT|COUNT" */
static const char *s_parse(zr_span_t line) {
    static char text[300];
    static const char *const kinds[] = {[TALK_NOTHING] = "nothing",
        [TALK_TEXT] = "text",
        [TALK_NICK] = "nick",
        [TALK_JOIN] = "join",
        [TALK_WHO] = "who",
        [TALK_MSG] = "msg",
        [TALK_LAST] = "last",
        [TALK_LOGIN] = "login",
        [TALK_HELP] = "help",
        [TALK_QUIT] = "quit",
        [TALK_BAD] = "bad"};
    talk_line_t parsed = talk_parse(unit_at_edge(line));
    snprintf(text, sizeof text, "%s %.*s|%.*s|%u", kinds[parsed.kind], (int)parsed.name.len,
        parsed.name.len ? parsed.name.ptr : "", (int)parsed.text.len, parsed.text.len ? parsed.text.ptr : "",
        parsed.count);
    return text;
}

#define MEANS(line, text) ck_assert_str_eq(s_parse(LIT(line)), text)
#define BAD(line, part)                                                                                                \
    do {                                                                                                               \
        const char *found = s_parse(LIT(line));                                                                        \
        ck_assert_msg(strncmp(found, "bad", 3) == 0 && strstr(found, part), "%s", found);                              \
    } while (0)

TEST(test_messages) {
    MEANS("", "nothing ||0");
    MEANS("hi there ", "text |hi there |0");
}

TEST(test_a_slash_twice_begins_a_message) {
    MEANS("//nick", "text |/nick|0");
    MEANS(" /nick", "text | /nick|0");
}

TEST(test_commands) {
    MEANS("/nick ann", "nick ann||0");
    MEANS("/join m/a", "join m/a||0");
    MEANS("/who", "who ||0");
    MEANS("/msg bob  hi  you", "msg bob|hi  you|0");
    MEANS("/last", "last ||0");
    MEANS("/last 1", "last ||1");
    MEANS("/last 100 ", "last ||100");
    MEANS("/login ann secret", "login ann|secret|0");
    MEANS("/help", "help ||0");
    MEANS("/quit", "quit ||0");
}

TEST(test_faults_say_what_to_do) {
    BAD("/", "/help");
    BAD("/ nick", "/help");
    BAD("/nickel", "/help");
    BAD("/nick", "usage: |/nick NAME");
    BAD("/nick a b", "usage: |/nick NAME");
    BAD("/msg bob", "usage: |/msg NICK TEXT");
    BAD("/who there", "usage: |/who");
    BAD("/last 0", "usage: |/last");
    BAD("/last 101", "usage: |/last");
    BAD("/last ten", "usage: |/last");
    BAD("/last 99999999999999999999", "usage: |/last");
    BAD("/nick a\x01", "nick");
    BAD("/join a\x01", "room");
}

TEST(test_every_command_has_a_help) {
    size_t count = 0;
    while (talk_help(count)) {
        ck_assert_int_eq(talk_help(count)[0], '/');
        count++;
    }
    ck_assert_uint_eq(count, 8);
}

UNIT_SUITE("client.gateway.lines.talk_parse")
