/* What the word before the cursor may become: commands, rooms, nicks, settings. Pure. */
#ifndef CHAT_COMPLETE_H
#define CHAT_COMPLETE_H

#include "people.h"

typedef struct {
    const people_t *people;        /* of the room in view; NULL: no room is in view */
    const people_t *const *others; /* of the other rooms: for commands that take a nick, and where no room is in view */
    size_t other_count;
    const char *nick; /* the user's own, which is not offered; NULL: none */
    const char *const *rooms;
    size_t room_count;
} complete_t;

/* Appends them, each with a newline behind, and returns where the word begins. At the beginning of the line a nick gets
 * ": " behind, elsewhere a blank. */
size_t complete_word(const complete_t *complete, zr_span_t line, size_t cursor, zr_buffer_t *out);

#endif
