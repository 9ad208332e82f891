#include "people.h"

#include <stdio.h>

#include "unit.h"

static people_t s_people;
static zr_buffer_t s_out;

static void s_end(void) {
    people_finish(&s_people);
    zr_buffer_finish(&s_out);
}

static zr_span_t s_match(const char *prefix, const char *but) {
    zr_buffer_clear(&s_out);
    people_match(&s_people, zr_span(prefix), but, "", &s_out);
    return zr_span_of(s_out.data, s_out.len);
}

TEST(test_the_last_speaker_comes_first) {
    people_came(&s_people, "bob");
    people_came(&s_people, "Bea");
    people_came(&s_people, "ann");
    ck_assert_span_eq(s_match("b", NULL), zr_span("Bea\nbob\n"));
    people_spoke(&s_people, "bob");
    ck_assert_span_eq(s_match("B", NULL), zr_span("bob\nBea\n"));
    people_spoke(&s_people, "Bea");
    ck_assert_span_eq(s_match("", "ann"), zr_span("Bea\nbob\n"));
    people_left(&s_people, "bob");
    people_left(&s_people, "ann");
    ck_assert_span_eq(s_match("", NULL), zr_span("Bea\nbob\n")); /* bob spoke, and may be answered */
    ck_assert(people_has_spoken(&s_people, "bob") && !people_is_here(&s_people, "bob"));
    ck_assert(!people_has_spoken(&s_people, "ann"));
}

TEST(test_renamed) {
    people_came(&s_people, "bob");
    people_spoke(&s_people, "bob");
    people_renamed(&s_people, "bob", "rob");
    ck_assert(people_is_here(&s_people, "rob") && people_has_spoken(&s_people, "rob"));
    ck_assert(!people_is_here(&s_people, "bob"));
}

TEST(test_so_many_are_remembered) {
    char nick[20];
    for (int i = 0; i <= PEOPLE_MAX; i++) {
        snprintf(nick, sizeof nick, "n%d", i);
        people_came(&s_people, nick);
    }
    ck_assert_uint_eq(s_people.count, PEOPLE_MAX);
    ck_assert(people_is_here(&s_people, "n1999") && !people_is_here(&s_people, "n2000"));
    people_spoke(&s_people, "loud"); /* in the place of somebody silent */
    ck_assert(people_has_spoken(&s_people, "loud"));
    people_left(&s_people, "n7");
    people_came(&s_people, "n2000");
    ck_assert(people_is_here(&s_people, "n2000"));
}

UNIT_SUITE_WITH("client.cli.chat.people", NULL, s_end)
