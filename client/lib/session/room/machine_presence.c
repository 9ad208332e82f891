/* The users in a room, for programs that follow presence. Each presence frame has a version, one above that of the
 * frame before. If a frame is missing, the list is asked for, quietly. Its differences are told as if the frames had
 * come. */
#include "machine_presence.h"

#include <stdlib.h>

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_requests.h"

enum { META_TOLD_MAX = 4 * ZR_META_MAX }; /* bytes; a broker sends no longer one */

typedef struct {
    char nick[ZR_NICK_MAX + 1];
    unsigned generation; /* of the last list or frame that named it */
    bool own;            /* ourselves, and so not told of */
    uint64_t meta;       /* tells metas apart; 0: none */
    UT_hash_handle hh;
} member_t;

struct presence {
    member_t *members;
    bool known;   /* a list has come: from now on differences are told */
    bool current; /* it is of this session: the next version goes on from it */
    uint64_t version;
    unsigned generation;
    request_t *who; /* under way, or about to be */
    bool graced;    /* it waits for the frame of `noted`, and is not sent if that comes */
    uint64_t noted; /* the newest version that a pong named since the list was asked for */
    unsigned asks;  /* again in a row, each within STEADY_MS of the one before */
    uint64_t asked;
    uint64_t who_version;
    uint64_t told;               /* the count of members that the program knows */
    json_t *kept[PRESENCE_KEPT]; /* frames that came meanwhile */
    size_t kept_count;
    bool missed;  /* more than that */
    bool crowded; /* counts only, until it is said that names come again */
};

static void s_drop_kept(presence_t *presence) {
    for (size_t i = 0; i < presence->kept_count; i++)
        json_decref(presence->kept[i]);
    presence->kept_count = 0;
}

static void s_remove(presence_t *presence, member_t *member) {
    HASH_DEL(presence->members, member);
    free(member);
}

void presence_forget(machine_t *m, room_t *room) {
    presence_t *presence = room->presence;
    if (!presence)
        return;
    member_t *member, *next;
    HASH_ITER(hh, presence->members, member, next) s_remove(presence, member);
    s_drop_kept(presence);
    if (presence->who)
        request_free(m, presence->who);
    free(presence);
    room->presence = NULL;
}

void presence_lost(room_t *room) {
    if (!room->presence)
        return;
    room->presence->who = NULL;      /* gone with the connection */
    room->presence->current = false; /* versions of another run of the broker may coincide */
    room->presence->noted = 0;
    s_drop_kept(room->presence);
}

void presence_pause(machine_t *m, room_t *room) {
    if (room->presence && room->presence->who)
        request_free(m, room->presence->who);
    presence_lost(room);
}

static void s_ask(machine_t *m, room_t *room, uint64_t delay) {
    presence_t *presence = room->presence;
    if (presence->who || m->state != STATE_LIVE)
        return;
    presence->missed = presence->graced = false;
    presence->who = request_new(m, REQUEST_MEMBERS, zr_span_of(room->name, room->len));
    presence->who->room = room;
    presence->asks = m->now < presence->asked + STEADY_MS ? presence->asks + 1 : 0;
    presence->asked = m->now;
    uint64_t least = machine_retry_ms(presence->asks > 0 ? presence->asks - 1 : 0);
    request_again(m, presence->who, delay > least ? delay : least);
}

/* A frame is missing, or the names in it. While the room may not be read, the list would be refused. */
static void s_ask_missing(machine_t *m, room_t *room) {
    if (room->state != ROOM_PARKED)
        s_ask(m, room, 0);
}

/* Asks after the grace, in which the frame of `noted` may come. */
static void s_ask_noted(machine_t *m, room_t *room) {
    if (room->presence->who)
        return;
    s_ask(m, room, GRACE_MS);
    room->presence->graced = true;
}

void presence_doubt(machine_t *m, room_t *room) {
    if (room->presence && room->count > 0)
        s_ask(m, room, 0);
}

/* Tells the count, unless an event with a name has told it already. */
static void s_tell_count(machine_t *m, room_t *room) {
    if (room->presence->told != room->count)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_PRESENCE_CHANGED, .room = room->name, .count = room->count});
    room->presence->told = room->count;
}

void presence_on_joined(machine_t *m, room_t *room, uint64_t version, bool crowded) {
    if (!room->presence_wanted)
        return;
    if (!room->presence) {
        room->presence = machine_alloc(sizeof *room->presence);
        room->presence->told = room->count; /* ZRELAY_JOINED's */
    }
    room->presence->crowded = crowded;
    if (crowded) {
        room->presence->version = version;
        s_tell_count(m, room);
        return;
    }
    /* While positions of rooms are given up, this one may be gone soon. */
    s_ask(m, room, room->parent && m->given_up ? RETRY_MAX_MS : 0);
}

/* The generation rises here, not in s_ask: a user that a frame names between the two may leave again before the list is
 * made. */
void presence_on_asked(const request_t *request) {
    if (request->page[0])
        return;
    request->room->presence->generation++;
    request->room->presence->graced = false;
    request->room->presence->noted = 0; /* the list will be newer */
}

/* --- Changes --- */

/* Tells of a change, unless it is our own or the program does not know the state before. */
static void s_tell(
    machine_t *m, room_t *room, const char *nick, const char *other, const char *reason, bool own, bool joined) {
    if (own || !room->presence->known)
        return;
    room->presence->told = room->count;
    events_post(m, &(zrelay_event_t){.type = ZRELAY_PRESENCE_CHANGED,
                       .room = room->name,
                       .name = nick,
                       .text = reason,
                       .sender = other,
                       .count = room->count,
                       .joined = joined});
}

/* Notes the member's meta, and tells of it if it is another one. */
static void s_note_meta(machine_t *m, room_t *room, member_t *member, const json_t *one) {
    const json_t *meta = json_object_get(one, "meta");
    char *text = json_object_size(meta) > 0 ? json_dumps(meta, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    uint64_t mark = len && len <= META_TOLD_MAX ? (uint64_t)len << 32 | zr_hash(text, len) : 0;
    if (mark != member->meta && !member->own && room->presence->known)
        events_post(m, &(zrelay_event_t){
                           .type = ZRELAY_META, .room = room->name, .name = member->nick, .text = mark ? text : "{}"});
    member->meta = mark;
    free(text);
}

static void s_changed(machine_t *m, room_t *room, const json_t *one) {
    const char *nick = json_string_value(json_object_get(one, "nick"));
    member_t *member = NULL;
    if (nick)
        HASH_FIND(hh, room->presence->members, nick, strlen(nick), member);
    if (member)
        s_note_meta(m, room, member, one);
}

static void s_joined(machine_t *m, room_t *room, const json_t *one) {
    presence_t *presence = room->presence;
    const char *nick = json_string_value(json_object_get(one, "nick"));
    const char *was = json_string_value(json_object_get(one, "was"));
    size_t len = nick ? strlen(nick) : 0;
    if (len == 0 || len > ZR_NICK_MAX) {
        m->malformed++;
        return;
    }
    member_t *member;
    HASH_FIND(hh, presence->members, nick, len, member);
    bool is_new = !member;
    if (is_new) {
        if (HASH_COUNT(presence->members) >= MEMBERS_MAX)
            return;
        member = machine_alloc(sizeof *member);
        memcpy(member->nick, nick, len);
        member->own = strcmp(nick, m->confirmed) == 0 || (was && strcmp(was, m->confirmed) == 0);
        HASH_ADD(hh, presence->members, nick, len, member);
    }
    member->generation = presence->generation;
    if (is_new)
        s_tell(m, room, nick, was, was ? "renamed" : NULL, member->own, true);
    s_note_meta(m, room, member, one);
}

static void s_left(machine_t *m, room_t *room, const json_t *one) {
    const char *nick = json_string_value(json_object_get(one, "nick"));
    const char *to = json_string_value(json_object_get(one, "to"));
    const char *reason = json_string_value(json_object_get(one, "reason"));
    member_t *member = NULL;
    if (nick)
        HASH_FIND(hh, room->presence->members, nick, strlen(nick), member);
    if (!member)
        return;
    bool own = member->own; /* as it was told when it came: our own nick may have changed since */
    s_remove(room->presence, member);
    s_tell(m, room, nick, to, reason, own, false);
}

static void s_apply(machine_t *m, room_t *room, const json_t *frame) {
    const char *wrong = NULL;
    size_t i;
    json_t *one;
    zr_get_uint_opt(frame, "count", 0, &room->count, &wrong);
    json_array_foreach(json_object_get(frame, "left"), i, one) s_left(m, room, one);
    json_array_foreach(json_object_get(frame, "joined"), i, one) s_joined(m, room, one);
    json_array_foreach(json_object_get(frame, "changed"), i, one) s_changed(m, room, one);
    s_tell_count(m, room);
}

static uint64_t s_version(const json_t *object) {
    uint64_t version = 0;
    const char *wrong = NULL;
    zr_get_uint_opt(object, "version", 0, &version, &wrong);
    return version;
}

/* Does the version count? Not while the list is another session's, or was refused. */
static bool s_counts(const presence_t *presence) {
    return presence->current || presence->crowded;
}

void presence_note_version(machine_t *m, room_t *room, uint64_t version) {
    presence_t *presence = room->presence;
    if (!presence)
        return;
    if (version > presence->noted)
        presence->noted = version;
    if (!s_counts(presence) || version > presence->version)
        s_ask_noted(m, room);
}

static bool s_asked(const presence_t *presence) {
    return presence->who && presence->who->id;
}

/* Nothing needs to be asked: the frame that a pong named has come. */
static void s_came(machine_t *m, presence_t *presence) {
    if (!presence->who || !presence->graced || presence->version < presence->noted)
        return;
    request_free(m, presence->who);
    presence->who = NULL;
}

/* The room is too full for names. The members named before stay, until a list can tell the changes. */
static void s_crowded(machine_t *m, room_t *room, const json_t *object, uint64_t version) {
    presence_t *presence = room->presence;
    const char *wrong = NULL;
    presence->crowded = true;
    presence->version = version;
    s_drop_kept(presence);
    s_came(m, presence);
    zr_get_uint_opt(object, "count", 0, &room->count, &wrong);
    s_tell_count(m, room);
}

/* The end of a crowd, perhaps of one that came and went unseen within a tick: it names nobody. */
static void s_crowd_ended(machine_t *m, room_t *room, const json_t *frame) {
    const char *wrong = NULL;
    room->presence->crowded = room->presence->current = false;
    zr_get_uint_opt(frame, "count", 0, &room->count, &wrong);
    s_tell_count(m, room);
    s_ask_missing(m, room);
}

static void s_keep(presence_t *presence, json_t *frame) {
    if (presence->kept_count < PRESENCE_KEPT)
        presence->kept[presence->kept_count++] = json_incref(frame);
    else
        presence->missed = true;
}

/* A frame that names the changes. */
static void s_named(machine_t *m, room_t *room, json_t *frame, uint64_t version) {
    presence_t *presence = room->presence;
    if (presence->current && version == presence->version + 1) {
        presence->version = version;
        s_apply(m, room, frame);
        s_came(m, presence);
        return;
    }
    s_ask_missing(m, room);
    s_keep(presence, frame);
}

/* Handles a frame: the next one, an old one, or one after a gap. While the list is under way, all wait for it: it may be
 * newer than they are. */
static void s_frame(machine_t *m, room_t *room, json_t *frame) {
    presence_t *presence = room->presence;
    uint64_t version = s_version(frame);
    const json_t *crowded = json_object_get(frame, "crowded");
    if (s_asked(presence)) {
        s_keep(presence, frame);
    } else if (s_counts(presence) && version <= presence->version) {
        return;
    } else if (json_is_true(crowded)) {
        s_crowded(m, room, frame, version);
    } else {
        if (presence->crowded || json_is_false(crowded))
            s_crowd_ended(m, room, frame);
        s_named(m, room, frame, version);
    }
}

void presence_on_frame(machine_t *m, room_t *room, zr_span_t json) {
    json_t *frame;
    if (!room || !room->presence || events_full(m))
        return; /* a frame that fell out shows by the next one's version */
    if (json.len > CONTROL_MAX || zr_control_read(json, &frame) != ZR_OK) {
        m->malformed++;
        return;
    }
    s_frame(m, room, frame);
    json_decref(frame);
}

/* --- Lists --- */

/* Applies the frames that came while the list was on its way. A pong may have named another one meanwhile, which is
 * lost: nothing will name it again. */
static void s_apply_kept(machine_t *m, room_t *room) {
    presence_t *presence = room->presence;
    size_t count = presence->kept_count;
    json_t *kept[PRESENCE_KEPT];
    memcpy(kept, presence->kept, sizeof kept);
    presence->kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        s_frame(m, room, kept[i]);
        json_decref(kept[i]);
    }
    if (presence->missed)
        s_ask(m, room, RETRY_MS);
    else if (s_counts(presence) && presence->version < presence->noted)
        s_ask_noted(m, room);
}

/* Members that no page named have left. The version is the first page's. Later pages may be newer: their changes are
 * then applied again, without effect. */
static void s_listed(machine_t *m, room_t *room) {
    presence_t *presence = room->presence;
    member_t *member, *next;
    HASH_ITER(hh, presence->members, member, next) {
        if (member->generation == presence->generation)
            continue;
        s_tell(m, room, member->nick, NULL, NULL, member->own, false);
        s_remove(presence, member);
    }
    presence->version = presence->who_version;
    presence->known = presence->current = true;
    presence->crowded = false;
    s_tell_count(m, room);
    if (presence->version == 0)
        s_drop_kept(presence); /* the room is gone; a pong tells if it is there again */
    s_apply_kept(m, room);
}

void presence_on_who(machine_t *m, request_t *request, json_t *object) {
    room_t *room = request->room;
    json_t *users = json_object_get(object, "users"), *one;
    bool more = false;
    const char *wrong = NULL;
    size_t i;
    if (!json_is_array(users) || !zr_get_bool_opt(object, "more", &more, &wrong) ||
        !zr_get_uint_opt(object, "count", 0, &room->count, &wrong))
        m->malformed++;
    if (json_is_true(json_object_get(object, "crowded"))) {
        room->presence->who = NULL;
        request_free(m, request);
        room->presence->crowded = true;
        room->presence->version = s_version(object);
        s_tell_count(m, room);
        s_apply_kept(m, room);
        return;
    }
    if (!request->page[0])
        room->presence->who_version = s_version(object);
    json_array_foreach(users, i, one) s_joined(m, room, one);
    if (request_next_page(m, request, users, "nick", more))
        return;
    room->presence->who = NULL;
    request_free(m, request);
    s_listed(m, room);
}

void presence_on_refused(machine_t *m, request_t *request, json_t *error) {
    presence_t *presence = request->room->presence;
    (void)error; /* the program did not ask */
    presence->who = NULL;
    presence->current = false; /* when the right is given, a pong or a frame tells of a version */
    s_drop_kept(presence);
    request_free(m, request);
}
