/* A leaf without sockets. What it does towards its upstream, and what it wants sent to clients, are kept as lines of text. */
#ifndef FIXTURE_LEAF_H
#define FIXTURE_LEAF_H

#include "leaf.h"
#include "unit.h"

enum { A = 1, B = 2, C = 3 }; /* connections of clients */

typedef struct {
    leaf_config_t config; /* to be changed before lf_start */
    relay_config_t relay;
    peer_t peer; /* the next client that comes */
    leaf_t *leaf;
    core_t core;
    outbox_t outbox;
    uint64_t now;       /* ms */
    const char *server; /* that it connected to last */
} lf_t;

extern lf_t lf;

void lf_begin(void); /* each test begins with this, */
void lf_finish(void);
void lf_start(void);                          /* makes the leaf */
void lf_pass(uint64_t ms);                    /* so much time passes, then a tick */
void lf_second(void);                         /* a second passes, with ticks, and then the core's second */
void lf_go_live(void);                        /* makes it, connects, and is welcomed; forgets the lines */
void lf_say(route_t route, const char *json); /* ' for " */
void lf_frame(route_t route, zr_span_t frame);
void lf_hear(const char *json); /* from the upstream, on the trunk */
void lf_hear_on(uint32_t channel, const char *text);
void lf_back(zr_span_t frame);

/* The lines since the last call, ' for ": towards the upstream "connect", "disconnect", "back ENDPOINT", "+TOPIC", "-TOPIC", and
 * "CHANNEL FRAME"; towards clients "ROUTE FRAME" (or "ROUTE/CHANNEL FRAME", with "live" before it), "publish FRAME",
 * "drop CONNECTION", "charge CONNECTION" and "drop-user NAME". Bytes below 0x20 and above 0x7e are shown as '.'. */
const char *lf_up(void);
const char *lf_out(void);
#define lf_expect_up(text) ck_assert_str_eq(lf_up(), (text))
#define lf_expect_out(text) ck_assert_str_eq(lf_out(), (text))

#endif
