/* The handshake of a session: hello, and what the broker answers. See machine_hello.h. */
#include "machine_hello.h"

#include <stdlib.h>

#include "back.h"
#include "machine_actions.h"
#include "machine_events.h"
#include "machine_identity.h"
#include "machine_loss.h"
#include "machine_publish.h"
#include "machine_queue.h"
#include "machine_requests.h"
#include "machine_rooms.h"
#include "machine_work.h"
#include "remote.h"

/* --- Hello --- */

/* On the connection there is: also to renew a session, then the state stays. */
void hello_send(machine_t *m) {
    m->hello_id = m->next_id++;
    m->rename_at = NEVER;
    m->unsaid = false;
    strcpy(m->asked, m->nick);
    json_t *hello = json_pack(
        "{s:s, s:I, s:i, s:s}", "op", "hello", "id", (json_int_t)m->hello_id, "proto", 1, "client", m->client);
    if (m->nick[0])
        json_object_set_new(hello, "nick", json_string(m->nick));
    /* Only a lost session is resumed. To renew a live one, the token is left out. If the DEALER has reconnected
     * unnoticed, the broker then says `resumed` false, and messages lost with the old connection are sent again. */
    if (m->token[0] && m->state != STATE_LIVE)
        json_object_set_new(hello, "resume", json_string(m->token));
    if (m->agent[0])
        json_object_set_new(hello, "agent", json_string(m->agent));
    if (m->user[0])
        json_object_set_new(hello, "user", json_string(m->user));
    if (m->login[0])
        json_object_set_new(hello, "token", json_string(m->login));
    if (m->meta[0])
        json_object_set_new(hello, "meta", json_loads(m->meta, 0, NULL));
    machine_send(m, hello);
    if (m->state != STATE_LIVE) {
        m->state = STATE_GREETING;
        machine_queue_begin(m);
    }
}

/* On a fresh DEALER: what an old one still holds would arrive before this hello, and could double it. */
void hello_connect(machine_t *m) {
    m->connection++;
    m->front_up = false;
    if (m->moves)
        zr_servers_next(&m->servers);
    m->moves = false;
    action_t *action = machine_do(m, ACTION_CONNECT_FRONT);
    if (m->servers.count) {
        action->endpoint = zr_servers_now(&m->servers)->endpoint;
        action->key = zr_servers_now(&m->servers)->key;
    }
    hello_send(m);
}

/* The connection is good, only the session is not: hello at once, nothing else before welcome. A broker that forgets
 * sessions again and again makes us back off. */
void hello_again(machine_t *m, const char *code, const char *why) {
    if (!loss_begin(m, code, why))
        return;
    if (m->flaps > 1) {
        loss_wait(m);
        return;
    }
    actions_drop_sends(m);
    m->state = STATE_GREETING;
    hello_send(m);
}

/* --- Welcome --- */

static void s_read_limits(machine_t *m, const json_t *limits) {
    const struct {
        const char *name;
        size_t *limit, min, max;
    } table[] = {
        {"frame", &m->limit_frame, 1024, UINT32_MAX},
        {"control", &m->limit_control, 1024, UINT32_MAX},
        {"entries", &m->limit_entries, 1, UINT32_MAX},
        {"body", &m->limit_body, 0, UINT32_MAX},
        {"rooms", &m->limit_rooms, 0, ROOMS_MAX},
        {"replays", &m->limit_replays, 1, READING_MAX},
        {"window", &m->limit_window, 1, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *wrong = NULL;
        uint64_t value = *table[i].limit;
        zr_get_uint_opt(limits, table[i].name, 0, &value, &wrong);
        *table[i].limit = value < table[i].min ? table[i].min : value > table[i].max ? table[i].max : value;
    }
}

static void s_store(char *to, zr_span_t text) {
    memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
}

/* Whatever was asked meanwhile: the nick the program wants now may be another than the one in this welcome. */
static void s_settle_nick(machine_t *m, zr_span_t nick) {
    s_store(m->confirmed, nick);
    if (!m->nick_chosen)
        strcpy(m->nick, m->confirmed); /* the name the broker made up is kept over reconnects */
    if (!m->renaming)
        return;
    if (strcmp(m->asked, m->nick) != 0) {
        hello_send(m);
        return;
    }
    m->renaming = false;
    events_post(m, &(zrelay_event_t){.type = ZRELAY_NICK, .name = m->confirmed});
}

/* The broker cannot send us anywhere. The program hears of it once, and we come again with back-off. */
static void s_back_refused(machine_t *m, const char *why) {
    m->hello_id = 0;
    if (!m->connected && m->config.reconnect && !m->back_told)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_DISCONNECTED, .code = "back", .text = why});
    m->back_told = true;
    loss_back_off_long(m, "back", why);
}

void machine_on_welcome(machine_t *m, json_t *object) {
    zr_span_t epoch, nick, token, back, greeting = {0};
    uint64_t heartbeat, re;
    bool resumed = false;
    const char *wrong = NULL;
    if (!zr_get_uint(object, "re", 0, &re, &wrong) || m->hello_id == 0 || re != m->hello_id ||
        (m->state != STATE_GREETING && m->state != STATE_LIVE) ||
        !zr_get_string(object, "epoch", 1, TOKEN_MAX, &epoch, &wrong) ||
        !zr_get_string(object, "nick", 1, ZR_NICK_MAX, &nick, &wrong) ||
        !zr_get_string(object, "resume", 1, TOKEN_MAX, &token, &wrong) ||
        !zr_get_string(object, "back", 1, ENDPOINT_MAX, &back, &wrong) ||
        !zr_get_uint(object, "heartbeat", 1, &heartbeat, &wrong) ||
        !zr_get_bool_opt(object, "resumed", &resumed, &wrong)) {
        m->malformed++;
        return;
    }
    const char *refusal = m->servers.count ? back_refusal(machine_server(m), back.ptr) : NULL;
    if (refusal) {
        s_back_refused(m, refusal);
        return;
    }
    m->back_told = false;
    bool another_epoch = m->epoch[0] && !zr_span_equal(epoch, zr_span(m->epoch));
    bool renewed = m->state == STATE_LIVE && resumed && !another_epoch;
    if (m->state == STATE_LIVE && !renewed) {
        /* The session ended before the hello that was to renew it arrived: this is another one. */
        if (!loss_begin(m, NULL, "the session has ended"))
            return;
    }
    m->hello_id = 0;
    s_store(m->token, token);
    m->known = zr_has(object, "user");
    m->heartbeat = heartbeat < HEARTBEAT_MIN_MS   ? HEARTBEAT_MIN_MS
                   : heartbeat > HEARTBEAT_MAX_MS ? HEARTBEAT_MAX_MS
                                                  : heartbeat;
    m->rename_tries = 0;
    s_read_limits(m, json_object_get(object, "limits"));
    if (m->servers.count)
        remote_learn(&m->servers, json_object_get(object, "peers"));
    if (renewed) {
        s_settle_nick(m, nick);
        return;
    }

    m->state = STATE_LIVE;
    if (m->unsaid) /* since the hello */
        m->rename_at = m->now;
    m->deadline = NEVER;
    m->attempts = 0;
    m->missed = 0;
    m->since = m->now;
    memset(m->failure_told, 0, sizeof m->failure_told);
    m->unreachable_told = false;
    m->connected = true;
    m->ping_at = m->now + m->heartbeat;
    s_store(m->epoch, epoch);
    m->epoch_number = strtoull(m->epoch, NULL, 16);
    m->doubted = 0;
    m->doubts = 0;
    if (!zr_span_equal(back, zr_span(m->back))) {
        s_store(m->back, back);
        m->back_open = false;
    }
    zr_get_string_opt(object, "greeting", SIZE_MAX, &greeting, &wrong);
    events_post(m, &(zrelay_event_t){.type = ZRELAY_CONNECTED,
                       .resumed = resumed,
                       .user = m->known,
                       .epoch = m->epoch,
                       .name = (s_store(m->confirmed, nick), m->confirmed),
                       .text = greeting.ptr});
    if (another_epoch)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_EPOCH, .epoch = m->epoch});
    requests_welcome(m, another_epoch);
    rooms_welcome(m, another_epoch);
    publish_welcome(m);
    work_welcome(m, another_epoch, resumed);
    s_settle_nick(m, nick);
}

/* --- Refused --- */

/* Too many hellos, a token that was wrong, or a leaf whose upstream is away: asked again when the broker says. A program
 * that logs in hears that its login waits. Any other hears the broker's words. */
static void s_hello_later(machine_t *m, const char *text, uint64_t wait) {
    m->hello_id = 0;
    if (m->state == STATE_LIVE) {
        uint64_t least = machine_retry_ms(++m->rename_tries);
        m->rename_at = m->now + (wait > least ? wait : least);
    } else if (m->state == STATE_GREETING) {
        if (!m->login[0] && !m->epoch[0]) /* the end of an earlier session was told already */
            loss_tell_unreachable(m, text ? text : zr_code_text(ZR_RATE_LIMITED));
        loss_back_off(m, zr_code_name(ZR_RATE_LIMITED), zr_code_text(ZR_RATE_LIMITED));
        if (m->state == STATE_WAITING && m->deadline < m->now + wait)
            m->deadline = m->now + wait;
        machine_queue_tell(m, 0);
    }
}

/* The broker does not let this user in. That may change: a program that runs for months must not end for it. */
static bool s_is_unwelcome(zr_code_t code) {
    return code == ZR_LOGIN_FAILED || code == ZR_LOGIN_REQUIRED || code == ZR_FORBIDDEN;
}

void hello_refused(machine_t *m, const json_t *error, zr_code_t code) {
    if (code == ZR_RATE_LIMITED) {
        s_hello_later(m, json_string_value(json_object_get(error, "text")), error_wait(error));
        return;
    }
    bool nick = code == ZR_NICK_IN_USE || code == ZR_BAD_NICK;
    if (m->state == STATE_LIVE && nick && strcmp(m->asked, m->confirmed) == 0) {
        /* A session may always keep its nick. So this one ended unheard, and the nick is another one's by now. */
        hello_again(m, NULL, "the session has ended");
        return;
    }
    if (m->state == STATE_LIVE) { /* a new nick was refused; the session goes on under the old one */
        m->hello_id = 0;
        events_error(m, error, &(zrelay_event_t){.name = m->asked});
        if (strcmp(m->asked, m->nick) != 0) {
            hello_send(m);
            return;
        }
        m->renaming = false;
        strcpy(m->nick, m->confirmed);
        if (m->meta[0] && nick)
            m->rename_at = m->now; /* a new meta was refused with it */
        return;
    }
    if (m->state != STATE_GREETING)
        return;
    m->hello_id = 0;
    m->deadline = NEVER;
    if (code == ZR_NICK_IN_USE && !m->nick_chosen && m->asked[0]) {
        /* Made up by a broker that has forgotten it; it makes up another. */
        m->nick[0] = '\0';
        hello_send(m);
        return;
    }
    if (nick && strcmp(m->asked, m->nick) != 0) {
        hello_send(m); /* the program has chosen another meanwhile */
        return;
    }
    events_error(m, error, &(zrelay_event_t){.name = m->asked[0] ? m->asked : NULL});
    if (nick)
        m->state = STATE_NAMING;
    else if (code == ZR_TOO_MANY_SESSIONS)
        loss_back_off(m, zr_code_name(code), "the broker is full");
    else if (s_is_unwelcome(code))
        loss_back_off_long(m, zr_code_name(code), zr_code_text(code));
    else
        loss_final(m);
}
