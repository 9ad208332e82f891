/* Memory of another process on this machine. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdint.h>

/* Resident bytes of process `pid`; 0: not to be had. */
uint64_t bench_memory(uint64_t pid);

#endif
