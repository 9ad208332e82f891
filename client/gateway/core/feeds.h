/* What comes by the gateway's SUB, and the readers that want it. A topic is subscribed to once, however many readers it
 * has. Without socket, clock or thread.
 *
 * Subscriptions are paced, since a broker disconnects a SUB that changes them too fast. A topic without a reader stays
 * for a while: peers that come and go cost the broker nothing. */
#ifndef FEEDS_H
#define FEEDS_H

#include "delivery.h"

typedef struct feeds feeds_t;
typedef struct feed feed_t;

enum {
    FEEDS_RATE = 500,       /* changes of subscriptions in a second */
    FEEDS_LINGER_MS = 30000 /* that a topic without a reader stays */
};

/* Embedded in its owner; zeroed it reads nothing. A reader may leave any feed within a call, its own too. */
typedef struct feed_reader {
    void (*frame)(struct feed_reader *reader, delivery_t *delivery);
    void (*live)(struct feed_reader *reader); /* from now on nothing is missed; may be called again after a loss */
    feed_t *feed;
    struct feed_reader *prev, *next;
} feed_reader_t;

/* Carries out a subscription, or its end. */
typedef void feeds_change_fn(void *ctx, bool subscribe, zr_span_t topic);

/* At most `max_topics` topics are subscribed to, of at most `max_bytes`. A topic costs its bytes and FEED_MORE, as it does
 * at the broker, which disconnects a SUB that has more than limits/max-user-topics. */
feeds_t *feeds_new(size_t max_topics, size_t max_bytes, feeds_change_fn *change, void *ctx);
void feeds_destroy(feeds_t *feeds); /* no reader may be left; NULL is accepted */

/* The topics of a room's entries and presence (PROTOCOL.md, section 5) into `out`; returns the length. */
enum { FEED_TOPIC_MAX = 129, FEED_MORE = 16 };
size_t feed_topic(zr_span_t room, bool presence, uint8_t out[FEED_TOPIC_MAX]);

/* Adds the reader to a topic. A topic without a final 0 or 1 byte is a prefix, which gets entries and presence of all
 * rooms that begin so. FEED_LIVE: it is live already, and `live` is not called for now. FEED_FULL: there are too many
 * topics. */
typedef enum { FEED_LIVE, FEED_WAITS, FEED_FULL } feed_joined_t;
feed_joined_t feeds_join(feeds_t *feeds, feed_reader_t *reader, zr_span_t topic, uint64_t now);
/* What the topic would cost: 0 if it is there already. What all further ones may cost, those without a reader given up. */
size_t feeds_cost(const feeds_t *feeds, zr_span_t topic);
size_t feeds_left(const feeds_t *feeds);

void feeds_leave(feed_reader_t *reader, uint64_t now); /* one that reads nothing is accepted */

/* How many readers its topic has, itself included; 0: it reads nothing. */
size_t feed_readers(const feed_reader_t *reader);

/* A frame came by SUB: tells each reader of its topic once, and each reader of a prefix. */
void feeds_take(feeds_t *feeds, delivery_t *delivery);

/* The SUB is new: all topics are to be subscribed to again. */
void feeds_restart(feeds_t *feeds);

/* Subscribes to what is due. Returns a number above 0 when something was subscribed to since the last sync that was
 * asked for: the caller asks for one, and calls feeds_synced with that number when it comes. */
uint64_t feeds_tick(feeds_t *feeds, uint64_t now);
uint64_t feeds_due(const feeds_t *feeds);
void feeds_synced(feeds_t *feeds, uint64_t number);

size_t feeds_topics(const feeds_t *feeds);

#endif
