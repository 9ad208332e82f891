/* PING, PONG and QUIT. */
#include <stdio.h>

#include "irc_ask.h"
#include "irc_command.h"
#include "irc_out.h"

static void s_run_ping(irc_t *irc, const irc_message_t *message) {
    irc_begin(irc, NULL, 0, "PONG");
    irc_middle(irc, IRC_SERVER);
    irc_trailing(irc, message->params[0]);
    irc_end(irc);
}

const irc_command_t irc_ping = {"PING", s_run_ping, 1, IRC_EARLY};

/* Any line shows that the client lives. */
static void s_run_pong(irc_t *irc, const irc_message_t *message) {
    (void)message;
    irc_reply_cancel(irc->reply);
}

const irc_command_t irc_pong = {"PONG", s_run_pong, 0, IRC_EARLY};

static void s_run_quit(irc_t *irc, const irc_message_t *message) {
    (void)message;
    irc_reply_cancel(irc->reply);
    irc_close(irc, "Closing link: quit");
}

const irc_command_t irc_quit = {"QUIT", s_run_quit, 0, IRC_EARLY};
