#include "relay.h"

#include <inttypes.h>

#include "admin.h"
#include "batch.h"
#include "channel_end.h"
#include "commands.h"
#include "control.h"
#include "dispatch.h"
#include "expired.h"
#include "fatal.h"
#include "flood.h"
#include "kick.h"
#include "listing.h"
#include "logger.h"
#include "login.h"
#include "reading.h"
#include "replay.h"
#include "relay_limits.h"
#include "reply.h"
#include "rooms.h"
#include "session_end.h"
#include "silence.h"
#include "stats.h"
#include "state.h"
#include "trunk.h"

void relay_config_default(relay_config_t *config) {
    *config = (relay_config_t){
        .max_frame = 1048576,
        .max_control = 65536,
        .window = 4194304,
        .max_waiting = 134217728,
        .max_entries = 4096,
        .max_sessions = 20000,
        .max_rooms = 100000,
        .max_joins = 1000,
        .presence_names = 500,
        .max_keys = 10000,
        .max_ttl_ms = 365ULL * 24 * 3600 * 1000,
        .max_replays = 4,
        .max_lists = 32,
        .max_clients = 100000,
        .max_user_sessions = 1000,
        .max_user_rooms = 10000,
        .max_trunk_channels = 20000,
        .max_channels = 50000,
        .max_address_channels = 1000,
        .rate_channels = 50,
        .login_timeout_ms = 10000,
        .rate_ops = 2000,
        .rate_control = 1 << 20,
        .rate_entries = 5000000,
        .rate_bytes = 1 << 30,
        .max_state_bytes = 67108864,
        .max_groups = 10000,
        .max_room_groups = 16,
        .max_user_groups = 1000,
        .max_group_workers = 1000,
        .max_group_entries = 200000,
        .max_group_bytes = 67108864,
        .max_group_keep = 1ULL << 30,
        .replay_entries = 10000,
        .replay_frames = 200,
        .replay_bytes = 1048576,
        .batch_bytes = 262144,
        .heartbeat_ms = 5000,
        .forget_after_ms = 30ULL * 24 * 3600 * 1000,
        .server = "zrelayd " ZRELAY_VERSION,
    };
}

static void s_stored(void *ctx, uint64_t pass, bool ok) {
    batch_stored(ctx, pass, ok);
}

static void s_read_done(void *ctx, uint64_t ticket, const log_slice_t *slice) {
    if (!groups_read_done(ctx, ticket, slice))
        replay_done(ctx, ticket, slice);
}

static void s_trimmed(void *ctx, uint64_t ticket, bool ok) {
    relay_admin_done(ctx, ticket, ok ? ZR_OK : ZR_ADMIN_FAILED,
        ok ? NULL : "the log could not delete it, or deletes there already; try again later");
}

/* --- What the log holds from before --- */

static void s_restore_room(void *ctx, zr_span_t name, const log_bounds_t *bounds) {
    (void)bounds; /* which the room asks for itself */
    if (zr_room_valid(name) && !room_find(ctx, name))
        room_add(ctx, name);
    else
        zr_log(ZR_LOG_WARN, "the log holds a room whose name cannot be; it is left out");
}

static void s_restore_value(void *ctx, zr_span_t name, const zr_entry_t *entry) {
    relay_t *relay = ctx;
    room_t *room = room_find(relay, name);
    bool lasts = !(entry->flags & ZR_ENTRY_TTL) || (entry->ttl > 0 && entry->ttl <= ZR_INT_MAX);
    if (room && zr_key_valid(entry->key) && !(entry->flags & ZR_ENTRY_DELETE) && lasts)
        room_state_restore(&room->keys, &relay->room_state_limits, entry);
}

static void s_restore_mark(void *ctx, const log_mark_t *mark) {
    relay_t *relay = ctx;
    zr_span_t refusals = zr_span(NULL);
    if (mark->refusals)
        refusals = zr_span_of(zr_blob_data(mark->refusals), zr_blob_len(mark->refusals));
    if (!dedupe_restore(&relay->dedupe, zr_span_of(mark->client, ZR_CLIENT_ID_LEN), mark->mark, refusals))
        zr_log(ZR_LOG_WARN, "the log holds a client's marks that cannot be read; they are left out");
}

static void s_restore_group(void *ctx, zr_span_t room, zr_span_t name, zr_span_t state) {
    groups_restore(ctx, room, name, state);
}

relay_t *relay_new(const relay_config_t *config, log_t *log, outbox_t *outbox) {
    relay_t *relay = fatal_calloc(sizeof *relay);
    relay_set_limits(relay, config);
    relay->access = config->access ? config->access : access_new_open();
    relay->access_number = 1;
    relay->log = log;
    relay->outbox = outbox;
    relay->presence_base = config->presence_base;
    if (config->tokens || config->jwt)
        config->entropy(config->entropy_ctx, relay->known_tokens.key, sizeof relay->known_tokens.key);
    snprintf(relay->epoch, sizeof relay->epoch, "%016" PRIx64, config->epoch);
    relay->synced = zr_control_write(json_pack("{ss ss}", "op", "synced", "epoch", relay->epoch));
    log->sink = (log_sink_t){.ctx = relay, .stored = s_stored, .read_done = s_read_done, .trimmed = s_trimmed};
    if (log->engine->restore)
        log->engine->restore(
            log, &(log_restore_t){relay, s_restore_room, s_restore_value, s_restore_mark, s_restore_group});
    return relay;
}

void relay_destroy(relay_t *relay) {
    if (!relay)
        return;
    while (relay->sessions.by_id)
        session_end(relay, relay->sessions.by_id, "shutdown");
    deadlines_finish(&relay->sessions.expiries);
    barred_finish(&relay->sessions.barred);
    channels_finish(&relay->sessions.channels);
    reading_forget_all(relay);
    login_forget_all(relay);
    known_tokens_finish(&relay->known_tokens);
    admin_forget_all(relay);
    stats_forget_all(relay);
    batch_finish(&relay->batch);
    groups_finish(relay);
    rooms_finish(relay);
    expiries_finish(&relay->room_state_limits.expiries);
    dedupe_finish(&relay->dedupe);
    access_destroy(relay->access);
    zr_blob_unref(relay->synced);
    zr_blob_unref(relay->bye.frame);
    free(relay);
}

static void s_unknown(relay_t *relay, session_t *session, uint64_t now) {
    if (flood_take(relay, session->route, session, (rate_cost_t){{[RATE_OPS] = 1}}, now))
        send_error(relay, session->route, ZR_BAD_FRAME, NULL);
}

/* A data frame without a session; `published`: bytes of a PUBLISH. A client that reconnects may have a window of them
 * under way. So they are no flood of requests, and beyond rate-ops they get no answer. */
static void s_early(relay_t *relay, route_t route, size_t published, uint64_t now) {
    rate_cost_t cost = {{[RATE_ENTRIES] = 1, [RATE_BYTES] = published + RATE_MESSAGE}};
    if (published && (!flood_take(relay, route, NULL, cost, now) || flood_is_spent(relay, route, NULL, now)))
        return;
    if (flood_take(relay, route, NULL, (rate_cost_t){{[RATE_OPS] = 1}}, now))
        send_error(relay, route, ZR_NO_SESSION, NULL);
}

/* Notes that the session lives. NULL: the route has no session. */
static session_t *s_hear(relay_t *relay, route_t route) {
    session_t *session = session_by_route(&relay->sessions, route);
    if (session)
        session->beats = 0;
    if (session && session->silent)
        silence_broken(relay, session);
    return session;
}

/* By its first byte to where it is handled. */
static void s_handle(relay_t *relay, route_t route, zr_span_t frame, uint64_t now) {
    session_t *session = s_hear(relay, route);
    uint8_t type = frame.len ? (uint8_t)frame.ptr[0] : 0;
    if (type == ZR_TYPE_CONTROL)
        dispatch_control(relay, route, session, frame, now);
    else if (type == ZR_TYPE_PUBLISH && session)
        cmd_publish(relay, session, frame, now);
    else if (type == ZR_TYPE_SETTLE && session)
        cmd_settle(relay, session, frame, now);
    else if (session)
        s_unknown(relay, session, now);
    else
        s_early(relay, route, type == ZR_TYPE_PUBLISH ? frame.len : 0, now);
}

static void s_handle_trunk(relay_t *relay, route_t route, zr_span_t frame, uint64_t now) {
    zr_span_t inner;
    session_t *session = s_hear(relay, route);
    if (!session)
        s_early(relay, route, frame.len, now); /* a gateway that reconnects may have much under way */
    else if (trunk_take(relay, session, frame, &route, &inner, now))
        s_handle(relay, route, inner, now);
}

/* Every frame passes here. */
void relay_frame(relay_t *relay, route_t route, zr_span_t frame, uint64_t now) {
    relay->stats.frames++;
    relay->now = now;
    if (barred_is_due(&relay->sessions.barred, now))
        kick_let_in(relay);
    if (frame.len && (uint8_t)frame.ptr[0] == ZR_TYPE_TRUNK)
        s_handle_trunk(relay, route, frame, now);
    else
        s_handle(relay, route, frame, now);
}

void relay_subscription(relay_t *relay, zr_span_t message) {
    if (message.len < 2 || message.ptr[0] != 1 || (uint8_t)message.ptr[1] != ZR_TYPE_SYNC)
        return;
    zr_span_t nonce = zr_span_of(message.ptr + 2, message.len - 2);
    if (!zr_hex_valid(nonce, ZR_NONCE_MIN, ZR_NONCE_MAX))
        return;
    zr_buffer_t frame = {0};
    zr_buffer_append(&frame, message.ptr + 1, message.len - 1);
    zr_buffer_append(&frame, zr_blob_data(relay->synced), zr_blob_len(relay->synced));
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_PUBLISH, .frame = zr_buffer_to_blob(&frame)});
    zr_buffer_finish(&frame);
}

void relay_flush(relay_t *relay) {
    batch_flush(relay);
}

void relay_tick(relay_t *relay) {
    news_begin_round(relay);
    groups_tick(relay);
}

void relay_rise(relay_t *relay, uint64_t rising) {
    relay->groups.rising = relay->room_state_limits.expiries.rising = rising;
}

/* The kinds of work that wait. They take turns. */
static const struct {
    bool (*is_due)(const relay_t *relay);
    void (*next)(relay_t *relay); /* a piece of it */
} s_kinds[] = {
    {reading_is_due, reading_begin},
    {listing_is_due, listing_answer},
    {news_is_due, news_tell},
    {silence_is_due, silence_end},
    {expired_is_due, expired_end},
    {stats_is_due, stats_work},
    {drain_is_due, drain_work},
    {groups_is_due, groups_work},
};
enum { KINDS = sizeof s_kinds / sizeof *s_kinds };

bool relay_has_work(const relay_t *relay) {
    for (size_t kind = 0; kind < KINDS; kind++)
        if (s_kinds[kind].is_due(relay))
            return true;
    return false;
}

void relay_work(relay_t *relay) {
    for (size_t i = 0; i < KINDS; i++) {
        size_t kind = relay->work_turn;
        relay->work_turn = (kind + 1) % KINDS;
        if (s_kinds[kind].is_due(relay)) {
            s_kinds[kind].next(relay);
            return;
        }
    }
}

void relay_route_lost(relay_t *relay, route_t route) {
    relay->stats.dropped++;
    login_forget_route(relay, route);
    session_t *session = session_by_route(&relay->sessions, route);
    if (!session)
        return;
    session->lost++;
    channels_break(relay, session);
    session_set_route(&relay->sessions, session, 0);
    session->deaf =
        route_channel(route) ? 0 : route; /* a channel has no queue of its own that would wait to be freed */
    /* A later frame that finds room again would hide the loss: a `replayed` without its entries, an ack without its
     * error. */
    outbox_drop_route(relay->outbox, route);
}

void relay_live_dropped(relay_t *relay, route_t route) {
    session_t *session = session_by_route(&relay->sessions, route);
    relay->stats.live_dropped++;
    if (session)
        session->lost++;
}

bool relay_is_trunk(const relay_t *relay, route_t connection) {
    const session_t *session = session_by_route(&relay->sessions, connection);
    return session && session->channels;
}

/* Those that have a connection of their own, or those that come by a channel. */
static void s_bye_all(relay_t *relay, bool channels) {
    session_t *session, *next;
    HASH_ITER(by_id, relay->sessions.by_id, session, next) {
        if ((route_channel(session->route) != 0) == channels)
            send_bye(relay, session->route, "shutdown");
    }
}

/* A gateway hears of it before its thousands of peers, for whom there may be no time left. */
void relay_shutdown(relay_t *relay) {
    s_bye_all(relay, false);
    s_bye_all(relay, true);
}

relay_stats_t relay_stats(const relay_t *relay) {
    relay_stats_t stats = relay->stats;
    const relay_config_t *config = &relay->config;
    stats.entry_bytes = relay->meter.bytes;
    stats.sessions = relay->sessions.count;
    stats.max_sessions = config->max_sessions;
    stats.draining = relay->drain.on;
    stats.detached = relay->sessions.count - HASH_CNT(by_route, relay->sessions.by_route);
    stats.channels = channels_count(&relay->sessions.channels);
    stats.rooms = HASH_COUNT(relay->rooms);
    stats.max_rooms = config->max_rooms;
    stats.clients = HASH_COUNT(relay->dedupe.clients);
    stats.logins = login_count(relay);
    stats.state_bytes = relay->room_state_limits.bytes;
    stats.max_state_bytes = config->max_state_bytes;
    stats.groups = relay->groups.count;
    stats.max_groups = config->max_groups;
    stats.group_entries = relay->groups.pool.used;
    stats.max_group_entries = config->max_group_entries;
    stats.group_bytes = relay->groups.pool.frame_bytes;
    return stats;
}
