/* From the peer: bytes, lines, commands. */
#include "fatal.h"
#include "http_line.h"
#include "talk_state.h"

enum { SECOND = 1000 };

/* --- Commands --- */

static void s_publish(talk_t *t, const talk_line_t *line) {
    if (t->locked) {
        talk_notice(t, "not sent: log in first, with /login USER TOKEN");
        return;
    }
    if (!t->reader.room[0]) {
        talk_notice(t, "not sent: you are in no room; /join ROOM enters one");
        return;
    }
    t->credit -= (int64_t)feed_readers(&t->reader.feed);
    t->spent |= t->credit < 0;
    zr_blob_t *frame = unanswered_add(&t->unanswered, zr_span(t->reader.room), line->text);
    if (t->alive && t->reader.started)
        channel_send(t->channel, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
}

/* False, and the peer is told, while there is no session. */
static bool s_has_session(talk_t *t) {
    if (!t->alive)
        talk_notice(
            t, t->locked ? "log in first, with /login USER TOKEN" : "not connected to the broker yet; try again");
    return t->alive;
}

static void s_nick(talk_t *t, const talk_line_t *line) {
    snprintf(t->wish, sizeof t->wish, "%.*s", (int)line->name.len, line->name.ptr);
    t->renames = true;
    talk_go_on(t);
}

static void s_join(talk_t *t, const talk_line_t *line) {
    if (zr_span_equal(line->name, zr_span(t->reader.room))) {
        talk_notice(t, "you are in %s already", t->reader.room);
        return;
    }
    talk_exit(t);
    if (!talk_enter(t, line->name))
        talk_notice(t, "the gateway reads too many rooms now; try again later");
}

static void s_who(talk_t *t, const talk_line_t *line) {
    (void)line;
    if (!s_has_session(t))
        return;
    if (t->reader.room[0])
        talk_ask(t, json_pack("{s:s,s:s,s:s}", "op", "who", "id", "who", "room", t->reader.room));
    else
        talk_notice(t, "you are in no room; /join ROOM enters one");
}

static void s_msg(talk_t *t, const talk_line_t *line) {
    if (!s_has_session(t))
        return;
    char id[sizeof TALK_MSG_ID + ZR_NICK_MAX];
    snprintf(id, sizeof id, TALK_MSG_ID "%.*s", (int)line->name.len, line->name.ptr);
    talk_ask(t, json_pack("{s:s,s:s,s:s%,s:s%}", "op", "direct", "id", id, "to", line->name.ptr, line->name.len, "text",
                    line->text.ptr, line->text.len));
}

static void s_last(talk_t *t, const talk_line_t *line) {
    unsigned history = t->config->history ? t->config->history : 10;
    if (s_has_session(t) && !room_reader_show(&t->reader, line->count ? line->count : history))
        talk_notice(t, "you are in no room; /join ROOM enters one"); /* else it is whole: talk_is_paused */
}

/* A login is another session. It begins when the broker has answered all that this one said. */
static void s_login(talk_t *t, const talk_line_t *line) {
    if (!t->from.secure) {
        talk_notice(t, "tokens are taken only on the gateway's own machine: others could read them on their way");
        return;
    }
    talk_forget_login(&t->next_user, &t->next_token);
    t->next_user = fatal_check(strndup(line->name.ptr, line->name.len));
    t->next_token = fatal_check(strndup(line->text.ptr, line->text.len));
    talk_go_on(t);
}

static void s_help(talk_t *t, const talk_line_t *line) {
    const char *help;
    (void)line;
    for (size_t i = 0; (help = talk_help(i)); i++)
        talk_notice(t, "%s", help);
}

static void s_quit(talk_t *t, const talk_line_t *line) {
    (void)line;
    talk_notice(t, "goodbye");
    talk_leave(t);
}

static void s_bad(talk_t *t, const talk_line_t *line) {
    talk_notice(t, "%s%s", line->name.len ? line->name.ptr : "", line->text.ptr); /* both are static */
}

static void s_nothing(talk_t *t, const talk_line_t *line) {
    (void)t;
    (void)line;
}

static void (*const s_commands[])(talk_t *t, const talk_line_t *line) = {
    [TALK_NOTHING] = s_nothing,
    [TALK_TEXT] = s_publish,
    [TALK_NICK] = s_nick,
    [TALK_JOIN] = s_join,
    [TALK_WHO] = s_who,
    [TALK_MSG] = s_msg,
    [TALK_LAST] = s_last,
    [TALK_LOGIN] = s_login,
    [TALK_HELP] = s_help,
    [TALK_QUIT] = s_quit,
    [TALK_BAD] = s_bad,
};

void talk_take_line(talk_t *t, zr_span_t line) {
    bool first = !t->heard;
    t->heard = true;
    if (first && http_line_is_request(line)) {
        talk_notice(t, "this is no HTTP server; use the port of --http");
        talk_close(t);
        return;
    }
    if (!zr_utf8_valid(line)) {
        talk_notice(t, "not sent: the line is not UTF-8; set your terminal to UTF-8");
        return;
    }
    talk_line_t parsed = talk_parse(line);
    s_commands[parsed.kind](t, &parsed);
}

/* --- Bytes --- */

static void s_too_long(talk_t *t) {
    talk_notice(t, "not sent: a line may have %zu bytes (limits/max-line); send it in parts", t->config->max_line);
    if (!t->heard) /* it may be a request with a long target */
        talk_close(t);
}

/* A ZeroMQ client begins with binary bytes, and goes on without waiting for an answer. They are no message to the room. */
static void s_refuse_foreign(talk_t *t) {
    talk_notice(t, "this port takes lines of text; a ZeroMQ client uses the port of the broker");
    talk_close(t);
}

/* Takes bytes that hold one LF at most, at their end. */
static void s_take_piece(talk_t *t, zr_span_t piece) {
    zr_buffer_t data = {0};
    zr_span_t input = piece, line;
    line_state_t state;
    if (!telnet_is_plain(&t->telnet, piece)) {
        telnet_data(&t->telnet, piece, &data);
        input = zr_span_of(data.data, data.len);
    }
    if (t->telnet.foreign && !t->heard) {
        s_refuse_foreign(t);
        input = zr_span("");
    }
    if (t->telnet.seen || (piece.len > 1 && memcmp(piece.ptr + piece.len - 2, "\r\n", 2) == 0))
        t->look.crlf = true;
    while ((state = line_reader_next(&t->input, t->config->max_line, &input, &line)) != LINE_MORE) {
        if (state == LINE_WHOLE)
            talk_take_line(t, line);
        else
            s_too_long(t);
    }
    zr_buffer_finish(&data);
}

static zr_span_t s_piece(zr_span_t bytes) {
    const char *end = memchr(bytes.ptr, '\n', bytes.len);
    return zr_span_of(bytes.ptr, end ? (size_t)(end - bytes.ptr) + 1 : bytes.len);
}

size_t talk_bytes(talk_t *t, zr_span_t bytes, uint64_t now) {
    size_t taken = 0;
    t->now = now;
    for (int i = 0; i < TALK_TURN && taken < bytes.len && !(taken > 0 && talk_is_paused(t, now)); i++) {
        zr_span_t piece = s_piece(zr_span_of(bytes.ptr + taken, bytes.len - taken));
        if (!t->leaving && !t->told)
            s_take_piece(t, piece);
        taken += piece.len;
    }
    return t->leaving || t->told ? bytes.len : taken;
}

void talk_end(talk_t *t, uint64_t now) {
    zr_span_t line;
    t->now = now;
    if (!t->leaving && !t->told && line_reader_end(&t->input, &line))
        talk_take_line(t, line);
    talk_leave(t);
}

/* A line costs as many deliveries as its room has readers here: a flood into a large room must not busy the gateway. After
 * a pause many lines come at once, and each reader gets them with one system call. */
static void s_fill_credit(talk_t *t, uint64_t now) {
    int64_t most = (int64_t)t->config->max_deliveries;
    uint64_t ms = now - t->credit_at < SECOND ? now - t->credit_at : SECOND;
    t->credit += (int64_t)(t->config->max_deliveries * ms / SECOND);
    t->credit = t->credit < most ? t->credit : most;
    t->credit_at = now;
    t->spent &= t->credit < most / 2;
}

/* The next line may depend on the session, the room and the nick. So it waits until the session has begun. It waits until
 * the peer is in the room and has its history, or a replay of what it missed. And it waits until the peer's messages under
 * the nick before have come back. */
static bool s_is_changing(const talk_t *t) {
    const room_reader_t *reader = &t->reader;
    bool whole = reader->joined && reader->begun && !reader->replaying;
    return t->greeting || (t->alive && (t->renames || (reader->room[0] && !whole)));
}

bool talk_is_paused(talk_t *t, uint64_t now) {
    if (now > t->credit_at)
        s_fill_credit(t, now);
    if (t->pause_ms) {
        t->pause_until = now + t->pause_ms;
        t->pause_ms = 0;
    }
    return !t->greeted || s_is_changing(t) || unanswered_is_full(&t->unanswered) || t->pause_until > now || t->spent ||
           t->next_user;
}
