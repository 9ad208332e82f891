/* See news.h. */
#include "news.h"

#include "rooms.h"
#include "state.h"

static void s_append(news_list_t *list, room_t *room) {
    room->next_news = NULL;
    if (list->last)
        list->last->next_news = room;
    else
        list->first = room;
    list->last = room;
}

static room_t *s_take(news_list_t *list) {
    room_t *room = list->first;
    list->first = room->next_news;
    if (!list->first)
        list->last = NULL;
    return room;
}

void news_add(relay_t *relay, room_t *room) {
    if (room->has_news)
        return;
    room->has_news = true;
    s_append(&relay->news.waiting, room);
}

void news_begin_round(relay_t *relay) {
    news_t *news = &relay->news;
    if (!news->waiting.first)
        return;
    if (news->round.last)
        news->round.last->next_news = news->waiting.first;
    else
        news->round.first = news->waiting.first;
    news->round.last = news->waiting.last;
    news->waiting = (news_list_t){0};
}

bool news_is_due(const relay_t *relay) {
    return relay->news.round.first;
}

void news_tell(relay_t *relay) {
    room_t *room = s_take(&relay->news.round);
    room_refresh_rights(relay, room);
    bool full;
    zr_blob_t *frame = presence_frame(&room->presence, room_name(room), relay->config.presence_names, &full);
    if (frame)
        follow_moved(relay, room);
    if (frame)
        room_tell(relay, room, room->private_presence, RIGHT_READ | RIGHT_PRESENCE, frame);
    if (!presence_is_told(&room->presence)) {
        s_append(full ? &relay->news.waiting : &relay->news.round, room);
        return;
    }
    room->has_news = false;
    room_forget_unused(relay, room);
}
