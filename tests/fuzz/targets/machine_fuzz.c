/* The client's session against a hostile broker. The input is a script: what the broker and the network do to the
 * machine, and what its program does. machine_world.h checks all that comes out. A script is a byte of settings, then
 * steps: a byte, its low four bits the step, its high four bits which one; some take more bytes. */
#include "machine_identity.h"
#include "machine_world.h"

enum { STEPS_MAX = 400, DUE_MAX = 64, TEXT_SIZE = 1024 };

static const char *const s_epochs[EPOCHS] = {
    "00000000000000e1", "00000000000000e2", "00000000000000E1", "no epoch, but a text"};

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)(s_world.dice = s_world.dice * 6364136223846793005ULL + 1442695040888963407ULL);
}

/* --- Between the steps --- */

static void s_take_events(size_t most) {
    const zrelay_event_t *event;
    while (most-- > 0 && (event = machine_event(s_world.machine)))
        s_on_event(event);
}

static void s_take_actions(void) {
    action_t action;
    state_t state = s_world.machine->state;
    s_note_limits();
    if (state == STATE_LIVE || state == STATE_LEAVING)
        s_world.greeting = false;
    while (machine_action(s_world.machine, &action, s_world.now))
        s_on_action(&action);
}

/* --- The broker's frames --- */

static void s_hand_in(const void *data, size_t len, bool front) {
    zr_blob_t *frame = zr_blob_copy(data, len);
    if (front && s_world.front)
        machine_front(s_world.machine, frame, s_world.now);
    else if (!front && s_world.back)
        machine_back(s_world.machine, frame, s_world.now);
    else
        zr_blob_unref(frame);
}

static void s_say(bool front, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void s_say(bool front, const char *format, ...) {
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fuzz_require(len < TEXT_SIZE);
    for (int i = 0; i < len; i++)
        text[i] = text[i] == '\'' ? '"' : text[i];
    s_hand_in(text, (size_t)len, front);
}

static const char *s_bool(unsigned what, unsigned bit) {
    return what >> bit & 1 ? "true" : "false";
}

static const char *s_code(unsigned which) {
    return spec()->codes[which % spec()->code_count];
}

static void s_answer_hello(script_t *script, uint64_t id) {
    unsigned what = script_byte(script), limits = script_byte(script);
    s_world.sent_mid = 0;
    s_say(true,
        "{'op':'welcome','re':%llu,'proto':1,'epoch':'%s','nick':'%s','resume':'t%u','resumed':%s,'back':'tcp://"
        "back%u',"
        "'heartbeat':%u,'level':'memory','time':1,'server':'x','limits':{'frame':%u,'control':65536,'entries':%u,"
        "'body':%u,'rooms':%u,'replays':%u,'window':%u}%s}",
        (unsigned long long)id, s_epochs[what & 3], what & 4 ? "me" : "other", what & 7, s_bool(what, 3), what >> 4 & 1,
        what & 32 ? 5000 : limits * 50, limits & 1 ? 1048576 : 1000, limits & 2 ? 4096 : 2, limits & 4 ? 65536 : 3,
        limits & 8 ? 1000 : 1, limits & 16 ? 4 : 1, limits & 32 ? 4194304 : 100, what & 64 ? ",'user':'me'" : "");
}

static void s_answer_list(script_t *script, const asked_t *asked, const char *list, const char *member) {
    static const char *const names[] = {"a", "b", "p/x", "p/y", "zoe", "caf\xc3\xa9", "me", ""};
    unsigned what = script_byte(script), version = script_byte(script);
    char items[400] = "";
    size_t at = 0;
    for (unsigned i = 0; i < (what & 3); i++)
        at += (size_t)snprintf(items + at, sizeof items - at, "%s{'%s':'%s','seq':%u,'count':%u}", i ? "," : "", member,
            names[(what >> 2 & 7) + i < 8 ? (what >> 2 & 7) + i : 7], version, what);
    s_say(true, "{'op':'%s','re':%llu,'room':'%s','%s':[%s],'version':%u,'count':%u,'silent':0,'more':%s,'crowded':%s}",
        asked->op, (unsigned long long)asked->id, asked->room, list, items, version, what & 3, s_bool(what, 5),
        s_bool(what, 6));
}

/* Its positions are small, or any. */
static uint64_t s_position(script_t *script) {
    uint64_t number = script_byte(script);
    return number < 250 ? number : number == 250 ? ZR_INT_MAX : number == 251 ? ZR_INT_MAX + 1 : number << 40;
}

static void s_answer(script_t *script, unsigned which) {
    if (s_world.asked_count == 0)
        return;
    size_t place = which % s_world.asked_count;
    asked_t asked = s_world.asked[place];
    unsigned long long id = asked.id;
    if (!(which & 8)) /* else it is answered again */
        memmove(&s_world.asked[place], &s_world.asked[place + 1], (--s_world.asked_count - place) * sizeof asked);
    if (strcmp(asked.op, "hello") == 0) {
        s_answer_hello(script, id);
    } else if (strcmp(asked.op, "who") == 0) {
        s_answer_list(script, &asked, "users", "nick");
    } else if (strcmp(asked.op, "rooms") == 0) {
        s_answer_list(script, &asked, "rooms", "room");
    } else {
        const spec_op_t *op = spec_op(asked.op); /* NULL: bye or unfollow */
        const char *answer = op ? op->answer : "ok";
        unsigned long long seq = s_position(script), other = s_position(script);
        unsigned what = script_byte(script);
        s_say(true,
            "{'op':'%s','re':%llu,'room':'%s','seq':%llu,'oldest':%llu,'next':%llu,'count':%u,'recovered':%s,"
            "'complete':%s,'more':%s,'crowded':%s,'private':%s,'version':%u,'time':1,'heads':{'a':%llu},'versions':{},"
            "'bans':[{'user':'u','by':'v','time':'2026-11-20T12:00:00Z','reason':'r'}]}",
            answer, id, asked.room, seq, other, seq, what & 7, s_bool(what, 0), s_bool(what, 3), s_bool(what, 4),
            s_bool(what, 5), s_bool(what, 6), what, other);
    }
}

static void s_refuse(script_t *script, unsigned which) {
    unsigned code = script_byte(script), wait = script_byte(script);
    if (which & 8)
        s_say(true, "{'op':'error','code':'%s','text':'t','room':'a','mid':%u,'upto':%u,'wait':%u}", s_code(code),
            wait >> 4, (wait >> 4) + (wait & 15), wait);
    else if (which & 4 || s_world.asked_count == 0)
        s_say(true, "{'op':'error','code':'%s','text':'t','wait':%u}", s_code(code), wait);
    else
        s_say(true, "{'op':'error','re':%llu,'code':'%s','text':'t','wait':%u,'seq':%u}",
            (unsigned long long)s_world.asked[which % s_world.asked_count].id, s_code(code), wait, wait);
}

static void s_deliver(script_t *script, unsigned which) {
    unsigned what = script_byte(script);
    uint64_t prev = s_position(script), seq = prev + 1 + (what >> 6);
    zr_buffer_t out = {0};
    uint64_t epoch = strtoull(s_world.machine->epoch, NULL, 16) + (which == 15);
    zr_deliver_begin(&out, zr_span(s_rooms[which % ROOMS]), what & 3, epoch, prev);
    for (unsigned i = 0; i <= (what >> 3 & 3); i++, seq += 1 + (what >> 5 & 1))
        zr_deliver_add(&out, &(zr_entry_t){.seq = seq,
                                 .time = i,
                                 .sender = zr_span("ann"),
                                 .key = zr_span_of("k", what >> 7),
                                 .body = zr_span("body")});
    s_hand_in(out.data, out.len, what & 4);
    zr_buffer_finish(&out);
}

static void s_presence(script_t *script, unsigned which) {
    unsigned what = script_byte(script), version = script_byte(script);
    const char *room = s_rooms[which % ROOMS];
    s_say(what & 1,
        "%s\x01{'op':'presence','room':'%s','version':%u,'joined':[{'nick':'zoe','was':'ann'}%s],'left':[{'nick':'%s',"
        "'reason':'renamed','to':'zoe'}],'count':%u,'crowded':%s}",
        room, room, version, what & 2 ? ",{'nick':'bob'}" : "", what & 4 ? "me" : "ann", what >> 4, s_bool(what, 3));
}

static void s_ack(script_t *script, unsigned which) {
    uint8_t frame[ZR_ACK_SIZE];
    uint64_t upto = s_position(script), seq = s_position(script);
    zr_ack_write(frame, &(zr_ack_t){.level = (zr_level_t)(which & 3), .upto = upto, .seq = seq});
    s_hand_in(frame, sizeof frame, true);
}

static void s_synced(unsigned which) {
    char text[200];
    memcpy(text, s_world.nonce, s_world.nonce_len);
    int len = snprintf(text + s_world.nonce_len, 100, "{\"op\":\"synced\",\"epoch\":\"%s\"}",
        which & 8 ? s_epochs[which & 3] : s_world.machine->epoch);
    if (s_world.nonce_len > 0)
        s_hand_in(text, s_world.nonce_len + (size_t)len, which & 4);
}

static void s_unasked(script_t *script, unsigned which) {
    unsigned a = script_byte(script), b = script_byte(script);
    const char *room = s_rooms[a % ROOMS];
    const char *reason = spec()->reasons[a % spec()->reason_count];
    switch (which & 3) {
    case 0:
        s_say(true, "{'op':'pong','time':1,'heads':{'%s':%u,'b':%u},'versions':{'%s':%u}}", room, b, a, room, b);
        break;
    case 1:
        s_say(true, "{'op':'left','room':'%s','reason':'revoked','seq':%u}", room, b);
        break;
    case 2:
        s_say(true, "{'op':'direct','from':'ann','text':'x','time':%u}", b);
        break;
    case 3:
        s_say(true, "{'op':'bye','reason':'%s'}", reason);
        break;
    }
}

/* --- The network and the clock --- */

static void s_break(unsigned which) {
    machine_t *m = s_world.machine;
    switch (which & 7) {
    case 0:
        machine_front_up(m, s_world.now);
        break;
    case 1:
        machine_front_down(m, s_world.now);
        break;
    case 2:
        if (s_world.back)
            machine_back_down(m, s_world.now);
        s_world.back = false;
        break;
    case 6:
    case 7:
        machine_front_unreachable(m, "no such address", s_world.now);
        break;
    default:
        machine_front_failed(m, (front_failure_t)((which & 7) - 3), s_world.now);
    }
}

/* Whatever came, the machine does not work without end, nor wait for a moment that has gone. */
static void s_wait(unsigned which) {
    static const uint16_t steps[] = {1, 10, 99, 100, 249, 250, 1000, 2000, 5000, 10000, 15000, 30000};
    uint64_t due = machine_due(s_world.machine);
    if (which < sizeof steps / sizeof steps[0])
        s_world.now += steps[which];
    else if (due != NEVER && due > s_world.now)
        s_world.now = due;
    size_t times = 0;
    do {
        machine_tick(s_world.machine, s_world.now);
        s_take_actions();
        fuzz_require(++times < DUE_MAX);
    } while (machine_due(s_world.machine) <= s_world.now);
}

/* --- The program --- */

static void s_join(script_t *script, unsigned which) {
    static const int froms[] = {ZRELAY_FROM_NOW, ZRELAY_FROM_AFTER, ZRELAY_FROM_LAST, ZRELAY_FROM_NOW | ZRELAY_SILENT};
    unsigned what = script_byte(script), room = which % ROOMS;
    s_take_events(SIZE_MAX); /* of the time before */
    reader_t *reader = &s_world.readers[room];
    if (reader->joined && what & 128) {
        bool left = machine_leave(s_world.machine, s_rooms[room], s_world.now) == 0;
        fuzz_require(left || s_world.closing || reader->refused);
        reader->joined = false;
        for (int i = 0; i < ROOMS; i++)
            s_world.readers[i].any &= s_reads(i) && i != (int)room;
        return;
    }
    int from = froms[what & 3] | (what & 64 ? ZRELAY_PRESENCE : 0);
    uint64_t position = what >> 2 & 15;
    bool before = s_reads((int)room);
    int code = machine_join(s_world.machine, s_rooms[room], from, position, s_world.now);
    fuzz_require(code == 0 || before || s_world.closing || code == ZRELAY_EMANY);
    if (code == 0)
        *reader = (reader_t){.joined = true};
    if (code == 0 && (what & 3) == 1) {
        reader->last = position;
        reader->any = true;
    }
}

static void s_publish(script_t *script, unsigned which) {
    unsigned what = script_byte(script);
    bool keyed = what & 1, compares = keyed && what & 2, deletes = keyed && what & 4;
    uint8_t flags = (compares ? ZR_ENTRY_EXPECT : 0) | (deletes ? ZR_ENTRY_DELETE : 0);
    for (unsigned i = 0; i <= (what >> 5) && s_world.last_mid < MIDS - 1; i++) {
        uint64_t mid = 0;
        int code = machine_publish(s_world.machine, s_rooms[which % 3], keyed ? "k" : NULL, flags,
            compares ? what >> 3 & 3 : 0, "0123456789", deletes ? 0 : what >> 3 & 7, &mid);
        if (code != 0)
            return;
        fuzz_require(mid == s_world.last_mid + 1);
        s_world.last_mid = mid;
        s_world.mids[mid] = MID_WAITS;
        s_world.waiting++;
    }
}

static void s_ask(script_t *script, unsigned which) {
    unsigned what = script_byte(script);
    const char *room = s_rooms[what % 4];
    uint64_t number = 0, seq = what >> 3;
    machine_t *m = s_world.machine;
    int code = 0;
    switch (which & 7) {
    case 0:
        code = machine_history(m, room, seq, 0, what & 4 ? 3 : 0, &number);
        break;
    case 1:
        code = machine_history(m, room, 0, 1 + seq, 0, &number);
        break;
    case 2:
        code = machine_state(m, room, what & 4 ? "k" : NULL, &number);
        break;
    case 3:
        code = machine_who(m, room, &number);
        break;
    case 4:
        code = machine_rooms(m, what & 4 ? "p/" : "", &number);
        break;
    case 5:
        code = machine_direct(m, "zoe", "psst", &number);
        break;
    case 6:
        code = machine_ping(m, &number);
        break;
    case 7:
        code = machine_admin(m, what & 4 ? "bans" : "kick", what & 4 ? NULL : "zoe", NULL, &number);
        break;
    }
    fuzz_require((code == 0) == (number != 0));
    if (number) {
        fuzz_require(number < REQUESTS && !s_world.requests[number]);
        s_world.requests[number] = 1;
    }
}

static void s_wish(unsigned which) {
    if (which == 15)
        s_world.closing |= machine_close(s_world.machine, s_world.now) == 0;
    else if (which >= 12)
        machine_set_meta(s_world.machine, which & 1 ? "{}" : "{\"a\":[1]}", s_world.now);
    else if (which >= 10)
        machine_renew(s_world.machine, which & 1 ? "e.e.e" : "token", s_world.now);
    else
        machine_rename(s_world.machine, which & 1 ? "me" : "other", s_world.now);
}

/* --- The script --- */

static void s_step(script_t *script) {
    unsigned step = script_byte(script), high = step >> 4;
    zr_span_t bytes;
    s_world.sent = 0;
    switch (step & 15) {
    case 0:
        bytes = script_bytes(script, script_byte(script));
        s_hand_in(bytes.ptr ? bytes.ptr : "", bytes.len, high & 1);
        break;
    case 1:
    case 2:
        s_answer(script, high);
        break;
    case 3:
        s_refuse(script, high);
        break;
    case 4:
    case 5:
        s_deliver(script, high);
        break;
    case 6:
        s_presence(script, high);
        break;
    case 7:
        s_ack(script, high);
        break;
    case 8:
        s_synced(high);
        break;
    case 9:
        s_unasked(script, high);
        break;
    case 10:
        s_wait(high);
        break;
    case 11:
        s_break(high);
        break;
    case 12:
        s_join(script, high);
        break;
    case 13:
        s_publish(script, high);
        break;
    case 14:
        s_ask(script, high);
        break;
    case 15:
        if (high < 12)
            s_take_events(high < 11 ? high + 1 : SIZE_MAX);
        else
            s_wish(high);
        break;
    }
    s_take_actions();
    s_check_bounds();
}

/* A program that closes when nothing of it waits is let go, whatever the broker does. */
static void s_end(void) {
    s_world.sent = 0;
    machine_close(s_world.machine, s_world.now);
    for (unsigned i = 0; i < 200 && !s_world.closed; i++) {
        s_take_actions();
        s_wait(UINT8_MAX);
        s_take_events(SIZE_MAX);
        s_world.sent = 0;
    }
    fuzz_require(s_world.closed || s_world.waiting > 0 || s_world.machine->state == STATE_GREETING ||
                 s_world.machine->state == STATE_WAITING || s_world.machine->asked_count > 0 ||
                 s_world.machine->state == STATE_NAMING);
    machine_destroy(s_world.machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script_t script = {data, size};
    unsigned settings = script_byte(&script);
    memset(&s_world, 0, offsetof(typeof(s_world), asked));
    memset(s_world.readers, 0, sizeof s_world.readers);
    memset(s_world.mids, 0, (s_world.last_mid + 1) * sizeof s_world.mids[0]);
    memset(s_world.requests, 0, sizeof s_world.requests);
    s_world.asked_count = s_world.nonce_len = s_world.waiting = 0;
    s_world.last_id = s_world.last_mid = s_world.acked = 0;
    s_world.connected = s_world.closed = s_world.closing = false;
    s_world.now = 1000000;
    machine_config_t config = {.nick = settings & 1 ? "me" : NULL,
        .queue_messages = settings & 2 ? 10 : 100000,
        .queue_bytes = settings & 4 ? 100 : 64 << 20,
        .pack = settings & 8 ? 1 : 0,
        .reconnect = !(settings & 16),
        .entropy = s_entropy};
    s_world.machine = machine_new(&config, s_world.now);
    s_take_actions();
    for (unsigned i = 0; script.left > 0 && i < STEPS_MAX && !machine_closed(s_world.machine); i++)
        s_step(&script);
    s_end();
    return 0;
}
