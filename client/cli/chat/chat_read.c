#include "chat_read.h"

#include <stdlib.h>

#include "fatal.h"
#include "unicode.h"

void chat_read_end(chat_t *chat) {
    free(chat->reading.room);
    free(chat->reading.pattern);
    recent_finish(&chat->reading.recent);
    chat->reading = (chat_reading_t){0};
}

static void s_ask(chat_t *chat, chat_reading_t wish, uint64_t last) {
    const chat_room_t *room = chat_current(chat);
    if (!room || room->person || chat->reading.request) {
        chat_notice(chat, !room          ? "you are in no room; /join one"
                          : room->person ? "messages to one person are not kept"
                                         : "older messages are on their way; one question at a time");
        free(wish.pattern);
        return;
    }
    wish.room = fatal_check(strdup(room->name));
    chat->reading = wish;
    int failed = zrelay_history(chat->session.relay, room->name, 0, last, 0, &chat->reading.request);
    if (failed) {
        chat_notice(chat, "%s", zrelay_strerror(failed));
        chat_read_end(chat);
    }
}

/* The broker counts from the newest entry, so those that are known come once more. */
void chat_read_older(chat_t *chat, size_t count) {
    const chat_room_t *room = chat_current(chat);
    chat_reading_t wish = {.before = room ? room->oldest : 0, .max = count < RECENT_MAX ? count : RECENT_MAX};
    s_ask(chat, wish, (room ? room->known : 0) + wish.max);
}

void chat_read_since(chat_t *chat, uint64_t since_us) {
    s_ask(chat, (chat_reading_t){.since = since_us, .max = RECENT_MAX}, CHAT_READ_MAX);
}

static char *s_folded(zr_span_t text) {
    zr_buffer_t folded = {0};
    zr_fold(&folded, text);
    zr_buffer_u8(&folded, '\0');
    char *copy = fatal_check(strdup((char *)folded.data));
    zr_buffer_finish(&folded);
    return copy;
}

void chat_read_search(chat_t *chat, zr_span_t pattern) {
    s_ask(chat, (chat_reading_t){.pattern = s_folded(pattern), .max = CHAT_PAGE}, CHAT_READ_MAX);
}

static bool s_holds(const char *pattern, const zrelay_event_t *event) {
    zr_buffer_t body = {0};
    zr_fold(&body, zr_span_of(event->body, event->body_len));
    bool holds = body.len > 0 && memmem(body.data, body.len, pattern, strlen(pattern));
    zr_buffer_finish(&body);
    return holds;
}

void chat_read_entry(chat_t *chat, const zrelay_event_t *event) {
    chat_reading_t *reading = &chat->reading;
    bool wanted = (!reading->before || event->seq < reading->before) && event->time >= reading->since &&
                  !settings_ignores(&chat->settings, event->sender ? event->sender : "") &&
                  (!reading->pattern || (!event->key && s_holds(reading->pattern, event)));
    if (!wanted)
        return;
    reading->found++;
    recent_add(&reading->recent, event);
    recent_cut(&reading->recent, reading->max);
}

void chat_read_done(chat_t *chat, const zrelay_event_t *event) {
    chat_reading_t *reading = &chat->reading;
    size_t index = chat_find(chat, zr_span(reading->room), false), count = reading->recent.count;
    int64_t day = chat->day;
    if (count == 0)
        chat_notice(chat, reading->pattern ? "nothing found in %s" : "%s has no older messages", reading->room);
    else
        chat_rule(chat, reading->pattern ? "%zu found in %s" : "%zu older in %s", count, reading->room);
    for (size_t i = 0; i < count; i++) {
        zrelay_event_t entry = recent_event(&reading->recent.entries[i], reading->room);
        chat_show_entry(chat, &entry);
    }
    if (reading->found > count)
        chat_notice(chat, "these are the newest of %zu", reading->found);
    if (count > 0) {
        chat_rule(chat,
            event->complete || reading->before ? "end of %s" : "end of %s; what is older is gone from the log",
            reading->pattern ? "search" : "history");
        chat->day = day;
    }
    if (reading->before && count > 0 && index < chat->room_count && chat->rooms[index].oldest == reading->before) {
        chat->rooms[index].oldest = reading->recent.entries[0].seq; /* so that PageUp goes on from there */
        chat->rooms[index].known += count;
    }
    chat_read_end(chat);
}
