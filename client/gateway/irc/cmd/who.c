/* NAMES and WHO, with WHOX (https://ircv3.net/specs/extensions/whox). The broker lists the users of a room. */
#include <stdio.h>

#include "fatal.h"
#include "irc_ask.h"
#include "irc_command.h"
#include "irc_out.h"
#include "irc_presence.h"
#include "irc_show.h"

enum { WHOX_TOKEN = 3, FIELDS_MAX = 24 };

/* What WHO was asked for. */
typedef struct {
    irc_name_t mask;
    char fields[FIELDS_MAX + 1]; /* of WHOX; empty: plain WHO */
    char token[WHOX_TOKEN + 1];
    bool names; /* it was NAMES */
    irc_names_t list;
} question_t;

/* --- One user --- */

static void s_whox(irc_t *irc, const question_t *question, const char *channel, zr_span_t nick, const char *away) {
    irc_name_t shown;
    irc_nick_of(nick, &shown);
    bool user = irc_people_is_user(irc->host->people, nick);
    static const char order[] = "tcuihsnfdlaor";
    irc_begin(irc, NULL, 0, "354");
    irc_middle(irc, irc->shown.text);
    for (const char *field = order; *field; field++) {
        if (!strchr(question->fields, *field))
            continue;
        switch (*field) {
        case 't':
            irc_middle(irc, question->token[0] ? question->token : "0");
            break;
        case 'c':
            irc_middle(irc, channel);
            break;
        case 'u':
            irc_middle(irc, "~u");
            break;
        case 'i':
            irc_middle(irc, "255.255.255.255"); /* addresses are not shown */
            break;
        case 'h':
            irc_middle(irc, IRC_USER_HOST);
            break;
        case 's':
            irc_middle(irc, IRC_SERVER);
            break;
        case 'n':
            irc_middle(irc, shown.text);
            break;
        case 'f':
            irc_middle(irc, away ? "G" : "H");
            break;
        case 'd':
        case 'l':
            irc_middle(irc, "0");
            break;
        case 'a':
            irc_middle(irc, user ? shown.text : "0");
            break;
        case 'o':
            irc_middle(irc, "n/a");
            break;
        default:
            irc_trailing(irc, nick);
        }
    }
    irc_end(irc);
}

static void s_show(irc_t *irc, const question_t *question, const char *channel, zr_span_t nick, const char *away) {
    zr_buffer_t text = {0};
    irc_name_t shown;
    irc_nick_of(nick, &shown);
    if (question->fields[0]) {
        s_whox(irc, question, channel, nick, away);
        return;
    }
    zr_buffer_printf(&text, "0 %.*s", (int)nick.len, nick.ptr);
    irc_numeric_text(irc, RPL_WHOREPLY, zr_span_of(text.data, text.len), channel, "~u", IRC_USER_HOST, IRC_SERVER,
        shown.text, away ? "G" : "H", NULL);
    zr_buffer_finish(&text);
}

/* --- A room --- */

static json_t *s_ask_page(const irc_ask_t *ask, const char *after) {
    json_t *object = json_pack("{s:s,s:s}", "op", "who", "room", ask->room);
    if (after)
        json_object_set_new(object, "after", json_string(after));
    return object;
}

static void s_end(irc_t *irc, question_t *question) {
    if (question->names)
        irc_names_end(&question->list);
    else
        irc_numeric(irc, RPL_ENDOFWHO, question->mask.text, NULL);
}

static void s_on_who(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    question_t *question = ask->data;
    const char *last = NULL;
    const json_t *user;
    size_t i;
    question->list.irc = irc;
    question->list.channel = question->mask.text;
    json_array_foreach(json_object_get(answer, "users"), i, user) {
        const char *nick = json_string_value(json_object_get(user, "nick"));
        if (!nick || !zr_nick_valid(zr_span(nick)))
            continue;
        last = nick;
        if (question->names)
            irc_names_add(&question->list, zr_span(nick));
        else
            s_show(irc, question, question->mask.text, zr_span(nick), irc_meta_away(json_object_get(user, "meta")));
    }
    if (json_is_true(json_object_get(answer, "more")) && last) {
        irc_names_flush(&question->list);
        irc_ask_again(irc, ask, s_ask_page(ask, last));
    } else
        s_end(irc, question);
}

static void s_ask(irc_t *irc, const char *room, question_t *question) {
    irc_ask_t *ask = irc_ask_new(irc, s_on_who, NULL, zr_span(room));
    ask->data = fatal_calloc(sizeof *question);
    memcpy(ask->data, question, sizeof *question);
    irc_ask_send(irc, ask, s_ask_page(ask, NULL));
}

/* --- WHO --- */

/* %fields,token (WHOX). */
static void s_read_fields(question_t *question, zr_span_t text) {
    uint64_t number;
    if (text.len == 0 || text.ptr[0] != '%')
        return;
    text = zr_span_of(text.ptr + 1, text.len - 1);
    zr_span_t fields = zr_span_cut(&text, ',');
    snprintf(question->fields, sizeof question->fields, "%.*s", fields.len > FIELDS_MAX ? FIELDS_MAX : (int)fields.len,
        fields.ptr);
    if (text.len <= WHOX_TOKEN && irc_number(text, &number))
        snprintf(question->token, sizeof question->token, "%.*s", (int)text.len, text.ptr);
}

static void s_set_mask(question_t *question, zr_span_t mask) {
    bool fits = mask.len > 0 && mask.len <= IRC_CHANNEL_MAX;
    snprintf(question->mask.text, sizeof question->mask.text, "%.*s", fits ? (int)mask.len : 1, fits ? mask.ptr : "*");
}

/* A nick: the client's own, or that of a user in a room with it. */
static void s_one(irc_t *irc, question_t *question, zr_span_t mask) {
    char nick[ZR_NICK_MAX + 1];
    if (irc_nick_from(mask, nick, NULL)) {
        const irc_member_t *member = irc_presence_find(irc, zr_span(nick));
        bool me = strcmp(nick, irc->nick) == 0;
        if (me || member || irc_people_here(irc->host->people, zr_span(nick)))
            s_show(irc, question, "*", zr_span(nick), me ? irc->away : member ? member->away : NULL);
    }
    s_end(irc, question);
}

static void s_run_who(irc_t *irc, const irc_message_t *message) {
    question_t question = {.names = false};
    char name[ZR_ROOM_MAX + 1];
    s_set_mask(&question, message->params[0]);
    if (message->count > 1)
        s_read_fields(&question, message->params[1]);
    if (!irc_is_channel(message->params[0]))
        s_one(irc, &question, message->params[0]);
    else if (irc_room_of(message->params[0], name, NULL))
        s_ask(irc, name, &question);
    else
        s_end(irc, &question);
}

const irc_command_t irc_who = {"WHO", s_run_who, 1, IRC_ASKS};

/* --- NAMES --- */

static void s_run_names(irc_t *irc, const irc_message_t *message) {
    zr_span_t rest = message->count ? message->params[0] : zr_span("");
    zr_span_t channel = zr_span_cut(&rest, ',');
    question_t question = {.names = true};
    char name[ZR_ROOM_MAX + 1];
    s_set_mask(&question, channel);
    question.list = (irc_names_t){.irc = irc, .channel = question.mask.text};
    if (irc_room_of(channel, name, NULL))
        s_ask(irc, name, &question);
    else
        s_end(irc, &question);
}

const irc_command_t irc_names = {"NAMES", s_run_names, 0, IRC_ASKS};
