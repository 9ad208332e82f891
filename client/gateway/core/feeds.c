/* See feeds.h. */
#include "feeds.h"

#include <utlist.h>

#include "clock.h"
#include "fatal.h"
#include "hash.h"
#include "names.h"

enum { SECOND_MS = 1000 };

typedef enum {
    FEED_NEW,  /* to be subscribed to */
    FEED_SENT, /* subscribed to; a sync shows when it is live */
    FEED_READY /* live */
} feed_state_t;

struct feed {
    feeds_t *feeds;
    feed_state_t state;
    uint64_t sync;    /* the one that shows that it is live */
    uint64_t idle_at; /* since when it has no reader, in ms */
    feed_reader_t *readers;
    size_t count;        /* of them */
    feed_t *prev, *next; /* in the list of those to be subscribed to, or of those without a reader */
    UT_hash_handle hh;
    size_t len;
    uint8_t topic[FEED_TOPIC_MAX];
};

struct feeds {
    size_t max_topics, max_bytes;
    size_t bytes, idle_bytes; /* that all topics cost; and those without a reader */
    feeds_change_fn *change;
    void *ctx;
    feed_t *all;
    feed_t *to_send, *idle;                /* idle: the longest first */
    unsigned prefixes[FEED_TOPIC_MAX + 1]; /* how many prefixes have that length */
    uint64_t sync;                         /* the number of the next sync */
    bool unsynced;                         /* something was sent that no sync covers yet */
    uint64_t second;                       /* for the pace: the second, and what was changed in it */
    unsigned changed;
    feed_reader_t *cursor; /* the next one of a walk over readers; leaving moves it on */
};

feeds_t *feeds_new(size_t max_topics, size_t max_bytes, feeds_change_fn *change, void *ctx) {
    feeds_t *feeds = fatal_calloc(sizeof *feeds);
    feeds->max_topics = max_topics;
    feeds->max_bytes = max_bytes;
    feeds->change = change;
    feeds->ctx = ctx;
    feeds->sync = 1;
    return feeds;
}

static bool s_is_prefix(const feed_t *feed) {
    return feed->len == 0 || feed->topic[feed->len - 1] > ZR_TOPIC_PRESENCE;
}

static size_t s_cost(size_t len) {
    return len + FEED_MORE;
}

static void s_end_idle(feed_t *feed) {
    DL_DELETE(feed->feeds->idle, feed);
    feed->feeds->idle_bytes -= s_cost(feed->len);
}

static void s_unlist(feed_t *feed) {
    feeds_t *feeds = feed->feeds;
    if (feed->state == FEED_NEW)
        DL_DELETE(feeds->to_send, feed);
    else if (!feed->readers)
        s_end_idle(feed);
}

/* The topic has no reader. */
static void s_drop(feed_t *feed) {
    feeds_t *feeds = feed->feeds;
    s_unlist(feed);
    feeds->prefixes[feed->len] -= s_is_prefix(feed);
    feeds->bytes -= s_cost(feed->len);
    HASH_DEL(feeds->all, feed);
    free(feed);
}

void feeds_destroy(feeds_t *feeds) {
    feed_t *feed, *next;
    if (!feeds)
        return;
    HASH_ITER(hh, feeds->all, feed, next) {
        FATAL_UNLESS(!feed->readers);
        s_drop(feed);
    }
    free(feeds);
}

size_t feed_topic(zr_span_t room, bool presence, uint8_t out[FEED_TOPIC_MAX]) {
    FATAL_UNLESS(room.len < FEED_TOPIC_MAX);
    memcpy(out, room.ptr, room.len);
    out[room.len] = presence ? ZR_TOPIC_PRESENCE : ZR_TOPIC_ENTRIES;
    return room.len + 1;
}

size_t feed_readers(const feed_reader_t *reader) {
    return reader->feed ? reader->feed->count : 0;
}

size_t feeds_topics(const feeds_t *feeds) {
    return HASH_COUNT(feeds->all);
}

/* --- Readers come and go --- */

static feed_t *s_find(const feeds_t *feeds, const void *topic, size_t len) {
    feed_t *feed;
    HASH_FIND(hh, feeds->all, topic, len, feed);
    return feed;
}

static void s_unsubscribe(feed_t *feed) {
    feeds_t *feeds = feed->feeds;
    feeds->change(feeds->ctx, false, zr_span_of(feed->topic, feed->len));
    feeds->changed++;
    s_drop(feed);
}

static bool s_is_full(const feeds_t *feeds, zr_span_t topic) {
    return HASH_COUNT(feeds->all) >= feeds->max_topics || feeds->bytes + s_cost(topic.len) > feeds->max_bytes;
}

size_t feeds_cost(const feeds_t *feeds, zr_span_t topic) {
    return s_find(feeds, topic.len ? topic.ptr : "", topic.len) ? 0 : s_cost(topic.len);
}

size_t feeds_left(const feeds_t *feeds) {
    return feeds->max_bytes - feeds->bytes + feeds->idle_bytes;
}

static feed_t *s_make(feeds_t *feeds, zr_span_t topic) {
    while (s_is_full(feeds, topic) && feeds->idle)
        s_unsubscribe(feeds->idle);
    if (s_is_full(feeds, topic) || topic.len > FEED_TOPIC_MAX)
        return NULL;
    feeds->bytes += s_cost(topic.len);
    feed_t *feed = fatal_calloc(sizeof *feed);
    feed->feeds = feeds;
    feed->len = topic.len;
    if (topic.len)
        memcpy(feed->topic, topic.ptr, topic.len);
    HASH_ADD_KEYPTR(hh, feeds->all, feed->topic, feed->len, feed);
    feeds->prefixes[feed->len] += s_is_prefix(feed);
    DL_APPEND(feeds->to_send, feed);
    return feed;
}

feed_joined_t feeds_join(feeds_t *feeds, feed_reader_t *reader, zr_span_t topic, uint64_t now) {
    feed_t *feed = s_find(feeds, topic.len ? topic.ptr : "", topic.len);
    (void)now;
    if (!feed)
        feed = s_make(feeds, topic);
    if (!feed)
        return FEED_FULL;
    if (!feed->readers && feed->state != FEED_NEW && feed->idle_at)
        s_end_idle(feed);
    feed->idle_at = 0;
    reader->feed = feed;
    DL_APPEND(feed->readers, reader);
    feed->count++;
    return feed->state == FEED_READY ? FEED_LIVE : FEED_WAITS;
}

void feeds_leave(feed_reader_t *reader, uint64_t now) {
    feed_t *feed = reader->feed;
    if (!feed)
        return;
    if (feed->feeds->cursor == reader)
        feed->feeds->cursor = reader->next;
    DL_DELETE(feed->readers, reader);
    feed->count--;
    reader->feed = NULL;
    if (feed->readers)
        return;
    feed->idle_at = now ? now : 1;
    if (feed->state == FEED_NEW)
        s_drop(feed);
    else {
        DL_APPEND(feed->feeds->idle, feed);
        feed->feeds->idle_bytes += s_cost(feed->len);
    }
}

/* --- Frames --- */

static void s_tell(feed_t *feed, delivery_t *delivery) {
    feeds_t *feeds = feed->feeds;
    for (feed_reader_t *reader = feed->readers; reader; reader = feeds->cursor) {
        feeds->cursor = reader->next;
        reader->frame(reader, delivery);
    }
    feeds->cursor = NULL;
}

void feeds_take(feeds_t *feeds, delivery_t *delivery) {
    size_t most = delivery->room.len; /* the topic's last byte is right behind the room */
    feed_t *feed = s_find(feeds, delivery->room.ptr, delivery->room.len + 1);
    if (feed)
        s_tell(feed, delivery);
    for (size_t len = 0; len <= most; len++)
        if (feeds->prefixes[len] && (feed = s_find(feeds, delivery->room.ptr, len)))
            s_tell(feed, delivery);
}

/* --- Subscribing --- */

void feeds_restart(feeds_t *feeds) {
    feed_t *feed, *next;
    HASH_ITER(hh, feeds->all, feed, next) {
        if (feed->state == FEED_NEW)
            continue;
        if (!feed->readers) {
            s_drop(feed);
            continue;
        }
        feed->state = FEED_NEW;
        DL_APPEND(feeds->to_send, feed);
    }
    feeds->unsynced = false;
}

static bool s_may_change(feeds_t *feeds, uint64_t now) {
    if (feeds->second != now / SECOND_MS) {
        feeds->second = now / SECOND_MS;
        feeds->changed = 0;
    }
    return feeds->changed < FEEDS_RATE;
}

static void s_subscribe(feed_t *feed) {
    feeds_t *feeds = feed->feeds;
    DL_DELETE(feeds->to_send, feed);
    feed->state = FEED_SENT;
    feed->sync = feeds->sync;
    feeds->unsynced = true;
    feeds->changed++;
    feeds->change(feeds->ctx, true, zr_span_of(feed->topic, feed->len));
}

uint64_t feeds_tick(feeds_t *feeds, uint64_t now) {
    while (feeds->to_send && s_may_change(feeds, now))
        s_subscribe(feeds->to_send);
    while (feeds->idle && feeds->idle->idle_at + FEEDS_LINGER_MS <= now && s_may_change(feeds, now))
        s_unsubscribe(feeds->idle);
    if (!feeds->unsynced)
        return 0;
    feeds->unsynced = false;
    return feeds->sync++;
}

uint64_t feeds_due(const feeds_t *feeds) {
    bool paced = feeds->changed >= FEEDS_RATE;
    uint64_t idle = feeds->idle ? feeds->idle->idle_at + FEEDS_LINGER_MS : UINT64_MAX;
    if (paced && (feeds->to_send || feeds->idle))
        return (feeds->second + 1) * SECOND_MS;
    return feeds->to_send ? 0 : idle;
}

static void s_tell_live(feed_t *feed) {
    feeds_t *feeds = feed->feeds;
    for (feed_reader_t *reader = feed->readers; reader; reader = feeds->cursor) {
        feeds->cursor = reader->next;
        reader->live(reader);
    }
    feeds->cursor = NULL;
}

/* A reader that hears of it may leave, and even end its topic: so this begins anew after each. */
void feeds_synced(feeds_t *feeds, uint64_t number) {
    feed_t *feed, *next;
    HASH_ITER(hh, feeds->all, feed, next)
    if (feed->state == FEED_SENT && feed->sync <= number) {
        feed->state = FEED_READY;
        s_tell_live(feed);
    }
}
