/* The program: where sockets, clock and signals meet. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "errors.h"
#include "gateway_config.h"

typedef struct gateway gateway_t;

/* Listens and begins to connect to the broker. `config` must outlive it. The signals that it handles must be blocked in
 * all threads. NULL: `error` says why. */
gateway_t *gateway_new(const gateway_config_t *config, zr_error_t *error);
void gateway_destroy(gateway_t *gateway); /* NULL is accepted */

/* The start line, malloc'ed. */
char *gateway_banner(const gateway_t *gateway);

/* Runs until a signal asks it to stop. */
void gateway_run(gateway_t *gateway);

/* Checks what only a start would find: the address and the files that the settings name. */
bool gateway_check(const gateway_config_t *config, zr_error_t *error);

#endif
