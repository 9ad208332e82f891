#include "conn.h"

#include <stdio.h>
#include <stdlib.h>

#include "fatal.h"
#include "format.h"
#include "names.h"
#include "signals.h"
#include "typed.h"

#define HOLD_MS 1000   /* how often conn_hold lets the library work: well within a heartbeat */
#define GOODBYE_MS 300 /* how long an end may wait for the broker's answer */
#define NICK_TRIES 8
#define FILES_MAX 140 /* two for each command that runs, and more */

/* --- Waiting --- */

static bool s_has_code(const zrelay_event_t *event, const char *code) {
    return event->code && strcmp(event->code, code) == 0;
}

/* A nick is in use that need not be just this one: asks for it with '_' behind. Also after a reconnect, when somebody
 * was faster. */
static bool s_yields(conn_t *session, const zrelay_event_t *event) {
    char nick[ZR_NICK_MAX + 2];
    if (event->type != ZRELAY_REFUSED || session->connected || !session->yields || !event->name || !event->code ||
        strcmp(event->code, "nick-in-use") != 0 || session->nick_tries++ >= NICK_TRIES)
        return false;
    int len = snprintf(nick, sizeof nick, "%s_", event->name);
    return len <= ZR_NICK_MAX && zrelay_rename(session->relay, nick) == 0;
}

/* The wanted nick is still in use, or a broker that is full after a reconnect may have room soon: the library asks again.
 * A command that was never let in tells it instead. */
static bool s_waits(conn_t *session, const zrelay_event_t *event) {
    if (event->type != ZRELAY_REFUSED)
        return false;
    bool full = session->nick && s_has_code(event, "too-many-sessions");
    return full || (session->connected && s_has_code(event, "nick-in-use") &&
                       wish_refused(&session->wish, event->name, zr_mono_ms()));
}

/* The token's file may have another token by now. The library says hello with it at the next connection, or once more. */
static void s_renew(conn_t *session) {
    if (!identity_renew(&session->target.identity))
        return;
    session->renewed = zrelay_renew_login(session->relay, session->target.identity.token) == 0;
    identity_forget(&session->target.identity);
}

/* The token that was refused is not that of the file. */
static bool s_outdated(conn_t *session, const zrelay_event_t *event) {
    if (event->type != ZRELAY_REFUSED || session->connected || !s_has_code(event, "login-failed"))
        return false;
    if (!session->renewed)
        s_renew(session);
    bool outdated = session->renewed;
    session->renewed = false;
    return outdated;
}

/* Handles an event that concerns the session itself. false: the command need not take it. */
static bool s_see(conn_t *session, const zrelay_event_t *event) {
    if (s_yields(session, event) || s_waits(session, event) || s_outdated(session, event))
        return false;
    if (event->type == ZRELAY_CLOSED)
        session->closed = true;
    zr_span_t epoch = zr_span(event->epoch);
    if ((event->type == ZRELAY_CONNECTED || event->type == ZRELAY_EPOCH) && zr_hex_valid(epoch, 16, 16))
        snprintf(session->epoch, sizeof session->epoch, "%s", event->epoch);
    if (event->type == ZRELAY_DISCONNECTED) {
        session->connected = false;
        session->banned |= s_has_code(event, "banned");
        s_renew(session);
    }
    if (event->type != ZRELAY_CONNECTED && event->type != ZRELAY_NICK)
        return true;
    free(session->nick);
    session->nick = event->name ? strdup(event->name) : NULL;
    if (event->type == ZRELAY_NICK) {
        wish_renamed(&session->wish, session->nick);
        return true;
    }
    session->connected = true;
    session->user = event->user;
    if (session->user)
        wish_for(&session->wish, NULL); /* its nick is the user's name, and nobody else has it */
    wish_connected(&session->wish, session->nick, zr_mono_ms());
    session->banned = session->renewed = false;
    session->nick_tries = 0;
    if (event->text && !session->greeting)
        session->greeting = strdup(event->text);
    return true;
}

const zrelay_event_t *conn_take(conn_t *session) {
    const zrelay_event_t *event;
    if (session->connected && wish_due(&session->wish, zr_mono_ms()))
        zrelay_rename(session->relay, session->wish.nick);
    do
        event = zrelay_next(session->relay, 0);
    while (event && !s_see(session, event));
    return event;
}

static int s_shorter(int a, int b) {
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

/* Polls `files`, the signals and, unless it is -1, `relay_fd`. */
static void s_poll(struct pollfd *files, nfds_t count, int relay_fd, int timeout_ms) {
    struct pollfd all[FILES_MAX + 2];
    if (count > FILES_MAX)
        abort();
    if (count > 0)
        memcpy(all, files, count * sizeof *files);
    all[count] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
    all[count + 1] = (struct pollfd){.fd = relay_fd, .events = POLLIN};
    int ready = poll(all, count + 2, timeout_ms);
    for (nfds_t i = 0; i < count; i++)
        files[i].revents = ready > 0 ? all[i].revents : 0;
    if (ready > 0 && all[count].revents)
        signals_drain();
}

void conn_wait(conn_t *session, struct pollfd *files, nfds_t count, int timeout_ms) {
    if (session->wish.due_ms) {
        uint64_t now = zr_mono_ms(), due = session->wish.due_ms;
        timeout_ms = s_shorter(timeout_ms, due > now ? (int)(due - now) : 0);
    }
    s_poll(files, count, zrelay_fd(session->relay), s_shorter(timeout_ms, zrelay_timeout(session->relay)));
}

void conn_hold(conn_t *session, struct pollfd *files, nfds_t count, int timeout_ms) {
    uint64_t now = zr_mono_ms();
    if (now - session->beat_ms >= HOLD_MS) {
        session->beat_ms = now;
        zrelay_keep_alive(session->relay);
    }
    s_poll(files, count, -1, s_shorter(timeout_ms, (int)(HOLD_MS - (now - session->beat_ms))));
}

const zrelay_event_t *conn_next(conn_t *session, int timeout_ms) {
    uint64_t end = timeout_ms < 0 ? UINT64_MAX : zr_mono_ms() + (uint64_t)timeout_ms;
    for (;;) {
        const zrelay_event_t *event = conn_take(session);
        uint64_t now = event || timeout_ms < 0 ? 0 : zr_mono_ms();
        if (event || signals_stop() || now >= end)
            return event;
        conn_wait(session, NULL, 0, timeout_ms < 0 ? -1 : (int)(end - now));
    }
}

/* --- Connecting --- */

static void s_connected(conn_t *session, const zrelay_event_t *event) {
    const config_t *config = session->config;
    if (config->verbose)
        conn_note(session, event);
    if (session->user && config->nick_given && strcmp(config->nick, session->nick) != 0)
        cli_say("--nick %s counts for nothing here: a user's nick is the user's name, %s", config->nick, session->nick);
    target_connected(&session->target);
}

/* The end of the wait for a session, when the broker says that it queued the login. A time that the user set holds. */
static uint64_t s_wait_longer(const conn_t *session, uint64_t began, uint64_t end) {
    uint64_t longer = zr_mono_ms() + CONN_QUEUED_MS, longest = began + CONN_LONGEST_MS;
    if (session->config->connect_given)
        return end;
    longer = longer < longest ? longer : longest;
    return longer > end ? longer : end;
}

static void s_tell_why_not(const conn_t *session, const zr_buffer_t *why, bool queued) {
    if (signals_stop())
        return;
    if (queued)
        target_tell_queued(&session->target);
    else if (why->len > 0)
        cli_say("%.*s", (int)why->len, (const char *)why->data);
    else
        target_tell_unreachable(&session->target);
}

static int s_connect(conn_t *session) {
    uint64_t began = zr_mono_ms(), end = began + session->config->connect_ms;
    zr_buffer_t why = {0};
    bool queued = false;
    int code = -1;
    while (code < 0) {
        uint64_t now = zr_mono_ms();
        const zrelay_event_t *event = now < end ? conn_next(session, (int)(end - now)) : NULL;
        if (!event || event->type == ZRELAY_CLOSED) {
            s_tell_why_not(session, &why, queued);
            code = CLI_UNREACHABLE;
        } else if (event->type == ZRELAY_CONNECTED) {
            s_connected(session, event);
            code = 0;
        } else if (event->type == ZRELAY_REFUSED || conn_refused(session, event)) {
            conn_note(session, event);
            code = CLI_REFUSED;
        } else if (event->type == ZRELAY_QUEUED) {
            queued = true;
            conn_note(session, event);
            end = s_wait_longer(session, began, end);
        } else {
            zr_buffer_t text = {0};
            if (target_describe(&session->target, event, &text)) {
                zr_buffer_finish(&why);
                why = text;
                queued = false;
                if (!s_has_code(event, "unreachable")) /* the broker may be about to start */
                    end = now + CONN_HANDSHAKE_MS < end ? now + CONN_HANDSHAKE_MS : end;
            }
        }
    }
    zr_buffer_finish(&why);
    return code;
}

/* The name that the person has on this machine, if it can be a nick; else NULL, and the broker makes one up. */
static const char *s_login_name(void) {
    const char *user = getenv("USER");
    if (!user)
        return NULL;
    user = typed_name(user);
    return zr_nick_valid(zr_span(user)) && !zr_nick_reserved(zr_span(user)) ? user : NULL;
}

int conn_open(conn_t *session, config_t *config, conn_name_t name) {
    *session = (conn_t){.config = config};
    int code = target_resolve(&session->target, config);
    if (code == 0)
        code = target_session(&session->target, "zrelay/" ZRELAY_VERSION, 0, &session->relay);
    session->target.relay = session->relay;
    identity_forget(&session->target.identity);
    if (code)
        return code;
    const char *nick = config->nick_given || name != CONN_NAMELESS ? config->nick : NULL;
    if (!nick && name == CONN_PERSON)
        nick = s_login_name();
    session->yields = name == CONN_PERSON || !config->nick_given;
    wish_for(&session->wish, session->yields ? nick : NULL);
    int failed = nick ? zrelay_set_nick(session->relay, nick) : 0;
    if (!failed && config->client)
        failed = zrelay_set_client(session->relay, config->client);
    if (failed)
        return conn_failed(session, failed);
    return s_connect(session);
}

void conn_close(conn_t *session) {
    if (session->relay && session->nick && !session->closed && zrelay_close(session->relay) == 0) {
        uint64_t end = zr_mono_ms() + GOODBYE_MS;
        const zrelay_event_t *event = NULL;
        /* Not conn_next, which a signal to end would cut short. */
        for (uint64_t now = end - GOODBYE_MS; now < end && (!event || event->type != ZRELAY_CLOSED); now = zr_mono_ms())
            event = zrelay_next(session->relay, (int)(end - now));
    }
    zrelay_destroy(session->relay);
    target_finish(&session->target);
    free(session->nick);
    free(session->greeting);
    *session = (conn_t){0};
}

/* --- Answers --- */

bool conn_refused(const conn_t *session, const zrelay_event_t *event) {
    if (event->type == ZRELAY_DISCONNECTED)
        return s_has_code(event, "refused");
    bool of_session = event->type == ZRELAY_REFUSED && !event->room && !event->request && !event->mid;
    return of_session && !session->connected &&
           (s_has_code(event, "login-failed") || s_has_code(event, "login-required") || s_has_code(event, "forbidden"));
}

bool conn_describe(const conn_t *session, const zrelay_event_t *event, zr_buffer_t *out) {
    bool refused = conn_refused(session, event);
    if (refused && session->banned) {
        zr_buffer_printf(
            out, "the broker at %s lets you in no more: an operator has banned you", session->config->server);
        return true;
    }
    if (!target_describe(&session->target, event, out)) {
        bool told = format_note(out, event, session->config->verbose);
        if (told && event->type == ZRELAY_CONNECTED && wish_is_open(&session->wish))
            zr_buffer_printf(out, "; you are %s, as %s is in use, until it is free", session->nick, session->wish.nick);
        return told;
    }
    if (!refused)
        zr_buffer_printf(out, "; trying again");
    return true;
}

void conn_note(const conn_t *session, const zrelay_event_t *event) {
    zr_buffer_t text = {0};
    if (conn_describe(session, event, &text))
        cli_say("%.*s", (int)text.len, (const char *)text.data);
    zr_buffer_finish(&text);
}

int conn_failed(const conn_t *session, int code) {
    (void)session;
    cli_say("%s", zrelay_strerror(code));
    return CLI_USAGE;
}

int conn_answer(conn_t *session, uint64_t request, conn_each_fn *each, void *ctx, zrelay_event_t *done) {
    uint64_t began = zr_mono_ms(), end = began + session->config->connect_ms;
    for (;;) {
        uint64_t now = zr_mono_ms();
        const zrelay_event_t *event = now < end ? conn_next(session, (int)(end - now)) : NULL;
        if (!event || event->type == ZRELAY_CLOSED) {
            if (!signals_stop())
                cli_say("no answer from the broker at %s", session->config->server);
            return CLI_UNREACHABLE;
        }
        if (event->type == ZRELAY_REFUSED || conn_refused(session, event)) {
            conn_note(session, event);
            return CLI_REFUSED;
        }
        if (event->type == ZRELAY_QUEUED)
            end = s_wait_longer(session, began, end);
        /* After a lost connection the library asks again: only silence for too long is a failure. */
        if (event->request != request && event->type != ZRELAY_CONNECTED)
            continue;
        began = now;
        end = now + session->config->connect_ms;
        if (event->request == request && event->type == ZRELAY_DONE) {
            if (done)
                *done = *event;
            return 0;
        }
        int code = event->request == request && each ? each(event, ctx) : 0;
        if (code)
            return code;
    }
}
