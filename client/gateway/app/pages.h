/* The files that are served at /: read once at the start, and sent as they are. */
#ifndef PAGES_H
#define PAGES_H

#include "errors.h"
#include "exchange.h"
#include "gateway_config.h"

typedef struct pages pages_t;

enum { PAGES_FILES = 256, PAGES_DEPTH = 8 }; /* files at most, and folders within folders */
#define PAGES_FILE_MAX ((size_t)4 << 20)     /* bytes of a file; a larger one is left out */

/* Whether http/page names a folder. The default one may be missing: then nothing is served at /. */
bool pages_check(const gateway_config_t *config, zr_error_t *error);

/* Reads that folder and those in it. Files of a kind that browsers do not load are left out. NULL: `error` says why. */
pages_t *pages_read(const gateway_config_t *config, zr_error_t *error);
void pages_destroy(pages_t *pages); /* NULL is accepted */

/* Answers a request for one of them; `ctx` is a pages_t. */
void pages_take(void *ctx, exchange_t *e);

#endif
