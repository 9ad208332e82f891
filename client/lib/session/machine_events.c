/* The queue of events. A frame stays one item. Its entries are decoded one by one when the program takes them, so a
 * delivered message costs no allocation. Decides nothing. */
#include "machine_events.h"

#include <stdlib.h>
#include <time.h>

#include "machine_actions.h"
#include "machine_work.h"

static void s_weigh(events_t *events, item_t *item, size_t bytes) {
    item->bytes += bytes;
    events->bytes += bytes;
}

static item_t *s_push(machine_t *m) {
    events_t *events = &m->events;
    if (events->count == events->size) {
        size_t size = events->size ? 2 * events->size : 64;
        item_t *items = machine_alloc(size * sizeof *items);
        for (size_t i = 0; i < events->count; i++)
            items[i] = events->items[(events->head + i) & (events->size - 1)];
        free(events->items);
        events->items = items;
        events->size = size;
        events->head = 0;
    }
    item_t *item = &events->items[(events->head + events->count++) & (events->size - 1)];
    memset(item, 0, sizeof *item);
    s_weigh(events, item, sizeof *item);
    return item;
}

bool events_full(const machine_t *m) {
    return m->events.bytes >= EVENTS_DROP;
}

static void s_pop(machine_t *m) {
    events_t *events = &m->events;
    item_t *item = &events->items[events->head];
    if (item->frame) {
        zr_blob_unref(item->frame);
    }
    events->bytes -= item->bytes;
    if (item->json || events->bytes < EVENTS_PAUSE)
        m->unasked = true;
    json_decref(item->json);
    free(item->strings);
    events->head = (events->head + 1) & (events->size - 1);
    events->count--;
    events->begun = false;
}

void events_finish(machine_t *m) {
    while (m->events.count)
        s_pop(m);
    free(m->events.items);
    free(m->events.meta);
}

/* Copies `*text` behind `*to` and lets it point there. */
static void s_copy(const char **text, char **to) {
    if (!*text)
        return;
    size_t size = strlen(*text) + 1;
    memcpy(*to, *text, size);
    *text = *to;
    *to += size;
}

/* A program that takes no events for long still publishes: acks are cumulative, so the newest says it all, with the
 * lowest level. */
static bool s_merged(events_t *events, const zrelay_event_t *event) {
    if (event->type != ZRELAY_ACKED || events->count < EVENTS_MERGE)
        return false;
    item_t *last = &events->items[(events->head + events->count - 1) & (events->size - 1)];
    if (last->kind != ITEM_PLAIN || last->event.type != ZRELAY_ACKED)
        return false;
    zrelay_level_t lowest = last->event.level < event->level ? last->event.level : event->level;
    last->event = *event;
    last->event.level = lowest;
    return true;
}

void events_post(machine_t *m, const zrelay_event_t *event) {
    if (s_merged(&m->events, event))
        return;
    item_t *item = s_push(m);
    item->kind = ITEM_PLAIN;
    item->left = 1;
    item->event = *event;
    zrelay_event_t *copy = &item->event;
    const char **texts[] = {&copy->room, &copy->name, &copy->text, &copy->code, &copy->epoch, &copy->sender, &copy->key,
        &copy->ask, &copy->answer};
    size_t size = copy->body_len;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    if (size == 0)
        return;
    s_weigh(&m->events, item, size);
    char *to = item->strings = machine_alloc(size);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        s_copy(texts[i], &to);
    if (copy->body_len) {
        memcpy(to, copy->body, copy->body_len);
        copy->body = to;
    }
}

void events_entries(machine_t *m, zr_blob_t *frame, const scan_t *scan, uint64_t request) {
    item_t *item = s_push(m);
    item->kind = ITEM_ENTRIES;
    item->left = scan->count;
    item->frame = zr_blob_ref(frame);
    item->reader = scan->from;
    item->event.type = ZRELAY_ENTRY;
    item->event.room = scan->from.room.ptr; /* a zero byte ends it in the frame */
    item->event.request = request;
    s_weigh(&m->events, item, zr_blob_len(frame));
}

void events_work(machine_t *m, zr_blob_t *frame, const scan_t *scan, uint32_t worker, uint64_t deliveries) {
    events_entries(m, frame, scan, 0);
    events_t *events = &m->events;
    zrelay_event_t *event = &events->items[(events->head + events->count - 1) & (events->size - 1)].event;
    event->type = ZRELAY_WORK;
    event->worker = worker;
    event->count = deliveries;
}

void events_list(machine_t *m, item_kind_t kind, json_t *object, json_t *list, const zrelay_event_t *event) {
    if (json_array_size(list) == 0)
        return;
    item_t *item = s_push(m);
    item->kind = kind;
    item->left = json_array_size(list);
    item->json = json_incref(object);
    item->event = *event;
    item->strings = machine_alloc(sizeof list);
    memcpy(item->strings, &list, sizeof list);
    if (event->room) {
        /* The room may be gone before the event is taken. */
        size_t len = strlen(event->room) + 1;
        item->strings = machine_realloc(item->strings, sizeof list + len);
        memcpy((char *)item->strings + sizeof list, event->room, len);
        item->event.room = (char *)item->strings + sizeof list;
    }
}

void events_error(machine_t *m, const json_t *error, zrelay_event_t *event) {
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *text = json_string_value(json_object_get(error, "text"));
    const char *wrong = NULL;
    event->type = ZRELAY_REFUSED;
    event->code = code ? code : "";
    event->text = text && strlen(text) <= TEXT_MAX ? text : "";
    zr_get_uint_opt(error, "seq", 0, &event->seq, &wrong);
    events_post(m, event);
}

/* --- Taking --- */

/* Returns the text with a zero byte after it. A zero byte often follows in the frame already (a sender without a key, a
 * body below 16 MB); else the text is copied. The byte after a view is always the frame's. */
static const char *s_terminate(char *to, zr_span_t text) {
    if (text.ptr[text.len] == '\0')
        return text.ptr;
    memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
    return to;
}

static bool s_next_entry(machine_t *m, item_t *item) {
    events_t *events = &m->events;
    zr_entry_t entry;
    if (!zr_deliver_next(&item->reader, &entry))
        return false; /* cannot be: the frame was checked */
    zrelay_event_t *event = &events->given;
    event->seq = entry.seq;
    event->time = entry.time;
    event->ttl = entry.ttl;
    event->deleted = entry.flags & ZR_ENTRY_DELETE;
    event->sender = s_terminate(events->sender, entry.sender);
    event->key = entry.key.len ? s_terminate(events->key, entry.key) : NULL;
    event->body = entry.body.ptr;
    event->body_len = entry.body.len;
    if (event->type == ZRELAY_WORK)
        work_taken(m, item->reader.epoch, event->worker, entry.seq);
    return true;
}

/* "2026-11-20T12:00:00Z" in microseconds; 0: it is no time. */
static uint64_t s_time(const char *text) {
    struct tm parts = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts) : NULL;
    time_t seconds = end && !*end ? timegm(&parts) : 0;
    return seconds > 0 ? (uint64_t)seconds * 1000000 : 0;
}

static bool s_ban(zrelay_event_t *event, const json_t *one) {
    event->name = json_string_value(json_object_get(one, "user"));
    event->sender = json_string_value(json_object_get(one, "by"));
    event->text = json_string_value(json_object_get(one, "reason"));
    event->time = s_time(json_string_value(json_object_get(one, "time")));
    return event->name != NULL;
}

static bool s_next_listed(events_t *events, item_t *item) {
    zrelay_event_t *event = &events->given;
    json_t *list;
    memcpy(&list, item->strings, sizeof list);
    json_t *one = json_array_get(list, item->index++);
    const char *wrong = NULL;
    if (item->kind == ITEM_BANS)
        return s_ban(event, one);
    if (item->kind == ITEM_ROOMS) {
        event->room = json_string_value(json_object_get(one, "room"));
        event->seq = event->count = 0;
        event->kept = true;
        zr_get_uint_opt(one, "seq", 0, &event->seq, &wrong);
        zr_get_uint_opt(one, "count", 0, &event->count, &wrong);
        zr_get_bool_opt(one, "kept", &event->kept, &wrong);
        return event->room != NULL;
    }
    if (item->kind == ITEM_GROUPS) {
        free(events->meta);
        events->meta = json_dumps(one, JSON_COMPACT);
        event->room = json_string_value(json_object_get(one, "room"));
        event->name = json_string_value(json_object_get(one, "group"));
        event->text = events->meta;
        return event->room && event->name && event->text;
    }
    const json_t *meta = json_object_get(one, "meta");
    free(events->meta);
    events->meta = json_object_size(meta) > 0 ? json_dumps(meta, JSON_COMPACT) : NULL;
    event->name = json_string_value(json_object_get(one, "nick"));
    event->text = events->meta;
    return event->name != NULL;
}

const zrelay_event_t *machine_event(machine_t *m) {
    events_t *events = &m->events;
    while (events->count) {
        item_t *item = &events->items[events->head];
        if (item->left == 0) {
            s_pop(m); /* only now: the event taken before pointed into it */
            continue;
        }
        item->left--;
        if (!events->begun)
            events->given = item->event;
        events->begun = true;
        if (item->kind == ITEM_PLAIN)
            return &events->given;
        if (item->kind == ITEM_ENTRIES ? s_next_entry(m, item) : s_next_listed(events, item))
            return &events->given;
    }
    return NULL;
}

bool machine_has_event(const machine_t *m) {
    const events_t *events = &m->events;
    return events->count > 1 || (events->count == 1 && events->items[events->head].left > 0);
}

uint64_t error_wait(const json_t *error) {
    uint64_t wait = RETRY_MS;
    const char *wrong = NULL;
    zr_get_uint_opt(error, "wait", 0, &wait, &wrong);
    return wait > WAIT_MAX_MS ? WAIT_MAX_MS : wait;
}
