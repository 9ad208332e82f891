/* libzmq ends the process when it starts and the system has no descriptor or thread left for it. So both are tried
 * first. Other threads of the program may still take them in between. */
#ifndef SPARE_H
#define SPARE_H

#include <stdbool.h>

enum { SPARE_DESCRIPTORS = 16, SPARE_THREADS = 2 };

/* Are SPARE_DESCRIPTORS descriptors free? `any` is one of the process. False: `errno` says why not. */
bool spare_descriptors(int any);

/* Can SPARE_THREADS threads be started? False: `errno` says why not. */
bool spare_threads(void);

#endif
