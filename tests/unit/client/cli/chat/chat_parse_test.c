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
        {"/help join", CHAT_HELP, "join", ""},
        {"/joi x", CHAT_JOIN, "x", ""},
        {"/me waves  ", CHAT_ME, "", "/me waves  "},
        {"/query bob", CHAT_QUERY, "bob", ""},
        {"/reply bob no", CHAT_REPLY, "bob", "no"},
        {"/edit", CHAT_EDIT, "", ""},
        {"/topic", CHAT_TOPIC, "", ""},
        {"/topic a new one", CHAT_TOPIC, "", "a new one"},
        {"/history 2h", CHAT_HISTORY, "2h", ""},
        {"/search two words", CHAT_SEARCH, "", "two words"},
        {"/ignore", CHAT_IGNORE, "", ""},
        {"/unignore eve", CHAT_UNIGNORE, "eve", ""},
        {"/set", CHAT_SET, "", ""},
        {"/set joins all", CHAT_SET, "joins", "all"},
        {"/reconnect", CHAT_RECONNECT, "", ""},
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
    static const char *const cases[] = {"/", "/ join x", "/\tjoin x", "/\r", "/xjoin x", "/w", "/me", "/search",
        "/set joins", "/unignore", "/join", "/join a b", "/msg", "/msg bob", "/msg bob  ", "/nick", "/quit now",
        "/who x", "/JOIN x"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chat_line_t line = chat_parse(zr_span(cases[i]));
        ck_assert_msg(line.kind == CHAT_BAD && line.text.len > 0, "%s", cases[i]);
    }
}

TEST(test_help_ends) {
    size_t count = 0;
    while (chat_help(count))
        count++;
    ck_assert_uint_eq(count, 27);
    ck_assert_ptr_eq(chat_help_for(zr_span("join")), chat_help(0));
    ck_assert_ptr_eq(chat_help_for(zr_span("/joi")), chat_help(0));
    ck_assert_ptr_null(chat_help_for(zr_span("nosuch")));
}

TEST(test_the_nearest_command) {
    static const struct {
        const char *typed, *nearest;
    } cases[] = {{"jion", "join"}, {"hsitory", "history"}, {"quitt", "quit"}, {"serch", "search"}, {"wohis", "whois"},
        {"xyzzy", NULL}, {"", NULL}, {"a-word-that-is-far-too-long", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = chat_nearest(zr_span(cases[i].typed));
        ck_assert_msg(!nearest == !cases[i].nearest && (!nearest || strcmp(nearest, cases[i].nearest) == 0), "%s: %s",
            cases[i].typed, nearest ? nearest : "none");
    }
}

TEST(test_commands_that_begin_so) {
    zr_buffer_t out = {0};
    chat_match_commands(zr_span("re"), &out);
    chat_match_commands(zr_span("qui"), &out);
    ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span("/reply \n/reconnect\n/quit\n"));
    zr_buffer_finish(&out);
}

UNIT_SUITE("client.cli.chat.chat_parse")
