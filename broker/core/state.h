/* The relay's members. Every part of the core sees them; each part declares its functions in a header of its own. */
#ifndef STATE_H
#define STATE_H

#include "audit.h"
#include "batch.h"
#include "dedupe.h"
#include "drain.h"
#include "follow.h"
#include "groups.h"
#include "known_tokens.h"
#include "meter.h"
#include "logger.h"
#include "name_order.h"
#include "news.h"
#include "relay.h"
#include "room.h"
#include "room_makers.h"
#include "room_state.h"
#include "session.h"

/* Replays and snapshots under way (reading.h). */
typedef struct {
    struct reading *by_ticket;
    struct reading *first, *last; /* not begun yet, in order */
    size_t asked;                 /* of the log, which has to answer them */
} readings_t;

/* Logins of one kind that wait until the edge has checked their tokens. */
typedef struct {
    struct login_wait *waits; /* in the order of arrival */
    uint64_t asked;           /* the ticket of the one that the edge checks; its hello may be gone. 0: none */
    token_tag_t tag;          /* of it */
} login_lane_t;

/* A JWT takes far less time than a token's hash, so it does not wait behind one. */
enum { LOGIN_LANE_HASH, LOGIN_LANE_JWT, LOGIN_LANES };

struct relay {
    relay_config_t config;
    log_t *log;
    outbox_t *outbox;
    sessions_t sessions;
    dedupe_t dedupe;
    room_t *rooms;
    uint64_t rooms_gone; /* how many were freed: a kept pointer to a room is then looked up anew */
    name_order_t order;  /* the same, by name (room_t.by_name) */
    news_t news;
    follows_t follows;
    uint64_t presence_base; /* the highest presence version of the rooms that were freed: a frame on its way must not
                               pass for one of a room made again */
    uint64_t now;           /* when something came last */
    struct {
        uint64_t began;         /* when rooms were looked at first: no room counts as unused for longer */
        char room[ZR_ROOM_MAX]; /* that was looked at last; by its name, as it may be gone */
        size_t room_len;
    } idle;
    struct {
        char room[ZR_ROOM_MAX]; /* where old values were looked for last */
        size_t room_len;
    } aging;
    room_state_limits_t room_state_limits;
    batch_t batch;
    readings_t readings;
    groups_t groups;
    session_t *listers; /* the sessions that wait for pages (listing.h), in turn */
    size_t work_turn;   /* the kind of work that is next (relay.c) */
    access_t *access;
    uint64_t access_number; /* rises with each */
    makers_t makers;
    zr_log_limit_t flood_lines, admin_lines, login_lines;
    login_lane_t login_lanes[LOGIN_LANES];
    struct login_wait *logins_by_route;
    known_tokens_t known_tokens;
    struct admin_wait *admins;
    auditors_t auditors;
    drain_t drain;
    struct stats_job *stats_jobs; /* rankings under way (stats.h), in turn */
    size_t stats_job_count;
    meter_t meter; /* of all rooms */
    struct {
        uint64_t session; /* that moved an entry last (publish_kept.h), */
        char room[ZR_ROOM_MAX];
        size_t room_len;
    } moving;
    uint64_t last_ticket;
    char epoch[17];
    zr_blob_t *synced; /* the JSON that follows the nonce on the back */
    struct {
        const char *reason;
        zr_blob_t *frame;
    } bye; /* the last one, shared by sessions that get the same reason */
    relay_stats_t stats;
};

#endif
