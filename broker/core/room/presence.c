#include "presence.h"

#include <utlist.h>

#include "control.h"
#include "fatal.h"
#include "wire.h"

static zr_span_t s_nick(const occupant_t *occupant) {
    return zr_span_of(occupant->nick, occupant->nick_len);
}

static occupant_t *s_find(const presence_t *presence, zr_span_t nick) {
    return NAME_ORDER_ITEM(name_order_find(&presence->occupants, nick), occupant_t, by_nick);
}

static void s_free(presence_t *presence, occupant_t *occupant) {
    zr_blob_unref(occupant->meta);
    name_order_remove(&presence->occupants, &occupant->by_nick);
    free(occupant);
}

void presence_finish(presence_t *presence) {
    while (presence->occupants.top)
        s_free(presence, NAME_ORDER_ITEM(presence->occupants.top, occupant_t, by_nick));
    *presence = (presence_t){.version = presence->version};
}

static void s_enqueue(presence_t *presence, occupant_t *occupant) {
    if (occupant->queued)
        return;
    occupant->queued = true;
    DL_APPEND2(presence->changes, occupant, prev_change, next_change);
}

/* Notes that `occupant` came or went; the other nick goes along. */
static void s_queue(presence_t *presence, occupant_t *occupant, zr_span_t other) {
    if (other.len)
        memcpy(occupant->other, other.ptr, other.len);
    occupant->other_len = other.len;
    s_enqueue(presence, occupant);
}

static void s_unqueue(presence_t *presence, occupant_t *occupant) {
    if (occupant->queued)
        DL_DELETE2(presence->changes, occupant, prev_change, next_change);
    occupant->queued = false;
}

static bool s_is_news(const occupant_t *occupant) {
    return (occupant->sessions > 0) != occupant->told;
}

/* The user is about to come or go. */
static void s_before_change(const presence_t *presence, occupant_t *occupant) {
    if (s_is_news(occupant) && occupant->listings != presence->listings)
        occupant->listed = true;
    occupant->listings = presence->listings;
}

bool presence_enter(presence_t *presence, zr_span_t nick, zr_span_t was) {
    occupant_t *occupant = s_find(presence, nick);
    if (!occupant) {
        occupant = fatal_calloc(sizeof *occupant);
        memcpy(occupant->nick, nick.ptr, nick.len);
        occupant->nick_len = nick.len;
        name_order_add(&presence->occupants, &occupant->by_nick, s_nick(occupant));
    }
    if (occupant->sessions == 0)
        s_before_change(presence, occupant);
    if (occupant->sessions++ > 0)
        return false;
    presence->count++;
    s_queue(presence, occupant, was);
    return true;
}

bool presence_exit(presence_t *presence, zr_span_t nick, const char *reason, zr_span_t to) {
    occupant_t *occupant = s_find(presence, nick);
    FATAL_UNLESS(occupant && occupant->sessions > 0);
    if (occupant->sessions == 1)
        s_before_change(presence, occupant);
    if (--occupant->sessions > 0)
        return false;
    presence->count--;
    occupant->meta_changed |= occupant->meta != NULL;
    zr_blob_unref(occupant->meta);
    occupant->meta = NULL;
    if (!occupant->told && !occupant->listed) { /* nobody knows of this user: renames in a row leave nothing behind */
        s_unqueue(presence, occupant);
        s_free(presence, occupant);
        return false;
    }
    occupant->reason = reason;
    s_queue(presence, occupant, to);
    return true;
}

static bool s_is_same(zr_blob_t *a, zr_blob_t *b) {
    if (a == b || !a || !b)
        return a == b;
    return zr_blob_len(a) == zr_blob_len(b) && memcmp(zr_blob_data(a), zr_blob_data(b), zr_blob_len(a)) == 0;
}

bool presence_set_meta(presence_t *presence, zr_span_t nick, zr_blob_t *meta) {
    occupant_t *occupant = s_find(presence, nick);
    FATAL_UNLESS(occupant && occupant->sessions > 0);
    bool same = s_is_same(occupant->meta, meta);
    zr_blob_unref(occupant->meta); /* also the same text: whose it is decides when it goes */
    occupant->meta = meta ? zr_blob_ref(meta) : NULL;
    if (same)
        return false;
    occupant->meta_changed = true;
    s_enqueue(presence, occupant);
    return true;
}

zr_blob_t *presence_meta(const presence_t *presence, zr_span_t nick) {
    const occupant_t *occupant = s_find(presence, nick);
    return occupant ? occupant->meta : NULL;
}

void presence_listed(presence_t *presence) {
    presence->listings++;
}

const occupant_t *presence_next(const presence_t *presence, zr_span_t nick) {
    const occupant_t *occupant;
    do {
        occupant = NAME_ORDER_ITEM(name_order_next(&presence->occupants, nick, false), occupant_t, by_nick);
        nick = occupant ? s_nick(occupant) : nick;
    } while (occupant && occupant->sessions == 0);
    return occupant;
}

json_t *presence_named(const occupant_t *occupant) {
    json_t *named = json_pack("{so}", "nick", zr_json_string(s_nick(occupant)));
    if (occupant->meta)
        json_object_set_new(named, "meta",
            json_loadb((const char *)zr_blob_data(occupant->meta), zr_blob_len(occupant->meta), 0, NULL));
    return named;
}

/* The lists of a frame. */
typedef struct {
    json_t *joined, *left, *changed;
    size_t meta_bytes;
} lists_t;

static void s_name(const occupant_t *occupant, const occupant_t *partner, lists_t *lists) {
    bool here = occupant->sessions > 0;
    json_t *named = presence_named(occupant);
    lists->meta_bytes += occupant->meta ? zr_blob_len(occupant->meta) : 0;
    if (partner)
        json_object_set_new(named, here ? "was" : "to", zr_json_string(s_nick(partner)));
    if (!here)
        json_object_set_new(named, "reason", json_string(occupant->reason));
    json_array_append_new(here ? lists->joined : lists->left, named);
}

static void s_name_changed(const occupant_t *occupant, lists_t *lists) {
    json_t *named = presence_named(occupant);
    if (!occupant->meta)
        json_object_set_new(named, "meta", json_object());
    lists->meta_bytes += occupant->meta ? zr_blob_len(occupant->meta) : 0;
    json_array_append_new(lists->changed, named);
}

static bool s_is_other(const occupant_t *occupant, const occupant_t *of) {
    return zr_span_equal(s_nick(occupant), zr_span_of(of->other, of->other_len));
}

/* The other nick of a rename that the room was not told yet. NULL: there was no rename, or more changes followed it, so
 * that it is not told as one. */
static occupant_t *s_partner(const presence_t *presence, const occupant_t *occupant) {
    occupant_t *other = NULL;
    if (occupant->other_len && s_is_news(occupant))
        other = s_find(presence, zr_span_of(occupant->other, occupant->other_len));
    bool pair = other && s_is_news(other) && other->told != occupant->told && s_is_other(occupant, other);
    return pair ? other : NULL;
}

static void s_told(occupant_t *occupant) {
    occupant->told = occupant->sessions > 0;
    occupant->listed = occupant->meta_changed = false;
}

/* Takes up to `most` changes off the list, and names them unless the room is crowded; returns whether any of them is
 * news. The halves of a rename are told together. */
static bool s_collect(presence_t *presence, size_t most, bool naming, lists_t *lists) {
    bool news = false;
    for (size_t taken = 0; presence->changes && taken < most && lists->meta_bytes < PRESENCE_META_BYTES; taken++) {
        occupant_t *occupant = presence->changes, *partner = s_partner(presence, occupant);
        if (partner && ++taken == most)
            break;
        s_unqueue(presence, occupant);
        if (s_is_news(occupant) || occupant->listed) {
            if (naming)
                s_name(occupant, partner, lists);
            s_told(occupant);
            news = true;
        } else if (occupant->meta_changed && occupant->sessions > 0) {
            if (naming)
                s_name_changed(occupant, lists);
            s_told(occupant);
            news |= naming; /* without names there is nothing to tell */
        }
        if (partner) {
            if (naming)
                s_name(partner, occupant, lists);
            s_told(partner);
        }
        if (occupant->sessions == 0)
            s_free(presence, occupant);
    }
    return news;
}

bool presence_is_told(const presence_t *presence) {
    return !presence->changes;
}

bool presence_is_crowded(presence_t *presence, size_t names) {
    if (presence->count > names)
        presence->crowded = true;
    return presence->crowded;
}

zr_blob_t *presence_frame(presence_t *presence, zr_span_t room, size_t names, bool *full) {
    lists_t lists = {json_array(), json_array(), json_array(), 0};
    bool naming = !presence_is_crowded(presence, names);
    bool news = s_collect(presence, naming ? PRESENCE_CHANGES : PRESENCE_COUNTED, naming, &lists);
    *full = lists.meta_bytes >= PRESENCE_META_BYTES;
    if (!news) {
        json_decref(lists.joined);
        json_decref(lists.left);
        json_decref(lists.changed);
        return NULL;
    }
    json_t *object = json_pack("{ss so sI so so sI}", "op", "presence", "room", zr_json_string(room), "version",
        (json_int_t)++presence->version, "joined", lists.joined, "left", lists.left, "count",
        (json_int_t)presence->count);
    if (json_array_size(lists.changed) > 0)
        json_object_set(object, "changed", lists.changed);
    json_decref(lists.changed);
    if (presence->count <= names / 2)
        presence->crowded = false;
    if (!naming) /* at its end too: readers then ask for the users not named meanwhile */
        json_object_set_new(object, "crowded", json_boolean(presence->crowded));
    zr_blob_t *json = zr_control_write(object);
    zr_blob_t *frame = zr_blob_new(room.len + 1 + zr_blob_len(json));
    uint8_t *data = zr_blob_data(frame);
    memcpy(data, room.ptr, room.len);
    data[room.len] = ZR_TOPIC_PRESENCE;
    memcpy(data + room.len + 1, zr_blob_data(json), zr_blob_len(json));
    zr_blob_unref(json);
    return frame;
}
