/* The API between two made-up edges: exchanges on one side, channels and feeds on the other. */
#ifndef FIXTURE_API_H
#define FIXTURE_API_H

#include "http_api.h"
#include "unit.h"

#define EPOCH 0x8f3a6c01d2e4b597
#define EPOCH_TEXT "8f3a6c01d2e4b597"
#define WELCOME "{'op':'welcome','re':0,'epoch':'" EPOCH_TEXT "','nick':'guest-1','resumed':false}"

extern http_api_t *api;
extern uint64_t api_now;

/* Before and after each test. */
void api_begin(void);
void api_end(void);

/* --- The client's side --- */

/* A request; `headers` are lines "Name: value", with a newline behind each. */
exchange_t *api_request(const char *method, const char *target, const char *headers, const char *body);

/* From another address than 203.0.113.7; over a secure connection. */
exchange_t *api_request_from(
    const char *address, bool secure, const char *method, const char *target, const char *headers, const char *body);

unsigned api_status(const exchange_t *e);                      /* 0: not answered */
const char *api_header(const exchange_t *e, const char *name); /* NULL: it has no such field */
const char *api_body(exchange_t *e);                           /* all that was written, as a string */
void api_clear_body(exchange_t *e);
bool api_ended(const exchange_t *e);
bool api_aborted(const exchange_t *e);
void api_hold(exchange_t *e, size_t bytes); /* so many bytes wait for the client */
void api_drain(exchange_t *e);              /* and now none */
exchange_t *api_first(void);                /* the oldest one that is not gone, or NULL */
exchange_t *api_after(exchange_t *e);
void api_gone(exchange_t *e); /* the client went, or has its whole answer */

#define ck_assert_status(e, status) ck_assert_msg(api_status(e) == (status), "%u: %s", api_status(e), api_body(e))
#define ck_assert_has(text, part) ck_assert_msg(strstr((text), (part)) != NULL, "'%s' is not in '%s'", (part), (text))

/* --- The broker's side --- */

size_t api_channels(void);      /* open now */
channel_t *api_channel(void);   /* the newest */
size_t api_channel_count(void); /* closed ones too */
channel_t *api_channel_at(size_t index);
const char *api_channel_address(const channel_t *channel);
bool api_channel_secure(const channel_t *channel);
bool api_channel_closed(const channel_t *channel);

/* The next frame that was sent on the channel; NULL: nothing was sent. Valid until the next call. */
const char *api_sent(channel_t *channel);
zr_span_t api_sent_bytes(channel_t *channel);

/* The next frame has this member with this value, in JSON with ' for ". Returns its `id`. */
json_int_t api_expect(channel_t *channel, const char *op);

/* The broker says it; ' is ". */
void api_say(channel_t *channel, const char *format, ...) __attribute__((format(printf, 2, 3)));
void api_say_bytes(channel_t *channel, zr_span_t frame);

/* Entries first … last of a room, each with the body "m<seq>", after `prev`. */
void api_deliver(channel_t *channel, const char *room, uint8_t flags, uint64_t prev, uint64_t first, uint64_t last);
void api_live(const char *room, uint64_t prev, uint64_t first, uint64_t last); /* by the SUB */
void api_set_feeds(feed_joined_t joined); /* what a reader hears that joins a topic from now on */
void api_feed_live(void);                 /* all topics are */

void api_set_live(bool live); /* the trunk */
void api_set_full(bool full); /* likewise: too much waits for the broker */
void api_change(channel_t *channel, channel_change_t change, const char *reason);

/* The session of the newest channel begins. */
channel_t *api_welcome(void);

void api_pass(uint64_t ms);

#endif
