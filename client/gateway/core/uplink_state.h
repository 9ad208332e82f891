/* Private to uplink.c and channel.c: the uplink's state, and what the two offer each other. */
#ifndef UPLINK_STATE_H
#define UPLINK_STATE_H

#include "back_sync.h"
#include "blob_queue.h"
#include "hash.h"
#include "logger.h"
#include "names.h"
#include "trunk_session.h"
#include "uplink.h"

#define UPLINK_BEAT "gateway" /* the id of heartbeats */

struct channel {
    uplink_t *uplink;
    uint32_t number;
    bool open;  /* at the broker */
    bool ended; /* by the broker */
    bool alive; /* has a session; in the list of heartbeats */
    bool secure;
    json_t *hello; /* under way; NULL: none is */
    bool again;    /* and it was said twice */
    bool queued;   /* and its login waits at the broker, as far as we heard since the last heartbeat */
    uint64_t beat_at;
    char address[ADDRESS_TEXT];
    const channel_calls_t *calls;
    void *ctx;
    channel_t *prev, *next; /* by heartbeats, the next one first */
    UT_hash_handle hh;
};

/* A number whose `close` the broker has not answered yet. */
typedef struct {
    uint32_t number;
    UT_hash_handle hh;
} closing_t;

struct uplink {
    uplink_config_t config;
    zr_trunk_t trunk;
    bool told; /* the only server cannot be reached: the operator was told once */
    feeds_t *feeds;
    uint64_t now;
    uint64_t beats_at; /* before then no heartbeats of channels are sent */
    char resume[ZR_CLIENT_ID_LEN + 1];
    channel_t *channels, *beats;
    closing_t *closing;
    uint32_t number;

    uint64_t back_at; /* when a SUB is to be made; 0: there is one, or no SUB is wanted */
    back_sync_t sync;

    blob_queue_t out; /* frames that the DEALER did not take yet */

    channel_t *cursor; /* of a walk over channels */
    zr_log_limit_t logged;
    uplink_counts_t counts;
};

/* uplink.c */
void uplink_send(uplink_t *uplink, zr_blob_t *frame); /* takes over the reference */
void uplink_say(uplink_t *uplink, json_t *object);    /* likewise */

/* channel.c */
channel_t *uplink_channel(const uplink_t *uplink, uint64_t number);
void uplink_on_inner(channel_t *channel, zr_span_t inner); /* a frame of the broker on the channel, which is open */
void uplink_open_all(uplink_t *uplink);                    /* the broker is there: all are opened, and told so */
void uplink_lose_all(uplink_t *uplink);                    /* it is away */
void uplink_forget_closing(uplink_t *uplink);              /* numbers whose `close` is not answered */
void uplink_on_close(uplink_t *uplink, uint64_t number, zr_span_t reason); /* the broker's `close` */
void uplink_on_refused(uplink_t *uplink, uint64_t number, zr_span_t code); /* it refused to open one */

/* Sends the heartbeats that are due; uplink_beats_due says when the next ones are (UINT64_MAX: never). */
void uplink_beat_all(uplink_t *uplink);
uint64_t uplink_beats_due(const uplink_t *uplink);

#endif
