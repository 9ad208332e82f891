/* See ranking.h. */
#include "ranking.h"

#include <stdlib.h>

static bool s_is_less(const ranked_t *one, const ranked_t *other) {
    return one->value != other->value ? one->value < other->value : one->turn > other->turn;
}

static void s_swap(ranked_t *one, ranked_t *other) {
    ranked_t kept = *one;
    *one = *other;
    *other = kept;
}

static void s_sink(ranking_t *ranking) {
    for (size_t at = 0, child; (child = 2 * at + 1) < ranking->count; at = child) {
        if (child + 1 < ranking->count && s_is_less(&ranking->items[child + 1], &ranking->items[child]))
            child++;
        if (!s_is_less(&ranking->items[child], &ranking->items[at]))
            return;
        s_swap(&ranking->items[at], &ranking->items[child]);
    }
}

static void s_rise(ranking_t *ranking) {
    for (size_t at = ranking->count - 1; at > 0; at = (at - 1) / 2) {
        if (!s_is_less(&ranking->items[at], &ranking->items[(at - 1) / 2]))
            return;
        s_swap(&ranking->items[at], &ranking->items[(at - 1) / 2]);
    }
}

bool ranking_takes(const ranking_t *ranking, uint64_t value) {
    return ranking->count < ranking->most || value > ranking->items[0].value;
}

void ranking_add(ranking_t *ranking, uint64_t value, const stats_key_t *key) {
    size_t turn = ranking->turns++;
    if (!ranking_takes(ranking, value))
        return;
    bool full = ranking->count == ranking->most;
    ranking->items[full ? 0 : ranking->count++] = (ranked_t){.value = value, .turn = turn, .key = *key};
    if (full)
        s_sink(ranking);
    else
        s_rise(ranking);
}

static int s_compare(const void *a, const void *b) {
    return s_is_less(a, b) ? 1 : -1;
}

void ranking_sort(ranking_t *ranking) {
    if (ranking->count > 1)
        qsort(ranking->items, ranking->count, sizeof *ranking->items, s_compare);
}
