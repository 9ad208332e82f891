/* File descriptors. Libraries need some, and abort without them. */
#ifndef ZR_DESCRIPTORS_H
#define ZR_DESCRIPTORS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

enum { ZR_DESCRIPTORS_MOST = 64 };

/* Can the process open `count` more, at most ZR_DESCRIPTORS_MOST? */
static inline bool zr_descriptors_left(size_t count) {
    int opened[ZR_DESCRIPTORS_MOST];
    size_t got = 0;
    while (got < count && got < ZR_DESCRIPTORS_MOST && (opened[got] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        got++;
    for (size_t i = 0; i < got; i++)
        close(opened[i]);
    return got == count;
}

#endif
