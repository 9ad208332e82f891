/* See session_end.h. */
#include "session_end.h"

#include "channel_end.h"
#include "listing.h"
#include "logger.h"
#include "members.h"
#include "reply.h"
#include "state.h"

/* One line tells of its whole life. */
static void s_tell(const relay_t *relay, const session_t *session, const char *reason) {
    zr_span_t nick = user_nick(session->user);
    uint64_t lived = relay->now > session->since ? (relay->now - session->since) / 1000 : 0;
    zr_log(ZR_LOG_DEBUG,
        "the session of %.*s from %s ends after %llu ms: %s; it published %llu entries, %llu bytes, was told to wait "
        "%llu times, and its queue was full %llu times",
        (int)nick.len, nick.ptr, session->address[0] ? session->address : "this machine", (unsigned long long)lived,
        reason, (unsigned long long)session->meter.entries, (unsigned long long)session->meter.bytes,
        (unsigned long long)session->limited, (unsigned long long)session->lost);
}

void session_end(relay_t *relay, session_t *session, const char *reason) {
    s_tell(relay, session, reason);
    member_t *member, *next;
    HASH_ITER(hh, session->members, member, next)
    member_remove(relay, member, reason);
    follow_end_all(relay, session);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_UNWATCH, .session = session->id});
    channels_break(relay, session);
    groups_session_end(relay, session);
    listing_forget(relay, session);
    client_t *client = session->client;
    maker_release(&relay->makers, session->maker);
    session_remove(&relay->sessions, session);
    dedupe_release(&relay->dedupe, client);
}

void session_dismiss(relay_t *relay, session_t *session, const char *reason) {
    uint64_t connection = session->connection;
    channel_t *channel = channel_find(&relay->sessions.channels, session->route);
    send_bye(relay, session->route, reason);
    if (channel)
        channel_hang_up(relay, channel, reason);
    else if (connection)
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = connection});
    session_end(relay, session, reason);
}
