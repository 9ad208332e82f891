/* The contract of log engines (log.h) as one suite of tests, which each engine has to pass. An engine's own tests are
 * about what only that engine does. */
#ifndef FIXTURE_CONTRACT_H
#define FIXTURE_CONTRACT_H

#include "log.h"

enum { CONTRACT_EPOCH = 0xE1, CONTRACT_QUEUE = 100000 };

/* How the tests handle an engine. */
typedef struct {
    const char *suite;
    zr_level_t level;
    bool keeps; /* its content, over runs */
    /* Opens the log, which has CONTRACT_EPOCH. It is empty at first, or has its content from before. Each room keeps
     * about `keep` entries; 0: all. An engine that is full at times is so when more than CONTRACT_QUEUE bytes wait. */
    log_t *(*open)(uint64_t keep);
    void (*wipe)(void); /* the log is destroyed, and its content goes; NULL: it cannot */
    /* Of an engine that answers later, else NULL. Commits are held back from now on; waits until one is; they go on,
     * and the one that was held fails if `fail`. */
    void (*hold)(void);
    void (*await_held)(void);
    void (*release)(bool fail);
    void (*fill)(bool full); /* nothing can be stored while `full`; NULL: that does not happen */
} contract_t;

/* Runs the suite; what main returns. */
int contract_run(const contract_t *engine);

#endif
