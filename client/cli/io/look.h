/* How sub and history write entries as text: the options that say so, and the writing. */
#ifndef LOOK_H
#define LOOK_H

#include "cli.h"
#include "format.h"
#include "options.h"

typedef struct {
    const char *layout;    /* --format; NULL: the body alone, or what the terminal needs */
    const char *delimiter; /* --delimiter */
    bool null, raw;
    format_t format; /* settled by look_settle: how bodies are written, */
    char end;        /* and what stands behind each entry */
} look_t;

#define LOOK_OPTIONS(look)                                                                                             \
    {"format", 'F', ZR_OPTION_TEXT, &(look).layout, NULL, 0, 0},                                                       \
        {"delimiter", 'd', ZR_OPTION_TEXT, &(look).delimiter, NULL, 0, 0},                                             \
        {"null", '0', ZR_OPTION_FLAG, &(look).null, NULL, 0, 0}, {                                                     \
        "raw", 0, ZR_OPTION_FLAG, &(look).raw, NULL, 0, 0                                                              \
    }

#define LOOK_HELP                                                                                                      \
    "  -F, --format FORMAT     how a message looks: %r room, %s seq, %t time (UTC, 2026-11-20T10:15:30.123456Z),\n"    \
    "                          %T microseconds since 1970, %n the sender's nick, %k key, %l bytes of the body,\n"      \
    "                          %b body, %% a percent sign; \\n, \\t, \\\\ and so on as for --delimiter\n"              \
    "  -d, --delimiter C       C ends a message, and no newline: a character, or \\n, \\r, \\t, \\0, \\\\ or \\xHH\n"  \
    "  -0, --null              the same with a zero byte, which 'pub --null' and 'xargs -0' read\n"                    \
    "      --raw               bodies as they are, on a terminal too\n"

/* Settles the rest from the options and from what stdout is. `several`: entries of several rooms are to come. 0, or the
 * exit code after telling the mistake. */
int look_settle(look_t *look, const command_t *command, const config_t *config, bool several);

/* Appends a ZRELAY_ENTRY; false: text does not show it, since it deletes a key. */
bool look_entry(const look_t *look, const zrelay_event_t *event, zr_buffer_t *out);

#endif
