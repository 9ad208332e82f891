/* Memory: of another process on this machine, and keeping this one's. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdint.h>

/* Resident bytes of process `pid`; 0: not to be had. */
uint64_t bench_memory(uint64_t pid);

/* What this process frees stays its own from now on: else page faults would be measured, some to each received frame.
 */
void bench_memory_keep(void);

#endif
