/* See browser_rooms.h. */
#include "browser_rooms.h"

#include <stddef.h>
#include <utlist.h>

#include "fatal.h"

struct room_sub {
    room_subs_t *subs;
    bool prefix, presence;
    bool entries_live, presence_live;
    room_state_t state;
    json_t *asked;                  /* the id of the request, while it is pending; NULL: none */
    feed_reader_t entries, members; /* members: presence of a room; a prefix brings both with entries */
    zr_blob_t **held;
    size_t held_count, held_size;
    size_t cost; /* its part of the peer's */
    room_sub_t *prev, *next;
    size_t len;
    char name[];
};

struct room_subs {
    const ws_host_t *host;
    form_t form;
    room_hand_fn *hand;
    room_live_fn *live;
    void *ctx;
    room_sub_t *all;
    size_t count;
    size_t cost; /* of the topics that this peer was the first to want */
};

#define SUB_OF(reader, member) ((room_sub_t *)(void *)((char *)(reader)-offsetof(room_sub_t, member)))

room_subs_t *room_subs_new(const ws_host_t *host, form_t form, room_hand_fn *hand, room_live_fn *live, void *ctx) {
    room_subs_t *subs = fatal_calloc(sizeof *subs);
    *subs = (room_subs_t){.host = host, .form = form, .hand = hand, .live = live, .ctx = ctx};
    return subs;
}

void room_subs_destroy(room_subs_t *subs, uint64_t now) {
    if (!subs)
        return;
    while (subs->all)
        room_subs_remove(subs, subs->all, now);
    free(subs);
}

/* --- Frames --- */

static void s_drop_held(room_sub_t *sub) {
    for (size_t i = 0; i < sub->held_count; i++)
        zr_blob_unref(sub->held[i]);
    free(sub->held);
    sub->held = NULL;
    sub->held_count = sub->held_size = 0;
}

static void s_take(room_sub_t *sub, delivery_t *delivery) {
    zr_blob_t *frames;
    if (sub->state == ROOM_APART || !(frames = delivery_form(delivery, sub->subs->form)))
        return;
    if (sub->state == ROOM_MEMBER)
        sub->subs->hand(sub->subs->ctx, frames);
    else if (sub->held_count < ROOM_HELD) {
        FATAL_GROW(sub->held, sub->held_count, sub->held_size);
        sub->held[sub->held_count++] = zr_blob_ref(frames);
    }
}

static void s_on_entries(feed_reader_t *reader, delivery_t *delivery) {
    room_sub_t *sub = SUB_OF(reader, entries);
    if (delivery->kind == ZR_BACK_ENTRIES || sub->presence)
        s_take(sub, delivery);
}

static void s_on_members(feed_reader_t *reader, delivery_t *delivery) {
    s_take(SUB_OF(reader, members), delivery);
}

static void s_on_entries_live(feed_reader_t *reader) {
    room_sub_t *sub = SUB_OF(reader, entries);
    sub->entries_live = true;
    sub->subs->live(sub->subs->ctx);
}

static void s_on_members_live(feed_reader_t *reader) {
    room_sub_t *sub = SUB_OF(reader, members);
    sub->presence_live = true;
    sub->subs->live(sub->subs->ctx);
}

/* --- Subscribing --- */

/* One peer may bring half of the topics that are left. So a peer that wants very many leaves some to the others. */
static feed_joined_t s_join(room_sub_t *sub, feed_reader_t *reader, zr_span_t topic, uint64_t now) {
    room_subs_t *subs = sub->subs;
    feeds_t *feeds = subs->host->feeds;
    size_t cost = feeds_cost(feeds, topic);
    if (cost > 0 && subs->cost + cost > feeds_left(feeds) / 2)
        return FEED_FULL;
    feed_joined_t joined = feeds_join(feeds, reader, topic, now);
    if (joined == FEED_FULL)
        return FEED_FULL;
    sub->cost += cost;
    subs->cost += cost;
    return joined;
}

static bool s_join_members(room_sub_t *sub, uint64_t now) {
    uint8_t topic[FEED_TOPIC_MAX];
    size_t len = feed_topic(zr_span_of(sub->name, sub->len), true, topic);
    feed_joined_t joined = s_join(sub, &sub->members, zr_span_of(topic, len), now);
    sub->presence_live = joined == FEED_LIVE;
    return joined != FEED_FULL;
}

bool room_sub_want_presence(room_sub_t *sub, uint64_t now) {
    if (sub->presence)
        return true;
    sub->presence = sub->prefix || s_join_members(sub, now);
    return sub->presence;
}

static bool s_join_feeds(room_sub_t *sub, zr_span_t name, uint64_t now) {
    uint8_t topic[FEED_TOPIC_MAX];
    zr_span_t entries = sub->prefix ? name : zr_span_of(topic, feed_topic(name, false, topic));
    feed_joined_t joined = s_join(sub, &sub->entries, entries, now);
    sub->entries_live = joined == FEED_LIVE;
    sub->presence_live = true;
    if (joined == FEED_FULL || sub->prefix || !sub->presence)
        return joined != FEED_FULL;
    return s_join_members(sub, now);
}

room_sub_t *room_subs_add(room_subs_t *subs, zr_span_t name, bool prefix, bool presence, uint64_t now) {
    if (subs->count >= subs->host->max_rooms)
        return NULL;
    room_sub_t *sub = fatal_calloc(sizeof *sub + name.len);
    *sub = (room_sub_t){.subs = subs,
        .prefix = prefix,
        .presence = presence,
        .entries = {.frame = s_on_entries, .live = s_on_entries_live},
        .members = {.frame = s_on_members, .live = s_on_members_live},
        .len = name.len};
    if (name.len)
        memcpy(sub->name, name.ptr, name.len);
    DL_APPEND(subs->all, sub);
    subs->count++;
    if (s_join_feeds(sub, name, now))
        return sub;
    room_subs_remove(subs, sub, now);
    return NULL;
}

void room_subs_remove(room_subs_t *subs, room_sub_t *sub, uint64_t now) {
    feeds_leave(&sub->entries, now);
    feeds_leave(&sub->members, now);
    s_drop_held(sub);
    json_decref(sub->asked);
    DL_DELETE(subs->all, sub);
    subs->count--;
    subs->cost -= sub->cost;
    free(sub);
}

room_sub_t *room_subs_find(const room_subs_t *subs, zr_span_t name, bool prefix) {
    room_sub_t *sub;
    DL_FOREACH(subs->all, sub)
    if (sub->prefix == prefix && zr_span_equal(name, zr_span_of(sub->name, sub->len)))
        return sub;
    return NULL;
}

bool room_sub_is_live(const room_sub_t *sub) {
    return sub->entries_live && sub->presence_live;
}

room_state_t room_sub_state(const room_sub_t *sub) {
    return sub->state;
}

void room_sub_set(room_sub_t *sub, room_state_t state) {
    sub->state = state;
    for (size_t i = 0; state == ROOM_MEMBER && i < sub->held_count; i++)
        sub->subs->hand(sub->subs->ctx, sub->held[i]);
    if (state == ROOM_PENDING)
        return;
    s_drop_held(sub);
    json_decref(sub->asked);
    sub->asked = NULL;
}

void room_sub_ask(room_sub_t *sub, json_t *id) {
    room_sub_set(sub, ROOM_PENDING);
    json_decref(sub->asked);
    sub->asked = json_incref(id);
}

void room_subs_refused(room_subs_t *subs, const json_t *id, bool remove, uint64_t now) {
    room_sub_t *sub;
    DL_FOREACH(subs->all, sub)
    if (sub->asked && json_equal(sub->asked, id))
        break;
    if (sub && remove && !sub->prefix)
        room_subs_remove(subs, sub, now);
    else if (sub)
        room_sub_set(sub, ROOM_APART);
}

void room_subs_part(room_subs_t *subs) {
    room_sub_t *sub;
    DL_FOREACH(subs->all, sub)
    room_sub_set(sub, ROOM_APART);
}
