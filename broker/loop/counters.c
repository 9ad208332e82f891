/* See counters.h. */
#include "counters.h"

#include <inttypes.h>

typedef struct {
    const char *name;
    uint64_t value;
} counter_t;

static void s_line(zr_log_level_t level, const char *when, const char *what, const counter_t *counters, size_t count) {
    zr_buffer_t line = {0};
    for (size_t i = 0; i < count; i++)
        zr_buffer_printf(&line, "%s%s %" PRIu64, i ? ", " : "", counters[i].name, counters[i].value);
    zr_log(level, "%s: %s: %.*s", when, what, (int)line.len, (const char *)line.data);
    zr_buffer_finish(&line);
}

#define LINE(what, ...)                                                                                                \
    s_line(level, when, what, (const counter_t[]){__VA_ARGS__},                                                        \
        sizeof((const counter_t[]){__VA_ARGS__}) / sizeof(counter_t))

void counters_log(const server_t *server, zr_log_level_t level, const char *when) {
    relay_stats_t stats = core_stats(&server->core);
    LINE("clients", {"sessions", stats.sessions}, {"rooms", stats.rooms}, {"logins that wait", stats.logins},
        {"carried by gateways", stats.channels});
    LINE("messages", {"frames", stats.frames}, {"entries", stats.entries}, {"deliveries", stats.deliveries},
        {"acks", stats.acks}, {"errors", stats.errors}, {"duplicates", stats.duplicates});
    LINE(
        "slow clients", {"answers dropped", stats.dropped}, {"live frames dropped", server->effects.edge.live_dropped});
    LINE("too much", {"told to wait", stats.limited}, {"sent away", stats.flooders},
        {"readers with too many topics", server->greedy}, {"incomplete messages", peers_incomplete(server->peers)});
    LINE("not let in", {"handshakes refused", auth_refused(server->auth)}, {"logins failed", server->logins_failed},
        {"logins slowed", server->logins_slowed}, {"connections closed", peers_turned_away(server->peers)},
        {"without a descriptor", peers_no_room(server->peers)}, {"subscriptions revoked", server->revoked});
    LINE("against the protocol", {"claimed routing ids", server->claimed}, {"several parts", server->multipart},
        {"no subscription", server->stray});
}
