#include "cli.h"

#include <errno.h>
#include <stdio.h>

#include "zrelay.h"

const command_t *const cli_commands[] = {
    &cmd_pub,
    &cmd_sub,
    &cmd_chat,
    &cmd_history,
    &cmd_state,
    &cmd_who,
    &cmd_rooms,
    &cmd_groups,
    &cmd_request,
    &cmd_reply,
    &cmd_export,
    &cmd_import,
    &cmd_ping,
    &cmd_bench,
    &cmd_top,
    &cmd_sessions,
    &cmd_cluster,
    &cmd_metrics,
    &cmd_tail_audit,
    &cmd_admin,
    &cmd_keygen,
    &cmd_context,
    NULL,
};

static const char s_shared_help[] =
    "Options of every command:\n"
    "  -s, --server ENDPOINT   the broker: HOST, HOST:PORT or ipc://PATH (else ZRELAY_SERVER, else the\n"
    "                          configuration file, else " CONFIG_SERVER "). A,B,C: brokers of one\n"
    "                          log; the command goes on at the next one when it loses one\n"
    "      --context NAME      settings of this context, which 'zrelay context add NAME' made\n"
    "      --nick NICK         the name others see (with a certificate or a token, the user's)\n"
    "      --certificate FILE  connect encrypted, with the key pair that 'zrelay keygen FILE' made\n"
    "      --server-key KEY    the broker's public key; noted after the first time, and not needed then.\n"
    "                          Of several brokers A,B,C: the key of all, or one for each\n"
    "      --user NAME         log in as this user, at a broker on this machine\n"
    "      --token-file FILE   with the token in this file (else in ZRELAY_TOKEN); a JWT needs no --user.\n"
    "                          The file is read again whenever the connection is lost\n"
    "      --json              JSON, one object per line\n"
    "  -v, --verbose           tell more on stderr\n"
    "      --connect-timeout S\n                          give up connecting after S seconds (5)\n"
    "  -h, --help              this text\n";

static const char s_end_help[] =
    "\n"
    "The configuration file is $XDG_CONFIG_HOME/zrelay.conf or ~/.config/zrelay.conf:\n"
    "lines 'NAME = VALUE' with the names server, nick, certificate, server-key, user, token-file, which\n"
    "are options without their dashes; a line that begins with '#' is a comment. Quotes around a value are\n"
    "allowed, and needed if it has ' #' in it. The file must be yours and writable by nobody else. The\n"
    "files named there are looked for in the folder of the configuration file, unless they begin with '/'\n"
    "or '~/'. The environment's ZRELAY_SERVER, ZRELAY_CERTIFICATE, ZRELAY_SERVER_KEY, ZRELAY_USER and\n"
    "ZRELAY_TOKEN count before it. A context ('zrelay help context') is such a file for another broker; the\n"
    "environment's ZRELAY_CONTEXT may name it.\n"
    "The keys of the brokers you have connected to are noted beside it, in zrelay/known-servers.\n"
    "\n"
    "Commands that go on for long connect again by themselves when the broker is gone for a while, or\n"
    "when an operator kicked them. They end, with 3, when the broker lets them in no more: a ban, a key or\n"
    "token that is not valid any more.\n"
    "\n"
    "Exit codes: 0 done, 1 wrong usage or local input or output failed, 2 no broker or not in time,\n"
    "3 refused by the broker, 4 a command of --exec failed, or 'bench' lost something.\n";

static int s_help(const command_t *command) {
    printf("Usage: zrelay %s%s%s\n\n%s\n%s", command->name, *command->usage ? " " : "", command->usage, command->help,
        s_shared_help);
    return zr_options_shown("zrelay");
}

static int s_help_all(void) {
    printf("Usage: zrelay [OPTIONS] COMMAND …\n\nA client of the zrelay message relay.\n\nCommands:\n");
    for (size_t i = 0; cli_commands[i]; i++)
        printf("  %-10s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    printf("  %-10s %s\n\n%s      --version           the version\n%s", "help",
        "how to use a command: zrelay help COMMAND", s_shared_help, s_end_help);
    return zr_options_shown("zrelay");
}

static int s_version(void) {
    printf("zrelay %s\n", zrelay_version());
    return zr_options_shown("zrelay");
}

static bool s_parse(
    config_t *config, const zr_option_t *options, size_t count, bool stop, int *argc, char **argv, zr_error_t *error) {
    const zr_option_t shared[] = {
        {"server", 's', ZR_OPTION_TEXT, &config->server, NULL, 0, 0},
        {"context", 0, ZR_OPTION_TEXT, &config->context, NULL, 0, 0},
        {"nick", 0, ZR_OPTION_TEXT, &config->nick, &config->nick_given, 0, 0},
        {"certificate", 0, ZR_OPTION_TEXT, &config->certificate, &config->certificate_given, 0, 0},
        {"server-key", 0, ZR_OPTION_TEXT, &config->server_key, NULL, 0, 0},
        {"user", 0, ZR_OPTION_TEXT, &config->user, &config->user_given, 0, 0},
        {"token-file", 0, ZR_OPTION_TEXT, &config->token_file, &config->token_file_given, 0, 0},
        {"json", 0, ZR_OPTION_FLAG, &config->json, NULL, 0, 0},
        {"verbose", 'v', ZR_OPTION_FLAG, &config->verbose, NULL, 0, 0},
        {"connect-timeout", 0, ZR_OPTION_SECONDS, &config->connect_ms, &config->connect_given, 0, 0},
        {"help", 'h', ZR_OPTION_FLAG, &config->help, NULL, 0, 0},
        {"version", 0, ZR_OPTION_FLAG, &config->version, NULL, 0, 0},
    };
    const zr_option_list_t lists[] = {{options, count}, {shared, sizeof shared / sizeof shared[0]}};
    return zr_options_parse(lists, 2, stop, argc, argv, error);
}

int cli_options(
    const command_t *command, config_t *config, const zr_option_t *options, size_t count, int *argc, char **argv) {
    zr_error_t error = {0};
    int code = -1;
    if (!s_parse(config, options, count, false, argc, argv, &error))
        code = cli_misuse(command, "%s", error.text);
    if (code < 0 && (config->help || config->version))
        code = config->help ? s_help(command) : s_version();
    if (code < 0 && config->nick && !(config->nick = cli_nick(config->nick)))
        code = CLI_USAGE;
    return code;
}

static const command_t *s_command(const char *name) {
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    cli_say("there is no command '%s' (see 'zrelay --help')", name);
    return NULL;
}

static int s_run_help(int argc, char **argv) {
    const command_t *command = NULL;
    if (argc > 0 && strcmp(argv[0], "help") != 0 && !(command = s_command(argv[0])))
        return CLI_USAGE;
    return command ? s_help(command) : s_help_all();
}

static int s_run(config_t *config, int argc, char **argv) {
    zr_error_t error = {0};
    if (!s_parse(config, NULL, 0, true, &argc, argv, &error))
        return zr_options_misused("zrelay", &error);
    if (config->version)
        return s_version();
    if (argc == 0 && !config->help) {
        zr_fail(&error, "which command?");
        return zr_options_misused("zrelay", &error);
    }
    if (argc == 0 || strcmp(argv[0], "help") == 0)
        return s_run_help(argc - 1, argv + 1);
    const command_t *command = s_command(argv[0]);
    return command ? command->run(config, argc - 1, argv + 1) : CLI_USAGE;
}

int cli_run(int argc, char **argv) {
    config_t config;
    config_init(&config);
    int code = s_run(&config, argc > 0 ? argc - 1 : 0, argv + 1);
    config_finish(&config);
    return code;
}
