/* What IRC clients need of the gateway, and what they ask of their connection. */
#ifndef IRC_HOST_H
#define IRC_HOST_H

#include "irc_people.h"
#include "uplink.h"

#define IRC_SERVER "irc.zrelay" /* the server's name in all lines */
#define IRC_USER_HOST "zrelay"  /* the host of all users: addresses are not shown */

/* The same for all. It outlives them. */
typedef struct {
    uplink_t *uplink;
    feeds_t *feeds;
    irc_people_t *people;
    size_t max_rooms;    /* channels of a client */
    uint64_t history;    /* messages that a client without draft/chathistory gets when it joins */
    uint64_t rate;       /* lines that a client may send in a second */
    uint64_t ping_ms;    /* a client that is silent for so long gets a PING, and is disconnected after as long again */
    uint64_t timeout_ms; /* in which a client must have registered */
    void (*entropy)(void *ctx, void *out, size_t len);
    uint64_t (*wall_us)(void *ctx); /* microseconds since 1970, UTC */
    void *ctx;
} irc_host_t;

/* Where the client came from. `secure`: tokens may be taken. */
typedef struct {
    char address[ADDRESS_TEXT];
    bool secure;
} irc_from_t;

/* The connection. */
typedef struct {
    /* Queues whole lines; the reference stays the caller's. `live`: they may be dropped when too much waits: false. */
    bool (*send)(void *ctx, zr_blob_t *lines, bool live);
    /* Little waits. False: irc_drained is called when that is so. */
    bool (*ready)(void *ctx);
    /* Ends the connection after what is queued. */
    void (*close)(void *ctx);
} irc_calls_t;

#endif
