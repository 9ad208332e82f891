#include "chat_parse.h"
#include "unit.h"

TEST(test_lines) {
    static const struct {
        const char *line;
        chat_kind_t kind;
        const char *name, *text;
    } cases[] = {
        {"", CHAT_NOTHING, "", ""},
        {"hello there", CHAT_TEXT, "", "hello there"},
        {" /join x", CHAT_TEXT, "", " /join x"},
        {"//join x", CHAT_TEXT, "", "/join x"},
        {"//", CHAT_TEXT, "", "/"},
        {"/join general", CHAT_JOIN, "general", ""},
        {"/join   a/b  ", CHAT_JOIN, "a/b", ""},
        {"/part", CHAT_PART, "", ""},
        {"/part x", CHAT_PART, "x", ""},
        {"/msg bob hi  there ", CHAT_MSG, "bob", "hi  there "},
        {"/who", CHAT_WHO, "", ""},
        {"/nick zoe", CHAT_NICK, "zoe", ""},
        {"/away", CHAT_AWAY, "", ""},
        {"/away at  lunch", CHAT_AWAY, "", "at  lunch"},
        {"/back", CHAT_BACK, "", ""},
        {"/status", CHAT_STATUS, "", ""},
        {"/status reading", CHAT_STATUS, "", "reading"},
        {"/rooms", CHAT_ROOMS, "", ""},
        {"/rooms dev", CHAT_ROOMS, "dev", ""},
        {"/help", CHAT_HELP, "", ""},
        {"/quit", CHAT_QUIT, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chat_line_t line = chat_parse(zr_span(cases[i].line));
        ck_assert_msg(line.kind == cases[i].kind, "%s", cases[i].line);
        ck_assert_msg(zr_span_equal(line.name, zr_span(cases[i].name)), "%s", cases[i].line);
        ck_assert_msg(zr_span_equal(line.text, zr_span(cases[i].text)), "%s", cases[i].line);
    }
}

TEST(test_mistakes) {
    static const char *const cases[] = {"/", "/ join x", "/\tjoin x", "/\r", "/joi x", "/join", "/join a b", "/msg",
        "/msg bob", "/msg bob  ", "/nick", "/quit now", "/who x", "/JOIN x"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chat_line_t line = chat_parse(zr_span(cases[i]));
        ck_assert_msg(line.kind == CHAT_BAD && line.text.len > 0, "%s", cases[i]);
    }
}

TEST(test_help_ends) {
    size_t count = 0;
    while (chat_help(count))
        count++;
    ck_assert_uint_eq(count, 11);
}

UNIT_SUITE("client.cli.chat_parse")
