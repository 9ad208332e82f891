/* The session (PROTOCOL.md, section 6): hello, welcome, heartbeats, losses and back-off. The other parts own rooms,
 * messages and requests. This one tells them when the session is lost and when there is one again. */
#include "machine_session.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>

#include "back.h"
#include "machine_actions.h"
#include "machine_events.h"
#include "machine_kinds.h"
#include "machine_publish.h"
#include "machine_repair.h"
#include "machine_queue.h"
#include "machine_requests.h"
#include "machine_rooms.h"

/* --- Hello --- */

/* On the connection there is: also to renew a session, then the state stays. */
static void s_hello(machine_t *m) {
    m->hello_id = m->next_id++;
    m->rename_at = NEVER;
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
    machine_send(m, hello);
    if (m->state != STATE_LIVE) {
        m->state = STATE_GREETING;
        machine_queue_begin(m);
    }
}

/* On a fresh DEALER: what an old one still holds would arrive before this hello, and could double it. */
static void s_connect(machine_t *m) {
    m->connection++;
    m->front_up = false;
    machine_do(m, ACTION_CONNECT_FRONT);
    s_hello(m);
}

/* --- Losses --- */

static void s_closed(machine_t *m) {
    actions_drop(m);
    requests_lost(m);
    rooms_lost(m);
    m->connection++;
    machine_do(m, ACTION_DISCONNECT);
    m->state = STATE_CLOSED;
    m->deadline = NEVER;
    events_post(m, &(zrelay_event_t){.type = ZRELAY_CLOSED});
}

/* The session is gone or of no use; `code` may be NULL. False: and with it everything, since no other is wanted. */
static bool s_lost(machine_t *m, const char *code, const char *why) {
    bool leaving = m->state == STATE_LEAVING;
    if (m->state == STATE_LIVE)
        m->flaps = m->now < m->since + STEADY_MS ? m->flaps + 1 : 0;
    requests_lost(m);
    rooms_lost(m);
    m->pinged = m->late_until = NEVER;
    m->hello_id = 0;
    m->rename_at = NEVER;
    if (m->connected || (!m->config.reconnect && !leaving))
        events_post(m, &(zrelay_event_t){.type = ZRELAY_DISCONNECTED, .code = code, .text = why});
    m->connected = false;
    if (m->config.reconnect && !leaving)
        return true;
    s_closed(m);
    return false;
}

/* Full jitter: clients that lost the same broker at the same moment do not come back at the same moment. */
static void s_back_off(machine_t *m) {
    actions_drop(m);
    m->connection++;
    machine_do(m, ACTION_DISCONNECT);
    m->back_open = false;
    uint64_t window = BACKOFF_MIN_MS, chance;
    unsigned doublings = m->attempts + (m->flaps ? m->flaps - 1 : 0);
    for (unsigned i = 0; i < doublings && window < BACKOFF_MAX_MS; i++)
        window *= 2;
    if (window > BACKOFF_MAX_MS)
        window = BACKOFF_MAX_MS;
    m->attempts++;
    m->config.entropy(m->config.entropy_ctx, &chance, sizeof chance);
    m->state = STATE_WAITING;
    m->deadline = m->now + chance % (window + 1);
}

static void s_lost_back_off(machine_t *m, const char *code, const char *why) {
    if (s_lost(m, code, why))
        s_back_off(m);
}

/* The same, for a while that is longer from the first time on. */
static void s_lost_back_off_long(machine_t *m, const char *code, const char *why) {
    if (m->attempts < BACKOFF_LONG)
        m->attempts = BACKOFF_LONG;
    s_lost_back_off(m, code, why);
}

static const char s_unreachable[] = "unreachable";

/* Told once, not at each attempt. */
static void s_tell_unreachable(machine_t *m, const char *why) {
    if (m->config.reconnect && !m->unreachable_told)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_DISCONNECTED, .code = s_unreachable, .text = why});
    m->unreachable_told = true;
}

/* The end of an earlier session was told already. */
static void s_no_session(machine_t *m, const char *why) {
    if (!m->epoch[0])
        s_tell_unreachable(m, why);
    s_lost_back_off(m, s_unreachable, why);
}

/* The connection is good, only the session is not: hello at once, nothing else before welcome. A broker that forgets
 * sessions again and again makes us back off. */
static void s_lost_hello(machine_t *m, const char *code, const char *why) {
    if (!s_lost(m, code, why))
        return;
    if (m->flaps > 1) {
        s_back_off(m);
        return;
    }
    actions_drop_sends(m);
    m->state = STATE_GREETING;
    s_hello(m);
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
        s_hello(m);
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
    s_lost_back_off_long(m, "back", why);
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
    const char *refusal = m->server[0] ? back_refusal(m->server, back.ptr) : NULL;
    if (refusal) {
        s_back_refused(m, refusal);
        return;
    }
    m->back_told = false;
    bool another_epoch = m->epoch[0] && !zr_span_equal(epoch, zr_span(m->epoch));
    bool renewed = m->state == STATE_LIVE && resumed && !another_epoch;
    if (m->state == STATE_LIVE && !renewed) {
        /* The session ended before the hello that was to renew it arrived: this is another one. */
        if (!s_lost(m, NULL, "the session has ended"))
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
    if (renewed) {
        s_settle_nick(m, nick);
        return;
    }

    m->state = STATE_LIVE;
    m->deadline = NEVER;
    m->attempts = 0;
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
    s_settle_nick(m, nick);
}

/* --- What ends it --- */

/* Too many hellos, or a token that was wrong: asked again, and nobody need know, when the broker says. */
static void s_hello_later(machine_t *m, uint64_t wait) {
    m->hello_id = 0;
    if (m->state == STATE_LIVE) {
        uint64_t least = machine_retry_ms(++m->rename_tries);
        m->rename_at = m->now + (wait > least ? wait : least);
    } else if (m->state == STATE_GREETING) {
        s_lost_back_off(m, zr_code_name(ZR_RATE_LIMITED), zr_code_text(ZR_RATE_LIMITED));
        if (m->state == STATE_WAITING && m->deadline < m->now + wait)
            m->deadline = m->now + wait;
        machine_queue_tell(m, 0);
    }
}

/* The broker does not let this user in. That may change: a program that runs for months must not end for it. */
static bool s_is_unwelcome(zr_code_t code) {
    return code == ZR_LOGIN_FAILED || code == ZR_LOGIN_REQUIRED || code == ZR_FORBIDDEN;
}

static void s_hello_refused(machine_t *m, const json_t *error, zr_code_t code) {
    if (code == ZR_RATE_LIMITED) {
        s_hello_later(m, error_wait(error));
        return;
    }
    if (m->state == STATE_LIVE) { /* a new nick was refused; the session goes on under the old one */
        m->hello_id = 0;
        events_error(m, error, &(zrelay_event_t){.name = m->asked});
        if (strcmp(m->asked, m->nick) != 0) {
            s_hello(m);
            return;
        }
        m->renaming = false;
        strcpy(m->nick, m->confirmed);
        return;
    }
    if (m->state != STATE_GREETING)
        return;
    m->hello_id = 0;
    m->deadline = NEVER;
    if (code == ZR_NICK_IN_USE && !m->nick_chosen && m->asked[0]) {
        /* Made up by a broker that has forgotten it; it makes up another. */
        m->nick[0] = '\0';
        s_hello(m);
        return;
    }
    if ((code == ZR_NICK_IN_USE || code == ZR_BAD_NICK) && strcmp(m->asked, m->nick) != 0) {
        s_hello(m); /* the program has chosen another meanwhile */
        return;
    }
    events_error(m, error, &(zrelay_event_t){.name = m->asked[0] ? m->asked : NULL});
    if (code == ZR_NICK_IN_USE || code == ZR_BAD_NICK)
        m->state = STATE_NAMING;
    else if (code == ZR_TOO_MANY_SESSIONS)
        s_lost_back_off(m, zr_code_name(code), "the broker is full");
    else if (s_is_unwelcome(code))
        s_lost_back_off_long(m, zr_code_name(code), zr_code_text(code));
    else
        s_closed(m);
}

void machine_on_error(machine_t *m, json_t *error) {
    const char *wrong = NULL;
    uint64_t re = 0;
    zr_span_t name = {0};
    zr_get_uint_opt(error, "re", 0, &re, &wrong);
    zr_get_string_opt(error, "code", SIZE_MAX, &name, &wrong);
    zr_code_t code = zr_code_from_name(name);
    if (code == ZR_NO_SESSION) {
        /* Several frames under way earn one each; the first says it all, and those before a welcome are stale. */
        if (m->state == STATE_LIVE || m->state == STATE_LEAVING)
            s_lost_hello(m, NULL, "the broker does not know the session any more");
    } else if (re && re == m->hello_id) {
        s_hello_refused(m, error, code);
    } else if (!requests_on_error(m, re, error)) {
        publish_on_error(m, error);
    }
}

void machine_on_bye(machine_t *m, json_t *object) {
    const char *reason = json_string_value(json_object_get(object, "reason"));
    if (!reason || strlen(reason) > TEXT_MAX)
        reason = "bye";
    if (m->state == STATE_LEAVING) {
        s_closed(m);
    } else if (strcmp(reason, "replaced") == 0 && m->state == STATE_LIVE) {
        /* Nobody else knows our client id: it was a hello of our own, held up on a connection that we gave up. */
        if (m->attempts < 4)
            m->attempts = 4;
        s_lost_back_off(m, reason, reason);
    } else if (strcmp(reason, "expired") == 0 || strcmp(reason, "token-expired") == 0) {
        if (m->state == STATE_LIVE)
            s_lost_hello(m, reason, reason);
    } else if (m->state == STATE_LIVE || m->state == STATE_GREETING || m->state == STATE_NAMING) {
        if (strcmp(reason, "shutdown") == 0)
            s_lost_back_off(m, reason, reason);
        else
            s_lost_back_off_long(m, reason, reason); /* revoked, banned, kicked, flooding: not welcome now */
    }
}

void machine_on_ok(machine_t *m, uint64_t re) {
    if (m->state == STATE_LEAVING && re == m->bye_id)
        s_closed(m);
}

/* Nothing is to be done: the hello of a fresh DEALER waits in it, before all else. */
void machine_front_up(machine_t *m, uint64_t now) {
    m->now = now;
    m->front_up = true;
}

/* libzmq would connect again by itself, but frames that the DEALER holds would then come before a hello; hence a fresh
 * one. Without a session (NAMING) there are none, and the next hello may take the connection that libzmq makes. */
void machine_front_down(machine_t *m, uint64_t now) {
    m->now = now;
    if (!m->front_up)
        return; /* it never stood, as when nobody answers behind a proxy: nothing is lost */
    m->front_up = false;
    if (m->state == STATE_LEAVING)
        s_closed(m); /* all is answered but the bye */
    else if (m->state == STATE_LIVE)
        s_lost_back_off(m, NULL, "the connection to the broker broke");
    else if (m->state == STATE_GREETING)
        s_no_session(m, "the connection ended before the broker answered");
}

void machine_back_down(machine_t *m, uint64_t now) {
    m->now = now;
    if (!m->back_open)
        return;
    m->back_tries = now < m->back_since + STEADY_MS ? m->back_tries + 1 : 1;
    m->back_at = now + machine_retry_ms(m->back_tries);
    rooms_back_down(m);
}

static const struct {
    const char *code, *plain, *encrypted;
} s_failures[FRONT_FAILURES] = {
    [FRONT_REFUSED] = {"refused", "the broker refuses this connection",
        "the broker does not know this key, or it is banned"},
    [FRONT_HANDSHAKE] = {"handshake", "the connection ended before it was of use",
        "the connection ended before it was encrypted: the server's key may not be the one given, or it does not "
        "encrypt there"},
    [FRONT_MECHANISM] = {"mechanism", "the broker takes encrypted connections only: its public key is needed",
        "the broker does not encrypt at this endpoint"},
};

/* libzmq would try again at once and for ever, or never. */
void machine_front_failed(machine_t *m, front_failure_t failure, uint64_t now) {
    const char *code = s_failures[failure].code;
    const char *why = m->config.encrypted ? s_failures[failure].encrypted : s_failures[failure].plain;
    m->now = now;
    if (m->state == STATE_LEAVING) {
        s_closed(m);
        return;
    }
    if (m->state != STATE_LIVE && m->state != STATE_GREETING)
        return;
    /* Told once, not at each attempt. */
    if (!m->connected && m->config.reconnect && !m->failure_told[failure])
        events_post(m, &(zrelay_event_t){.type = ZRELAY_DISCONNECTED, .code = code, .text = why});
    m->failure_told[failure] = true;
    s_lost_back_off(m, code, why);
}

void machine_front_unreachable(machine_t *m, const char *why, uint64_t now) {
    m->now = now;
    if (m->state != STATE_GREETING)
        return;
    s_tell_unreachable(m, why);
    if (!m->config.reconnect)
        s_lost(m, s_unreachable, why);
}

/* --- Heartbeats --- */

/* Silence counts only after a question: a program that was busy for a minute has asked nothing and heard nothing. */
static uint64_t s_dead_at(const machine_t *m) {
    if (m->pinged == NEVER)
        return NEVER;
    uint64_t silent = m->heard + 3 * m->heartbeat, unanswered = m->pinged + 2 * m->heartbeat;
    return silent > unanswered ? silent : unanswered;
}

/* A program that was stopped comes late, and finds what came meanwhile only when libzmq's thread, stopped as well, has
 * read it. */
static bool s_is_dead(machine_t *m) {
    uint64_t at = s_dead_at(m);
    if (m->now < at)
        return false;
    if (m->now < at + LATE_MS || m->now >= m->late_until)
        return true;
    if (m->late_until == NEVER)
        m->late_until = m->now + LATE_MS;
    return false;
}

/* --- Time --- */

static void s_no_welcome(machine_t *m) {
    s_no_session(m, "there is no answer: is that a broker, and does a firewall let you through?");
}

/* Called when a state has lasted too long. */
static void (*const s_late[STATE_COUNT])(machine_t *m) = {
    [STATE_GREETING] = s_no_welcome,
    [STATE_WAITING] = s_connect,
    [STATE_LEAVING] = s_closed,
};

void machine_tick(machine_t *m, uint64_t now) {
    m->now = now;
    if (now >= m->deadline && s_late[m->state])
        s_late[m->state](m);
    if (m->state != STATE_LIVE)
        return;
    if (s_is_dead(m)) {
        s_lost_back_off(m, NULL, "silent");
        return;
    }
    if (now >= m->ping_at)
        machine_ask_alive(m);
    if (now >= m->rename_at && m->hello_id == 0)
        s_hello(m);
    rooms_tick(m);
}

static void s_sooner(uint64_t *due, uint64_t at) {
    if (at < *due)
        *due = at;
}

uint64_t machine_due(const machine_t *m) {
    uint64_t due = m->deadline;
    if (m->state != STATE_LIVE)
        return due;
    s_sooner(&due, m->ping_at);
    s_sooner(&due, m->late_until == NEVER ? s_dead_at(m) : m->late_until);
    s_sooner(&due, m->sync_at);
    if (m->graces)
        s_sooner(&due, m->graces->grace);
    s_sooner(&due, m->list_at);
    if (m->sync_wanted && !m->back_open && m->rooms)
        s_sooner(&due, m->back_at);
    if (m->hello_id == 0) {
        s_sooner(&due, m->ask_at);
        s_sooner(&due, m->rename_at);
        s_sooner(&due, publish_due(m));
    }
    return due;
}

/* Once everything is answered, and the broker knows us: bye. Without a session and with nothing to say there is nothing
 * to wait for. */
static void s_close(machine_t *m) {
    bool done = machine_unacked(m) == 0 && !requests_closing(m);
    if (m->state == STATE_NAMING || (m->state != STATE_LIVE && done)) {
        s_closed(m);
    } else if (done) {
        m->bye_id = m->next_id++;
        machine_send(m, json_pack("{s:s, s:I}", "op", "bye", "id", (json_int_t)m->bye_id));
        m->state = STATE_LEAVING;
        m->deadline = m->now + BYE_MS;
    }
}

bool machine_action(machine_t *m, action_t *action, uint64_t now) {
    m->now = now;
    if (m->closing && m->state != STATE_CLOSED && m->state != STATE_LEAVING)
        s_close(m);
    if (m->actions.count == 0 && m->state == STATE_LIVE) {
        rooms_schedule(m);
        repair_schedule(m);
        /* A question behind a hello might be answered in the session that this hello begins, and be asked once more for
         * it. */
        if (m->hello_id == 0)
            requests_schedule(m);
    }
    if (actions_take(m, action))
        return true;
    return m->state == STATE_LIVE && publish_action(m, action);
}

uint64_t machine_connection(const machine_t *m) {
    return m->connection;
}

bool machine_closed(const machine_t *m) {
    return m->state == STATE_CLOSED;
}

/* --- The program's wishes --- */

int machine_rename(machine_t *m, const char *nick, uint64_t now) {
    if (!nick || !zr_nick_valid(zr_span(nick)))
        return ZRELAY_EINVAL;
    if (m->closing || m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    m->now = now;
    strcpy(m->nick, nick);
    m->nick_chosen = true;
    if (m->state == STATE_NAMING) {
        s_hello(m);
    } else {
        m->renaming = true;
        if (m->state == STATE_LIVE && m->hello_id == 0 && m->rename_at == NEVER)
            s_hello(m);
    }
    return 0;
}

int machine_close(machine_t *m, uint64_t now) {
    if (m->closing || m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    m->now = now;
    m->closing = true;
    return 0;
}

machine_t *machine_new(const machine_config_t *config, uint64_t now) {
    machine_t *m = machine_alloc(sizeof *m);
    m->config = *config;
    if (config->server)
        snprintf(m->server, sizeof m->server, "%s", config->server);
    if (config->nick)
        snprintf(m->nick, sizeof m->nick, "%s", config->nick);
    if (config->agent)
        snprintf(m->agent, sizeof m->agent, "%s", config->agent);
    if (config->user)
        snprintf(m->user, sizeof m->user, "%s", config->user);
    if (config->token)
        snprintf(m->login, sizeof m->login, "%s", config->token);
    m->config.server = m->config.nick = m->config.agent = NULL; /* the caller's, and copied */
    m->config.user = m->config.token = m->config.client = NULL;
    m->kinds = machine_kinds;
    if (!m->config.prefix_rooms)
        m->config.prefix_rooms = PREFIX_ROOMS_MAX;
    m->nick_chosen = m->nick[0];
    if (config->client)
        snprintf(m->client, sizeof m->client, "%s", config->client);
    else
        machine_entropy_hex(m, m->client, ZR_CLIENT_ID_LEN / 2);
    m->heartbeat = HEARTBEAT_MS;
    m->limit_frame = m->limit_body = 1 << 20;
    m->limit_control = 65536;
    m->limit_entries = 4096;
    m->limit_rooms = 1000;
    m->limit_replays = 4;
    m->limit_window = 4 << 20;
    m->next_id = m->next_number = 1;
    m->ask_window = ASKS_MAX;
    m->pinged = m->late_until = m->sync_at = m->list_at = m->ask_at = m->rename_at = NEVER;
    m->now = m->heard = now;
    m->kept = (kept_total_t){.max_frames = KEPT_FRAMES, .max_bytes = KEPT_BYTES};
    m->held = (kept_total_t){.max_frames = HELD_FRAMES, .max_bytes = HELD_BYTES};
    publish_init(m);
    s_connect(m);
    return m;
}

void machine_destroy(machine_t *m) {
    if (!m)
        return;
    rooms_forget(m);
    requests_finish(m);
    publish_finish(m);
    events_finish(m);
    actions_finish(m);
    sodium_memzero(m, sizeof *m); /* tokens */
    free(m);
}
