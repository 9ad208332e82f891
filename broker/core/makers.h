/* Who made how many of the rooms that are there (`max-user-rooms`): users, and, of peers that did not log in, their
 * addresses. */
#ifndef MAKERS_H
#define MAKERS_H

#include "hash.h"
#include "span.h"

/* Lives as long as a session or a room refers to it. */
typedef struct maker {
    size_t rooms;      /* that it made and that are there */
    size_t references; /* of sessions and rooms */
    size_t name_len;
    UT_hash_handle hh;
    char name[];
} maker_t;

typedef struct {
    maker_t *by_name;
} makers_t;

/* The maker of that name, made if need be; a reference that maker_release gives back. An address is told from a user
 * by the space before it, which no nick has. */
maker_t *maker_of_user(makers_t *makers, zr_span_t user);
maker_t *maker_of_address(makers_t *makers, zr_span_t address);
void maker_release(makers_t *makers, maker_t *maker); /* NULL is accepted */

/* For a room: another reference, and one room more. maker_room_gone gives back both. NULL is accepted. */
maker_t *maker_room_made(maker_t *maker);
void maker_room_gone(makers_t *makers, maker_t *maker);

#endif
