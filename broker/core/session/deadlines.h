/* Deadlines in a heap: the next one is at the top. Nodes are members of what they are the deadlines of. */
#ifndef DEADLINES_H
#define DEADLINES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t at; /* µs since 1970; does not change while the node is in the heap */
    size_t place;
} deadline_t;

/* A zeroed struct is empty. */
typedef struct {
    deadline_t **items;
    size_t count, size;
} deadlines_t;

void deadlines_add(deadlines_t *deadlines, deadline_t *deadline);
void deadlines_remove(deadlines_t *deadlines, deadline_t *deadline); /* which is in it */
deadline_t *deadlines_next(const deadlines_t *deadlines);            /* NULL: nothing waits */
void deadlines_finish(deadlines_t *deadlines);                       /* the nodes stay */

/* The `type` whose `member` is the node. */
#define DEADLINE_ITEM(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

#endif
