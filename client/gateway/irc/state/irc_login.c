/* See irc_login.h. */
#include "irc_login.h"

#include <sodium/utils.h>
#include <stdio.h>

#include "control.h"
#include "fatal.h"
#include "irc_out.h"
#include "irc_presence.h"
#include "irc_room.h"
#include "irc_sent.h"
#include "irc_welcome.h"

/* --- hello --- */

bool irc_set_login(irc_t *irc, zr_span_t user, zr_span_t token) {
    if (irc->token)
        sodium_memzero(irc->token, strlen(irc->token));
    free(irc->token);
    irc->token = NULL;
    irc->user[0] = '\0';
    if (user.len == 0)
        return true;
    if (user.len > ZR_NICK_MAX || token.len > ZR_JWT_MAX)
        return false;
    memcpy(irc->user, user.ptr, user.len);
    irc->user[user.len] = '\0';
    irc->token = fatal_check(strndup(token.len ? token.ptr : "", token.len));
    return true;
}

void irc_hello(irc_t *irc, irc_answer_fn *answer, const char *nick) {
    json_t *hello =
        json_pack("{s:s,s:i,s:s,s:s}", "op", "hello", "proto", 1, "client", irc->client, "agent", "zrelay-gateway irc");
    nick = nick ? nick : irc->has_nick ? irc->nick : "";
    if (nick[0])
        json_object_set_new(hello, "nick", json_string(nick));
    if (irc->user[0])
        json_object_update_new(hello, json_pack("{s:s,s:s}", "user", irc->user, "token", irc->token));
    if (irc->resume[0] && !irc->alive)
        json_object_set_new(hello, "resume", json_string(irc->resume));
    if (irc->away || irc->registered)
        json_object_set_new(hello, "meta", irc->away ? json_pack("{s:s}", "away", irc->away) : json_object());
    irc_ask_t *ask = irc_ask_new(irc, answer, NULL, zr_span(""));
    ask->hello = true;
    ask->text = fatal_check(strdup(nick));
    irc_ask_send(irc, ask, hello);
}

/* --- welcome --- */

static void s_count(irc_t *irc, bool here) {
    bool user = irc->account[0];
    if (irc->counted == here)
        return;
    irc->counted = here;
    if (here)
        irc_people_come(irc->host->people, zr_span(irc->nick), user);
    else
        irc_people_go(irc->host->people, zr_span(irc->nick), user);
}

static void s_set_nick(irc_t *irc, const char *nick) {
    if (strcmp(irc->nick, nick) == 0 || !zr_nick_valid(zr_span(nick)))
        return;
    snprintf(irc->was, sizeof irc->was, "%s", irc->nick);
    if (irc->registered)
        irc_presence_renamed(irc, zr_span(irc->nick), zr_span(nick));
    snprintf(irc->nick, sizeof irc->nick, "%s", nick);
    irc_nick_of(zr_span(nick), &irc->shown);
    irc->has_nick = true;
}

void irc_welcomed(irc_t *irc, const json_t *welcome) {
    const char *motd = irc_answer_text(welcome, "greeting");
    bool counted = irc->counted;
    irc->alive = true;
    irc->epoch = strtoull(irc_answer_text(welcome, "epoch"), NULL, 16);
    snprintf(irc->resume, sizeof irc->resume, "%s", irc_answer_text(welcome, "resume"));
    s_count(irc, false);
    s_set_nick(irc, irc_answer_text(welcome, "nick"));
    snprintf(irc->account, sizeof irc->account, "%s", irc_answer_text(welcome, "user"));
    s_count(irc, counted);
    free(irc->motd);
    irc->motd = motd[0] ? fatal_check(strdup(motd)) : NULL;
}

/* --- Registration --- */

static bool s_is_code(const json_t *error, zr_code_t code) {
    return irc_answer_failed(error, code);
}

/* The client may try another nick. */
static bool s_refuse_nick(irc_t *irc, const json_t *error) {
    if (!s_is_code(error, ZR_NICK_IN_USE) && !s_is_code(error, ZR_BAD_NICK))
        return false;
    irc->has_nick = false;
    if (s_is_code(error, ZR_NICK_IN_USE))
        irc_numeric(irc, ERR_NICKNAMEINUSE, irc->shown.text, NULL);
    else
        irc_numeric_text(irc, ERR_ERRONEUSNICKNAME, zr_span(irc_answer_text(error, "text")), irc->shown.text, NULL);
    return true;
}

static void s_refuse(irc_t *irc, const json_t *error) {
    char reason[300];
    if (s_is_code(error, ZR_LOGIN_REQUIRED))
        irc_standard(irc, "FAIL", "*", "ACCOUNT_REQUIRED",
            irc->from.secure ? "login required: use SASL PLAIN, or PASS user:token"
                             : "login required, and tokens are not taken without encryption: connect with TLS",
            NULL);
    else if (s_is_code(error, ZR_LOGIN_FAILED))
        irc_numeric(irc, ERR_PASSWDMISMATCH, NULL);
    snprintf(reason, sizeof reason, "Closing link: %.60s: %.200s", irc_answer_text(error, "code"),
        irc_answer_text(error, "text"));
    irc_close(irc, reason);
}

static void s_complete(irc_t *irc) {
    irc->registered = true;
    s_count(irc, true);
    irc_show_welcome(irc);
}

static void s_on_register(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    (void)ask;
    irc->greeting = false;
    if (!answer)
        return; /* when the broker is back */
    if (irc_answer_is(answer, "welcome")) {
        irc_welcomed(irc, answer);
        s_complete(irc);
    } else if (!s_refuse_nick(irc, answer))
        s_refuse(irc, answer);
}

void irc_try_register(irc_t *irc) {
    if (irc->registered || irc->greeting || irc->closing || irc->negotiating || !irc->has_nick || !irc->has_user)
        return;
    if (irc->alive) { /* SASL began the session already */
        s_complete(irc);
        return;
    }
    if (!channel_is_open(irc->channel)) {
        if (!irc->was_away)
            irc_notice(irc, "the broker is away; you are registered once it is back");
        irc->was_away = true;
        return;
    }
    irc->greeting = true;
    irc_hello(irc, s_on_register, NULL);
}

/* --- Losing the session, and coming back --- */

void irc_lose(irc_t *irc) {
    irc->alive = irc->greeting = false;
    channel_set_session(irc->channel, false);
    irc_rooms_lose(irc);
    irc_asks_lose(irc);
}

static void s_go_on(irc_t *irc) {
    if (irc->was_away)
        irc_notice(irc, "the broker is back");
    irc->was_away = false;
    irc_rooms_join(irc);
    irc_sent_again(irc);
}

/* Somebody has the nick by now: the broker makes up another. */
static void s_on_return(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc->greeting = false;
    if (!answer)
        return;
    if (irc_answer_is(answer, "welcome")) {
        irc_welcomed(irc, answer);
        s_go_on(irc);
    } else if (ask->n == 0 && (s_is_code(answer, ZR_NICK_IN_USE) || s_is_code(answer, ZR_BAD_NICK))) {
        json_t *hello = json_incref(ask->object);
        json_object_del(hello, "nick");
        irc->greeting = true;
        ask->n++;
        irc_ask_again(irc, ask, hello);
    } else
        s_refuse(irc, answer);
}

void irc_come_back(irc_t *irc) {
    if (!irc->registered) {
        if (irc->was_away)
            irc->born_at = irc->now; /* it may need time for another nick */
        irc->was_away = false;
        irc_try_register(irc);
    } else if (!irc->greeting) {
        irc->greeting = true;
        irc_hello(irc, s_on_return, NULL);
    }
}

void irc_sent_away(irc_t *irc, const json_t *bye) {
    const char *reason = irc_answer_text(bye, "reason");
    char text[120];
    irc_lose(irc);
    if (strcmp(reason, "shutdown") == 0)
        return;
    if (strcmp(reason, "expired") == 0) {
        irc_come_back(irc);
        return;
    }
    snprintf(text, sizeof text, "Closing link: %.80s", reason);
    irc_close(irc, text);
}
