#include "presence.h"

#include "control.h"
#include "fatal.h"
#include "wire.h"

static void s_free(presence_t *presence, occupant_t *occupant) {
    HASH_DEL(presence->occupants, occupant);
    free(occupant);
}

void presence_finish(presence_t *presence) {
    occupant_t *occupant, *next;
    HASH_ITER(hh, presence->occupants, occupant, next)
    s_free(presence, occupant);
    *presence = (presence_t){.version = presence->version};
}

/* Notes that `occupant` changed; the other nick goes along. */
static void s_queue(presence_t *presence, occupant_t *occupant, zr_span_t other) {
    if (other.len)
        memcpy(occupant->other, other.ptr, other.len);
    occupant->other_len = other.len;
    if (occupant->queued)
        return;
    occupant->queued = true;
    occupant->next_change = NULL;
    if (!presence->changes)
        presence->changes_tail = &presence->changes;
    *presence->changes_tail = occupant;
    presence->changes_tail = &occupant->next_change;
}

bool presence_enter(presence_t *presence, zr_span_t nick, zr_span_t was) {
    occupant_t *occupant;
    HASH_FIND(hh, presence->occupants, nick.ptr, nick.len, occupant);
    if (!occupant) {
        occupant = fatal_calloc(sizeof *occupant);
        memcpy(occupant->nick, nick.ptr, nick.len);
        occupant->nick_len = nick.len;
        HASH_ADD(hh, presence->occupants, nick, nick.len, occupant);
    }
    if (occupant->sessions++ > 0)
        return false;
    presence->count++;
    s_queue(presence, occupant, was);
    return true;
}

bool presence_exit(presence_t *presence, zr_span_t nick, const char *reason, zr_span_t to) {
    occupant_t *occupant;
    HASH_FIND(hh, presence->occupants, nick.ptr, nick.len, occupant);
    FATAL_UNLESS(occupant && occupant->sessions > 0);
    if (--occupant->sessions > 0)
        return false;
    presence->count--;
    occupant->reason = reason;
    s_queue(presence, occupant, to);
    return true;
}

void presence_listed(presence_t *presence) {
    for (occupant_t *occupant = presence->changes; occupant; occupant = occupant->next_change)
        if ((occupant->sessions > 0) != occupant->told)
            occupant->listed = true;
}

static json_t *s_named(const occupant_t *occupant) {
    return json_pack("{so}", "nick", zr_json_string(zr_span_of(occupant->nick, occupant->nick_len)));
}

static void s_name(const occupant_t *occupant, json_t *list) {
    bool here = occupant->sessions > 0;
    json_t *named = s_named(occupant);
    if (occupant->other_len)
        json_object_set_new(
            named, here ? "was" : "to", zr_json_string(zr_span_of(occupant->other, occupant->other_len)));
    if (!here)
        json_object_set_new(named, "reason", json_string(occupant->reason));
    json_array_append_new(list, named);
}

/* Takes up to `most` changes off the list, and names them unless the room is crowded; returns how many of them are
 * news.
 */
static size_t s_collect(presence_t *presence, size_t most, bool naming, json_t *joined, json_t *left) {
    size_t news = 0;
    while (presence->changes && news < most) {
        occupant_t *occupant = presence->changes;
        presence->changes = occupant->next_change;
        occupant->queued = false;
        bool here = occupant->sessions > 0;
        if (here != occupant->told || occupant->listed) {
            if (naming)
                s_name(occupant, here ? joined : left);
            occupant->told = here;
            occupant->listed = false;
            news++;
        }
        if (!here)
            s_free(presence, occupant);
    }
    return news;
}

bool presence_is_crowded(presence_t *presence, size_t names) {
    if (presence->count > names)
        presence->crowded = true;
    return presence->crowded;
}

zr_blob_t *presence_frame(presence_t *presence, zr_span_t room, size_t names) {
    json_t *joined = json_array(), *left = json_array();
    bool naming = !presence_is_crowded(presence, names);
    if (s_collect(presence, naming ? PRESENCE_CHANGES : SIZE_MAX, naming, joined, left) == 0) {
        json_decref(joined);
        json_decref(left);
        return NULL;
    }
    json_t *object = json_pack("{ss so sI so so sI}", "op", "presence", "room", zr_json_string(room), "version",
        (json_int_t)++presence->version, "joined", joined, "left", left, "count", (json_int_t)presence->count);
    if (presence->count <= names / 2)
        presence->crowded = false;
    if (!naming) /* when it ends too: who was not named meanwhile is to be asked for */
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
