/* See talk.h. */
#include "talk.h"

#include <sodium/utils.h>
#include <stdarg.h>
#include <stddef.h>

#include "fatal.h"
#include "talk_state.h"

/* --- To the peer --- */

static void s_put(talk_t *t, zr_buffer_t *out) {
    zr_blob_t *blob = zr_blob_copy(out->data, out->len);
    if (!t->told)
        t->calls->send(t->ctx, blob, false);
    zr_blob_unref(blob);
    zr_buffer_finish(out);
}

void talk_notice(talk_t *t, const char *format, ...) {
    zr_buffer_t text = {0}, out = {0};
    va_list args;
    va_start(args, format);
    zr_buffer_vprintf(&text, format, args);
    va_end(args);
    talk_text_notice(&out, t->look, zr_span_of(text.data, text.len));
    zr_buffer_finish(&text);
    s_put(t, &out);
}

void talk_close(talk_t *t) {
    if (t->told)
        return;
    t->told = true;
    t->calls->close(t->ctx);
}

void talk_leave(talk_t *t) {
    if (t->leaving || t->told)
        return;
    t->leaving = true;
    t->leave_at = t->now + TALK_LEAVE_MS;
    talk_go_on(t);
}

/* --- The room --- */

/* While messages are dropped, all are, so that the count stands where they are missing. */
static bool s_give(void *ctx, delivery_t *delivery, uint64_t after) {
    talk_t *t = ctx;
    bool whole = delivery->first > after;
    if (t->told)
        return true;
    talk_rename(t, delivery->last);
    if (t->dropped > 0) {
        t->dropped += talk_text_count(delivery, after);
        return true;
    }
    zr_blob_t *text = whole ? talk_text_form(delivery, t->look) : talk_text_after(delivery, t->look, after);
    if (text && !t->calls->send(t->ctx, text, true))
        t->dropped += talk_text_count(delivery, after);
    if (!whole)
        zr_blob_unref(text);
    return true;
}

static bool s_ready(void *ctx) {
    (void)ctx;
    return true; /* what does not fit is dropped and counted */
}

static void s_lost(void *ctx) {
    talk_notice(ctx, "some messages are missing here: the broker does not have them any more");
}

static const room_reader_calls_t s_reader_calls = {s_give, s_ready, s_lost};

static void s_on_presence(feed_reader_t *feed, delivery_t *delivery) {
    talk_t *t = (talk_t *)(void *)((char *)feed - offsetof(talk_t, presence));
    if (!t->reader.joined || t->told || t->dropped > 0 || delivery->kind != ZR_BACK_PRESENCE)
        return;
    zr_blob_t *text = talk_text_presence(delivery, t->look, zr_span(t->nick));
    if (text)
        t->calls->send(t->ctx, text, true);
    zr_blob_unref(text);
}

static void s_on_presence_live(feed_reader_t *feed) {
    (void)feed;
}

bool talk_enter(talk_t *t, zr_span_t room) {
    uint8_t topic[FEED_TOPIC_MAX];
    feeds_t *feeds = t->config->host->feeds;
    if (!room_reader_begin(&t->reader, feeds, room, t->config->history, &s_reader_calls, t, t->now))
        return false;
    t->acked = 0;
    t->entered = t->unanswered.mid;
    size_t len = feed_topic(room, true, topic);
    if (!t->look.nick || feeds_join(feeds, &t->presence, zr_span_of(topic, len), t->now) != FEED_FULL)
        return true;
    room_reader_finish(&t->reader, t->now);
    return false;
}

void talk_exit(talk_t *t) {
    if (t->alive && t->reader.room[0])
        channel_say(t->channel, json_pack("{s:s,s:s}", "op", "leave", "room", t->reader.room));
    feeds_leave(&t->presence, t->now);
    room_reader_finish(&t->reader, t->now);
}

/* --- What the connection tells --- */

void talk_drained(talk_t *t, uint64_t now) {
    uint64_t dropped = t->dropped;
    t->now = now;
    t->dropped = 0;
    if (dropped)
        talk_notice(t, "%llu %s lost here: this connection did not read fast enough", (unsigned long long)dropped,
            dropped == 1 ? "message was" : "messages were");
}

void talk_stopping(talk_t *t) {
    talk_notice(t, "the gateway stops; connect again later");
}

uint64_t talk_due(const talk_t *t) {
    return t->leaving && !t->told ? t->leave_at : UINT64_MAX;
}

void talk_tick(talk_t *t, uint64_t now) {
    t->now = now;
    talk_go_on(t);
    if (talk_due(t) > now)
        return;
    if (t->unanswered.count > 0)
        talk_notice(t, "the broker did not confirm your last %zu lines", t->unanswered.count);
    talk_close(t);
}

/* --- */

talk_t *talk_new(const talk_config_t *config, const ws_from_t *from, unsigned port, const talk_calls_t *calls,
    void *ctx, uint64_t now) {
    uint8_t random[ZR_CLIENT_ID_LEN / 2];
    const ws_host_t *host = config->host;
    talk_t *t = fatal_calloc(sizeof *t);
    t->config = config;
    t->calls = calls;
    t->ctx = ctx;
    t->from = *from;
    t->port = (uint16_t)port;
    t->look.nick = config->nick;
    t->now = now;
    t->credit = (int64_t)config->max_deliveries;
    t->credit_at = now;
    t->presence = (feed_reader_t){.frame = s_on_presence, .live = s_on_presence_live};
    if (!talk_enter(t, zr_span(config->room))) {
        free(t);
        return NULL;
    }
    host->entropy(host->ctx, random, sizeof random);
    zr_hex(t->client, random, sizeof random);
    t->channel = t->reader.channel = uplink_open(host->uplink, from->address, from->secure, &talk_channel_calls, t);
    if (channel_is_open(t->channel)) {
        talk_hello(t);
        return t;
    }
    t->away = true;
    talk_notice(t, "the broker is away; please wait");
    return t;
}

void talk_destroy(talk_t *t) {
    if (!t)
        return;
    feeds_leave(&t->presence, t->now);
    room_reader_finish(&t->reader, t->now);
    if (t->alive)
        channel_say(t->channel, json_pack("{s:s}", "op", "bye")); /* nobody can resume it */
    channel_close(t->channel);
    unanswered_finish(&t->unanswered);
    line_reader_finish(&t->input);
    talk_forget_login(&t->user, &t->token);
    talk_forget_login(&t->next_user, &t->next_token);
    free(t);
}
