/* Which handler a request goes to, by its path. */
#ifndef ROUTES_H
#define ROUTES_H

#include "exchange.h"

typedef struct {
    const char *path; /* as it came, before the query; one that ends in / stands for all below it too */
    void (*handler)(void *ctx, exchange_t *e);
    void *ctx;
} route_t;

/* Calls the first route that fits, or answers 404. */
void routes_take(const route_t *routes, size_t count, exchange_t *e);

#endif
