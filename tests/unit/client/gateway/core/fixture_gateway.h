/* An uplink without sockets: its actions are kept, and the test says what the broker answers. */
#ifndef FIXTURE_GATEWAY_H
#define FIXTURE_GATEWAY_H

#include <jansson.h>

#include "uplink.h"
#include "ws_peer.h"

enum { STAGE_SENT = 1024, STAGE_TOPICS = 256 };

typedef struct {
    uplink_t *uplink;
    feeds_t *feeds;
    ws_host_t host;
    uint64_t now;
    bool blocked; /* the DEALER takes nothing */
    unsigned fronts, backs, disconnects;
    zr_blob_t *sent[STAGE_SENT]; /* frames on the DEALER that the test did not look at */
    size_t sent_count;
    char topics[STAGE_TOPICS][160]; /* subscribed to, in hex */
    size_t topic_count;
    char nonce[40];  /* the last one subscribed to; empty: none */
    char server[64]; /* that was connected to last */
} stage_t;

extern const char *stage_servers; /* of the next stage; NULL: one */

void stage_begin(stage_t *stage, size_t max_topics);
void stage_end(stage_t *stage);

/* The connection stands, and the broker says welcome. */
void stage_go_live(stage_t *stage);

/* Moves the time and does what is due; answers the sync if there is one. */
void stage_tick(stage_t *stage, uint64_t ms);

/* A frame of the broker on the trunk, on a channel, and by SUB. ' becomes ". */
void stage_front(stage_t *stage, const char *json);
void stage_inner(stage_t *stage, uint32_t channel, const char *json);
void stage_inner_frame(stage_t *stage, uint32_t channel, zr_span_t frame);
void stage_back(stage_t *stage, zr_span_t frame);

/* A DELIVER frame with one entry; valid until the next call. */
zr_span_t stage_entry(const char *room, uint8_t flags, uint64_t prev, uint64_t seq, const char *body);

/* The next frame that was sent, as "CHANNEL JSON" ("0 …" on the trunk itself), or "CHANNEL <hex>"; "" for none. Pings of
 * the gateway are passed over. Valid until the next call. */
const char *stage_next(stage_t *stage);

/* What a peer got, as its socket has it. */
typedef struct {
    char log[8192];  /* a line for each message: text as it is, binary in hex with 0x before it */
    bool deaf;       /* live frames are refused */
    bool busy;       /* it is not ready for a replay */
    unsigned closed; /* the code; 0: it is open */
    char reason[128];
} heard_t;

extern const ws_calls_t heard_calls;

/* The log, which is empty afterwards. Valid until the next call. */
const char *heard_take(heard_t *heard);

#define STAGE_EPOCH "00000000000000e1"

#endif
