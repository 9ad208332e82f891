/* Lines over TCP: a hostile peer, and a broker that may say anything. What the peer gets is whole lines that a terminal
 * only shows, each message once and in order. What the broker gets is well-formed.
 *
 * An input that begins with an even byte is a script of steps: a byte, its low four bits the step. Another one is bytes
 * of a peer, which must make the same lines in whatever pieces they come. */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "line_reader.h"
#include "names.h"
#include "script.h"
#include "talk.h"
#include "telnet.h"

enum { STEPS_MAX = 300, TEXT_SIZE = 600, LINE_MAX = 200, HISTORY = 3 };

static struct {
    uplink_t *uplink;
    feeds_t *feeds;
    ws_host_t host;
    talk_config_t config;
    talk_t *talk;
    uint64_t now, dice, seq, mid;
    uint64_t shown; /* the last entry that the peer got */
    char nonce[40];
    bool ended, closed, blocked, deaf;
    bool orderly; /* the broker kept to the protocol, and the peer did not ask for entries again */
} s_world;

/* --- The network --- */

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] =
            (uint8_t)((s_world.dice = s_world.dice * 6364136223846793005ULL + 1442695040888963407ULL) >> 32);
}

static void s_check_publish(zr_span_t frame) {
    zr_publish_reader_t reader;
    zr_publish_entry_t entry;
    size_t count;
    uint64_t first, last;
    fuzz_require(zr_publish_read(&reader, frame, &count, &first, &last) == ZR_OK);
    while (zr_publish_next(&reader, &entry)) {
        fuzz_require(entry.body.len <= LINE_MAX && entry.body.len > 0 && zr_utf8_valid(entry.body));
        s_world.mid = entry.mid > s_world.mid ? entry.mid : s_world.mid;
    }
    fuzz_require(!reader.failed);
}

static void s_check_sent(zr_span_t frame) {
    uint32_t channel;
    zr_span_t inner;
    json_t *object = NULL;
    if (!zr_trunk_read(frame, &channel, &inner))
        return;
    fuzz_require(inner.len > 0);
    if (inner.ptr[0] == ZR_TYPE_PUBLISH) {
        s_check_publish(inner);
        return;
    }
    fuzz_require(zr_control_read(inner, &object) == ZR_OK);
    json_decref(object);
}

static bool s_perform(void *ctx, const action_t *action) {
    (void)ctx;
    if (action->kind == ACTION_SEND) {
        if (s_world.blocked)
            return false;
        s_check_sent(action->frame);
    } else if (action->kind == ACTION_SUBSCRIBE && action->topic_len > 0 && action->topic[0] == ZR_TYPE_SYNC)
        snprintf(
            s_world.nonce, sizeof s_world.nonce, "%.*s", (int)action->topic_len - 1, (const char *)action->topic + 1);
    return true;
}

static void s_change(void *ctx, bool subscribe, zr_span_t topic) {
    (void)ctx;
    (void)subscribe;
    fuzz_require(topic.len <= FEED_TOPIC_MAX);
}

/* --- The peer's connection --- */

static void s_check_line(zr_span_t line) {
    unsigned long long seq;
    char text[40];
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    fuzz_require(zr_is_shown(line));
    snprintf(text, sizeof text, "%.*s", (int)(line.len < 39 ? line.len : 39), line.ptr);
    if (sscanf(text, "ann: e%llu", &seq) != 1 || !s_world.orderly)
        return;
    fuzz_require(seq > s_world.shown);
    s_world.shown = seq;
}

static bool s_send(void *ctx, zr_blob_t *bytes, bool live) {
    zr_span_t text = zr_span_of(zr_blob_data(bytes), zr_blob_len(bytes));
    (void)ctx;
    fuzz_require(!s_world.closed && text.len > 0 && text.ptr[text.len - 1] == '\n');
    if (live && s_world.deaf)
        return false;
    while (text.len > 0)
        s_check_line(zr_span_cut(&text, '\n'));
    return true;
}

static void s_close(void *ctx) {
    (void)ctx;
    fuzz_require(!s_world.closed);
    s_world.closed = true;
}

static const talk_calls_t s_calls = {s_send, s_close};

static void s_say(zr_span_t bytes) {
    size_t done = 0;
    while (done < bytes.len && !s_world.closed && !s_world.ended && !talk_is_paused(s_world.talk, s_world.now)) {
        size_t taken = talk_bytes(s_world.talk, zr_span_of(bytes.ptr + done, bytes.len - done), s_world.now);
        fuzz_require(taken > 0 && taken <= bytes.len - done);
        done += taken;
    }
}

static void s_command(unsigned which) {
    static const char *const lines[] = {"hello\n", "/nick bob\r\n", "/join q\n", "/join lobby\n", "/who\n",
        "/msg bob psst\n", "/login bob secret\n", "/help\n", "//x\n", "/quit\n", "/last 2\n", "\xff\xfb\x1f", "no end",
        "\xff\xfa\n\xff\xf0", "/nick a\n/nick b\nx\n", "\n\n\r\n"};
    which %= sizeof lines / sizeof lines[0];
    s_world.orderly &= which != 10 && which != 2 && which != 3;
    s_say(zr_span(lines[which]));
}

/* --- The broker --- */

static void s_inner(const char *json) {
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%s", json);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    uplink_front(s_world.uplink, zr_trunk_frame(1, zr_span(text)), s_world.now);
}

static void s_joined(void) {
    char json[TEXT_SIZE];
    snprintf(json, sizeof json, "{'op':'joined','room':'lobby','seq':%llu}", (unsigned long long)s_world.seq);
    s_inner(json);
}

static void s_entry(unsigned skip, bool replay) {
    zr_buffer_t frame = {0};
    char body[30];
    uint64_t prev = s_world.seq;
    if (!replay)
        s_world.seq += 1 + skip % 3;
    uint64_t seq = replay && s_world.seq > 2 ? s_world.seq - skip % 3 : s_world.seq;
    if (seq == 0)
        return;
    snprintf(body, sizeof body, "e%llu", (unsigned long long)seq);
    zr_deliver_begin(&frame, zr_span("lobby"), replay ? ZR_FRAME_REPLAY : 0, 0xe1, replay ? seq - 1 : prev);
    zr_deliver_add(&frame,
        &(zr_entry_t){.seq = seq, .time = 1, .sender = zr_span("ann"), .key = zr_span(""), .body = zr_span(body)});
    if (replay)
        uplink_front(s_world.uplink, zr_trunk_frame(1, zr_span_of(frame.data, frame.len)), s_world.now);
    else
        uplink_back(s_world.uplink, zr_blob_copy(frame.data, frame.len), s_world.now);
    zr_buffer_finish(&frame);
}

static void s_replayed(bool complete) {
    char json[TEXT_SIZE];
    snprintf(json, sizeof json, "{'op':'replayed','room':'lobby','seq':%llu,'complete':%s,'more':false}",
        (unsigned long long)s_world.seq, complete ? "true" : "false");
    s_inner(json);
}

static void s_error(unsigned which) {
    static const char *const errors[] = {"{'op':'error','re':'hello','code':'nick-in-use','text':'taken\\u001b'}",
        "{'op':'error','re':'hello','code':'login-required','text':'x'}",
        "{'op':'error','re':'hello','code':'login-failed','text':'x'}",
        "{'op':'error','re':'join','code':'forbidden','room':'lobby','text':'x'}",
        "{'op':'error','re':'replay','code':'too-many-replays','text':'x'}",
        "{'op':'error','re':'nick','code':'nick-in-use','text':'x'}",
        "{'op':'error','re':'msg bob','code':'no-such-user','text':'x'}",
        "{'op':'error','code':'rate-limited','text':'x','wait':100}",
        "{'op':'error','code':'forbidden','text':'x','mid':1,'upto':3}", "{'op':'error','code':'no-session'}",
        "{'op':'bye','reason':'expired'}", "{'op':'bye','reason':'kicked'}", "{'op':'bye','reason':'shutdown'}",
        "{'op':'left','room':'lobby'}", "{'op':'ok','re':'msg bob'}",
        "{'op':'who','room':'lobby','users':[{'nick':'ann'},{}],'more':true}"};
    s_inner(errors[which % (sizeof errors / sizeof errors[0])]);
}

static void s_ack(void) {
    uint8_t frame[ZR_ACK_SIZE];
    zr_ack_write(frame, &(zr_ack_t){.level = 1, .upto = s_world.mid, .seq = s_world.seq});
    uplink_front(s_world.uplink, zr_trunk_frame(1, zr_span_of(frame, sizeof frame)), s_world.now);
}

static void s_presence(void) {
    static const char frame[] = "lobby\1{\"op\":\"presence\",\"joined\":[{\"nick\":\"b\\u0007b\"},{\"nick\":\"bob\"}],"
                                "\"left\":[{\"nick\":\"ann\",\"to\":\"eve\"}]}";
    uplink_back(s_world.uplink, zr_blob_copy(frame, sizeof frame - 1), s_world.now);
}

static void s_synced(void) {
    char frame[200];
    int len = snprintf(frame, sizeof frame, "\xff%s{\"op\":\"synced\",\"epoch\":\"00000000000000e1\"}", s_world.nonce);
    uplink_back(s_world.uplink, zr_blob_copy(frame, (size_t)len), s_world.now);
}

static void s_down(void) {
    uplink_down(s_world.uplink, "the fuzzer said so", s_world.now);
    s_world.nonce[0] = '\0';
}

static void s_up(void) {
    static const char welcome[] =
        "{\"op\":\"welcome\",\"re\":\"hello\",\"epoch\":\"00000000000000e1\",\"resume\":\"00\","
        "\"back\":\"tcp://127.0.0.1:1\",\"heartbeat\":5000}";
    s_world.now += 10000;
    uplink_tick(s_world.uplink, s_world.now);
    uplink_up(s_world.uplink, s_world.now);
    if (!uplink_is_live(s_world.uplink))
        uplink_front(s_world.uplink, zr_blob_copy(welcome, sizeof welcome - 1), s_world.now);
}

static void s_pass_time(unsigned ms) {
    s_world.now += ms;
    uplink_tick(s_world.uplink, s_world.now);
    if (!uplink_is_live(s_world.uplink))
        s_down();
    talk_tick(s_world.talk, s_world.now);
    fuzz_require(s_world.closed || !s_world.ended || talk_due(s_world.talk) > s_world.now);
}

/* --- Steps --- */

static void s_end(void) {
    if (s_world.ended || s_world.closed || talk_is_paused(s_world.talk, s_world.now))
        return;
    s_world.ended = true;
    talk_end(s_world.talk, s_world.now);
}

static void s_toggle(unsigned which) {
    s_world.deaf ^= which & 1;
    s_world.blocked ^= which >> 1 & 1;
    if (!s_world.deaf)
        talk_drained(s_world.talk, s_world.now);
}

static void s_garbage(script_t *script) {
    zr_span_t bytes = script_bytes(script, script_byte(script));
    s_world.orderly = false;
    uplink_front(s_world.uplink, zr_trunk_frame(1, bytes), s_world.now);
}

static void s_step(script_t *script) {
    uint8_t byte = script_byte(script);
    unsigned which = byte >> 4;
    switch (byte & 15) {
    case 0:
        s_command(which);
        break;
    case 1:
        s_world.orderly = false; /* it may be /last */
        s_say(script_bytes(script, script_byte(script)));
        break;
    case 2:
        s_inner("{'op':'welcome','epoch':'00000000000000e1','resume':'00','nick':'ann'}");
        break;
    case 3:
        s_joined();
        break;
    case 4:
        s_entry(which, false);
        break;
    case 5:
        s_entry(which, true);
        break;
    case 6:
        s_replayed(which & 1);
        break;
    case 7:
        s_error(which);
        break;
    case 8:
        s_ack();
        break;
    case 9:
        s_synced();
        break;
    case 10:
        s_down();
        break;
    case 11:
        s_up();
        break;
    case 12:
        s_pass_time(script_byte(script) * 100u);
        break;
    case 13:
        s_presence();
        break;
    case 14:
        s_toggle(which);
        break;
    default:
        if (which == 15)
            s_end();
        else
            s_garbage(script);
    }
}

static void s_begin(void) {
    static const ws_from_t from = {.address = "192.0.2.1", .secure = true};
    memset(&s_world, 0, sizeof s_world);
    s_world.now = 1000;
    s_world.orderly = true;
    s_world.feeds = feeds_new(6, 1000, s_change, NULL);
    uplink_config_t config = {
        .server = "tcp://127.0.0.1:5570", .agent = "fuzz", .perform = s_perform, .entropy = s_entropy};
    s_world.uplink = uplink_new(&config, s_world.feeds, 0);
    s_world.host = (ws_host_t){.uplink = s_world.uplink, .feeds = s_world.feeds, .entropy = s_entropy};
    s_world.config = (talk_config_t){.host = &s_world.host,
        .room = "lobby",
        .nick = true,
        .history = HISTORY,
        .max_line = LINE_MAX,
        .max_deliveries = 1000};
    s_world.talk = talk_new(&s_world.config, &from, 4711, &s_calls, NULL, 1000);
    s_up();
}

static void s_run(script_t *script) {
    s_begin();
    for (int i = 0; i < STEPS_MAX && script->left > 0; i++)
        s_step(script);
    talk_destroy(s_world.talk);
    uplink_destroy(s_world.uplink);
    feeds_destroy(s_world.feeds);
}

/* --- Bytes in pieces --- */

/* Appends the lines of all pieces of `size` bytes. */
static void s_lines(zr_span_t bytes, size_t size, zr_buffer_t *out) {
    telnet_t telnet = {0};
    line_reader_t reader = {0};
    zr_buffer_t data = {0};
    zr_span_t line;
    for (size_t at = 0; at < bytes.len; at += size) {
        zr_span_t piece = zr_span_of(bytes.ptr + at, size < bytes.len - at ? size : bytes.len - at), input = piece;
        line_state_t state;
        zr_buffer_clear(&data);
        telnet_data(&telnet, piece, &data);
        if (!telnet_is_plain(&telnet, piece) || data.len != piece.len)
            input = zr_span_of(data.data, data.len);
        while ((state = line_reader_next(&reader, LINE_MAX, &input, &line)) != LINE_MORE) {
            fuzz_require(state == LINE_TOO_LONG || line.len <= LINE_MAX);
            if (state == LINE_WHOLE)
                zr_buffer_append(out, line.ptr, line.len);
            zr_buffer_u8(out, state == LINE_WHOLE ? '\n' : 0);
        }
        fuzz_require(input.len == 0);
    }
    if (line_reader_end(&reader, &line))
        zr_buffer_append(out, line.ptr, line.len);
    line_reader_finish(&reader);
    zr_buffer_finish(&data);
}

static void s_cut(zr_span_t bytes) {
    zr_buffer_t whole = {0}, cut = {0};
    s_lines(bytes, bytes.len ? bytes.len : 1, &whole);
    for (size_t size = 1; size < 8; size++) {
        zr_buffer_clear(&cut);
        s_lines(bytes, size, &cut);
        fuzz_require(zr_span_equal(zr_span_of(whole.data, whole.len), zr_span_of(cut.data, cut.len)));
    }
    zr_buffer_finish(&whole);
    zr_buffer_finish(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script_t script = {data, size};
    if (script_byte(&script) & 1)
        s_cut(script_bytes(&script, size));
    else
        s_run(&script);
    return 0;
}
