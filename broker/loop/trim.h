/* When to give memory back. What connections had used stays with the process: the C library keeps what is freed, in
 * pieces between those still in use, for whoever comes next. That is right as long as somebody does; after many have
 * left it is given back. Pure. */
#ifndef TRIM_H
#define TRIM_H

#include <stdbool.h>
#include <stddef.h>

enum { TRIM_SESSIONS = 500 }; /* so many have to leave: some 25 MB */

typedef struct {
    size_t most; /* sessions since memory was given back */
    size_t last; /* when this was asked before */
} trim_t;

/* To be asked every second, with the number of sessions. true: give it back now. Half of them have left, and those who
 * leave together have done so: it is work, and those who come back want it again. */
bool trim_due(trim_t *spare, size_t sessions);

#endif
