/* See deadlines.h. */
#include "deadlines.h"

#include "fatal.h"

static void s_put(deadlines_t *deadlines, size_t place, deadline_t *deadline) {
    deadlines->items[place] = deadline;
    deadline->place = place;
}

/* Moves the node at `place` to where it belongs: it may be earlier than the one above it, or later than one below it. */
static void s_settle(deadlines_t *deadlines, size_t place) {
    deadline_t **items = deadlines->items, *moved = items[place];
    for (; place > 0 && moved->at < items[(place - 1) / 2]->at; place = (place - 1) / 2)
        s_put(deadlines, place, items[(place - 1) / 2]);
    for (size_t child; (child = 2 * place + 1) < deadlines->count; place = child) {
        if (child + 1 < deadlines->count && items[child + 1]->at < items[child]->at)
            child++;
        if (items[child]->at >= moved->at)
            break;
        s_put(deadlines, place, items[child]);
    }
    s_put(deadlines, place, moved);
}

void deadlines_add(deadlines_t *deadlines, deadline_t *deadline) {
    FATAL_GROW(deadlines->items, deadlines->count, deadlines->size);
    s_put(deadlines, deadlines->count++, deadline);
    s_settle(deadlines, deadline->place);
}

void deadlines_remove(deadlines_t *deadlines, deadline_t *deadline) {
    size_t place = deadline->place;
    FATAL_UNLESS(place < deadlines->count && deadlines->items[place] == deadline);
    deadline_t *last = deadlines->items[--deadlines->count];
    if (last == deadline)
        return;
    s_put(deadlines, place, last);
    s_settle(deadlines, place);
}

deadline_t *deadlines_next(const deadlines_t *deadlines) {
    return deadlines->count ? deadlines->items[0] : NULL;
}

void deadlines_finish(deadlines_t *deadlines) {
    free(deadlines->items);
    *deadlines = (deadlines_t){0};
}
