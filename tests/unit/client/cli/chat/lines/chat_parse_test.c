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
    static const struct {
        const char *line, *usage; /* NULL: there is no such command */
    } cases[] = {{"/", NULL}, {"/ join x", NULL}, {"/\tjoin x", NULL}, {"/\r", NULL}, {"/xjoin x", NULL}, {"/w", NULL},
        {"/JOIN x", NULL}, {"/me", "/me TEXT"}, {"/search", "/search TEXT"}, {"/set joins", "/set [NAME VALUE]"},
        {"/unignore", "/unignore NICK"}, {"/join", "/join ROOM"}, {"/join a b", "/join ROOM"},
        {"/msg", "/msg NICK TEXT"}, {"/msg bob", "/msg NICK TEXT"}, {"/msg bob  ", "/msg NICK TEXT"},
        {"/nick", "/nick NAME"}, {"/quit now", "/quit"}, {"/who x", "/who"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chat_line_t line = chat_parse(zr_span(cases[i].line));
        ck_assert_msg(line.kind == (cases[i].usage ? CHAT_MISUSED : CHAT_UNKNOWN), "%s", cases[i].line);
        if (cases[i].usage)
            ck_assert_span_eq(line.text, zr_span(cases[i].usage));
    }
}

static size_t s_lines(const char *name) {
    zr_buffer_t out = {0};
    bool known = chat_help(zr_span(name), &out);
    zr_span_t left = zr_span_of(out.data, out.len);
    size_t lines = 0;
    for (; left.len > 0; lines++)
        ck_assert_msg(zr_span_cut(&left, '\n').len < 110, "%s", name);
    ck_assert(known == (lines > 0));
    zr_buffer_finish(&out);
    return lines;
}

TEST(test_help) {
    ck_assert_uint_eq(s_lines("all"), 27);
    ck_assert_uint_eq(s_lines(""), 7); /* it fits on every screen, */
    ck_assert_uint_eq(s_lines("keys"), 10);
    ck_assert_uint_eq(s_lines("nosuch"), 0);
    zr_buffer_t overview = {0}, one = {0}, names = {0};
    chat_help(zr_span(""), &overview);
    chat_match_commands(zr_span(""), &names);
    for (zr_span_t left = zr_span_of(names.data, names.len); left.len > 0;) { /* and has every command */
        zr_span_t line = zr_span_cut(&left, '\n'), name = zr_span_word(&line);
        ck_assert_ptr_nonnull(memmem(overview.data, overview.len, name.ptr, name.len));
    }
    chat_help(zr_span("/joi"), &one);
    ck_assert_span_eq(zr_span_of(one.data, one.len), zr_span("/join ROOM        enter a room, or switch to it\n"));
    zr_buffer_finish(&overview);
    zr_buffer_finish(&one);
    zr_buffer_finish(&names);
}

TEST(test_what_an_unknown_command_was_meant_for) {
    static const struct {
        const char *typed, *meant;
    } cases[] = {{"jion", "/join"}, {"hsitory", "/history"}, {"quitt", "/quit"}, {"serch", "/search"},
        {"wohis", "/whois"}, {"w", "/who, /whois"}, {"n", "/names, /nick"}, {"xyzzy", ""}, {"", ""},
        {"a-word-that-is-far-too-long", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zr_buffer_t out = {0};
        chat_suggest(zr_span(cases[i].typed), &out);
        ck_assert_span_eq(zr_span_of(out.data, out.len), zr_span(cases[i].meant));
        zr_buffer_finish(&out);
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
