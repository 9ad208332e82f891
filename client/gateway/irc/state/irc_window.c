/* See irc_window.h. */
#include "irc_window.h"

#include <string.h>

static bool s_is_too_much(const irc_window_t *window, const zr_buffer_t *lines) {
    size_t most = window->most ? window->most : IRC_HISTORY_BYTES;
    return lines->len - window->begin > most && window->count > 1;
}

static void s_drop_oldest(irc_window_t *window, zr_buffer_t *lines) {
    size_t size = window->sizes[0];
    uint8_t *at = lines->data + window->begin;
    lines->len -= size;
    memmove(at, at + size, lines->len - window->begin);
    memmove(window->sizes, window->sizes + 1, --window->count * sizeof window->sizes[0]);
}

static void s_drop_newest(irc_window_t *window, zr_buffer_t *lines) {
    lines->len -= window->sizes[--window->count];
    window->full = true;
}

void irc_window_add(irc_window_t *window, zr_buffer_t *lines, size_t at) {
    if (window->full || (window->count == IRC_WINDOW_MAX && !window->newest)) {
        lines->len = at;
        return;
    }
    if (window->count == IRC_WINDOW_MAX) {
        at -= window->sizes[0];
        s_drop_oldest(window, lines);
    }
    window->sizes[window->count++] = (uint32_t)(lines->len - at);
    while (s_is_too_much(window, lines))
        (window->newest ? s_drop_oldest : s_drop_newest)(window, lines);
}
