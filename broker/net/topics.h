/* The topics that readers are subscribed to, and limits on them. libzmq keeps topics in a tree, and walks all of it
 * whenever a reader leaves. That takes about 0.1 µs for each byte, and the broker does nothing else meanwhile. So the
 * bytes of the tree have limits. Pure: no socket is touched, no clock is read.
 *
 * A topic costs its bytes and TOPIC_MORE, once, however many readers have it. The account of the reader that brought it
 * pays, until no reader has it any more. */
#ifndef TOPICS_H
#define TOPICS_H

#include <stddef.h>
#include <stdint.h>

#include "names.h"

enum {
    TOPIC_MAX = ZR_ROOM_MAX + 1, /* bytes: a room's name and its last byte. A longer one matches nothing */
    TOPIC_MORE = 16,             /* bytes that each topic costs beside its own */
};

typedef struct {
    size_t reader;    /* topics of one reader */
    uint64_t account; /* bytes of one account */
    uint64_t all;     /* bytes of all */
} topics_limits_t;

typedef enum { TOPICS_OK, TOPICS_TOO_LONG, TOPICS_READER_FULL, TOPICS_ACCOUNT_FULL, TOPICS_FULL } topics_verdict_t;

typedef struct topics topics_t;

topics_t *topics_new(const topics_limits_t *limits);
void topics_set_limits(topics_t *topics, const topics_limits_t *limits); /* readers keep the topics that they have */
void topics_destroy(topics_t *topics);                                   /* NULL is accepted */

/* `reader`, a connection's handle, subscribes. `account` names the account that pays, in any bytes; the first call for
 * a reader counts. On anything but TOPICS_OK nothing has changed. If it has the topic already, that is TOPICS_OK. */
topics_verdict_t topics_add(topics_t *topics, uint64_t reader, zr_span_t account, zr_span_t topic);

/* The reader gives the topic back, if it has it; the reader leaves. */
void topics_remove(topics_t *topics, uint64_t reader, zr_span_t topic);
void topics_leave(topics_t *topics, uint64_t reader);

/* From now on `changed` is told of the first reader of each topic (`wanted`), and when its last one went. */
typedef void topics_changed_fn(void *ctx, zr_span_t topic, bool wanted);
void topics_watch(topics_t *topics, topics_changed_fn *changed, void *ctx);

/* The cost of all topics, in bytes. */
uint64_t topics_bytes(const topics_t *topics);

#endif
