/* The number of existing rooms and groups that count for each maker (`max-user-rooms`, `max-user-groups`). A maker is a
 * user, or the address of peers that did not log in.
 *
 * A room counts for the maker that made it. It also counts for each maker that published there without the right to
 * read. Otherwise such a maker could tell from its own quota whether the room existed before. */
#ifndef ROOM_MAKERS_H
#define ROOM_MAKERS_H

#include <stdbool.h>

#include "hash.h"
#include "span.h"

/* Lives as long as a session, a room or a group refers to it. */
typedef struct maker {
    size_t rooms;      /* that exist and count for it */
    size_t groups;     /* that exist, and that it made */
    size_t references; /* of sessions, rooms and groups */
    size_t name_len;
    UT_hash_handle hh;
    char name[];
} maker_t;

typedef struct claim claim_t;

/* The makers that one room counts for; part of the room. All zero: none. */
typedef struct {
    maker_t *first;  /* made the room; NULL: nobody, or in an earlier run */
    claim_t *others; /* published there without the right to read */
} claims_t;

typedef struct {
    maker_t *by_name;
    claim_t *claims; /* the others of all rooms */
} makers_t;

/* The maker of that name, made if need be; a reference that maker_release gives back. An address is told from a user
 * by the space before it, which no nick has. */
maker_t *maker_of_user(makers_t *makers, zr_span_t user);
maker_t *maker_of_address(makers_t *makers, zr_span_t address);
void maker_release(makers_t *makers, maker_t *maker); /* NULL is accepted */

/* The room counts for `maker`, which made it. NULL is accepted. */
void maker_room_made(claims_t *room, maker_t *maker);

/* The room counts for `maker` too, if it does not yet. */
void maker_room_shared(makers_t *makers, claims_t *room, maker_t *maker);

/* Does the room count for `maker`? NULL: nobody counts its rooms, so the answer is yes. */
bool maker_counts(const makers_t *makers, const claims_t *room, const maker_t *maker);

/* A group that it made is there; a reference that maker_group_gone gives back. NULL is accepted. */
maker_t *maker_group_made(maker_t *maker);
void maker_group_gone(makers_t *makers, maker_t *maker);

/* How often rooms count for another maker than the one that made them. */
size_t makers_shared(const makers_t *makers);

/* The room is gone: it counts for nobody any more. */
void makers_room_gone(makers_t *makers, claims_t *room);

#endif
