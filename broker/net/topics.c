/* See topics.h. A reader holds links to topics; a topic counts its links, and an account its topics and readers. */
#include "topics.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"
#include "hash.h"

typedef struct {
    uint64_t bytes; /* of the topics that it pays for */
    size_t uses;    /* its topics and its readers */
    UT_hash_handle hh;
    size_t len;
    char name[];
} account_t;

typedef struct {
    account_t *account;
    size_t links;
    UT_hash_handle hh;
    size_t len;
    char name[];
} topic_t;

typedef struct {
    topic_t *topic;
    UT_hash_handle hh; /* by `topic` */
} link_t;

typedef struct {
    uint64_t reader;
    account_t *account;
    link_t *links;
    UT_hash_handle hh;
} reader_t;

struct topics {
    topics_limits_t limits;
    uint64_t bytes;
    account_t *accounts;
    topic_t *topics;
    reader_t *readers;
    topics_changed_fn *changed; /* NULL: nobody wants to know */
    void *ctx;
};

topics_t *topics_new(const topics_limits_t *limits) {
    topics_t *topics = fatal_calloc(sizeof *topics);
    topics->limits = *limits;
    return topics;
}

void topics_set_limits(topics_t *topics, const topics_limits_t *limits) {
    topics->limits = *limits;
}

void topics_destroy(topics_t *topics) {
    if (!topics)
        return;
    reader_t *reader, *next;
    HASH_ITER(hh, topics->readers, reader, next)
    topics_leave(topics, reader->reader);
    free(topics);
}

void topics_watch(topics_t *topics, topics_changed_fn *changed, void *ctx) {
    topics->changed = changed;
    topics->ctx = ctx;
}

uint64_t topics_bytes(const topics_t *topics) {
    return topics->bytes;
}

/* --- Accounts --- */

static account_t *s_open_account(topics_t *topics, zr_span_t name) {
    account_t *account;
    HASH_FIND(hh, topics->accounts, name.ptr, name.len, account);
    if (!account) {
        account = fatal_calloc(sizeof *account + name.len);
        account->len = name.len;
        if (name.len)
            memcpy(account->name, name.ptr, name.len);
        HASH_ADD_KEYPTR(hh, topics->accounts, account->name, account->len, account);
    }
    account->uses++;
    return account;
}

static void s_close_account(topics_t *topics, account_t *account) {
    if (--account->uses > 0)
        return;
    HASH_DEL(topics->accounts, account);
    free(account);
}

/* --- Topics --- */

static topic_t *s_open_topic(topics_t *topics, account_t *account, zr_span_t name) {
    topic_t *topic = fatal_calloc(sizeof *topic + name.len);
    topic->account = account;
    topic->len = name.len;
    if (name.len)
        memcpy(topic->name, name.ptr, name.len);
    HASH_ADD_KEYPTR(hh, topics->topics, topic->name, topic->len, topic);
    account->uses++;
    account->bytes += name.len + TOPIC_MORE;
    topics->bytes += name.len + TOPIC_MORE;
    if (topics->changed)
        topics->changed(topics->ctx, name, true);
    return topic;
}

static void s_release_topic(topics_t *topics, topic_t *topic) {
    if (--topic->links > 0)
        return;
    if (topics->changed)
        topics->changed(topics->ctx, zr_span_of(topic->name, topic->len), false);
    topics->bytes -= topic->len + TOPIC_MORE;
    topic->account->bytes -= topic->len + TOPIC_MORE;
    s_close_account(topics, topic->account);
    HASH_DEL(topics->topics, topic);
    free(topic);
}

/* --- Readers --- */

static reader_t *s_reader(topics_t *topics, uint64_t handle) {
    reader_t *reader;
    HASH_FIND(hh, topics->readers, &handle, sizeof handle, reader);
    return reader;
}

static reader_t *s_open_reader(topics_t *topics, uint64_t handle, zr_span_t account) {
    reader_t *reader = s_reader(topics, handle);
    if (reader)
        return reader;
    reader = fatal_calloc(sizeof *reader);
    reader->reader = handle;
    reader->account = s_open_account(topics, account);
    HASH_ADD(hh, topics->readers, reader, sizeof reader->reader, reader);
    return reader;
}

static topics_verdict_t s_check(const topics_t *topics, const reader_t *reader, const topic_t *topic, size_t len) {
    if (HASH_COUNT(reader->links) >= topics->limits.reader)
        return TOPICS_READER_FULL;
    if (topic)
        return TOPICS_OK;
    uint64_t bytes = len + TOPIC_MORE;
    if (reader->account->bytes + bytes > topics->limits.account)
        return TOPICS_ACCOUNT_FULL;
    return topics->bytes + bytes > topics->limits.all ? TOPICS_FULL : TOPICS_OK;
}

topics_verdict_t topics_add(topics_t *topics, uint64_t handle, zr_span_t account, zr_span_t name) {
    if (name.len > TOPIC_MAX)
        return TOPICS_TOO_LONG;
    reader_t *reader = s_open_reader(topics, handle, account);
    topic_t *topic;
    link_t *link = NULL;
    HASH_FIND(hh, topics->topics, name.ptr, name.len, topic);
    if (topic)
        HASH_FIND_PTR(reader->links, &topic, link);
    if (link)
        return TOPICS_OK;
    topics_verdict_t verdict = s_check(topics, reader, topic, name.len);
    if (verdict != TOPICS_OK) {
        if (!reader->links)
            topics_leave(topics, handle);
        return verdict;
    }
    link = fatal_calloc(sizeof *link);
    link->topic = topic ? topic : s_open_topic(topics, reader->account, name);
    link->topic->links++;
    HASH_ADD_PTR(reader->links, topic, link);
    return TOPICS_OK;
}

static void s_unlink(topics_t *topics, reader_t *reader, link_t *link) {
    HASH_DEL(reader->links, link);
    s_release_topic(topics, link->topic);
    free(link);
}

void topics_remove(topics_t *topics, uint64_t handle, zr_span_t name) {
    reader_t *reader = s_reader(topics, handle);
    topic_t *topic = NULL;
    link_t *link = NULL;
    if (reader)
        HASH_FIND(hh, topics->topics, name.ptr, name.len, topic);
    if (topic)
        HASH_FIND_PTR(reader->links, &topic, link);
    if (link)
        s_unlink(topics, reader, link);
}

void topics_leave(topics_t *topics, uint64_t handle) {
    reader_t *reader = s_reader(topics, handle);
    if (!reader)
        return;
    link_t *link, *next;
    HASH_ITER(hh, reader->links, link, next)
    s_unlink(topics, reader, link);
    s_close_account(topics, reader->account);
    HASH_DEL(topics->readers, reader);
    free(reader);
}
