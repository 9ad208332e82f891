#include "people.h"

#include <stdlib.h>

#include "fatal.h"
#include "unicode.h"

void people_finish(people_t *people) {
    for (size_t i = 0; i < people->count; i++)
        free(people->list[i].nick);
    free(people->list);
    *people = (people_t){0};
}

static person_t *s_find(const people_t *people, const char *nick) {
    for (size_t i = 0; i < people->count; i++)
        if (strcmp(people->list[i].nick, nick) == 0)
            return &people->list[i];
    return NULL;
}

/* The place of a person to forget: of one that is gone, or else of the one that is silent for longest. NULL: nobody is
 * forgotten for a person that is silent. */
static person_t *s_forget(people_t *people, bool speaks) {
    person_t *oldest = NULL;
    for (size_t i = 0; i < people->count; i++) {
        person_t *person = &people->list[i];
        if ((speaks || !person->here) && (!oldest || person->spoke < oldest->spoke))
            oldest = person;
    }
    if (oldest)
        free(oldest->nick);
    return oldest;
}

static person_t *s_person(people_t *people, const char *nick, bool speaks) {
    person_t *person = s_find(people, nick);
    if (person)
        return person;
    if (people->count < PEOPLE_MAX) {
        FATAL_GROW(people->list, people->count, people->size);
        person = &people->list[people->count++];
    } else if (!(person = s_forget(people, speaks))) {
        return NULL;
    }
    *person = (person_t){.nick = fatal_check(strdup(nick))};
    return person;
}

void people_spoke(people_t *people, const char *nick) {
    s_person(people, nick, true)->spoke = ++people->clock;
}

void people_came(people_t *people, const char *nick) {
    person_t *person = s_person(people, nick, false);
    if (person)
        person->here = true;
}

void people_left(people_t *people, const char *nick) {
    person_t *person = s_find(people, nick);
    if (person)
        person->here = false;
}

void people_renamed(people_t *people, const char *nick, const char *to) {
    person_t *person = s_find(people, nick);
    uint64_t spoke = person ? person->spoke : 0;
    people_left(people, nick);
    people_came(people, to);
    person = s_find(people, to);
    if (person && spoke > person->spoke)
        person->spoke = spoke;
}

bool people_has_spoken(const people_t *people, const char *nick) {
    const person_t *person = s_find(people, nick);
    return person && person->spoke > 0;
}

bool people_is_here(const people_t *people, const char *nick) {
    const person_t *person = s_find(people, nick);
    return person && person->here;
}

/* --- Completion --- */

static int s_later_first(const void *a, const void *b) {
    const person_t *one = *(person_t *const *)a, *other = *(person_t *const *)b;
    if (one->spoke != other->spoke)
        return one->spoke < other->spoke ? 1 : -1;
    return strcmp(one->nick, other->nick);
}

static bool s_begins(const char *nick, zr_span_t prefix) {
    zr_buffer_t name = {0}, begin = {0};
    zr_fold(&name, zr_span(nick));
    zr_fold(&begin, prefix);
    bool same = zr_span_starts(zr_span_of(name.data, name.len), zr_span_of(begin.data, begin.len));
    zr_buffer_finish(&name);
    zr_buffer_finish(&begin);
    return same;
}

void people_match(const people_t *people, zr_span_t prefix, const char *but, const char *behind, zr_buffer_t *out) {
    const person_t **found = fatal_check(calloc(people->count + 1, sizeof(*found)));
    size_t count = 0;
    for (size_t i = 0; i < people->count; i++) {
        const person_t *person = &people->list[i];
        bool other = !but || strcmp(person->nick, but) != 0;
        if (other && (person->here || person->spoke) && s_begins(person->nick, prefix))
            found[count++] = person;
    }
    qsort(found, count, sizeof(*found), s_later_first);
    for (size_t i = 0; i < count; i++)
        zr_buffer_printf(out, "%s%s\n", found[i]->nick, behind);
    free(found);
}
