/* See wish.h. */
#include "wish.h"

#include <stdio.h>
#include <string.h>

static bool s_is(const wish_t *wish, const char *nick) {
    return nick && wish->nick[0] && strcmp(wish->nick, nick) == 0;
}

void wish_for(wish_t *wish, const char *nick) {
    *wish = (wish_t){0};
    if (nick)
        snprintf(wish->nick, sizeof wish->nick, "%s", nick);
}

void wish_connected(wish_t *wish, const char *nick, uint64_t now_ms) {
    wish->asking = false;
    wish->wait_ms = WISH_FIRST_MS;
    wish->due_ms = !wish->nick[0] || s_is(wish, nick) ? 0 : now_ms + wish->wait_ms;
}

void wish_renamed(wish_t *wish, const char *nick) {
    wish_for(wish, nick);
}

bool wish_refused(wish_t *wish, const char *nick, uint64_t now_ms) {
    if (!wish->asking || !s_is(wish, nick))
        return false;
    wish->asking = false;
    wish->wait_ms = 2 * wish->wait_ms < WISH_LAST_MS ? 2 * wish->wait_ms : WISH_LAST_MS;
    wish->due_ms = now_ms + wish->wait_ms;
    return true;
}

bool wish_due(wish_t *wish, uint64_t now_ms) {
    if (wish->due_ms == 0 || now_ms < wish->due_ms)
        return false;
    wish->due_ms = 0;
    wish->asking = true;
    return true;
}

bool wish_is_open(const wish_t *wish) {
    return wish->due_ms > 0 || wish->asking;
}
