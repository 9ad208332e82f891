/* See broker_link.h. */
#include "broker_link.h"

#include <errno.h>
#include <sodium.h>

#include "fatal.h"
#include "key_file.h"
#include "link.h"
#include "token_file.h"

/* What a turn takes at most: it goes out to all readers before more is taken, so that no fast reader's queue fills. */
enum { TURN_FRAMES = 2048, TURN_BYTES = 128 << 10 };
enum { LINGER_MS = 500 };

struct broker_link {
    poller_t *poller;
    poll_source_t source;
    link_t *link;
    uplink_t *uplink;
    zr_buffer_t token;
    bool more; /* a turn ended before all was taken */
};

void broker_link_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    randombytes_buf(out, len);
}

static bool s_perform(void *ctx, const action_t *action) {
    broker_link_t *b = ctx;
    return link_perform(b->link, action);
}

void broker_link_subscribe(void *ctx, bool subscribe, zr_span_t topic) {
    broker_link_t *b = ctx;
    action_t action = {.kind = subscribe ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE, .topic_len = topic.len};
    if (topic.len)
        memcpy(action.topic, topic.ptr, topic.len);
    link_perform(b->link, &action);
}

/* The source is only there to end the wait: each turn looks at the link. */
static void s_ready(void *ctx, uint32_t events) {
    broker_link_t *b = ctx;
    (void)events;
    link_wait(b->link, 0);
}

static bool s_read_token(const gateway_config_t *config, zr_buffer_t *token, zr_error_t *error) {
    return !config->token_file[0] || zr_token_load(token, config->token_file, error);
}

static bool s_read_pair(const gateway_config_t *config, zr_pair_t *pair, zr_error_t *error) {
    return !config->certificate[0] || zr_pair_load(pair, config->certificate, error) == ZR_FILE_READ;
}

bool broker_link_check(const gateway_config_t *config, zr_error_t *error) {
    zr_pair_t pair = {0};
    zr_buffer_t token = {0};
    bool ok = s_read_pair(config, &pair, error);
    ok &= s_read_token(config, &token, error);
    zr_pair_wipe(&pair);
    zr_file_wipe(&token);
    return ok;
}

static bool s_open(broker_link_t *b, const gateway_config_t *config, zr_error_t *error) {
    zr_pair_t pair = {0};
    if (!s_read_pair(config, &pair, error) || !s_read_token(config, &b->token, error))
        return false;
    b->link = link_new();
    if (!b->link) {
        zr_pair_wipe(&pair);
        return zr_fail(error, "cannot make the sockets for the broker: %s", strerror(errno));
    }
    if (config->certificate[0]) /* each connection brings the key of its server */
        link_set_curve(b->link, "", pair.public_key, pair.secret_key);
    zr_pair_wipe(&pair);
    return poller_add(b->poller, link_fd(b->link), EPOLLIN, &b->source) ||
           zr_fail(error, "cannot watch the sockets for the broker: %s", strerror(errno));
}

broker_link_t *broker_link_new(const gateway_config_t *config, feeds_t *feeds, poller_t *poller, zr_error_t *error) {
    broker_link_t *b = fatal_calloc(sizeof *b);
    b->poller = poller;
    b->source = (poll_source_t){s_ready, b};
    if (!s_open(b, config, error)) {
        broker_link_destroy(b);
        return NULL;
    }
    uplink_config_t uplink = {.server = config->server,
        .keys = config->server_key[0] ? config->server_key : NULL,
        .agent = "zrelay-gateway " ZRELAY_VERSION,
        .user = config->user[0] ? config->user : NULL,
        .token = (const char *)b->token.data,
        .perform = s_perform,
        .entropy = broker_link_entropy,
        .ctx = b};
    b->uplink = uplink_new(&uplink, feeds, 0);
    return b;
}

void broker_link_destroy(broker_link_t *b) {
    if (!b)
        return;
    uplink_destroy(b->uplink);
    if (b->link)
        poller_remove(b->poller, link_fd(b->link), &b->source);
    link_destroy(b->link, LINGER_MS);
    zr_file_wipe(&b->token);
    free(b);
}

uplink_t *broker_link_uplink(broker_link_t *b) {
    return b->uplink;
}

static void s_take_change(broker_link_t *b, link_change_t change, uint64_t now) {
    static const char *const why[] = {
        [LINK_DOWN] = "the connection ended",
        [LINK_REFUSED] = "it refused the gateway's key; its operator enters the public key for a user",
        [LINK_HANDSHAKE] = "the connection ended before it was encrypted; broker/server-key may be another's",
        [LINK_MECHANISM] = "only one side encrypts; see broker/server-key and broker/certificate",
    };
    if (change == LINK_UP)
        uplink_up(b->uplink, now);
    else if (change == LINK_BACK)
        uplink_back_down(b->uplink, now);
    else if (change == LINK_UNREACHABLE)
        uplink_unreachable(b->uplink, link_why(b->link), now);
    else
        uplink_down(b->uplink, why[change], now);
}

static size_t s_take_front(broker_link_t *b, uint64_t now) {
    zr_blob_t *frame = link_front(b->link);
    size_t len = frame ? zr_blob_len(frame) + 1 : 0;
    if (frame)
        uplink_front(b->uplink, frame, now);
    return len;
}

static size_t s_take_back(broker_link_t *b, uint64_t now) {
    zr_blob_t *frame = link_back(b->link);
    size_t len = frame ? zr_blob_len(frame) + 1 : 0;
    if (frame)
        uplink_back(b->uplink, frame, now);
    return len;
}

/* True: there may be more. Frames from before a change of the connection come before it. */
static bool s_take_frames(broker_link_t *b, uint64_t now) {
    size_t bytes = 0;
    for (int i = 0; i < TURN_FRAMES && bytes < TURN_BYTES; i++) {
        size_t front = s_take_front(b, now), back = s_take_back(b, now);
        if (front + back == 0)
            return false;
        bytes += front + back;
    }
    return true;
}

void broker_link_turn(broker_link_t *b, uint64_t now) {
    link_change_t change;
    b->more = s_take_frames(b, now);
    while (!b->more && (change = link_change(b->link)) != LINK_SAME)
        s_take_change(b, change, now);
    uplink_tick(b->uplink, now);
}

int broker_link_timeout(broker_link_t *b, uint64_t now) {
    uint64_t due = uplink_due(b->uplink);
    if (b->more || due <= now || link_ready(b->link, uplink_is_blocked(b->uplink)))
        return 0;
    return due == UINT64_MAX ? -1 : due - now > 60000 ? 60000 : (int)(due - now);
}

void broker_link_close(broker_link_t *b) {
    uplink_close(b->uplink);
}
