/* Sessions, in the order of their nicks, and those of one user by their age. */
#include "control.h"
#include "state.h"
#include "stats_kind.h"

#define COLUMN(name, value)                                                                                            \
    static uint64_t s_##name(const relay_t *relay, const void *thing) {                                                \
        const session_t *session = thing;                                                                              \
        (void)relay;                                                                                                   \
        return (value);                                                                                                \
    }

COLUMN(rate, meter_rate(&session->meter, relay->now).entries)
COLUMN(rate_bytes, meter_rate(&session->meter, relay->now).bytes)
COLUMN(entries, session->meter.entries)
COLUMN(bytes, session->meter.bytes)
COLUMN(rooms, HASH_COUNT(session->members) + HASH_COUNT(session->following.by_prefix))
COLUMN(workers, HASH_COUNT(session->workers))
COLUMN(channels, session->channel_count)
COLUMN(
    queued, relay->config.queued && session->route ? relay->config.queued(relay->config.queued_ctx, session->route) : 0)
COLUMN(limited, session->limited)
COLUMN(lost, session->lost)
COLUMN(since, session->since)
COLUMN(id, session->id)

static const stats_column_t s_columns[] = {
    {"rate", s_rate},
    {"rate-bytes", s_rate_bytes},
    {"entries", s_entries},
    {"bytes", s_bytes},
    {"rooms", s_rooms},
    {"workers", s_workers},
    {"channels", s_channels},
    {"queued", s_queued},
    {"limited", s_limited},
    {"lost", s_lost},
    {"since", s_since},
    {"session", s_id},
};

static user_t *s_user(const relay_t *relay, zr_span_t nick, bool from) {
    return NAME_ORDER_ITEM(name_order_next(&relay->sessions.by_nick, nick, from), user_t, by_nick);
}

/* A user's sessions stand in the order in which they came to the nick, and so of their ids, unless one was renamed. */
static session_t *s_of_user(const user_t *user, uint64_t id, bool from) {
    session_t *found = NULL;
    for (session_t *session = user ? user->sessions : NULL; session; session = session->next)
        if ((session->id > id || (from && session->id == id)) && (!found || session->id < found->id))
            found = session;
    return found;
}

static void *s_next(const relay_t *relay, const stats_key_t *key, bool from) {
    zr_span_t nick = zr_span_of(key->name, key->name_len);
    session_t *session = s_of_user(session_user(&relay->sessions, nick), key->id, from);
    return session ? session : s_of_user(s_user(relay, nick, false), 0, true);
}

static void s_key(const void *thing, stats_key_t *key) {
    const session_t *session = thing;
    zr_span_t nick = user_nick(session->user);
    memcpy(key->name, nick.ptr, nick.len);
    key->name_len = nick.len;
    key->id = session->id;
}

static json_t *s_names(const relay_t *relay, const void *thing) {
    const session_t *session = thing;
    const char *state = !session->route ? "detached" : session->channels ? "gateway" : "live";
    (void)relay;
    json_t *row = json_pack(
        "{so ss ss}", "nick", zr_json_string(user_nick(session->user)), "address", session->address, "state", state);
    if (session->authenticated)
        json_object_set_new(row, "user", json_true());
    if (route_channel(session->route))
        json_object_set_new(row, "channel", json_true());
    return row;
}

const stats_kind_t stats_sessions = {.name = "sessions",
    .columns = s_columns,
    .column_count = sizeof s_columns / sizeof *s_columns,
    .next = s_next,
    .key = s_key,
    .names = s_names};
