/* The broker's two sockets: options, binding, the addresses that came of it. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <czmq.h>

#include "inflow.h"
#include "settings.h"

typedef struct {
    zsock_t *front;                     /* ROUTER */
    zsock_t *back;                      /* XPUB */
    settings_endpoints_t listen, backs; /* as bound: addresses and ports are real */
    inflow_t inflow;                    /* the limits on libzmq's reading of both */
    unsigned ipc_mode;                  /* of the files of ipc sockets */
    gid_t ipc_group;                    /* (gid_t)-1: the broker's */
    bool paired;
    char advertise[ENDPOINT_TEXT_SIZE];
} sockets_t;

/* Makes and binds both. `key` is the server's secret CURVE key, of ZR_CURVE_BYTES bytes, which stays the caller's to
 * wipe. NULL: no endpoint is encrypted. false: everything is freed, and `error` is one line that names the endpoint and
 * what to do. Call zsys_init before, and srand() with an unpredictable seed: ROUTER draws its first routing id from
 * rand(). The ZAP handler must be there: with none, libzmq lets every key in. */
bool sockets_open(sockets_t *sockets, const settings_t *settings, const uint8_t *key, zr_error_t *error);

/* Could they be bound? Endpoints where something listens already pass, as that may be the broker itself. `error` has a
 * line for each fault. */
bool sockets_check(const settings_t *settings, zr_error_t *error);

/* Closes both, and returns when libzmq is done with them: no listener and no connection is left, so the ZAP handler may
 * go. Until then what is queued is sent, a second at most. A zeroed struct is accepted. There is no unbinding before
 * it: in libzmq a listener owns the connections it accepted, and takes them with it. */
void sockets_close(sockets_t *sockets);

/* The back to name to the peer that sent `frame` (a payload part, which knows its connection). */
void sockets_back_for(const sockets_t *sockets, zmq_msg_t *frame, char out[ENDPOINT_TEXT_SIZE]);

#endif
