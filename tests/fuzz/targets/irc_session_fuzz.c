/* An IRC client that may say anything, and a broker that may answer anything.
 *
 * The input is a script of steps: a byte, its low four bits the step, its high four bits an argument. Text follows a
 * byte with its length. */
#include <string.h>

#include "control.h"
#include "irc.h"
#include "irc_message.h"
#include "names.h"
#include "script.h"

enum { STEPS_MAX = 200, TEXT_SIZE = 700, LINE_FULL = 512 };

typedef struct {
    uplink_t *uplink;
    feeds_t *feeds;
    irc_host_t host;
    irc_t *irc;
    uint64_t now, seq, dice;
    char nonce[40];
    uint64_t last_id; /* of the client's requests */
    bool busy, closed;
} world_t;

static world_t s_world;

static const char *const s_rooms[] = {"r", "a,b"};

/* --- The network --- */

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    memset(out, (int)++s_world.dice, len);
}

static uint64_t s_wall(void *ctx) {
    (void)ctx;
    return 1700000000000000;
}

static bool s_perform(void *ctx, const action_t *action) {
    uint32_t channel;
    zr_span_t inner;
    (void)ctx;
    if (action->kind == ACTION_SEND && zr_trunk_read(action->frame, &channel, &inner)) {
        json_t *object = NULL;
        fuzz_require(inner.len > 0 && inner.ptr[0] == ZR_TYPE_CONTROL);
        fuzz_require(zr_control_read_request(inner, &object) == ZR_OK);
        json_int_t id = json_integer_value(json_object_get(object, "id"));
        s_world.last_id = id > 0 ? (uint64_t)id : s_world.last_id;
        json_decref(object);
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

/* --- The client's connection --- */

static void s_check_line(zr_span_t line) {
    if (line.len > 0 && line.ptr[0] == '@')
        zr_span_cut(&line, ' ');
    fuzz_require(line.len > 0 && line.len <= LINE_FULL);
    fuzz_require(line.ptr[line.len - 1] == '\r' && !memchr(line.ptr, '\r', line.len - 1));
    fuzz_require(!memchr(line.ptr, '\0', line.len));
}

static bool s_send(void *ctx, zr_blob_t *lines, bool live) {
    zr_span_t rest = zr_span_of(zr_blob_data(lines), zr_blob_len(lines));
    (void)ctx;
    fuzz_require(!s_world.closed && rest.len > 0 && rest.ptr[rest.len - 1] == '\n');
    fuzz_require(zr_utf8_valid(rest));
    while (rest.len > 0)
        s_check_line(zr_span_cut(&rest, '\n'));
    return !live || !s_world.busy;
}

static bool s_ready(void *ctx) {
    (void)ctx;
    return !s_world.busy;
}

static void s_close(void *ctx) {
    (void)ctx;
    fuzz_require(!s_world.closed);
    s_world.closed = true;
}

static const irc_calls_t s_calls = {s_send, s_ready, s_close};

/* --- Steps --- */

static void s_inner(const char *json) {
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%s", json);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    uplink_front(s_world.uplink, zr_trunk_frame(1, zr_span(text)), s_world.now);
}

static void s_lines(script_t *script) {
    zr_span_t text = script_bytes(script, script_byte(script));
    char lines[300];
    size_t len = text.len;
    memcpy(lines, text.len ? text.ptr : "", text.len);
    lines[len++] = '\n';
    zr_span_t rest = zr_span_of(lines, len);
    for (int i = 0; i < 10 && rest.len > 0; i++) {
        size_t taken = irc_bytes(s_world.irc, rest, s_world.now);
        fuzz_require(taken <= rest.len);
        rest = zr_span_of(rest.ptr + taken, rest.len - taken);
        s_world.now += 100;
    }
}

/* Answers of the broker to the last request, or to an earlier one. `%s` is a room, %llu first the id and then a seq. */
static const char *const s_answers[] = {
    "{'op':'welcome','re':%llu,'nick':'ann','epoch':'00000000000000e1','resume':'00','x':'%s','y':%llu}",
    "{'op':'joined','re':%llu,'room':'%s','seq':%llu,'version':3,'count':2}",
    "{'op':'ok','re':%llu,'room':'%s','seq':%llu,'more':false}",
    "{'op':'who','re':%llu,'room':'%s','version':%llu,'users':[{'nick':'ann'},{'nick':'b!b','meta':{'away':'x\\ny'}}]}",
    "{'op':'who','re':%llu,'room':'%s','version':%llu,'users':[{'nick':'cat'}],'more':true}",
    "{'op':'replayed','re':%llu,'room':'%s','seq':%llu,'complete':true,'more':false}",
    "{'op':'replayed','re':%llu,'room':'%s','seq':%llu,'complete':false,'more':true}",
    "{'op':'rooms','re':%llu,'rooms':[{'room':'%s','seq':%llu,'count':2}],'more':false}",
    "{'op':'error','re':%llu,'code':'forbidden','text':'%s','seq':%llu}",
    "{'op':'error','re':%llu,'code':'rate-limited','text':'%s','wait':%llu}",
    "{'op':'error','re':%llu,'code':'nick-in-use','text':'%s','wait':%llu}",
    "{'op':'error','re':%llu,'code':'no-such-user','text':'%s\\r\\nQUIT','wait':%llu}",
    "{'op':'ack','re':'m%llu','room':'%s','seq':%llu}",
    "{'op':'error','re':'m%llu','room':'%s','code':'forbidden','wait':%llu}",
    "{'op':'direct','from':'bob','text':'%llu\\n%s %llu'}",
    "{'op':'pong','re':'x%llu','heads':{'%s':%llu},'versions':{'r':9}}",
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void s_answer(script_t *script, unsigned which) {
    char json[TEXT_SIZE];
    unsigned back = script_byte(script) % 4;
    unsigned long long id = s_world.last_id > back ? s_world.last_id - back : 0;
    snprintf(json, sizeof json, s_answers[which], id, s_rooms[script_byte(script) % 2],
        (unsigned long long)(s_world.seq + script_byte(script) % 3));
    s_inner(json);
}
#pragma GCC diagnostic pop

static void s_entry(script_t *script, unsigned kind) {
    static const char *const nicks[] = {"ann", "bob", "x!y", ""}, *const keys[] = {"", "topic", "other", ""};
    zr_buffer_t frame = {0};
    uint64_t prev = s_world.seq;
    uint8_t flags = kind & 1 ? ZR_FRAME_REPLAY : kind & 2 ? ZR_FRAME_STATE : 0;
    s_world.seq += 1 + script_byte(script) % 2;
    zr_deliver_begin(&frame, zr_span(s_rooms[script_byte(script) % 2]), flags, 0xe1, prev);
    zr_deliver_add(&frame, &(zr_entry_t){.seq = s_world.seq,
                               .time = 1700000000000000 + s_world.seq,
                               .sender = zr_span(nicks[script_byte(script) % 4]),
                               .key = zr_span(keys[script_byte(script) % 4]),
                               .body = script_bytes(script, script_byte(script))});
    if (kind & 4 || flags)
        uplink_front(s_world.uplink, zr_trunk_frame(1, zr_span_of(frame.data, frame.len)), s_world.now);
    else
        uplink_back(s_world.uplink, zr_blob_copy(frame.data, frame.len), s_world.now);
    zr_buffer_finish(&frame);
}

static const char *const s_presences[] = {
    "{\"op\":\"presence\",\"version\":%u,\"joined\":[{\"nick\":\"bob\"}],\"left\":[],\"count\":2}",
    "{\"op\":\"presence\",\"version\":%u,\"joined\":[],\"left\":[{\"nick\":\"bob\",\"reason\":\"bye\"}],\"count\":1}",
    "{\"op\":\"presence\",\"version\":%u,\"joined\":[{\"nick\":\"eve\",\"was\":\"bob\"}],\"left\":[{\"nick\":\"bob\","
    "\"reason\":\"renamed\",\"to\":\"eve\"}],\"count\":1}",
    "{\"op\":\"presence\",\"version\":%u,\"joined\":[],\"left\":[{\"nick\":\"ann\",\"reason\":\"kicked\"}],\"count\":"
    "1}",
    "{\"op\":\"presence\",\"version\":%u,\"crowded\":true,\"joined\":[],\"left\":[],\"count\":900}",
    "{\"op\":\"presence\",\"version\":%u,\"joined\":[],\"left\":[],\"changed\":[{\"nick\":\"bob\",\"meta\":"
    "{\"away\":\"a\",\"typing\":\"active\"}}],\"count\":1}",
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void s_presence(script_t *script) {
    char json[TEXT_SIZE], frame[TEXT_SIZE + 8];
    unsigned which = script_byte(script) % (sizeof s_presences / sizeof s_presences[0]);
    snprintf(json, sizeof json, s_presences[which], script_byte(script) % 16);
    int len = snprintf(frame, sizeof frame, "%s\001%s", s_rooms[script_byte(script) % 2], json);
    uplink_back(s_world.uplink, zr_blob_copy(frame, (size_t)len), s_world.now);
}
#pragma GCC diagnostic pop

static void s_sync(void) {
    char frame[160];
    int len = snprintf(frame, sizeof frame, "\xff%s{\"op\":\"synced\",\"epoch\":\"00000000000000e1\"}", s_world.nonce);
    if (s_world.nonce[0])
        uplink_back(s_world.uplink, zr_blob_copy(frame, (size_t)len), s_world.now);
}

static void s_welcome_gateway(void) {
    char text[] = "{'op':'welcome','re':'hello','proto':1,'epoch':'00000000000000e1','nick':'g',"
                  "'resume':'0123456789abcdef0123456789abcdef','resumed':false,'back':'tcp://127.0.0.1:5571',"
                  "'heartbeat':5000,'level':'memory','time':1}";
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    uplink_tick(s_world.uplink, s_world.now += 10000);
    uplink_up(s_world.uplink, s_world.now);
    uplink_front(s_world.uplink, zr_blob_copy(text, strlen(text)), s_world.now);
}

static void s_step(script_t *script) {
    unsigned byte = script_byte(script), argument = byte >> 4;
    switch (byte & 15) {
    case 0:
    case 1:
    case 2:
        s_lines(script);
        break;
    case 3:
    case 4:
    case 5:
        s_answer(script, argument);
        break;
    case 6:
        s_entry(script, argument);
        break;
    case 7:
        s_presence(script);
        break;
    case 8:
        s_world.now += 100u * argument;
        uplink_tick(s_world.uplink, s_world.now);
        s_sync();
        irc_tick(s_world.irc, s_world.now);
        break;
    case 9:
        s_world.busy = argument & 1;
        irc_drained(s_world.irc, s_world.now);
        break;
    case 10:
        uplink_down(s_world.uplink, "gone", s_world.now);
        if (argument & 1)
            s_welcome_gateway();
        break;
    case 11:
        s_inner(argument & 1 ? "{'op':'error','code':'no-session','text':'none'}"
                             : "{'op':'left','room':'r','reason':'revoked','seq':3}");
        break;
    case 12:
        s_inner(argument & 1 ? "{'op':'bye','reason':'expired'}" : "{'op':'bye','reason':'kicked'}");
        break;
    case 13: {
        zr_span_t bytes = script_bytes(script, script_byte(script));
        uplink_front(s_world.uplink, zr_trunk_frame(1, bytes), s_world.now);
        break;
    }
    default:
        irc_tick(s_world.irc, s_world.now += 1000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script_t script = {data, size};
    irc_from_t from = {.address = "192.0.2.1", .secure = true};
    s_world = (world_t){.now = 1000, .seq = 5};
    s_world.feeds = feeds_new(8, 4096, s_change, NULL);
    uplink_config_t config = {
        .server = "tcp://127.0.0.1:5570", .agent = "fuzz", .perform = s_perform, .entropy = s_entropy};
    s_world.uplink = uplink_new(&config, s_world.feeds, s_world.now);
    s_welcome_gateway();
    s_world.host = (irc_host_t){.uplink = s_world.uplink,
        .feeds = s_world.feeds,
        .people = irc_people_new(irc_people_changed),
        .max_rooms = 3,
        .history = 5,
        .rate = 10,
        .ping_ms = 5000,
        .timeout_ms = 5000,
        .entropy = s_entropy,
        .wall_us = s_wall};
    s_world.irc = irc_new(&s_world.host, &from, &s_calls, NULL, s_world.now);
    for (int i = 0; i < STEPS_MAX && script.left > 0 && !s_world.closed; i++)
        s_step(&script);
    irc_destroy(s_world.irc);
    irc_people_destroy(s_world.host.people);
    uplink_destroy(s_world.uplink);
    feeds_destroy(s_world.feeds);
    return 0;
}
