/* CHATHISTORY (IRCv3 draft/chathistory). */
#include <stdio.h>

#include "irc_command.h"
#include "irc_history.h"
#include "irc_out.h"
#include "irc_time.h"

typedef struct {
    const char *name;
    irc_span_t span;
    size_t refs;
} subcommand_t;

static const subcommand_t s_subcommands[] = {{"BEFORE", IRC_BEFORE, 1}, {"AFTER", IRC_AFTER, 1},
    {"LATEST", IRC_LATEST, 1}, {"AROUND", IRC_AROUND, 1}, {"BETWEEN", IRC_BETWEEN, 2}};
enum { SUBCOMMANDS = sizeof s_subcommands / sizeof s_subcommands[0] };

/* Names of a client that cannot be shown are shown as "*". */
static void s_fail(irc_t *irc, const char *code, const char *text, const irc_message_t *message) {
    char shown[2][IRC_CHANNEL_MAX + 1];
    for (size_t i = 0; i < 2; i++) {
        zr_span_t param = i < message->count ? message->params[i] : zr_span("*");
        bool fits = param.len > 0 && param.len <= IRC_CHANNEL_MAX;
        snprintf(shown[i], sizeof shown[i], "%.*s", fits ? (int)param.len : 1, fits ? param.ptr : "*");
    }
    irc_standard(irc, "FAIL", "CHATHISTORY", code, text, shown[0], shown[1], NULL);
}

static bool s_limit(zr_span_t text, uint64_t *limit) {
    if (!irc_number(text, limit))
        return false;
    if (*limit > IRC_HISTORY_MAX || *limit == 0)
        *limit = IRC_HISTORY_MAX;
    return true;
}

/* msgid=EPOCH:SEQ or timestamp=TIME; with `star` also *. */
static bool s_ref(const irc_t *irc, zr_span_t text, bool star, irc_ref_t *ref, const char **code) {
    zr_span_t kind = zr_span_cut(&text, '=');
    char copy[64], epoch[20], *end;
    *ref = (irc_ref_t){IRC_REF_NONE, 0};
    *code = "INVALID_PARAMS";
    if (star && zr_span_equal(kind, zr_span("*")))
        return true;
    if (zr_span_equal(kind, zr_span("timestamp"))) {
        ref->kind = IRC_REF_TIME;
        return irc_time_read(text, &ref->value);
    }
    *code = "INVALID_MSGREFTYPE";
    if (!zr_span_equal(kind, zr_span("msgid")) || text.len >= sizeof copy)
        return false;
    *code = "MESSAGE_ERROR";
    snprintf(copy, sizeof copy, "%.*s", (int)text.len, text.ptr);
    snprintf(epoch, sizeof epoch, "%016llx:", (unsigned long long)irc->epoch);
    if (strncmp(copy, epoch, strlen(epoch)) != 0)
        return false;
    *ref = (irc_ref_t){IRC_REF_SEQ, strtoull(copy + strlen(epoch), &end, 10)};
    return *end == '\0' && ref->value > 0 && ref->value <= ZR_INT_MAX;
}

static void s_targets(irc_t *irc, const irc_message_t *message) {
    irc_ref_t from, to;
    uint64_t limit;
    const char *code = "INVALID_PARAMS";
    if (message->count < 4 || !s_ref(irc, message->params[1], false, &from, &code) ||
        !s_ref(irc, message->params[2], false, &to, &code) || from.kind != IRC_REF_TIME || to.kind != IRC_REF_TIME ||
        !s_limit(message->params[3], &limit))
        s_fail(irc, "INVALID_PARAMS", "write TARGETS timestamp=TIME timestamp=TIME LIMIT", message);
    else
        irc_history_targets(irc, from.value, to.value, limit);
}

static void s_show(irc_t *irc, const irc_message_t *message, const subcommand_t *subcommand) {
    irc_history_t history = {.span = subcommand->span, .subcommand = subcommand->name};
    char name[ZR_ROOM_MAX + 1];
    irc_name_t channel;
    const char *code = "INVALID_PARAMS";
    if (message->count < 3 + subcommand->refs || !s_limit(message->params[2 + subcommand->refs], &history.limit)) {
        s_fail(irc, "INVALID_PARAMS", "write SUBCOMMAND TARGET, msgid=ID or timestamp=TIME, and a limit", message);
        return;
    }
    for (size_t i = 0; i < subcommand->refs; i++)
        if (!s_ref(irc, message->params[2 + i], subcommand->span == IRC_LATEST, &history.refs[i], &code)) {
            s_fail(irc, code,
                strcmp(code, "MESSAGE_ERROR") == 0 ? "no message has that id in the broker's log"
                                                   : "name a message by msgid=ID or timestamp=2026-12-01T05:00:00.000Z",
                message);
            return;
        }
    if (!irc_room_of(message->params[1], name, NULL)) {
        s_fail(irc, "INVALID_TARGET", "only channels have a history", message);
        return;
    }
    irc_channel_of(zr_span(name), &channel);
    irc_history_show(irc, zr_span(name), &channel, &history);
}

static void s_run(irc_t *irc, const irc_message_t *message) {
    zr_span_t name = message->params[0];
    if (irc_same(name, zr_span("TARGETS"))) {
        s_targets(irc, message);
        return;
    }
    for (size_t i = 0; i < SUBCOMMANDS; i++)
        if (irc_same(name, zr_span(s_subcommands[i].name))) {
            s_show(irc, message, &s_subcommands[i]);
            return;
        }
    s_fail(irc, "INVALID_PARAMS", "the subcommands are BEFORE, AFTER, LATEST, AROUND, BETWEEN and TARGETS", message);
}

const irc_command_t irc_chathistory = {"CHATHISTORY", s_run, 1, IRC_ASKS};
