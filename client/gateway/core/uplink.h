/* The gateway's connection to the broker: its own session, and a channel of the trunk for each peer (PROTOCOL.md,
 * "Trunks"). Without socket, clock or thread: actions go to `perform`, as the library's link carries them out.
 *
 * When the trunk breaks, every channel hears of it and stays. Once the broker is back, each is opened again. */
#ifndef UPLINK_H
#define UPLINK_H

#include "channel.h"
#include "feeds.h"
#include "machine.h"
#include "netblock.h"

typedef struct {
    const char *server; /* or several of them, "A,B,C" (servers.h) */
    const char *keys;   /* their public keys, likewise; NULL: none */
    const char *agent;
    const char *user, *token; /* NULL: none */
    /* Carries out an action; false: the DEALER takes no more now. */
    bool (*perform)(void *ctx, const action_t *action);
    void (*entropy)(void *ctx, void *out, size_t len);
    void *ctx;
} uplink_config_t;

/* `config` is copied, its strings are not. `feeds` gets what comes by SUB. */
uplink_t *uplink_new(const uplink_config_t *config, feeds_t *feeds, uint64_t now);
void uplink_destroy(uplink_t *uplink); /* channels must be closed; NULL is accepted */

/* What the link tells. Frames are taken over: one reference. */
void uplink_front(uplink_t *uplink, zr_blob_t *frame, uint64_t now);
void uplink_back(uplink_t *uplink, zr_blob_t *frame, uint64_t now);
void uplink_up(uplink_t *uplink, uint64_t now);                           /* the DEALER's connection stands */
void uplink_down(uplink_t *uplink, const char *why, uint64_t now);        /* it ended, or could not be made */
void uplink_unreachable(uplink_t *uplink, const char *why, uint64_t now); /* it cannot be made yet */
void uplink_back_down(uplink_t *uplink, uint64_t now);

/* Does what is due. uplink_due says when that is next (UINT64_MAX: never). */
void uplink_tick(uplink_t *uplink, uint64_t now);
uint64_t uplink_due(const uplink_t *uplink);

/* The broker has not read enough: nothing is to be sent, and peers are not to be read from. */
bool uplink_is_full(const uplink_t *uplink);

/* Frames wait for the DEALER to take them. */
bool uplink_is_blocked(const uplink_t *uplink);

/* The broker is there. */
bool uplink_is_live(const uplink_t *uplink);

/* Says bye. */
void uplink_close(uplink_t *uplink);

typedef struct {
    uint64_t channels, sent_frames, sent_bytes, received_frames, received_bytes, losses;
} uplink_counts_t;
const uplink_counts_t *uplink_counts(const uplink_t *uplink);

#endif
