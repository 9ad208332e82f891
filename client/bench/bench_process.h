/* This process and its limits, and the memory of another one. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* Once, before anything else: allows as many file descriptors as may be had. And what this process frees stays its own
 * from now on: else page faults would be measured, some to each received frame. */
void bench_process_begin(void);

/* How many sessions this process has file descriptors for. */
uint64_t bench_process_sessions(void);

/* False, after telling so, when `sessions` are more than that. */
bool bench_process_fits(uint64_t sessions);

/* Resident bytes of process `pid`; 0: not to be had. */
uint64_t bench_process_memory(uint64_t pid);

#endif
