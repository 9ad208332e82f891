/* The side of an exchange that libmicrohttpd sees. For web.c only. */
#ifndef EXCHANGE_MHD_H
#define EXCHANGE_MHD_H

#include <microhttpd.h>

#include "exchange.h"
#include "blob_queue.h"
#include "poller.h"

/* What all exchanges have in common. */
typedef struct {
    uint64_t max_body;
    void (*handler)(void *ctx, exchange_t *e);
    void *ctx;
    bool *due; /* set when libmicrohttpd has something to do */
    poller_t *poller;
    queue_budget_t *budget; /* of the streams' queues */
    exchange_t *suspended;  /* a list of those whose connections libmicrohttpd leaves alone */
} exchange_host_t;

/* An exchange of the request for `target`, before its headers are read. */
exchange_t *exchange_new(exchange_host_t *host, const char *target);
void exchange_destroy(exchange_t *e); /* tells that it is gone; NULL is accepted */

/* Gives all connections back to libmicrohttpd, which stops only then. */
void exchange_resume_all(exchange_host_t *host);

/* The connection's address, once. */
void exchange_place(exchange_t *e, struct MHD_Connection *connection, const address_t *address, bool secure);

/* A call of libmicrohttpd's access handler. `*whole` becomes true when the request is complete and goes to the handler. */
enum MHD_Result exchange_take(exchange_t *e, const char *method, const char *upload, size_t *upload_len, bool *whole);

#endif
