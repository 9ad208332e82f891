#include "recent.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

static char *s_copy(const void *bytes, size_t len) {
    char *copy = fatal_check(malloc(len + 1));
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

static void s_drop(recent_t *recent, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(recent->entries[i].sender);
        free(recent->entries[i].key);
        free(recent->entries[i].body);
        recent->bytes -= recent->entries[i].len;
    }
    recent->count -= count;
    memmove(recent->entries, recent->entries + count, recent->count * sizeof *recent->entries);
}

void recent_finish(recent_t *recent) {
    recent_cut(recent, 0);
    free(recent->entries);
    *recent = (recent_t){0};
}

void recent_cut(recent_t *recent, size_t max) {
    if (recent->count > max)
        s_drop(recent, recent->count - max);
}

void recent_add(recent_t *recent, const zrelay_event_t *event) {
    if (recent->count == RECENT_MAX)
        s_drop(recent, RECENT_MAX / 10);
    FATAL_GROW(recent->entries, recent->count, recent->size);
    recent->entries[recent->count++] = (recent_entry_t){.seq = event->seq,
        .time = event->time,
        .sender = fatal_check(strdup(event->sender ? event->sender : "?")),
        .key = event->key ? fatal_check(strdup(event->key)) : NULL,
        .body = s_copy(event->body, event->body_len),
        .len = event->body_len,
        .deleted = event->deleted};
    recent->bytes += event->body_len;
    while (recent->bytes > RECENT_BYTES && recent->count > 1)
        s_drop(recent, (recent->count + 9) / 10);
}

zrelay_event_t recent_event(const recent_entry_t *entry, const char *room) {
    return (zrelay_event_t){.type = ZRELAY_ENTRY,
        .room = room,
        .seq = entry->seq,
        .time = entry->time,
        .sender = entry->sender,
        .key = entry->key,
        .body = entry->body,
        .body_len = entry->len,
        .deleted = entry->deleted};
}

const recent_entry_t *recent_newest(const recent_t *recent, const char *sender, const char *other) {
    for (size_t i = recent->count; i > 0; i--) {
        const recent_entry_t *entry = &recent->entries[i - 1];
        bool wanted = sender ? strcmp(entry->sender, sender) == 0 : !other || strcmp(entry->sender, other) != 0;
        if (wanted && !entry->key)
            return entry;
    }
    return NULL;
}
