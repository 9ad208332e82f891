/* An IRC client without sockets, and a broker that a script plays. */
#ifndef FIXTURE_IRC_H
#define FIXTURE_IRC_H

#include "fixture_gateway.h"
#include "irc.h"

typedef struct {
    stage_t stage;
    irc_host_t host;
    irc_t *irc;
    zr_buffer_t heard; /* lines that the client got and the script did not look at */
    bool deaf;         /* live lines are refused */
    bool busy;         /* it is not ready for a replay */
    bool closed;
} scene_t;

/* A client on a live uplink; `secure`: tokens may be taken. */
void scene_begin(scene_t *scene, bool secure);
void scene_end(scene_t *scene);

/* Plays a script, a step a line; blank lines and # are passed over:
 *   C: LINE               the client sends it
 *   S: LINE               the next line that the client gets; a * at its end stands for any rest
 *   B: TEXT               the next frame to the broker contains this; ' stands for "
 *   A: JSON               the broker answers on the client's channel; ' stands for "
 *   E: ROOM PREV SEQ NICK BODY     an entry by SUB; \n and \xHH in the body are bytes
 *   K: ROOM PREV SEQ NICK KEY BODY the same with a key
 *   R: ROOM PREV SEQ NICK BODY     an entry of a replay
 *   T: ROOM PREV SEQ NICK KEY BODY an entry of a snapshot
 *   P: ROOM JSON          presence by SUB
 *   W: MS                 time passes
 *   Z:                    nothing is left that the client got
 *   X:                    the connection was closed */
void scene_play(scene_t *scene, const char *script);

/* The client `ann` has registered, with these capabilities (NULL: none). Its next ask has the id 2. */
void scene_register(scene_t *scene, const char *caps);
/* It joined the room: asks 2 to 4. */
void scene_join(scene_t *scene, const char *room, unsigned next_ask);

#define SCENE_TIME "2023-11-14T22:13:20.123Z" /* now */
#define SCENE_EPOCH "00000000000000e1"

#endif
