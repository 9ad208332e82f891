/* A session of the library: what zrelay.c, zrelay_options.c and zrelay_groups.c share. */
#ifndef ZRELAY_STATE_H
#define ZRELAY_STATE_H

#include <sodium/randombytes.h>

#include "control.h"
#include "guard.h"
#include "link.h"
#include "machine_identity.h"
#include "names.h"
#include "servers.h"
#include "zrelay.h"

enum {
    RELAY_AGENT = 64, /* bytes of an agent */
};

struct zrelay {
    char nick[ZR_NICK_MAX + 1], agent[RELAY_AGENT + 1];
    char user[ZR_NICK_MAX + 1], token[ZR_JWT_MAX + 1];
    char client[ZR_CLIENT_ID_LEN + 1];
    char meta[ZR_META_MAX + 1]; /* empty: none */
    zr_servers_t servers;
    bool local, encrypted; /* all servers are on this machine; the connection is encrypted */
    size_t queue_messages, queue_bytes, pack;
    bool reconnect, closing;
    link_t *link;
    machine_t *machine;  /* NULL until the session starts */
    action_t held;       /* an action that the DEALER had no room for */
    uint64_t held_since; /* the connection it was meant for */
    bool blocked;        /* there is one */
    bool dirty;          /* the program wants something that no action was taken for yet */
    uint64_t flushed;    /* when actions were last taken */
    bool streams;        /* the last turn left frames with the SUB, perhaps */
    uint64_t due;        /* when the machine wants to be asked again */
    unsigned process;    /* guard_process() when it was made */
    uint8_t seed[randombytes_SEEDBYTES];
    char *why; /* the last key file was refused */
};

/* After a fork the child has no thread of the library, and locks may be held for ever. */
static inline bool relay_is_parents(const zrelay_t *relay) {
    return relay->process != guard_process();
}

/* The session's machine, to note a wish, which the next turn carries out. It starts with the first one. NULL: there is no
 * session to ask, and `*code` says why. */
machine_t *relay_machine(zrelay_t *relay, int *code);

/* Why an option cannot be set now; 0: it can. */
static inline int relay_started(const zrelay_t *relay) {
    if (!relay)
        return ZRELAY_EINVAL;
    return relay->machine || relay_is_parents(relay) ? ZRELAY_ESTATE : 0;
}

static inline bool relay_is_token(const char *token) {
    return token && zr_token_fits(zr_span(token)) && zr_utf8_valid(zr_span(token));
}

#endif
