#include "chat_complete.h"

#include "unit.h"

static people_t s_people;
static zr_buffer_t s_out;

static void s_begin(void) {
    people_came(&s_people, "bob");
    people_came(&s_people, "ann");
}

static void s_end(void) {
    people_finish(&s_people);
    zr_buffer_finish(&s_out);
}

/* At the end of the line. */
static zr_span_t s_complete(const char *line, size_t from) {
    static const char *const rooms[] = {"garden", "general"};
    complete_t complete = {.people = &s_people, .nick = "ann", .rooms = rooms, .room_count = 2};
    zr_buffer_clear(&s_out);
    ck_assert_uint_eq(complete_word(&complete, zr_span(line), strlen(line), &s_out), from);
    return zr_span_of(s_out.data, s_out.len);
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
