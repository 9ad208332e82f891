/* What a program asks the broker by its session: as the functions of zrelay.h with the same names, which say what each
 * does. `*request` becomes the number that the answer's events bear. */
#ifndef MACHINE_ASK_H
#define MACHINE_ASK_H

#include "machine.h"

int machine_history(
    machine_t *machine, const char *room, uint64_t after, uint64_t last, uint64_t limit, uint64_t *request);
int machine_state(machine_t *machine, const char *room, const char *key, uint64_t *request);
int machine_who(machine_t *machine, const char *room, uint64_t *request);
int machine_rooms(machine_t *machine, const char *prefix, uint64_t *request);
int machine_direct(machine_t *machine, const char *nick, const char *text, uint64_t *request);
int machine_ping(machine_t *machine, uint64_t *request);
int machine_admin(machine_t *machine, const char *what, const char *user, const char *reason, uint64_t *request);
int machine_kick(
    machine_t *machine, const char *room, const char *nick, long seconds, const char *reason, uint64_t *request);

#endif
