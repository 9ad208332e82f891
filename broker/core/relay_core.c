/* The relay as a core (core.h). */
#include "core.h"
#include "key_age.h"

static void s_frame(void *self, route_t route, zr_span_t frame, uint64_t now) {
    relay_frame(self, route, frame, now);
}

static void s_subscription(void *self, zr_span_t message) {
    relay_subscription(self, message);
}

static void s_flush(void *self) {
    relay_flush(self);
}

static void s_rise(void *self, uint64_t rising) {
    relay_rise(self, rising);
}

static void s_tick(void *self) {
    relay_tick(self);
}

static void s_second(void *self, uint64_t now, bool forgets) {
    if (forgets) {
        relay_forget_idle(self, now);
        relay_age_keys(self, now);
    }
    relay_expire_keys(self, now, forgets);
    relay_channels_tick(self, now);
}

static bool s_has_work(const void *self) {
    return relay_has_work(self);
}

static void s_work(void *self) {
    relay_work(self);
}

static void s_route_lost(void *self, route_t route) {
    relay_route_lost(self, route);
}

static bool s_is_trunk(const void *self, route_t connection) {
    return relay_is_trunk(self, connection);
}

static void s_set_access(void *self, access_t *access) {
    relay_set_access(self, access);
}

static void s_disown(void *self, zr_span_t user) {
    relay_disown(self, user);
}

static void s_shutdown(void *self) {
    relay_shutdown(self);
}

static relay_stats_t s_stats(const void *self) {
    return relay_stats(self);
}

core_t relay_core(relay_t *relay) {
    static const core_calls_t calls = {
        .frame = s_frame,
        .subscription = s_subscription,
        .flush = s_flush,
        .rise = s_rise,
        .tick = s_tick,
        .second = s_second,
        .has_work = s_has_work,
        .work = s_work,
        .route_lost = s_route_lost,
        .is_trunk = s_is_trunk,
        .set_access = s_set_access,
        .disown = s_disown,
        .shutdown = s_shutdown,
        .stats = s_stats,
    };
    return (core_t){&calls, relay};
}
