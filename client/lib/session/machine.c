/* The session (PROTOCOL.md, section 6): its states, heartbeats and time, and what the program wishes. machine_hello.c
 * has the handshake, and machine_loss.c the losses. The other parts own rooms, messages and requests. */
#include "machine_session.h"
#include "machine_work.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_hello.h"
#include "machine_identity.h"
#include "machine_kinds.h"
#include "machine_loss.h"
#include "machine_publish.h"
#include "machine_repair.h"
#include "machine_requests.h"
#include "machine_rooms.h"

/* --- What ends it --- */

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
            hello_again(m, NULL, "the broker does not know the session any more");
    } else if (re && re == m->hello_id) {
        hello_refused(m, error, code);
    } else if (!requests_on_error(m, re, error) && !work_on_error(m, error)) {
        publish_on_error(m, error);
    }
}

void machine_on_bye(machine_t *m, json_t *object) {
    const char *reason = json_string_value(json_object_get(object, "reason"));
    if (!reason || strlen(reason) > TEXT_MAX)
        reason = "bye";
    if (m->state == STATE_LEAVING) {
        loss_final(m);
    } else if (strcmp(reason, "replaced") == 0 && m->state == STATE_LIVE) {
        /* Nobody else knows our client id: it was a hello of our own, held up on a connection that we gave up. */
        if (m->attempts < 4)
            m->attempts = 4;
        loss_back_off(m, reason, reason);
    } else if (strcmp(reason, "expired") == 0 || strcmp(reason, "token-expired") == 0) {
        if (m->state == STATE_LIVE)
            hello_again(m, reason, reason);
    } else if (m->state == STATE_LIVE || m->state == STATE_GREETING || m->state == STATE_NAMING) {
        if (strcmp(reason, "shutdown") == 0)
            loss_back_off(m, reason, reason);
        else
            loss_back_off_long(m, reason, reason); /* revoked, banned, kicked, flooding: not welcome now */
    }
}

void machine_on_ok(machine_t *m, uint64_t re) {
    if (m->state == STATE_LEAVING && re == m->bye_id)
        loss_final(m);
}

/* Nothing is to be done: the hello of a fresh DEALER waits in it, before all else. */
void machine_front_up(machine_t *m, uint64_t now) {
    m->now = now;
    m->front_up = true;
    if (m->state == STATE_GREETING && m->servers.count > 1 && m->deadline < now + m->heartbeat)
        m->deadline = now + m->heartbeat;
}

/* libzmq would connect again by itself, but frames that the DEALER holds would then come before a hello; hence a fresh
 * one. Without a session (NAMING) there are no such frames, and the next hello may take the connection that libzmq
 * makes. */
void machine_front_down(machine_t *m, uint64_t now) {
    m->now = now;
    if (!m->front_up)
        return; /* it never stood, as when nobody answers behind a proxy: nothing is lost */
    m->front_up = false;
    if (m->state == STATE_LEAVING)
        loss_final(m); /* all is answered but the bye */
    else if (m->state == STATE_LIVE)
        loss_back_off(m, NULL, "the connection to the broker broke");
    else if (m->state == STATE_GREETING)
        loss_no_session(m, "the connection ended before the broker answered");
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
        loss_final(m);
        return;
    }
    if (m->state != STATE_LIVE && m->state != STATE_GREETING)
        return;
    if (m->state == STATE_GREETING && loss_goes_on(m)) {
        loss_move_on(m);
        return;
    }
    /* Told once, not at each attempt. */
    if (!m->connected && m->config.reconnect && !m->failure_told[failure])
        events_post(m, &(zrelay_event_t){.type = ZRELAY_DISCONNECTED, .code = code, .text = why});
    m->failure_told[failure] = true;
    loss_back_off(m, code, why);
}

void machine_front_unreachable(machine_t *m, const char *why, uint64_t now) {
    m->now = now;
    if (m->state != STATE_GREETING)
        return;
    if (loss_goes_on(m)) {
        loss_move_on(m);
        return;
    }
    loss_tell_unreachable(m, why);
    if (!m->config.reconnect)
        loss_begin(m, LOSS_UNREACHABLE, why);
    else if (m->servers.count > 1)
        loss_move_on(m);
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
    loss_no_session(m, "there is no answer: is that a broker, and does a firewall let you through?");
}

/* Called when a state has lasted too long. */
static void (*const s_late[STATE_COUNT])(machine_t *m) = {
    [STATE_GREETING] = s_no_welcome,
    [STATE_WAITING] = hello_connect,
    [STATE_LEAVING] = loss_final,
};

void machine_tick(machine_t *m, uint64_t now) {
    m->now = now;
    if (now >= m->deadline && s_late[m->state])
        s_late[m->state](m);
    if (m->state != STATE_LIVE)
        return;
    if (s_is_dead(m)) {
        loss_back_off(m, NULL, "silent");
        return;
    }
    if (now >= m->ping_at)
        machine_ask_alive(m);
    if (now >= m->rename_at && m->hello_id == 0)
        hello_send(m);
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
        s_sooner(&due, work_due(m));
    }
    return due;
}

/* Once everything is answered, and the broker knows us: bye. Without a session and with nothing to say there is nothing
 * to wait for. */
static void s_close(machine_t *m) {
    bool done = machine_unacked(m) == 0 && !requests_closing(m) && !work_closing(m);
    if (m->state == STATE_NAMING || (m->state != STATE_LIVE && done)) {
        loss_final(m);
    } else if (done) {
        work_leave(m);
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
        work_schedule(m);
    }
    if (actions_take(m, action))
        return true;
    return m->state == STATE_LIVE && publish_action(m, action);
}

const char *machine_server(const machine_t *m) {
    return m->servers.count ? zr_servers_now(&m->servers)->endpoint : NULL;
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
        hello_send(m);
    } else {
        m->renaming = true;
        if (m->state == STATE_LIVE && m->hello_id == 0 && m->rename_at == NEVER)
            hello_send(m);
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
    if (config->servers)
        m->servers = *config->servers;
    if (config->nick)
        snprintf(m->nick, sizeof m->nick, "%s", config->nick);
    if (config->agent)
        snprintf(m->agent, sizeof m->agent, "%s", config->agent);
    if (config->user)
        snprintf(m->user, sizeof m->user, "%s", config->user);
    if (config->meta)
        snprintf(m->meta, sizeof m->meta, "%s", config->meta);
    if (config->token)
        snprintf(m->login, sizeof m->login, "%s", config->token);
    m->config.servers = NULL; /* the caller's, and copied */
    m->config.nick = m->config.agent = NULL;
    m->config.user = m->config.token = m->config.client = m->config.meta = NULL;
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
    hello_connect(m);
    return m;
}

void machine_destroy(machine_t *m) {
    if (!m)
        return;
    rooms_forget(m);
    work_finish(m);
    requests_finish(m);
    publish_finish(m);
    events_finish(m);
    actions_finish(m);
    sodium_memzero(m, sizeof *m); /* tokens */
    free(m);
}
