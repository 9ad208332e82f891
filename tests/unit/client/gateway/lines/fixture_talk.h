/* What the tests of the lines share: a peer of telnet, whose broker is the test. */
#ifndef FIXTURE_TALK_H
#define FIXTURE_TALK_H

#include "fixture_gateway.h"
#include "talk.h"
#include "unit.h"

typedef struct {
    char log[65536]; /* what the peer heard and no test has looked at */
    bool deaf, closed;
} lines_peer_t;

extern stage_t lines_stage;
extern talk_config_t lines_config;
extern talk_t *lines_talk;
extern lines_peer_t lines_peer;

#define HEARS(text)                                                                                                    \
    do {                                                                                                               \
        ck_assert_str_eq(lines_peer.log, text);                                                                        \
        lines_peer.log[0] = '\0';                                                                                      \
    } while (0)
#define HEARS_PART(part)                                                                                               \
    do {                                                                                                               \
        ck_assert_msg(strstr(lines_peer.log, part), "%s", lines_peer.log);                                             \
        lines_peer.log[0] = '\0';                                                                                      \
    } while (0)
#define SENT(text) ck_assert_str_eq(stage_next(&lines_stage), text)
#define SENT_PART(part)                                                                                                \
    do {                                                                                                               \
        const char *sent = stage_next(&lines_stage);                                                                   \
        ck_assert_msg(strstr(sent, part), "%s", sent);                                                                 \
    } while (0)

#define GREETING "* welcome, 192.0.2.1:4711; you are ann in lobby; /help lists the commands\n"
#define PUBLISHED(mid, body) SENT("1 01056c6f62627900000000000000" mid "0000" body)

/* What the peer's connection does (talk.h). */
bool lines_on_send(void *ctx, zr_blob_t *bytes, bool live);
void lines_on_close(void *ctx);

/* A new peer; bytes that it sends; what the broker says, as JSON. */
void lines_make(bool secure);
void lines_say(const char *text);
void lines_broker(const char *json);
/* The broker's answers, and entries of the room. */
void lines_welcome(const char *nick);
void lines_joined(const char *room, unsigned seq);
void lines_ack(uint8_t upto, uint8_t seq);
void lines_entry(uint64_t prev, uint64_t seq, const char *body);
/* The peer logs in as ann and enters the lobby. */
void lines_enter(void);
void lines_begin(void);
void lines_end(void);

#endif
