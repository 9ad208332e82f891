/* publish, in both forms: each entry is new, a resend, or refused. */
#include "batch.h"
#include "commands.h"
#include "control.h"
#include "flood.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

/* Common to all entries of one frame. */
typedef struct {
    session_t *session;
    room_t *room;    /* NULL: refused */
    rights_t rights; /* there */
    uint64_t head;   /* of the room before */
    zr_span_t sender;
    uint64_t now;
} origin_t;

/* Puts one new entry in its room, or says why not; `*seq` is its position, after ZR_CONFLICT where the value stands. */
static zr_code_t s_put(relay_t *relay, const origin_t *origin, const zr_publish_entry_t *given, uint64_t *seq) {
    zr_entry_t entry = {
        .flags = given->flags & ZR_ENTRY_DELETE, .sender = origin->sender, .key = given->key, .body = given->body};
    if (!entry.key.len) {
        batch_add(relay, origin->room, &entry, origin->now);
        *seq = entry.seq;
        return ZR_OK;
    }
    if (!(origin->rights & RIGHT_STATE))
        return ZR_FORBIDDEN;
    /* The outcome of a comparison tells whether the key has a value, so it is for readers. */
    if ((given->flags & ZR_ENTRY_EXPECT) && !(origin->rights & RIGHT_READ))
        return ZR_FORBIDDEN;
    bool deletes = given->flags & ZR_ENTRY_DELETE;
    size_t size = room_state_size(entry.sender, entry.key, entry.body.len);
    zr_code_t code = room_state_check(&origin->room->keys, &relay->room_state_limits, entry.key, deletes,
        given->flags & ZR_ENTRY_EXPECT, given->expect, size, seq);
    if (code != ZR_OK)
        return code;
    batch_add(relay, origin->room, &entry, origin->now);
    *seq = entry.seq;
    room_state_accept(&origin->room->keys, &relay->room_state_limits, entry.key, deletes, *seq, size);
    return ZR_OK;
}

/* The same for the publisher: positions are for readers, and for others 0. */
static zr_code_t s_accept(relay_t *relay, const origin_t *origin, const zr_publish_entry_t *given, uint64_t *seq) {
    zr_code_t code = s_put(relay, origin, given, seq);
    if (code != ZR_FORBIDDEN && given->mid)
        origin->session->client->lasting = true;
    if (!(origin->rights & RIGHT_READ))
        *seq = 0;
    return code;
}

/* A resend of a refused entry: returns the reason, and after ZR_CONFLICT the value's seq by now. A resend may name any
 * room and key, so only a session that may read there is told the seq. */
static zr_code_t s_again(
    relay_t *relay, session_t *session, zr_span_t room_name, const zr_publish_entry_t *entry, uint64_t *seq) {
    relay->stats.duplicates++;
    zr_code_t code = dedupe_outcome(session->client, entry->mid);
    const room_t *room = code == ZR_CONFLICT && entry->key.len ? room_find(relay, room_name) : NULL;
    bool reads = room && (session_rights(session, room_name) & RIGHT_READ);
    *seq = reads ? room_state_newest(&room->keys, entry->key) : 0;
    return code;
}

/* May a peer's name be told in JSON? It may be invalid, and U+0000 would make the whole error unreadable. */
static bool s_tellable(zr_span_t name) {
    return name.len == 0 || (zr_utf8_valid(name) && !memchr(name.ptr, 0, name.len));
}

/* Members of an error about entries. */
static json_t *s_about(zr_span_t room, uint64_t first, uint64_t last) {
    json_t *about = json_pack("{sI}", "mid", (json_int_t)first);
    if (s_tellable(room))
        json_object_set_new(about, "room", zr_json_string(room));
    if (last > first)
        json_object_set_new(about, "upto", json_integer((json_int_t)last));
    return about;
}

/* Adds what a refusal says beyond its code. */
static void s_about_key(json_t *about, zr_span_t key, zr_code_t code, uint64_t stands) {
    if (key.len)
        json_object_set_new(about, "key", zr_json_string(key));
    if (code == ZR_CONFLICT)
        json_object_set_new(about, "seq", json_integer((json_int_t)stands));
}

/* Entries of one frame that were refused for the same reason, one after the other: they get one error. */
typedef struct {
    zr_code_t code; /* ZR_OK: none */
    uint64_t first, last;
    bool fresh; /* refused now, not a resend of an entry refused before */
    zr_span_t key;
    uint64_t stands;
} refused_t;

/* Adds why the name is refused; NULL: the code's own text says it. */
static void s_about_fault(json_t *about, const char *fault) {
    if (fault)
        json_object_set_new(about, "text", json_string(fault));
}

static void s_refused_tell(relay_t *relay, session_t *session, zr_span_t room, refused_t *refused) {
    if (refused->code == ZR_OK)
        return;
    if (refused->fresh)
        dedupe_refuse(session->client, refused->first, refused->last, refused->code);
    batch_refused(session);
    json_t *about = s_about(room, refused->first, refused->last);
    if (refused->first == refused->last && s_tellable(refused->key))
        s_about_key(about, refused->key, refused->code, refused->stands);
    if (refused->code == ZR_BAD_ROOM)
        s_about_fault(about, zr_room_fault(room));
    if (refused->code == ZR_BAD_KEY && refused->key.len)
        s_about_fault(about, zr_key_fault(refused->key));
    send_error(relay, session->route, refused->code, about);
    refused->code = ZR_OK;
}

static void s_refused_add(
    relay_t *relay, session_t *session, zr_span_t room, refused_t *refused, const refused_t *one) {
    if (refused->code == one->code && refused->fresh == one->fresh && one->code != ZR_CONFLICT) {
        refused->last = one->last;
        return;
    }
    s_refused_tell(relay, session, room, refused);
    *refused = *one;
}

/* New plain entries that the frame begins with, of which `first` is the first, are looked at and acked as one. */
static void s_accept_plain(relay_t *relay, const origin_t *origin, zr_publish_reader_t *reader, uint64_t first) {
    session_t *session = origin->session;
    batch_added_t last;
    if (!batch_add_plain(relay, origin->room, reader, origin->sender, origin->now, &last))
        return;
    session->client->mark = last.mid;
    session->client->lasting = true;
    uint64_t seq = origin->rights & RIGHT_READ ? last.seq : 0; /* as in s_accept */
    zr_ack_t ack = {.level = origin->room->level, .upto = last.mid, .seq = seq};
    batch_ack(relay, session, origin->room, first, &ack, false);
}

/* Has the room ever had an entry? */
static bool s_has_begun(const relay_t *relay, zr_span_t name) {
    const room_t *room = room_find(relay, name);
    return room && room->head > room->begun;
}

/* The user may make the room and may not read it, so answers must not tell whether the room exists. */
static bool s_is_blind(const origin_t *origin) {
    return (origin->rights & RIGHT_CREATE) && !(origin->rights & RIGHT_READ);
}

/* May entries be in this room at all? Finds it or makes it, in `origin`; the one that the session wrote to last without
 * looking it up. s_leave ends it. */
static zr_code_t s_enter(relay_t *relay, origin_t *origin, zr_span_t room) {
    origin->rights = session_rights(origin->session, room);
    if (!(origin->rights & RIGHT_WRITE) || !(origin->rights & RIGHT_CREATE || s_has_begun(relay, room)))
        return ZR_FORBIDDEN;
    zr_code_t code = ZR_OK;
    rights_cache_t *asked = &origin->session->asked; /* it is about this room now */
    if (asked->found && asked->rooms_gone == relay->rooms_gone)
        origin->room = asked->found;
    else
        code = room_enter(relay, origin->session, room, s_is_blind(origin), &origin->room);
    asked->found = NULL; /* until s_leave */
    if (origin->room)
        origin->head = origin->room->head;
    return code;
}

/* All entries are looked at. A room that a blind user enters counts for that user from the first entry on, as a room
 * that it makes does. */
static void s_leave(relay_t *relay, const origin_t *origin) {
    room_t *room = origin->room;
    if (!room)
        return;
    maker_t *maker = origin->session->maker;
    bool blind = s_is_blind(origin);
    if (blind && room->head != origin->head)
        maker_room_shared(&relay->makers, &room->claims, maker);
    rights_cache_t *asked = &origin->session->asked;
    if (!blind || maker_counts(&relay->makers, &room->claims, maker))
        asked->found = room;
    asked->rooms_gone = relay->rooms_gone;
    room_forget_unused(relay, room);
}

/* The same for all entries of the frame, within the limits on frames. */
static zr_code_t s_check(
    relay_t *relay, origin_t *origin, const zr_publish_reader_t *reader, size_t len, size_t count) {
    if (len > relay->config.max_frame)
        return ZR_TOO_LARGE;
    if (count > relay->config.max_entries)
        return ZR_TOO_MANY_ENTRIES;
    return s_enter(relay, origin, reader->room);
}

/* Do the ids rise, and are they in range? zr_publish_read does not tell that of a frame with invalid names. */
static bool s_ids_good(zr_publish_reader_t reader) {
    zr_publish_entry_t entry;
    for (uint64_t last = 0; zr_publish_next(&reader, &entry); last = entry.mid)
        if (entry.mid <= last || entry.mid > ZR_INT_MAX)
            return false;
    return true;
}

/* Charges for the errors and keyed entries of a frame, which are known only after it was handled. The session may be
 * gone afterwards. */
static void s_charge(relay_t *relay, session_t *session, uint64_t errors, size_t keyed, uint64_t now) {
    if (errors && !flood_refused(relay, session, (unsigned)errors, now))
        return;
    if (keyed)
        flood_keyed(relay, session, keyed, now);
}

void cmd_publish(relay_t *relay, session_t *session, zr_span_t frame, uint64_t now) {
    zr_publish_reader_t reader;
    size_t count;
    uint64_t first, last;
    zr_code_t whole = zr_publish_read(&reader, frame, &count, &first, &last);
    if (!flood_publish(relay, session->route, session, count, frame.len, now))
        return;
    if (whole != ZR_OK && whole != ZR_BAD_FRAME && !s_ids_good(reader))
        whole = ZR_BAD_ID;
    if (whole == ZR_BAD_FRAME || whole == ZR_BAD_ID) {
        if (!flood_note(relay, session->route, session, 1, now))
            return;
        bool named = first > 0 && first <= ZR_INT_MAX;
        send_error(relay, session->route, whole, named ? s_about(reader.room, first, first) : NULL);
        return;
    }
    origin_t origin = {.session = session, .sender = user_nick(session->user), .now = now};
    if (whole == ZR_OK)
        whole = s_check(relay, &origin, &reader, frame.len, count);
    if (whole != ZR_OK && !flood_refused(relay, session, 1, now))
        return;

    uint64_t errors = relay->stats.errors + (whole != ZR_OK); /* the one of a frame refused as a whole is charged */
    size_t keyed = 0;
    client_t *client = session->client;
    uint64_t mark = client->mark;
    zr_ack_t ack = {.level = origin.room ? origin.room->level : room_level(relay, reader.room)};
    refused_t refused = {.code = ZR_OK};
    zr_publish_entry_t entry;
    if (whole == ZR_OK && first > mark)
        s_accept_plain(relay, &origin, &reader, first);
    while (zr_publish_next(&reader, &entry)) {
        zr_code_t code = whole;
        bool fresh = entry.mid > client->mark;
        uint64_t seq = 0;
        keyed += entry.key.len > 0;
        if (!fresh) { /* the answer is the same as before */
            code = s_again(relay, session, reader.room, &entry, &seq);
        } else {
            if (code == ZR_OK)
                code = s_accept(relay, &origin, &entry, &seq);
            client->mark = entry.mid;
        }
        if (code != ZR_OK) {
            s_refused_add(
                relay, session, reader.room, &refused, &(refused_t){code, entry.mid, entry.mid, fresh, entry.key, seq});
            continue;
        }
        s_refused_tell(relay, session, reader.room, &refused);
        ack.upto = entry.mid;
        ack.seq = seq;
        batch_ack(relay, session, fresh ? origin.room : NULL, entry.mid, &ack, entry.flags & ZR_ENTRY_EXPECT);
    }
    s_refused_tell(relay, session, reader.room, &refused);
    if (client->mark != mark && client->lasting)
        batch_touch(relay, client);
    s_leave(relay, &origin);
    s_charge(relay, session, relay->stats.errors > errors ? relay->stats.errors - errors : 0, keyed, now);
}

/* Reads a JSON publish into `entry` (views into the request); false when it has answered. */
static bool s_read_text(relay_t *relay, request_t *request, zr_publish_entry_t *entry) {
    const json_t *object = request->object;
    const char *wrong = NULL;
    bool deletes = false;
    zr_get_string_opt(object, "text", SIZE_MAX, &entry->body, &wrong);
    zr_get_string_opt(object, "key", SIZE_MAX, &entry->key, &wrong);
    zr_get_bool_opt(object, "delete", &deletes, &wrong);
    zr_get_uint_opt(object, "expect", 0, &entry->expect, &wrong);
    zr_get_uint_opt(object, "mid", 0, &entry->mid, &wrong);
    if (!wrong && deletes && (!zr_has(object, "key") || entry->body.len))
        wrong = "delete";
    if (!wrong && zr_has(object, "expect") && !zr_has(object, "key"))
        wrong = "expect";
    if (wrong)
        fail_member(relay, request, wrong);
    else if (zr_has(object, "mid") && entry->mid == 0)
        fail(relay, request, ZR_BAD_ID, NULL);
    else if (zr_has(object, "key") && !zr_key_valid(entry->key))
        fail(relay, request, ZR_BAD_KEY, zr_key_fault(entry->key));
    else {
        entry->flags = (deletes ? ZR_ENTRY_DELETE : 0) | (zr_has(object, "expect") ? ZR_ENTRY_EXPECT : 0);
        return true;
    }
    return false;
}

/* The error of one entry of a JSON publish. */
static void s_fail_text(relay_t *relay, request_t *request, zr_span_t room, const zr_publish_entry_t *entry,
    zr_code_t code, uint64_t stands) {
    json_t *about = json_pack("{so}", "room", zr_json_string(room));
    if (entry->mid)
        json_object_set_new(about, "mid", json_integer((json_int_t)entry->mid));
    s_about_key(about, entry->key, code, stands);
    fail_with(relay, request, code, NULL, about);
}

void cmd_publish_text(relay_t *relay, request_t *request) {
    zr_span_t name = request->room;
    zr_publish_entry_t entry = {0};
    if (!s_read_text(relay, request, &entry))
        return;
    session_t *session = request->session;
    client_t *client = session->client;
    zr_code_t code = ZR_OK;
    uint64_t seq = 0;
    bool fresh = entry.mid == 0 || entry.mid > client->mark;
    if (!fresh) {
        code = s_again(relay, session, name, &entry, &seq);
    } else {
        origin_t origin = {.session = session, .sender = user_nick(session->user), .now = request->now};
        code = s_enter(relay, &origin, name);
        if (code == ZR_OK)
            code = s_accept(relay, &origin, &entry, &seq);
        if (entry.mid) {
            client->mark = entry.mid;
            if (code != ZR_OK)
                dedupe_refuse(client, entry.mid, entry.mid, code);
            if (client->lasting)
                batch_touch(relay, client);
        }
        s_leave(relay, &origin);
    }
    if (code != ZR_OK) {
        batch_refused(session);
        s_fail_text(relay, request, name, &entry, code, seq);
        return;
    }
    json_t *ack = json_pack("{ss so sI ss}", "op", "ack", "room", zr_json_string(name), "seq", (json_int_t)seq, "level",
        zr_level_name(room_level(relay, name)));
    if (entry.mid)
        json_object_set_new(ack, "mid", json_integer((json_int_t)entry.mid));
    if (request->id)
        json_object_set(ack, "re", request->id);
    batch_answer(relay, session, ack, entry.mid, fresh);
}
