/* MOTD, LUSERS, VERSION, ISUPPORT and TIME. */
#include "irc_command.h"
#include "irc_out.h"
#include "irc_time.h"
#include "irc_welcome.h"

static void s_run_motd(irc_t *irc, const irc_message_t *message) {
    (void)message;
    irc_show_motd(irc);
}

const irc_command_t irc_motd = {"MOTD", s_run_motd, 0, 0};

static void s_run_lusers(irc_t *irc, const irc_message_t *message) {
    (void)message;
    irc_show_lusers(irc);
}

const irc_command_t irc_lusers = {"LUSERS", s_run_lusers, 0, 0};

static void s_run_version(irc_t *irc, const irc_message_t *message) {
    (void)message;
    irc_numeric_text(
        irc, RPL_VERSION, zr_span("gateway to a zrelay broker"), "zrelay-gateway-" ZRELAY_VERSION, IRC_SERVER, NULL);
    irc_show_isupport(irc);
}

const irc_command_t irc_version = {"VERSION", s_run_version, 0, 0};

static void s_run_isupport(irc_t *irc, const irc_message_t *message) {
    (void)message;
    irc_show_isupport(irc);
}

const irc_command_t irc_isupport = {"ISUPPORT", s_run_isupport, 0, 0};

static void s_run_time(irc_t *irc, const irc_message_t *message) {
    char time[IRC_TIME_TEXT];
    (void)message;
    irc_time_write(time, irc->host->wall_us(irc->host->ctx));
    irc_numeric_text(irc, RPL_TIME, zr_span(time), IRC_SERVER, NULL);
}

const irc_command_t irc_time = {"TIME", s_run_time, 0, 0};
