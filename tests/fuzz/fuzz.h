/* Shared by the fuzz targets. A target is one file NAME_fuzz.c that defines LLVMFuzzerTestOneInput, and one line in
 * CMakeLists.txt. It must take every input and depend on nothing but the input. It stops the program (fuzz_require)
 * when it finds a fault. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_require(property)                                                                                         \
    do {                                                                                                               \
        if (!(property)) {                                                                                             \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property);                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
