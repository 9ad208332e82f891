/* The people of a room: which are present, and which spoke last. Pure. */
#ifndef PEOPLE_H
#define PEOPLE_H

#include "buffer.h"

enum { PEOPLE_MAX = 2000 }; /* of a room; further ones are not remembered unless they speak */

typedef struct {
    char *nick;
    uint64_t spoke; /* rises with each message; 0: did not speak */
    bool here;
} person_t;

/* A zeroed struct is empty. */
typedef struct {
    person_t *list;
    size_t count, size;
    uint64_t clock;
} people_t;

void people_finish(people_t *people);

void people_spoke(people_t *people, const char *nick);
void people_came(people_t *people, const char *nick);
void people_left(people_t *people, const char *nick);

/* `nick` is called `to` now, and has spoken if `nick` has. */
void people_renamed(people_t *people, const char *nick, const char *to);

bool people_has_spoken(const people_t *people, const char *nick);
bool people_is_here(const people_t *people, const char *nick);

/* Appends the nicks that begin with `prefix`, in whatever case, each with `behind` and a newline: the last speaker first,
 * then those that are here. `but` (may be NULL) is left out. */
void people_match(const people_t *people, zr_span_t prefix, const char *but, const char *behind, zr_buffer_t *out);

#endif
