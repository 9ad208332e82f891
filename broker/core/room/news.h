/* News: rooms that have presence to tell. Each tick begins a round of the rooms that have news by then, and each of them
 * is told in its turn. A room with more metas to tell than a tick may have waits for the next one. A round may take long, so it is worked off in small pieces. A room that has news again meanwhile
 * waits for the next tick. */
#ifndef NEWS_H
#define NEWS_H

#include <stdbool.h>

struct relay;
struct room;

/* Rooms in the order in which they got news (room_t.next_news). */
typedef struct {
    struct room *first, *last;
} news_list_t;

typedef struct {
    news_list_t waiting; /* for the next tick */
    news_list_t round;   /* to be told now */
} news_t;

void news_add(struct relay *relay, struct room *room);
void news_begin_round(struct relay *relay);
bool news_is_due(const struct relay *relay);

/* The next piece of the round: one presence frame of one room. A room with more to tell goes behind the others. */
void news_tell(struct relay *relay);

#endif
