/* See channels.h. */
#include "channels.h"

#include <utlist.h>

#include "fatal.h"
#include "session.h"

void channels_finish(channels_t *channels) {
    origins_finish(&channels->origins);
}

channel_t *channel_find(const channels_t *channels, route_t route) {
    channel_t *channel = NULL;
    if (route_channel(route))
        HASH_FIND(hh, channels->by_route, &route, sizeof route, channel);
    return channel;
}

size_t channels_count(const channels_t *channels) {
    return HASH_COUNT(channels->by_route);
}

channel_t *channel_add(channels_t *channels, session_t *trunk, uint32_t number, uint64_t now) {
    channel_t *channel = fatal_calloc(sizeof *channel);
    channel->route = route_of((uint32_t)trunk->route, number);
    channel->trunk = trunk;
    channel->opened = now;
    HASH_ADD(hh, channels->by_route, route, sizeof channel->route, channel);
    DL_APPEND(trunk->channels, channel);
    DL_APPEND2(channels->quiet, channel, prev_quiet, next_quiet);
    trunk->channel_count++;
    return channel;
}

void channel_hear(channels_t *channels, channel_t *channel) {
    if (!channel->heard)
        DL_DELETE2(channels->quiet, channel, prev_quiet, next_quiet);
    channel->heard = true;
}

void channel_remove(channels_t *channels, channel_t *channel) {
    channel_hear(channels, channel);
    DL_DELETE(channel->trunk->channels, channel);
    channel->trunk->channel_count--;
    HASH_DELETE(hh, channels->by_route, channel);
    origins_close(channel->origin);
    free(channel);
}
