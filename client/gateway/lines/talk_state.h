/* Private to lines/: a peer's state, and what its files offer each other. */
#ifndef TALK_STATE_H
#define TALK_STATE_H

#include <stdio.h>

#include "line_reader.h"
#include "talk.h"
#include "talk_parse.h"
#include "room_reader.h"
#include "telnet.h"
#include "unanswered.h"

#define TALK_MSG_ID "msg " /* the id of a direct message; its nick follows */

struct talk {
    const talk_config_t *config;
    const talk_calls_t *calls;
    void *ctx;
    channel_t *channel;
    ws_from_t from;
    uint16_t port;
    talk_look_t look;
    uint64_t now;

    /* input */
    telnet_t telnet;
    line_reader_t input;
    bool heard; /* a line came */

    /* session */
    bool alive;                     /* there is one */
    bool greeting;                  /* the `hello` that begins one is under way */
    bool renames;                   /* the wish is not said yet */
    bool greeted;                   /* the peer got its greeting */
    bool locked;                    /* the broker wants a login first; nothing is asked until /login */
    bool away;                      /* the peer was told that the broker is away */
    bool told;                      /* the connection was asked to close */
    unsigned asked;                 /* answers of the broker that the peer waits for, to /nick, /who and /msg */
    uint64_t pause_ms, pause_until; /* that the broker asked for; when it ends */
    int64_t credit;                 /* deliveries that its lines may cause */
    bool spent;                     /* it fell below 0: the peer is not read until half of it is back */
    uint64_t credit_at;             /* when it was filled last */
    char nick[ZR_NICK_MAX + 1];     /* in force; "": none yet */
    char wish[ZR_NICK_MAX + 1];     /* that the peer asked for; "": the broker's choice */
    char *user, *token;             /* NULL: it did not log in */
    char *next_user, *next_token;   /* of a /login that waits until the broker has answered all; NULL: none */
    char client[ZR_CLIENT_ID_LEN + 1], resume[ZR_CLIENT_ID_LEN + 1];

    /* room */
    room_reader_t reader;
    feed_reader_t presence;
    unanswered_t unanswered;
    uint64_t entered; /* message ids above this one are of this room */
    uint64_t acked;   /* the highest seq of the peer's own messages in it */
    uint64_t dropped; /* messages, since the connection has no room */

    /* the end */
    bool leaving;
    uint64_t leave_at;
};

/* talk.c */
void talk_notice(talk_t *talk, const char *format, ...) __attribute__((format(printf, 2, 3)));
void talk_close(talk_t *talk);
void talk_leave(talk_t *talk);                 /* as soon as the broker has answered all */
bool talk_enter(talk_t *talk, zr_span_t room); /* subscribes, and joins as soon as it can; false: too many topics */
void talk_exit(talk_t *talk);                  /* leaves the room */

/* talk_input.c */
void talk_take_line(talk_t *talk, zr_span_t line);

/* talk_session.c */
extern const channel_calls_t talk_channel_calls;
void talk_hello(talk_t *talk);
void talk_ask(talk_t *talk, json_t *request); /* takes the request; a peer that leaves waits for its answer */
void talk_forget_login(char **user, char **token);
void talk_go_on(talk_t *talk); /* does what waited for the broker's answers */
/* Says /nick once the peer, which has the room up to `last`, has all of its own messages. */
void talk_rename(talk_t *talk, uint64_t last);

#endif
