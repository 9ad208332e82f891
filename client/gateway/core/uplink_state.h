/* Private to uplink.c and channel.c: the uplink's state, and what the two offer each other. */
#ifndef UPLINK_STATE_H
#define UPLINK_STATE_H

#include "back_sync.h"
#include "blob_queue.h"
#include "hash.h"
#include "logger.h"
#include "names.h"
#include "servers.h"
#include "uplink.h"

enum { UPLINK_ENDPOINT = 512 };

#define UPLINK_BEAT "gateway" /* the id of heartbeats */

typedef enum {
    UPLINK_CLOSED,   /* no DEALER; `retry_at` says when there is one */
    UPLINK_WAITING,  /* a DEALER connects */
    UPLINK_GREETING, /* it stands, and `hello` was sent */
    UPLINK_LIVE
} uplink_state_t;

struct channel {
    uplink_t *uplink;
    uint32_t number;
    bool open;  /* at the broker */
    bool ended; /* by the broker */
    bool alive; /* has a session; in the list of heartbeats */
    bool secure;
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
    zr_servers_t servers;
    bool moves; /* the next attempt goes to the next server */
    bool told;  /* the only server cannot be reached: the operator was told once */
    feeds_t *feeds;
    uplink_state_t state;
    uint64_t now, retry_at, live_at, beat_at, beats_at, heard_at, heartbeat;
    uint64_t back_off;
    char client[ZR_CLIENT_ID_LEN + 1], resume[ZR_CLIENT_ID_LEN + 1], epoch[17], back[UPLINK_ENDPOINT];
    channel_t *channels, *beats;
    closing_t *closing;
    uint32_t number;

    uint64_t back_at; /* when a SUB is to be made; 0: there is one, or no SUB is wanted */
    back_sync_t sync;

    blob_queue_t out;            /* frames that the DEALER did not take yet */
    uint64_t sent, read, marked; /* bytes: given to the DEALER, read by the broker, at the last mark */

    channel_t *cursor; /* of a walk over channels */
    zr_log_limit_t logged;
    uplink_counts_t counts;
};

/* uplink.c */
void uplink_send(uplink_t *uplink, zr_blob_t *frame); /* takes over the reference */
void uplink_say(uplink_t *uplink, json_t *object);    /* likewise */
void uplink_mark(uplink_t *uplink);                   /* asks how much the broker has read */

/* channel.c */
channel_t *uplink_channel(const uplink_t *uplink, uint64_t number);
void uplink_open_all(uplink_t *uplink);       /* the broker is there: all are opened, and told so */
void uplink_lose_all(uplink_t *uplink);       /* it is away */
void uplink_forget_closing(uplink_t *uplink); /* numbers whose `close` is not answered */
void uplink_on_close(uplink_t *uplink, uint64_t number, zr_span_t reason); /* the broker's `close` */
void uplink_on_refused(uplink_t *uplink, uint64_t number, zr_span_t code); /* it refused to open one */

/* Sends the heartbeats that are due; uplink_beats_due says when the next ones are (UINT64_MAX: never). */
void uplink_beat_all(uplink_t *uplink);
uint64_t uplink_beats_due(const uplink_t *uplink);

#endif
