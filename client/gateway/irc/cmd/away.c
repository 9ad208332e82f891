/* AWAY: a meta of the session, which other clients of the broker see too. */
#include "fatal.h"
#include "irc_command.h"
#include "irc_login.h"
#include "irc_out.h"

static void s_on_away(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    if (irc_answer_is(answer, "welcome"))
        irc_welcomed(irc, answer);
    else if (irc_answer_is(answer, "error")) {
        irc_standard(irc, "FAIL", "AWAY", "CANNOT_SET", irc_answer_text(answer, "text"), NULL);
        return;
    }
    (void)ask;
    irc_numeric(irc, irc->away ? RPL_NOWAWAY : RPL_UNAWAY, NULL);
}

static void s_run(irc_t *irc, const irc_message_t *message) {
    zr_span_t text = message->count ? message->params[0] : zr_span("");
    if (text.len > IRC_AWAY_MAX) {
        text.len = IRC_AWAY_MAX;
        while (text.len > 0 && ((uint8_t)text.ptr[text.len] & 0xc0) == 0x80)
            text.len--;
    }
    free(irc->away);
    irc->away = text.len ? fatal_check(strndup(text.ptr, text.len)) : NULL;
    irc_hello(irc, s_on_away, NULL);
}

const irc_command_t irc_away = {"AWAY", s_run, 0, IRC_ASKS};
