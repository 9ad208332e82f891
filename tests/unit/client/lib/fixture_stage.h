/* Shared by the tests of the library: a session of its own and a scripted broker, a ROUTER and an XPUB in this process,
 * moved by hand. There is one, the global `stage`. */
#ifndef FIXTURE_STAGE_H
#define FIXTURE_STAGE_H

#include "unit.h"
#include "zrelay.h"

enum { STAGE_PATIENCE_MS = 20000 };

/* The sockets are made in each test, since Check forks. */
typedef struct {
    void *context, *front, *back;
    char front_endpoint[64], back_endpoint[64];
    uint8_t route[16];
    size_t route_len;
    char frame[70000]; /* the last one received */
    size_t frame_len;
    zrelay_t *relay;
    zrelay_event_type_t types[4096]; /* of the events taken */
    size_t count;
    char body[256]; /* of the last entry */
    char why[256];  /* the last connection was lost */
    char code[64];
} stage_t;

extern stage_t stage;

uint64_t stage_clock(void); /* ms */

void stage_open(void);
void stage_shut(void);

/* A stage whose broker has that key, or none; without ZAP it takes every client's. */
void stage_open_curve(const char *secret_key);

/* The broker's end goes, and comes back at the same port. */
void stage_stop_front(void);
void stage_start_front(void);

/* --- The session --- */

/* One turn of the library; notes the event it brings. */
bool stage_turn(void);

/* Until an event of that type has come. */
void stage_until(zrelay_event_type_t type);

/* --- The broker --- */

/* The next frame that comes to the broker's front. */
void stage_receive(void);

/* A control frame with that op; gives its id. */
int stage_expect(const char *op);

void stage_send(const void *data, size_t len);

/* The text is printf's, with ' for ", so that JSON can be read here. */
void stage_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));

void stage_welcome(int heartbeat);

/* Subscriptions come, the last of them for the sync, which is answered. */
void stage_sync(void);

/* An entry of room "a". */
void stage_live(uint64_t prev, uint64_t seq, const void *body, size_t len);

void stage_join_a(void);

#endif
