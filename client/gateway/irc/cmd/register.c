/* PASS, NICK and USER. */
#include <stdio.h>

#include "control.h"
#include "irc_command.h"
#include "irc_login.h"
#include "irc_out.h"

/* PASS user:token, for clients without SASL. */
static void s_run_pass(irc_t *irc, const irc_message_t *message) {
    zr_span_t token = message->params[0], user = zr_span_cut(&token, ':');
    if (irc->registered || irc->greeting)
        irc_numeric(irc, ERR_ALREADYREGISTERED, NULL);
    else if (!irc->from.secure)
        irc_standard(
            irc, "FAIL", "PASS", "INSECURE", "tokens are not taken without encryption; connect with TLS", NULL);
    else if (user.len == 0 || token.len == 0 || !irc_set_login(irc, user, token))
        irc_standard(irc, "FAIL", "PASS", "INVALID_PARAMS", "write PASS user:token", NULL);
}

const irc_command_t irc_pass = {"PASS", s_run_pass, 1, IRC_EARLY};

static void s_run_user(irc_t *irc, const irc_message_t *message) {
    (void)message;
    if (irc->registered) {
        irc_numeric(irc, ERR_ALREADYREGISTERED, NULL);
        return;
    }
    irc->has_user = true;
    irc_try_register(irc);
}

const irc_command_t irc_user = {"USER", s_run_user, 4, IRC_EARLY};

/* --- NICK --- */

static void s_on_nick(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_name_t wanted;
    irc_nick_of(zr_span(ask->text), &wanted);
    if (irc_answer_is(answer, "welcome")) {
        irc_welcomed(irc, answer);
        if (strcmp(irc->nick, ask->text) != 0)
            irc_numeric_text(irc, ERR_ERRONEUSNICKNAME, zr_span("you are logged in, and have the name of your user"),
                wanted.text, NULL);
    } else if (irc_answer_failed(answer, ZR_NICK_IN_USE))
        irc_numeric(irc, ERR_NICKNAMEINUSE, wanted.text, NULL);
    else if (answer)
        irc_numeric_text(irc, ERR_ERRONEUSNICKNAME, zr_span(irc_answer_text(answer, "text")), wanted.text, NULL);
}

static void s_change(irc_t *irc, const char *nick) {
    if (strcmp(nick, irc->nick) == 0)
        return;
    if (!irc->alive) {
        irc_standard(irc, "FAIL", "NICK", "BROKER_AWAY", "the broker is away; try again once it is back", NULL);
        return;
    }
    irc_hello(irc, s_on_nick, nick);
}

static void s_run_nick(irc_t *irc, const irc_message_t *message) {
    char nick[ZR_NICK_MAX + 1], shown[2 * IRC_NICK_MAX + 1];
    const char *fault = NULL;
    zr_span_t wanted = message->count ? message->params[0] : zr_span("");
    snprintf(shown, sizeof shown, "%.*s", (int)(wanted.len < 80 ? wanted.len : 80), wanted.len ? wanted.ptr : "");
    if (wanted.len == 0)
        irc_numeric(irc, ERR_NONICKNAMEGIVEN, NULL);
    else if (!irc_nick_from(wanted, nick, &fault))
        irc_numeric_text(irc, ERR_ERRONEUSNICKNAME, zr_span(fault), zr_utf8_valid(zr_span(shown)) ? shown : "*", NULL);
    else if (irc->registered)
        s_change(irc, nick);
    else if (!irc->greeting) {
        if (!irc->alive) {
            snprintf(irc->nick, sizeof irc->nick, "%s", nick);
            irc_nick_of(zr_span(nick), &irc->shown);
            irc->has_nick = true;
        }
        irc_try_register(irc);
    }
}

const irc_command_t irc_nick = {"NICK", s_run_nick, 0, IRC_EARLY};
