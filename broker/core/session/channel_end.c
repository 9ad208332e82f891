/* See channel_end.h. */
#include "channel_end.h"

#include "control.h"
#include "login.h"
#include "reply.h"
#include "state.h"

static void s_detach(relay_t *relay, const channel_t *channel) {
    session_t *session = session_by_route(&relay->sessions, channel->route);
    if (session)
        session_set_route(&relay->sessions, session, 0);
    login_forget_route(relay, channel->route);
}

void channel_end(relay_t *relay, channel_t *channel) {
    s_detach(relay, channel);
    channel_remove(&relay->sessions.channels, channel);
}

void channel_hang_up(relay_t *relay, channel_t *channel, const char *reason) {
    if (channel->closing)
        return;
    s_detach(relay, channel);
    channel->closing = true;
    channel_hear(&relay->sessions.channels, channel); /* nothing is expected of it any more */
    send_frame(relay, channel->trunk->route,
        zr_control_write(json_pack(
            "{ss sI ss}", "op", "close", "channel", (json_int_t)route_channel(channel->route), "reason", reason)));
}

void channels_break(relay_t *relay, session_t *trunk) {
    while (trunk->channels)
        channel_end(relay, trunk->channels);
}

/* So many channels are closed at a time: each takes a frame. */
enum { EXPIRE_MAX = 500 };

void relay_channels_tick(relay_t *relay, uint64_t now) {
    channels_t *channels = &relay->sessions.channels;
    uint64_t patience = relay->config.login_timeout_ms * 1000;
    drain_tick(relay);
    for (size_t i = 0; i < EXPIRE_MAX && channels->quiet; i++) {
        channel_t *channel = channels->quiet;
        if (now < channel->opened + patience)
            break;
        channel_hang_up(relay, channel, "silent");
    }
    origins_sweep(&channels->origins, now);
}
