/* publish, in both forms: the binary PUBLISH and the op. The forms differ in how they are read and charged, and in the
 * frame that acks. Between them, all entries go one way: each is new, a resend, or refused. */
#include <inttypes.h>

#include "batch.h"
#include "commands.h"
#include "control.h"
#include "flood.h"
#include "publish_kept.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

/* Entries that were refused for the same reason, one after the other: they get one error. */
typedef struct {
    zr_code_t code; /* ZR_OK: none */
    uint64_t first, last;
    bool fresh; /* refused now, not a resend of an entry refused before */
    zr_span_t key;
    uint64_t stands; /* after ZR_CONFLICT: the position of the value */
} refused_t;

/* A frame of entries, or the one of the op, on its way. */
typedef struct {
    relay_t *relay;
    session_t *session;
    json_t *id;      /* of the op; NULL: none */
    bool text;       /* the op: acked in JSON */
    zr_span_t name;  /* of the room; invalid only if all is refused */
    zr_code_t whole; /* why every new entry is refused; ZR_OK: they are looked at */
    room_t *room;    /* NULL: refused */
    rights_t rights; /* there */
    zr_level_t level;
    uint64_t head; /* of the room before */
    uint64_t mark; /* of the client before */
    uint64_t now;
    refused_t refused;          /* not told yet */
    size_t keyed;               /* entries with a key */
    const publish_kept_t *kept; /* of the op; NULL: its entry gets position and time here */
} publishing_t;

/* --- The room --- */

/* Has the room ever had an entry? */
static bool s_has_begun(const relay_t *relay, zr_span_t name) {
    const room_t *room = room_find(relay, name);
    return room && room->head > room->begun;
}

/* The user may make the room and may not read it, so answers must not tell whether the room exists. */
static bool s_is_blind(const publishing_t *p) {
    return (p->rights & RIGHT_CREATE) && !(p->rights & RIGHT_READ);
}

/* An engine on a disk has about twice as many positions as its ceiling, and fails a whole pass beyond the last. */
static bool s_is_used_up(const relay_t *relay, const room_t *room) {
    uint64_t ceiling = relay->log->ceiling;
    return ceiling && room->level >= relay->log->level && room->head >= ceiling + ceiling / 2;
}

/* May entries be in this room at all? Finds it or makes it; the one that the session wrote to last without looking it
 * up. s_leave ends it. */
static zr_code_t s_enter(publishing_t *p) {
    relay_t *relay = p->relay;
    p->rights = session_rights(p->session, p->name);
    if (!(p->rights & RIGHT_WRITE) || !(p->rights & RIGHT_CREATE || s_has_begun(relay, p->name)))
        return ZR_FORBIDDEN;
    zr_code_t code = ZR_OK;
    rights_cache_t *asked = &p->session->asked; /* it is about this room now */
    if (asked->found && asked->rooms_gone == relay->rooms_gone)
        p->room = asked->found;
    else
        code = room_enter(relay, p->session, p->name, s_is_blind(p), &p->room);
    asked->found = NULL; /* until s_leave */
    if (p->room)
        p->head = p->room->head;
    return code == ZR_OK && s_is_used_up(relay, p->room) ? ZR_STORE_FAILED : code;
}

/* A room that a blind user enters counts for that user from the first entry on, as a room that it makes does. */
static void s_leave(const publishing_t *p) {
    relay_t *relay = p->relay;
    room_t *room = p->room;
    if (!room)
        return;
    maker_t *maker = p->session->maker;
    bool blind = s_is_blind(p);
    if (blind && room->head != p->head)
        maker_room_shared(&relay->makers, &room->claims, maker);
    rights_cache_t *asked = &p->session->asked;
    if (!blind || maker_counts(&relay->makers, &room->claims, maker))
        asked->found = room;
    asked->rooms_gone = relay->rooms_gone;
    room_forget_unused(relay, room);
}

/* --- The decision about an entry --- */

/* An entry that an operator moves keeps what it had. */
static void s_add(const publishing_t *p, zr_entry_t *entry) {
    if (!p->kept) {
        batch_add(p->relay, p->room, entry, p->now);
        return;
    }
    entry->seq = p->kept->seq;
    entry->time = p->kept->time;
    batch_add_kept(p->relay, p->room, entry);
}

/* Puts one new entry in its room, or says why not; `*seq` is its position, after ZR_CONFLICT where the value stands. */
static zr_code_t s_put(const publishing_t *p, const zr_publish_entry_t *given, uint64_t *seq) {
    relay_t *relay = p->relay;
    room_t *room = p->room;
    zr_entry_t entry = {.flags = given->flags & (ZR_ENTRY_DELETE | ZR_ENTRY_TTL),
        .sender = p->kept ? p->kept->sender : user_nick(p->session->user),
        .key = given->key,
        .body = given->body,
        .ttl = given->ttl};
    if (!entry.key.len) {
        s_add(p, &entry);
        *seq = entry.seq;
        return ZR_OK;
    }
    if (!(p->rights & RIGHT_STATE))
        return ZR_FORBIDDEN;
    /* The outcome of a comparison tells whether the key has a value, so it is for readers. */
    bool compares = given->flags & ZR_ENTRY_EXPECT, deletes = given->flags & ZR_ENTRY_DELETE;
    if (compares && !(p->rights & RIGHT_READ))
        return ZR_FORBIDDEN;
    if ((entry.flags & ZR_ENTRY_TTL) && (entry.ttl == 0 || entry.ttl > relay->config.max_ttl_ms))
        return ZR_BAD_MEMBER;
    size_t size = zr_entry_size(&entry);
    zr_code_t code = room_state_check(
        &room->keys, &relay->room_state_limits, entry.key, deletes, compares, given->expect, size, seq);
    if (code != ZR_OK)
        return code;
    s_add(p, &entry);
    *seq = entry.seq;
    room_state_accept(&room->keys, &relay->room_state_limits, entry.key, deletes, *seq, size);
    return ZR_OK;
}

/* The same for the publisher: positions are for readers, and for others 0. */
static zr_code_t s_accept(const publishing_t *p, const zr_publish_entry_t *given, uint64_t *seq) {
    if (p->whole != ZR_OK)
        return p->whole;
    zr_code_t code = s_put(p, given, seq);
    if (code != ZR_FORBIDDEN && given->mid)
        p->session->client->lasting = true;
    if (!(p->rights & RIGHT_READ))
        *seq = 0;
    return code;
}

/* A resend: returns the outcome that it had, and after ZR_CONFLICT the value's seq by now. A resend may name any room
 * and key, so only a session that may read there is told the seq. */
static zr_code_t s_again(const publishing_t *p, const zr_publish_entry_t *entry, uint64_t *seq) {
    p->relay->stats.duplicates++;
    zr_code_t code = dedupe_outcome(p->session->client, entry->mid);
    const room_t *room = code == ZR_CONFLICT && entry->key.len ? room_find(p->relay, p->name) : NULL;
    if (room && (session_rights(p->session, p->name) & RIGHT_READ))
        *seq = room_state_newest(&room->keys, entry->key);
    return code;
}

/* --- The answers --- */

/* May a peer's name be told in JSON? It may be invalid, and U+0000 would make the whole error unreadable. */
static bool s_tellable(zr_span_t name) {
    return name.len == 0 || (zr_utf8_valid(name) && !memchr(name.ptr, 0, name.len));
}

/* Members of an error about entries. */
static json_t *s_about(zr_span_t room, uint64_t first, uint64_t last) {
    json_t *about = json_object();
    if (first)
        json_object_set_new(about, "mid", json_integer((json_int_t)first));
    if (s_tellable(room))
        json_object_set_new(about, "room", zr_json_string(room));
    if (last > first)
        json_object_set_new(about, "upto", json_integer((json_int_t)last));
    return about;
}

/* Adds why the name is refused; NULL: the code's own text says it. */
static void s_about_fault(json_t *about, const char *fault) {
    if (fault)
        json_object_set_new(about, "text", json_string(fault));
}

/* The operator sets the range of `ttl`, so the error names it. */
static void s_about_ttl(json_t *about, uint64_t most) {
    char text[80];
    snprintf(text, sizeof text, "'ttl' is 1 to %" PRIu64 " milliseconds here", most);
    s_about_fault(about, text);
}

/* Adds what the refusal of a single entry says beyond its code. */
static void s_about_entry(json_t *about, const refused_t *refused) {
    if (!s_tellable(refused->key))
        return;
    if (refused->key.len)
        json_object_set_new(about, "key", zr_json_string(refused->key));
    if (refused->code == ZR_CONFLICT)
        json_object_set_new(about, "seq", json_integer((json_int_t)refused->stands));
}

static void s_tell_refused(publishing_t *p) {
    const refused_t *refused = &p->refused;
    if (refused->code == ZR_OK)
        return;
    if (refused->fresh && refused->first)
        dedupe_refuse(p->session->client, refused->first, refused->last, refused->code);
    batch_refused(p->session);
    json_t *about = s_about(p->name, refused->first, refused->last);
    if (refused->first == refused->last)
        s_about_entry(about, refused);
    if (refused->code == ZR_BAD_ROOM)
        s_about_fault(about, zr_room_fault(p->name));
    if (refused->code == ZR_BAD_KEY && refused->key.len)
        s_about_fault(about, zr_key_fault(refused->key));
    if (refused->code == ZR_BAD_MEMBER)
        s_about_ttl(about, p->relay->config.max_ttl_ms);
    const request_t request = {.route = p->session->route, .id = p->id};
    if (p->relay->log->shared) /* another broker may have stored it */
        batch_refusal(p->relay, p->session, failure(p->relay, &request, refused->code, NULL, about), refused->first,
            refused->last);
    else
        fail_with(p->relay, &request, refused->code, NULL, about);
    p->refused.code = ZR_OK;
}

static void s_refuse(publishing_t *p, const refused_t *one) {
    refused_t *refused = &p->refused;
    if (refused->code == one->code && refused->fresh == one->fresh && one->code != ZR_CONFLICT) {
        refused->last = one->last;
        return;
    }
    s_tell_refused(p);
    *refused = *one;
}

static void s_ack_text(const publishing_t *p, uint64_t mid, uint64_t seq, bool fresh) {
    json_t *ack = json_pack("{ss so sI ss}", "op", "ack", "room", zr_json_string(p->name), "seq", (json_int_t)seq,
        "level", zr_level_name(p->level));
    if (mid)
        json_object_set_new(ack, "mid", json_integer((json_int_t)mid));
    if (p->id)
        json_object_set(ack, "re", p->id);
    batch_answer(p->relay, p->session, ack, mid, fresh);
}

/* The entries `first` … `last` are taken; `seq` is the position of the last. `alone`: in an ACK of its own. */
static void s_ack(const publishing_t *p, uint64_t first, uint64_t last, uint64_t seq, bool fresh, bool alone) {
    zr_ack_t ack = {.level = p->level, .upto = last, .seq = seq};
    if (p->text)
        s_ack_text(p, last, seq, fresh);
    else
        batch_ack(p->relay, p->session, fresh ? p->room : NULL, first, &ack, alone);
}

/* --- The way --- */

/* `whole`: why all is refused, as far as that is known. */
static void s_begin(publishing_t *p, zr_code_t whole) {
    p->whole = whole == ZR_OK ? s_enter(p) : whole;
    p->level = p->room ? p->room->level : room_level(p->relay, p->name);
    p->mark = p->session->client->mark;
}

/* New plain entries that the frame begins with are looked at and acked as one. */
static void s_take_plain(publishing_t *p, zr_publish_reader_t *reader, uint64_t first) {
    client_t *client = p->session->client;
    batch_added_t last;
    if (p->whole != ZR_OK || first <= client->mark ||
        !batch_add_plain(p->relay, p->room, reader, user_nick(p->session->user), p->now, &last))
        return;
    client->mark = last.mid;
    client->lasting = true;
    s_ack(p, first, last.mid, p->rights & RIGHT_READ ? last.seq : 0, true, false); /* seq as in s_accept */
}

static void s_take(publishing_t *p, const zr_publish_entry_t *entry) {
    client_t *client = p->session->client;
    bool fresh = entry->mid == 0 || entry->mid > client->mark;
    uint64_t seq = 0;
    zr_code_t code = fresh ? s_accept(p, entry, &seq) : s_again(p, entry, &seq);
    if (fresh && entry->mid)
        client->mark = entry->mid;
    p->keyed += entry->key.len > 0;
    if (code != ZR_OK) {
        s_refuse(p, &(refused_t){code, entry->mid, entry->mid, fresh, entry->key, seq});
        return;
    }
    s_tell_refused(p);
    s_ack(p, entry->mid, entry->mid, seq, fresh, entry->flags & ZR_ENTRY_EXPECT);
}

static void s_end(publishing_t *p) {
    s_tell_refused(p);
    client_t *client = p->session->client;
    if (client->mark != p->mark && client->lasting)
        batch_touch(p->relay, client);
    s_leave(p);
}

/* --- The binary PUBLISH --- */

/* Do the ids rise, and are they in range? zr_publish_read does not tell that of a frame with invalid names. */
static bool s_ids_good(zr_publish_reader_t reader) {
    zr_publish_entry_t entry;
    for (uint64_t last = 0; zr_publish_next(&reader, &entry); last = entry.mid)
        if (entry.mid <= last || entry.mid > ZR_INT_MAX)
            return false;
    return true;
}

void cmd_publish(relay_t *relay, session_t *session, zr_span_t frame, uint64_t now) {
    zr_publish_reader_t reader;
    size_t count;
    uint64_t first, last;
    zr_code_t whole = zr_publish_read(&reader, frame, &count, &first, &last);
    rate_cost_t cost = {{[RATE_ENTRIES] = count, [RATE_BYTES] = frame.len + RATE_MESSAGE}};
    if (!flood_publish(relay, session, cost, now))
        return;
    const rate_cost_t error = {{[RATE_OPS] = 1}};
    if (whole != ZR_OK && whole != ZR_BAD_FRAME && !s_ids_good(reader))
        whole = ZR_BAD_ID;
    if (whole == ZR_BAD_FRAME || whole == ZR_BAD_ID) {
        if (!flood_publish(relay, session, error, now))
            return;
        uint64_t id = first <= ZR_INT_MAX ? first : 0;
        send_error(relay, session->route, whole, whole == ZR_BAD_ID ? s_about(reader.room, id, id) : NULL);
        return;
    }
    if (whole == ZR_OK && frame.len > relay->config.max_frame)
        whole = ZR_TOO_LARGE;
    else if (whole == ZR_OK && count > relay->config.max_entries)
        whole = ZR_TOO_MANY_ENTRIES;

    publishing_t p = {.relay = relay, .session = session, .name = reader.room, .now = now};
    s_begin(&p, whole);
    if (p.whole != ZR_OK && !flood_publish(relay, session, error, now))
        return;
    uint64_t errors = relay->stats.errors + (p.whole != ZR_OK); /* the one of a frame refused as a whole is charged */
    zr_publish_entry_t entry;
    meter_add(&session->meter, count, frame.len, now);
    s_take_plain(&p, &reader, first);
    while (zr_publish_next(&reader, &entry))
        s_take(&p, &entry);
    s_end(&p);
    uint64_t more = relay->stats.errors > errors ? relay->stats.errors - errors : 0; /* known only now, like `keyed` */
    cost = (rate_cost_t){{[RATE_OPS] = more, [RATE_ENTRIES] = p.keyed * (RATE_KEYED - 1)}};
    if (more || p.keyed)
        flood_publish(relay, session, cost, now);
}

/* --- The op --- */

/* Reads the request into `entry` (views into the request); false when it has answered. */
static bool s_read_text(relay_t *relay, request_t *request, zr_publish_entry_t *entry) {
    const json_t *object = request->object;
    const char *wrong = NULL;
    bool deletes = false;
    zr_get_string_opt(object, "text", SIZE_MAX, &entry->body, &wrong);
    zr_get_string_opt(object, "key", SIZE_MAX, &entry->key, &wrong);
    zr_get_bool_opt(object, "delete", &deletes, &wrong);
    zr_get_uint_opt(object, "expect", 0, &entry->expect, &wrong);
    zr_get_uint_opt(object, "ttl", 0, &entry->ttl, &wrong);
    zr_get_uint_opt(object, "mid", 0, &entry->mid, &wrong);
    if (!wrong && deletes && (!zr_has(object, "key") || entry->body.len))
        wrong = "delete";
    if (!wrong && zr_has(object, "expect") && !zr_has(object, "key"))
        wrong = "expect";
    if (!wrong && zr_has(object, "ttl") && deletes)
        wrong = "ttl";
    if (wrong)
        fail_member(relay, request, wrong);
    else if (zr_has(object, "ttl") && !zr_has(object, "key"))
        fail(relay, request, ZR_BAD_MEMBER,
            "'ttl' goes with 'key': only values of keys end by themselves. The age of other messages is the room's "
            "'max-age'");
    else if (zr_has(object, "mid") && entry->mid == 0)
        fail(relay, request, ZR_BAD_ID, NULL);
    else if (zr_has(object, "key") && !zr_key_valid(entry->key))
        fail(relay, request, ZR_BAD_KEY, zr_key_fault(entry->key));
    else {
        entry->flags = (deletes ? ZR_ENTRY_DELETE : 0) | (zr_has(object, "expect") ? ZR_ENTRY_EXPECT : 0) |
                       (zr_has(object, "ttl") ? ZR_ENTRY_TTL : 0);
        return true;
    }
    return false;
}

/* Can the room have an entry there? Rooms below the log's level begin above those of earlier runs. Positions must be
 * left for what comes after it. */
static bool s_reaches(const publishing_t *p, uint64_t seq) {
    const log_t *log = p->relay->log;
    bool stored = p->level >= log->level;
    uint64_t most = stored && log->ceiling ? log->ceiling : ZR_INT_MAX / 2;
    return seq > p->room->begun && seq <= most && (stored || !log->base);
}

/* An entry that is moved again is there already: it is acked as it is. false: it is new. A position after the newest
 * that was moved belongs to an entry of this room: an ack would lose the other one. */
static bool s_is_there(publishing_t *p, request_t *request) {
    if (!p->kept || p->whole != ZR_OK)
        return false;
    if (!s_reaches(p, p->kept->seq)) {
        fail(p->relay, request, ZR_CONFLICT, "the room cannot have this seq here; move its entries to another room");
        return true;
    }
    if (p->kept->seq > p->head)
        return false;
    if (p->room->carried && p->kept->seq > p->room->carried) {
        fail(p->relay, request, ZR_CONFLICT,
            "another entry came to the room meanwhile and has this seq; move its entries to another room");
        return true;
    }
    p->room->carried_at = p->now;
    json_t *ack = json_pack("{ss so sI ss sb}", "op", "ack", "room", zr_json_string(p->name), "seq",
        (json_int_t)p->kept->seq, "level", zr_level_name(p->level), "there", 1);
    if (p->id)
        json_object_set(ack, "re", p->id);
    batch_answer(p->relay, p->session, ack, 0, false);
    return true;
}

void cmd_publish_text(relay_t *relay, request_t *request) {
    zr_publish_entry_t entry = {0};
    publish_kept_t kept;
    if (!s_read_text(relay, request, &entry) || !publish_kept_read(relay, request, &kept, &entry.body))
        return;
    publishing_t p = {.relay = relay,
        .session = request->session,
        .id = request->id,
        .text = true,
        .name = request->room,
        .now = request->now,
        .kept = kept.given ? &kept : NULL};
    meter_add(&request->session->meter, 1, request->size, request->now);
    s_begin(&p, ZR_OK);
    if (!s_is_there(&p, request))
        s_take(&p, &entry);
    if (kept.given && p.room && p.room->head > p.head)
        publish_kept_note(relay, request, p.room);
    s_end(&p);
    publish_kept_finish(&kept);
}
