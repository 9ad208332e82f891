/* Requests of an IRC client to the broker, and what becomes of their answers. Each has an id; rate limits of the broker
 * are waited for; replays and snapshots come one at a time, so that their frames are known. */
#ifndef IRC_ASK_H
#define IRC_ASK_H

#include "irc_state.h"

/* `answer`: the broker's, which may be an `error`. NULL: the session ended, and it does not come. To ask on, call
 * irc_ask_again within. */
typedef void irc_answer_fn(irc_t *irc, irc_ask_t *ask, const json_t *answer);
/* A frame of a replay or snapshot. */
typedef void irc_frame_fn(irc_t *irc, irc_ask_t *ask, delivery_t *delivery);

struct irc_ask {
    irc_answer_fn *answer;
    irc_frame_fn *frame; /* NULL: it is no replay and no snapshot */
    char room[ZR_ROOM_MAX + 1];
    char *text;        /* NULL: none */
    void *data;        /* freed with the ask; NULL: none */
    uint64_t a, b, n;  /* as the callback uses them */
    zr_buffer_t lines; /* the same */

    /* Its own: */
    uint64_t id, due;  /* due: when it is sent again; 0: it was sent */
    bool again, waits; /* waits: another replay is under way */
    bool hello;        /* it needs no session */
    json_t *object;
    irc_reply_t *reply;
    irc_ask_t *prev, *next;
};

/* A request about a room (empty: none). It belongs to the command that is carried out. */
irc_ask_t *irc_ask_new(irc_t *irc, irc_answer_fn *answer, irc_frame_fn *frame, zr_span_t room);
/* Sends it; takes over the object. Without a session it is answered with NULL at once. */
void irc_ask_send(irc_t *irc, irc_ask_t *ask, json_t *object);
/* Within the callback: another request of the same kind. Takes over the object. */
void irc_ask_again(irc_t *irc, irc_ask_t *ask, json_t *object);

/* An answer came. False: it answers nothing that was asked. */
bool irc_ask_take(irc_t *irc, const json_t *answer);
/* A frame of a replay or snapshot came. */
void irc_ask_frame(irc_t *irc, delivery_t *delivery);

/* The session ended: all are answered with NULL. */
void irc_asks_lose(irc_t *irc);
/* The client is gone: they are forgotten. */
void irc_asks_finish(irc_t *irc);
/* Sends what waited long enough. */
void irc_asks_tick(irc_t *irc);

/* Of an answer. */
bool irc_answer_is(const json_t *answer, const char *op);
const char *irc_answer_text(const json_t *answer, const char *member); /* "" if it is missing */
uint64_t irc_answer_number(const json_t *answer, const char *member);
bool irc_answer_failed(const json_t *answer, zr_code_t code); /* it is an error with this code */

#endif
