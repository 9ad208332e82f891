#include "chat_complete.h"

#include "unit.h"

static people_t s_people, s_others;
static zr_buffer_t s_out;

static void s_begin(void) {
    people_came(&s_people, "bob");
    people_came(&s_people, "ann");
    people_came(&s_others, "bob");
    people_came(&s_others, "bea");
}

static void s_end(void) {
    people_finish(&s_people);
    people_finish(&s_others);
    zr_buffer_finish(&s_out);
}

/* At the end of the line. */
static zr_span_t s_complete_in(const people_t *people, const char *line, size_t from) {
    static const char *const rooms[] = {"garden", "general"};
    const people_t *others[] = {&s_others};
    complete_t complete = {
        .people = people, .others = others, .other_count = 1, .nick = "ann", .rooms = rooms, .room_count = 2};
    zr_buffer_clear(&s_out);
    ck_assert_uint_eq(complete_word(&complete, zr_span(line), strlen(line), &s_out), from);
    return zr_span_of(s_out.data, s_out.len);
}

static zr_span_t s_complete(const char *line, size_t from) {
    return s_complete_in(&s_people, line, from);
}

TEST(test_people_of_other_rooms_for_commands_that_take_a_nick) {
    ck_assert_span_eq(s_complete("/query b", 7), zr_span("bob \nbea \n")); /* those of the room in view come first */
    ck_assert_span_eq(s_complete("/whois be", 7), zr_span("bea \n"));
    ck_assert_span_eq(s_complete("/msg bob hi be", 12), zr_span(""));
    ck_assert_span_eq(s_complete("be", 0), zr_span(""));
    ck_assert_span_eq(s_complete_in(NULL, "ask be", 4), zr_span("bea \n")); /* no room is in view */
    ck_assert_span_eq(s_complete("hi @b", 4), zr_span("bob \n"));
    ck_assert_span_eq(s_complete("hi @", 3), zr_span(""));
}

TEST(test_what_is_offered) {
    ck_assert_span_eq(s_complete("b", 0), zr_span("bob: \n"));
    ck_assert_span_eq(s_complete("a", 0), zr_span(""));
    ck_assert_span_eq(s_complete("hi b", 3), zr_span("bob \n"));
    ck_assert_span_eq(s_complete("/joi", 0), zr_span("/join \n"));
    ck_assert_span_eq(s_complete("/join ga", 6), zr_span("garden \n"));
    ck_assert_span_eq(s_complete("/part ge", 6), zr_span("general \n"));
    ck_assert_span_eq(s_complete("/msg bo", 5), zr_span("bob \n"));
    ck_assert_span_eq(s_complete("/set jo", 5), zr_span("joins \n"));
    ck_assert_span_eq(s_complete("/set joins al", 11), zr_span("all\n"));
    ck_assert_span_eq(s_complete("one\nb", 4), zr_span("bob \n"));
    ck_assert_span_eq(s_complete("nobody", 0), zr_span(""));
}

UNIT_SUITE_WITH("client.cli.chat.chat_complete", s_begin, s_end)
