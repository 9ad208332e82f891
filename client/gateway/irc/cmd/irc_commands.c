/* See irc_command.h. */
#include "irc_command.h"

#include <stdio.h>

#include "irc_multiline.h"
#include "irc_out.h"

static const irc_command_t *const s_commands[] = {
    &irc_authenticate,
    &irc_away,
    &irc_batch,
    &irc_cap,
    &irc_chathistory,
    &irc_ison,
    &irc_isupport,
    &irc_join,
    &irc_kick,
    &irc_list,
    &irc_lusers,
    &irc_mode,
    &irc_monitor,
    &irc_motd,
    &irc_names,
    &irc_nick,
    &irc_notice_command,
    &irc_part,
    &irc_pass,
    &irc_ping,
    &irc_pong,
    &irc_privmsg,
    &irc_quit,
    &irc_tagmsg,
    &irc_time,
    &irc_topic,
    &irc_user,
    &irc_userhost,
    &irc_version,
    &irc_who,
    &irc_whois,
};
enum { COMMANDS = sizeof s_commands / sizeof s_commands[0], NAME_SHOWN = 40 };

size_t irc_commands_count(void) {
    return COMMANDS;
}

const irc_command_t *irc_commands_at(size_t i) {
    return s_commands[i];
}

static const irc_command_t *s_find(zr_span_t name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (irc_same(zr_span(s_commands[i]->name), name))
            return s_commands[i];
    return NULL;
}

static void s_unknown(irc_t *irc, zr_span_t name) {
    char shown[NAME_SHOWN + 1];
    snprintf(shown, sizeof shown, "%.*s", (int)(name.len < NAME_SHOWN ? name.len : NAME_SHOWN), name.ptr);
    irc_numeric(irc, ERR_UNKNOWNCOMMAND, shown, NULL);
}

static void s_run(irc_t *irc, const irc_message_t *message) {
    const irc_command_t *command = s_find(message->command);
    if (!irc->registered && !(command && command->flags & IRC_EARLY))
        irc_numeric(irc, ERR_NOTREGISTERED, NULL);
    else if (!command)
        s_unknown(irc, message->command);
    else if (message->count < command->min)
        irc_numeric(irc, ERR_NEEDMOREPARAMS, command->name, NULL);
    else if (command->flags & IRC_ASKS && !irc->alive)
        irc_standard(irc, "FAIL", command->name, "BROKER_AWAY", "the broker is away; try again once it is back", NULL);
    else if (!irc_multiline_take(irc, message))
        command->run(irc, message);
}

void irc_command(irc_t *irc, const irc_message_t *message) {
    zr_buffer_t label = {0};
    irc_reply_t *reply = NULL;
    bool labelled = (irc->caps & (IRC_LABELS | IRC_BATCH)) == (IRC_LABELS | IRC_BATCH) &&
                    irc_message_tag(message, "label", &label) && label.len > 0 && label.len <= IRC_LABEL_MAX;
    if (labelled) {
        zr_buffer_u8(&label, '\0');
        reply = irc_reply_new((const char *)label.data);
    }
    zr_buffer_finish(&label);
    irc_reply_enter(irc, reply);
    s_run(irc, message);
    irc_reply_enter(irc, NULL);
    irc_reply_release(irc, reply);
}
