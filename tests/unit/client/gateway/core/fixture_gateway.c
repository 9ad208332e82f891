#include "fixture_gateway.h"

#include <endian.h>
#include <stdio.h>

#include "names.h"
#include "unit.h"
#include "wire.h"

enum { EPOCH = 0xe1 };

const char *stage_servers;

static void s_entropy(void *ctx, void *out, size_t len) {
    static uint8_t next;
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = next++;
}

static void s_hex(char *out, const void *bytes, size_t len) {
    zr_hex(out, bytes, len);
}

static void s_subscribe(stage_t *stage, const action_t *action) {
    char hex[2 * sizeof action->topic + 1];
    s_hex(hex, action->topic, action->topic_len);
    if (action->topic_len > 0 && action->topic[0] == ZR_TYPE_SYNC) {
        snprintf(stage->nonce, sizeof stage->nonce, "%.*s",
            action->kind == ACTION_SUBSCRIBE ? (int)action->topic_len - 1 : 0, (const char *)action->topic + 1);
        return;
    }
    for (size_t i = 0; i < stage->topic_count; i++)
        if (strcmp(stage->topics[i], hex) == 0) {
            ck_assert_int_eq(action->kind, ACTION_UNSUBSCRIBE); /* never twice */
            memmove(stage->topics[i], stage->topics[i + 1], (--stage->topic_count - i) * sizeof stage->topics[0]);
            return;
        }
    ck_assert_int_eq(action->kind, ACTION_SUBSCRIBE);
    ck_assert_uint_lt(stage->topic_count, STAGE_TOPICS);
    strcpy(stage->topics[stage->topic_count++], hex);
}

static bool s_perform(void *ctx, const action_t *action) {
    stage_t *stage = ctx;
    switch (action->kind) {
    case ACTION_SEND:
        if (stage->blocked)
            return false;
        ck_assert_uint_lt(stage->sent_count, STAGE_SENT);
        stage->sent[stage->sent_count++] = zr_blob_ref(action->owner);
        break;
    case ACTION_CONNECT_FRONT:
        stage->fronts++;
        snprintf(stage->server, sizeof stage->server, "%s", action->endpoint);
        break;
    case ACTION_CONNECT_BACK:
        stage->backs++;
        stage->topic_count = 0;
        break;
    case ACTION_DISCONNECT:
        stage->disconnects++;
        stage->topic_count = 0;
        break;
    case ACTION_SUBSCRIBE:
    case ACTION_UNSUBSCRIBE:
        s_subscribe(stage, action);
        break;
    }
    return true;
}

static void s_change(void *ctx, bool subscribe, zr_span_t topic) {
    action_t action = {.kind = subscribe ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE, .topic_len = topic.len};
    if (topic.len)
        memcpy(action.topic, topic.ptr, topic.len);
    s_subscribe(ctx, &action);
}

void stage_begin(stage_t *stage, size_t max_topics) {
    memset(stage, 0, sizeof *stage);
    stage->now = 1000;
    stage->feeds = feeds_new(max_topics, 1 << 20, s_change, stage);
    uplink_config_t config = {.server = stage_servers ? stage_servers : "tcp://127.0.0.1:5570",
        .agent = "test",
        .perform = s_perform,
        .entropy = s_entropy,
        .ctx = stage};
    stage->uplink = uplink_new(&config, stage->feeds, stage->now);
    stage->host = (ws_host_t){
        .uplink = stage->uplink, .feeds = stage->feeds, .max_rooms = 4, .max_message = 65536, .entropy = s_entropy};
}

void stage_end(stage_t *stage) {
    while (stage->sent_count > 0)
        zr_blob_unref(stage->sent[--stage->sent_count]);
    uplink_destroy(stage->uplink);
    feeds_destroy(stage->feeds);
}

void stage_go_live(stage_t *stage) {
    uplink_tick(stage->uplink, stage->now);
    uplink_up(stage->uplink, stage->now);
    ck_assert_ptr_nonnull(strstr(stage_next(stage), "\"op\":\"hello\""));
    stage_front(stage, "{'op':'welcome','re':'hello','proto':1,'epoch':'" STAGE_EPOCH
                       "','nick':'g','resume':'0123456789abcdef0123456789abcdef',"
                       "'resumed':false,'back':'tcp://127.0.0.1:5571','heartbeat':5000,'level':'memory','time':1}");
    ck_assert(uplink_is_live(stage->uplink));
}

static void s_answer_sync(stage_t *stage) {
    char frame[200];
    if (!stage->nonce[0])
        return;
    int len = snprintf(frame, sizeof frame, "\xff%s{\"op\":\"synced\",\"epoch\":\"" STAGE_EPOCH "\"}", stage->nonce);
    stage_back(stage, zr_span_of(frame, (size_t)len));
}

void stage_tick(stage_t *stage, uint64_t ms) {
    stage->now += ms;
    uplink_tick(stage->uplink, stage->now);
    s_answer_sync(stage);
}

void stage_front(stage_t *stage, const char *json) {
    char text[1024];
    snprintf(text, sizeof text, "%s", json);
    unit_quotes(text);
    uplink_front(stage->uplink, zr_blob_copy(text, strlen(text)), stage->now);
}

void stage_inner_frame(stage_t *stage, uint32_t channel, zr_span_t frame) {
    uplink_front(stage->uplink, zr_trunk_frame(channel, frame), stage->now);
}

void stage_inner(stage_t *stage, uint32_t channel, const char *json) {
    char text[1024];
    snprintf(text, sizeof text, "%s", json);
    unit_quotes(text);
    stage_inner_frame(stage, channel, zr_span(text));
}

void stage_back(stage_t *stage, zr_span_t frame) {
    uplink_back(stage->uplink, zr_blob_copy(frame.ptr, frame.len), stage->now);
}

zr_span_t stage_entry(const char *room, uint8_t flags, uint64_t prev, uint64_t seq, const char *body) {
    static zr_buffer_t frame;
    zr_deliver_begin(&frame, zr_span(room), flags, EPOCH, prev);
    zr_deliver_add(&frame,
        &(zr_entry_t){.seq = seq, .time = 5, .sender = zr_span("ann"), .key = zr_span(""), .body = zr_span(body)});
    return zr_span_of(frame.data, frame.len);
}

static bool s_is_ping(zr_span_t frame) {
    return memmem(frame.ptr, frame.len, "\"ping\"", 6) != NULL;
}

static const char *s_show(uint32_t channel, zr_span_t frame) {
    static char text[4096];
    int len = snprintf(text, sizeof text, "%u ", channel);
    if (frame.len > 0 && frame.ptr[0] == ZR_TYPE_CONTROL)
        snprintf(text + len, sizeof text - (size_t)len, "%.*s", (int)frame.len, frame.ptr);
    else
        s_hex(text + len, frame.ptr, frame.len);
    return text;
}

const char *stage_next(stage_t *stage) {
    while (stage->sent_count > 0) {
        zr_blob_t *blob = stage->sent[0];
        zr_span_t frame = zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
        uint32_t channel = 0;
        memmove(stage->sent, stage->sent + 1, --stage->sent_count * sizeof stage->sent[0]);
        zr_trunk_read(frame, &channel, &frame);
        const char *text = s_is_ping(frame) ? NULL : s_show(channel, frame);
        zr_blob_unref(blob);
        if (text)
            return text;
    }
    return "";
}

/* --- A peer's socket --- */

static void s_note(heard_t *heard, zr_span_t payload, bool text) {
    size_t len = strlen(heard->log);
    if (text) {
        snprintf(heard->log + len, sizeof heard->log - len, "%.*s\n", (int)payload.len, payload.ptr);
        return;
    }
    char hex[2048];
    ck_assert_uint_lt(2 * payload.len, sizeof hex);
    s_hex(hex, (const uint8_t *)payload.ptr, payload.len);
    snprintf(heard->log + len, sizeof heard->log - len, "0x%s\n", hex);
}

/* Takes the frames of one send apart. */
static bool s_heard_send(void *ctx, zr_blob_t *frames, bool live) {
    heard_t *heard = ctx;
    const uint8_t *at = zr_blob_data(frames), *end = at + zr_blob_len(frames);
    if (live && heard->deaf)
        return false;
    while (at < end) {
        uint16_t len16;
        size_t len = at[1], head = 2;
        if (len == 126) {
            memcpy(&len16, at + 2, sizeof len16);
            len = be16toh(len16);
            head = 4;
        }
        ck_assert_uint_lt(len, 65536);
        s_note(heard, zr_span_of(at + head, len), (at[0] & 15) == WS_TEXT);
        at += head + len;
    }
    ck_assert_ptr_eq(at, end);
    return true;
}

static bool s_heard_ready(void *ctx) {
    return !((heard_t *)ctx)->busy;
}

static void s_heard_close(void *ctx, ws_code_t code, zr_span_t reason) {
    heard_t *heard = ctx;
    ck_assert_uint_eq(heard->closed, 0);
    heard->closed = code;
    snprintf(heard->reason, sizeof heard->reason, "%.*s", (int)reason.len, reason.ptr);
}

const ws_calls_t heard_calls = {s_heard_send, s_heard_ready, s_heard_close};

const char *heard_take(heard_t *heard) {
    static char log[sizeof heard->log];
    strcpy(log, heard->log);
    heard->log[0] = '\0';
    return log;
}
