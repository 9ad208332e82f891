/* What a program does as a worker of groups: as the functions of zrelay.h with the same names, which say more. */
#ifndef MACHINE_WORKER_H
#define MACHINE_WORKER_H

#include "machine.h"
#include "wire_work.h"

int machine_work(
    machine_t *machine, const char *room, const char *group, uint64_t credit, const char *options, uint32_t *worker);
int machine_unwork(machine_t *machine, uint32_t worker);
int machine_credit(machine_t *machine, uint32_t worker, uint64_t credit);
int machine_settle(machine_t *machine, uint32_t worker, zr_verb_t verb, uint64_t seq, uint64_t ms);
int machine_reject(machine_t *machine, uint32_t worker, uint64_t seq, const char *reason);
int machine_groups(machine_t *machine, const char *room, uint64_t *request);
int machine_group(
    machine_t *machine, const char *room, const char *group, const char *what, const char *options, uint64_t *request);

#endif
