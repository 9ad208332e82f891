#include "expiry.h"

#include "fatal.h"

static void s_put(expiry_list_t *list, size_t place, expiry_t *expiry) {
    list->items[place] = expiry;
    expiry->place = place;
}

static void s_append(expiry_list_t *list, expiry_t *expiry) {
    FATAL_GROW(list->items, list->count, list->size);
    s_put(list, list->count++, expiry);
}

/* --- The heap --- */

/* Moves it up or down to where it belongs. */
static void s_settle(expiry_list_t *heap, expiry_t *expiry) {
    size_t place = expiry->place;
    while (place > 0 && heap->items[(place - 1) / 2]->at > expiry->at) {
        s_put(heap, place, heap->items[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (size_t child; (child = 2 * place + 1) < heap->count; place = child) {
        if (child + 1 < heap->count && heap->items[child + 1]->at < heap->items[child]->at)
            child++;
        if (heap->items[child]->at >= expiry->at)
            break;
        s_put(heap, place, heap->items[child]);
    }
    s_put(heap, place, expiry);
}

/* --- Both lists --- */

static bool s_is_dated(const expiry_t *expiry) {
    return expiry->at != UINT64_MAX;
}

/* The last one of the list takes its place. */
static void s_take_out(expiries_t *expiries, const expiry_t *expiry) {
    bool dated = s_is_dated(expiry);
    expiry_list_t *list = dated ? &expiries->dated : &expiries->undated;
    expiry_t *last = list->items[--list->count];
    if (last == expiry)
        return;
    s_put(list, expiry->place, last);
    if (dated)
        s_settle(list, last);
}

static void s_put_in(expiries_t *expiries, expiry_t *expiry, uint64_t at) {
    expiry->at = at;
    s_append(s_is_dated(expiry) ? &expiries->dated : &expiries->undated, expiry);
    if (s_is_dated(expiry))
        s_settle(&expiries->dated, expiry);
}

expiry_t *expiry_add(
    expiries_t *expiries, struct room_state *keys, struct key_value *value, uint64_t ttl, bool undated) {
    expiry_t *expiry = fatal_calloc(sizeof *expiry);
    *expiry = (expiry_t){.ttl = ttl, .value = value, .keys = keys};
    s_put_in(expiries, expiry, undated ? UINT64_MAX : expiries->rising + ttl * 1000);
    return expiry;
}

void expiry_remove(expiries_t *expiries, expiry_t *expiry) {
    if (!expiry)
        return;
    s_take_out(expiries, expiry);
    free(expiry);
}

void expiry_set(expiries_t *expiries, expiry_t *expiry, uint64_t at) {
    s_take_out(expiries, expiry);
    s_put_in(expiries, expiry, at);
}

expiry_t *expiry_due(const expiries_t *expiries) {
    const expiry_list_t *dated = &expiries->dated;
    return dated->count > 0 && dated->items[0]->at <= expiries->rising ? dated->items[0] : NULL;
}

expiry_t *expiry_undated(const expiries_t *expiries) {
    const expiry_list_t *undated = &expiries->undated;
    return undated->count > 0 ? undated->items[undated->count - 1] : NULL;
}

void expiries_finish(expiries_t *expiries) {
    free(expiries->dated.items);
    free(expiries->undated.items);
    *expiries = (expiries_t){.rising = expiries->rising};
}
