/* A broker of a cluster: the real relay over the database while it leads, the real leaf while it follows, in a loop that is
 * as the real one but for its sockets. node_boot.c has the way from a start to one of the two, and the looks at the lease. */
#ifndef NODE_H
#define NODE_H

#include "network.h"
#include "database.h"
#include "log.h"

struct cluster;
typedef struct node node_t;

node_t *node_new(struct cluster *sim, unsigned number); /* it begins to start */
void node_destroy(node_t *node);

unsigned node_number(const node_t *node);
struct cluster *node_sim(const node_t *node);
const char *node_front(unsigned number); /* its endpoint */
bool node_serves(const node_t *node);    /* it leads or follows */
bool node_leads(const node_t *node);
unsigned node_incarnation(const node_t *node);          /* of its process, unlike all others in the world */
bool node_is(const node_t *node, unsigned incarnation); /* it runs, as that process */
log_t *node_log(const node_t *node);                    /* of one that leads; else NULL */
uint64_t node_epoch(const node_t *node);                /* likewise of its log */
uint64_t node_claim(const node_t *node);                /* as whom it holds the lease */

/* --- For the faults --- */

void node_kill(node_t *node, bool silently); /* `silently`: with its machine, and nobody is told */
void node_stop(node_t *node);                /* as by SIGTERM: it hands over, and is started again some time later */
void node_restart(node_t *node, uint64_t after);          /* starts it, unless it runs by then */
void node_stall(node_t *node, uint64_t until);            /* it stands still */
db_conn_t *node_conn(const node_t *node);                 /* of its choice, with the database; may be NULL */
conn_t *node_trunk(const node_t *node, conn_kind_t kind); /* of one that follows, to its leader; may be NULL */

/* --- For its log --- */

/* Ends at once, and starts again soon: what it knows is not true any more. */
void node_exit(node_t *node, const char *why);
const uint64_t *node_frozen(const node_t *node); /* nothing happens in it before */
bool node_is_frozen(const node_t *node);
uint64_t node_time(const node_t *node); /* now, or once it goes on */

/* Around everything that the core hears of, as broker_begin_pass and broker_end_pass. */
void node_begin_pass(node_t *node);
void node_end_pass(node_t *node);

/* --- For the network --- */

unsigned node_listens(const node_t *node, const socket_t *socket); /* its incarnation, if it is that endpoint; else 0 */
void node_receive(node_t *node, conn_t *conn, zr_blob_t *frame);   /* takes over the reference */
void node_gone(node_t *node, conn_t *conn);

#endif
