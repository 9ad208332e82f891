/* Rights that change during the run: each slot's programs authenticate as one of a few users. Each frame on the wire is
 * checked at the moment that it is sent. */
#ifndef SIM_RIGHTS_H
#define SIM_RIGHTS_H

#include "access.h"
#include "model.h"
#include "span.h"

struct sim;
struct client;
struct conn;

enum { USERS = 3 };

typedef struct {
    rights_t may[USERS][ROOMS];
    bool banned[USERS];
    /* The head when the right to read was taken the last time in that epoch: a program that was frozen may still be in an
     * old one. */
    uint64_t taken[EPOCHS_MAX][USERS][ROOMS];
} users_t;

/* The user of a slot's programs. */
#define RIGHTS_GATEWAY "web" /* the user of the gateway */
enum { RIGHTS_SIGNER = 1 };  /* the key that signs JWTs */

const char *rights_user(unsigned slot);

/* The access for the broker; NULL: none, as there are no users. */
access_t *rights_access(const struct sim *sim);

/* Other rights from now on. */
void rights_change(struct sim *sim);

bool rights_may(const struct sim *sim, const struct client *client, unsigned room, rights_t needed);

/* A program of this epoch may have missed entries up to there, as it might not ask for them. */
uint64_t rights_missed(const struct sim *sim, const struct client *client, unsigned room);

/* A frame goes to one client, or to the back, where everybody could read it. */
void rights_check_sent(struct sim *sim, const struct conn *conn, zr_span_t frame);
void rights_check_published(struct sim *sim, zr_span_t frame);

#endif
