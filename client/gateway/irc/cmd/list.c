/* LIST: the rooms that the client may read. */
#include <stdio.h>

#include "irc_ask.h"
#include "irc_command.h"
#include "irc_out.h"
#include "irc_room.h"

enum { LIST_MAX = 5000 }; /* rooms that one LIST shows */

static json_t *s_question(const char *after) {
    json_t *object = json_pack("{s:s}", "op", "rooms");
    if (after)
        json_object_set_new(object, "after", json_string(after));
    return object;
}

/* The ask's text is the list of channels that were asked for; NULL: all. */
static bool s_wanted(const irc_ask_t *ask, const irc_name_t *channel) {
    zr_span_t rest = zr_span(ask->text);
    while (rest.len > 0)
        if (irc_same(zr_span_cut(&rest, ','), zr_span(channel->text)))
            return true;
    return !ask->text;
}

static void s_show(irc_t *irc, irc_ask_t *ask, const json_t *item) {
    zr_span_t name = zr_span(irc_answer_text(item, "room"));
    const irc_room_t *room = irc_room_find(irc, name);
    irc_name_t channel;
    char count[24];
    if (!irc_channel_of(name, &channel) || !s_wanted(ask, &channel))
        return;
    snprintf(count, sizeof count, "%llu", (unsigned long long)irc_answer_number(item, "count"));
    irc_numeric_text(irc, RPL_LIST, zr_span(room && room->topic ? room->topic : ""), channel.text, count, NULL);
}

static void s_on_rooms(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    const json_t *rooms = json_object_get(answer, "rooms"), *item;
    const char *last = NULL;
    size_t i;
    json_array_foreach(rooms, i, item) {
        last = irc_answer_text(item, "room");
        s_show(irc, ask, item);
    }
    ask->n += json_array_size(rooms);
    bool more = json_is_true(json_object_get(answer, "more")) && last;
    if (more && ask->n < LIST_MAX) {
        irc_ask_again(irc, ask, s_question(last));
        return;
    }
    if (more)
        irc_notice(irc, "there are more rooms; LIST shows the first 5000");
    irc_numeric(irc, RPL_LISTEND, NULL);
}

static void s_run(irc_t *irc, const irc_message_t *message) {
    irc_ask_t *ask = irc_ask_new(irc, s_on_rooms, NULL, zr_span(""));
    if (message->count > 0 && irc_is_channel(message->params[0]))
        ask->text = strndup(message->params[0].ptr, message->params[0].len);
    irc_numeric(irc, RPL_LISTSTART, "Channel", NULL);
    irc_ask_send(irc, ask, s_question(NULL));
}

const irc_command_t irc_list = {"LIST", s_run, 0, IRC_ASKS};
