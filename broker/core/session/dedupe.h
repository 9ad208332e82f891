/* A record for each client id, so that an entry is published once (PROTOCOL.md, section 8). It has the highest message
 * id answered, and the last refusals. The count is bounded: beyond it, ids longest without a session are forgotten,
 * first those of the user that needs the place. */
#ifndef DEDUPE_H
#define DEDUPE_H

#include "blob.h"
#include "code.h"
#include "hash.h"
#include "names.h"

enum { DEDUPE_REFUSALS = 64 };

/* The key of a client id's record. Without a user it is the client id itself. With a user it depends on both, so that
 * no other user's key can equal it. It begins with a letter that no client id has, and then a part that depends on the
 * user alone. */
typedef struct {
    char text[ZR_CLIENT_ID_LEN];
} dedupe_key_t;

enum { DEDUPE_OWNER_LEN = 16 }; /* of a user's keys: the same in all */

typedef struct {
    uint64_t first, last; /* message ids */
    zr_code_t code;
} refusal_t;

/* A user with records. All anonymous clients together are one owner. */
typedef struct {
    char key[DEDUPE_OWNER_LEN];
    struct client *idle; /* records not held, longest first */
    size_t records;
    UT_hash_handle hh;
} dedupe_owner_t;

typedef struct client {
    char id[ZR_CLIENT_ID_LEN]; /* its key */
    dedupe_owner_t *owner;
    uint64_t mark;       /* every message id up to here is answered */
    refusal_t *refusals; /* a ring of DEDUPE_REFUSALS; NULL until the first one */
    size_t refusal_count;
    uint64_t forgotten;                 /* refusals up to this message id may have left the ring */
    bool held;                          /* by a session; not to be forgotten */
    bool lasting;                       /* the record outlives the session: an entry came into a room */
    bool refused;                       /* an entry was refused since the record was last stored */
    uint64_t touched;                   /* the pass that stores its mark (batch.h) */
    struct client *prev, *next;         /* those not held, longest first, */
    struct client *own_prev, *own_next; /* and those of the same owner */
    UT_hash_handle hh;
} client_t;

typedef struct {
    client_t *clients;
    client_t *idle;
    dedupe_owner_t *owners;
    size_t max; /* clients remembered; held ones beyond it are not refused */
} dedupe_t;

void dedupe_finish(dedupe_t *dedupe);

/* `user`: empty if nobody logged in. Both valid. */
dedupe_key_t dedupe_key(zr_span_t user, zr_span_t client);

/* The record if it is remembered; NULL: it is not. */
client_t *dedupe_find(const dedupe_t *dedupe, zr_span_t id);

/* The client's refusals as bytes to be kept over a restart; the caller's reference. */
zr_blob_t *dedupe_encode(const client_t *client);

/* Takes in a record of an earlier run, not held, with dedupe_encode's bytes (empty: none refused). false: the bytes
 * are not valid. */
bool dedupe_restore(dedupe_t *dedupe, zr_span_t id, uint64_t mark, zr_span_t refusals);

/* The record of that key, made if need be, held until dedupe_release. One session holds a record at a time. */
client_t *dedupe_hold(dedupe_t *dedupe, zr_span_t id);
void dedupe_release(dedupe_t *dedupe, client_t *client);

/* Entries first…last were refused for good. They join the newest refusal if they follow it without a gap and have the
 * same code. */
void dedupe_refuse(client_t *client, uint64_t first, uint64_t last, zr_code_t code);

/* The first of the message ids first…last whose outcome is not ZR_OK; 0: all are ZR_OK. */
uint64_t dedupe_first_refused(const client_t *client, uint64_t first, uint64_t last);

/* The outcome of message id `mid` <= client->mark. ZR_OK: stored; else the reason for the refusal. */
zr_code_t dedupe_outcome(const client_t *client, uint64_t mid);

#endif
