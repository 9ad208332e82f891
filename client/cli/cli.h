/* Shared by all commands: the shape of a command, exit codes, messages on stderr. */
#ifndef CLI_H
#define CLI_H

#include "config.h"

/* Scripts depend on these: do not renumber. */
enum {
    CLI_DONE = 0,
    CLI_USAGE = 1,       /* a mistake in the call, or this machine's input or output failed */
    CLI_UNREACHABLE = 2, /* no broker, or not in time */
    CLI_REFUSED = 3,     /* the broker said no */
    CLI_FAILED = 4,      /* commands started by --exec failed, also those of an answer, or a benchmark lost something */
};

typedef struct {
    const char *name;
    const char *usage;                                   /* "ROOM [TEXT…]" */
    const char *summary;                                 /* one line for the list of commands */
    const char *help;                                    /* the rest: what it does, its options */
    int (*run)(config_t *config, int argc, char **argv); /* argv[0] is the first word after the command's name */
} command_t;

/* Every command; ends with NULL. */
extern const command_t *const cli_commands[];

extern const command_t cmd_admin, cmd_bench, cmd_chat, cmd_cluster, cmd_context, cmd_export, cmd_groups, cmd_history,
    cmd_import, cmd_keygen, cmd_metrics, cmd_ping, cmd_pub, cmd_reply, cmd_request, cmd_rooms, cmd_sessions, cmd_state,
    cmd_sub, cmd_tail_audit, cmd_top, cmd_who;

/* The whole program but for the process: returns the exit code. */
int cli_run(int argc, char **argv);

/* Reads the command's options and the shared ones. -1: go on, `*argc` words are left in argv; else the exit code
 * (--help was shown, or a mistake told). */
int cli_options(
    const command_t *command, config_t *config, const zr_option_t *options, size_t count, int *argc, char **argv);

/* One line on stderr, "zrelay: …", escaped. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on the terminal that the next one replaces; cli_say erases it before its own. Empty: erases it. */
void cli_status(zr_span_t text);

/* A mistake in calling `command`: the line names its help. Returns CLI_USAGE. */
int cli_misuse(const command_t *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A room, nick, group or key that a person typed, in the form that the broker takes (typed_name). NULL: it is not valid, and
 * the rule was told. With `pattern` a room may end in '*'. */
const char *cli_room(const char *room, bool pattern);
const char *cli_nick(const char *nick);
const char *cli_group(const char *group);
const char *cli_key(const char *key);

/* The delimiter that --delimiter (`text`) or --null gives; '\n' without them. false: `text` cannot be one, or both are
 * given. It has told so. */
bool cli_delimiter(const command_t *command, const char *text, bool null, char *out);

/* The same for each of the words, in place; false if one is no room. */
bool cli_rooms(int count, char **words, bool pattern);

#endif
