/* See irc_show.h. */
#include "irc_show.h"

#include <stdio.h>

#include "irc_message.h"
#include "irc_out.h"

void irc_show_join(irc_room_t *room, const char *nick) {
    irc_t *irc = room->irc;
    bool user = irc_people_is_user(irc->host->people, zr_span(nick));
    irc_begin(irc, nick, 0, "JOIN");
    irc_middle(irc, room->channel.text);
    if (irc->caps & IRC_EXTENDED_JOIN) {
        irc_middle(irc, user ? nick : "*");
        irc_trailing(irc, zr_span(nick));
    }
    if ((irc->caps & IRC_ACCOUNT_TAG) && user)
        irc_tag(irc, "account", zr_span(nick));
    irc_end(irc);
    irc_member_t *member = irc_member_find(room->members, zr_span(nick));
    if (!(irc->caps & IRC_AWAY_NOTIFY) || !member || !member->away)
        return;
    irc_begin(irc, nick, 0, "AWAY");
    irc_trailing(irc, zr_span(member->away));
    irc_end(irc);
}

void irc_show_topic(irc_room_t *room) {
    char seconds[24];
    irc_name_t by;
    if (!room->topic) {
        irc_numeric(room->irc, RPL_NOTOPIC, room->channel.text, NULL);
        return;
    }
    irc_numeric_text(room->irc, RPL_TOPIC, zr_span(room->topic), room->channel.text, NULL);
    snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)(room->topic_us / 1000000));
    irc_nick_of(zr_span(room->topic_by), &by);
    irc_numeric_text(room->irc, RPL_TOPICWHOTIME, zr_span(seconds), room->channel.text, by.text, NULL);
}

void irc_names_flush(irc_names_t *names) {
    if (names->names.len > 0)
        irc_numeric_text(
            names->irc, RPL_NAMREPLY, zr_span_of(names->names.data, names->names.len), "=", names->channel, NULL);
    zr_buffer_finish(&names->names);
}

/* A name that is cut would be another one. */
static bool s_names_fit(const irc_names_t *names, size_t more) {
    size_t head = strlen(":" IRC_SERVER " 353  =  :") + strlen(names->irc->shown.text) + strlen(names->channel);
    return head + names->names.len + 1 + more + 2 <= IRC_LINE;
}

void irc_names_add(irc_names_t *names, zr_span_t nick) {
    zr_buffer_t name = {0};
    irc_name_t shown;
    irc_nick_of(nick, &shown);
    if (names->irc->caps & IRC_USERHOST_IN_NAMES)
        irc_put_mask(&name, nick);
    else
        zr_buffer_append(&name, shown.text, strlen(shown.text));
    if (!s_names_fit(names, name.len))
        irc_names_flush(names);
    if (names->names.len > 0)
        zr_buffer_u8(&names->names, ' ');
    zr_buffer_append(&names->names, name.data, name.len);
    zr_buffer_finish(&name);
}

void irc_names_end(irc_names_t *names) {
    irc_names_flush(names);
    irc_numeric(names->irc, RPL_ENDOFNAMES, names->channel, NULL);
}

void irc_show_room(irc_room_t *room) {
    irc_names_t names = {.irc = room->irc, .channel = room->channel.text};
    irc_member_t *member, *next;
    irc_show_join(room, room->irc->nick);
    if (room->topic)
        irc_show_topic(room);
    HASH_ITER(hh, room->members, member, next)
    irc_names_add(&names, zr_span_of(member->nick, member->len));
    irc_names_end(&names);
}
