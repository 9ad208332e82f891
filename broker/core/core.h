/* What the loop drives: the relay of this process, or a leaf that carries its clients to another broker. It gets frames
 * and time, and adds effects to an outbox; it knows no socket, clock or thread. */
#ifndef CORE_H
#define CORE_H

#include "relay.h"

/* As the functions of relay.h that are called so. NULL: nothing is done, and the answer is 0. */
typedef struct {
    void (*frame)(void *self, route_t route, zr_span_t frame, uint64_t now);
    void (*subscription)(void *self, zr_span_t message);
    void (*flush)(void *self);
    void (*rise)(void *self, uint64_t rising);
    void (*tick)(void *self);
    void (*second)(void *self, uint64_t now, bool forgets); /* forgets: the time is sure, and idle rooms may go */
    bool (*has_work)(const void *self);
    void (*work)(void *self);
    void (*route_lost)(void *self, route_t route);
    bool (*is_trunk)(const void *self, route_t connection);
    bool (*is_full)(const void *self);                   /* no frame is to be taken from clients now */
    bool (*shuts_out)(const void *self, zr_span_t user); /* the back may not serve this user of the users file */
    void (*set_access)(void *self, access_t *access);
    void (*disown)(void *self, zr_span_t user);
    void (*shutdown)(void *self);
    relay_stats_t (*stats)(const void *self);
} core_calls_t;

typedef struct {
    const core_calls_t *calls;
    void *self;
} core_t;

/* The relay as a core; it stays the caller's. */
core_t relay_core(relay_t *relay);

static inline void core_frame(const core_t *core, route_t route, zr_span_t frame, uint64_t now) {
    core->calls->frame(core->self, route, frame, now);
}

static inline void core_subscription(const core_t *core, zr_span_t message) {
    core->calls->subscription(core->self, message);
}

static inline void core_flush(const core_t *core) {
    if (core->calls->flush)
        core->calls->flush(core->self);
}

static inline void core_rise(const core_t *core, uint64_t rising) {
    core->calls->rise(core->self, rising);
}

static inline void core_tick(const core_t *core) {
    core->calls->tick(core->self);
}

static inline void core_second(const core_t *core, uint64_t now, bool forgets) {
    core->calls->second(core->self, now, forgets);
}

static inline bool core_has_work(const core_t *core) {
    return core->calls->has_work && core->calls->has_work(core->self);
}

static inline void core_work(const core_t *core) {
    core->calls->work(core->self);
}

static inline void core_route_lost(const core_t *core, route_t route) {
    core->calls->route_lost(core->self, route);
}

static inline bool core_is_trunk(const core_t *core, route_t connection) {
    return core->calls->is_trunk(core->self, connection);
}

static inline bool core_is_full(const core_t *core) {
    return core->calls->is_full && core->calls->is_full(core->self);
}

static inline bool core_shuts_out(const core_t *core, zr_span_t user) {
    return core->calls->shuts_out && core->calls->shuts_out(core->self, user);
}

static inline void core_set_access(const core_t *core, access_t *access) {
    core->calls->set_access(core->self, access);
}

static inline void core_disown(const core_t *core, zr_span_t user) {
    core->calls->disown(core->self, user);
}

static inline void core_shutdown(const core_t *core) {
    core->calls->shutdown(core->self);
}

static inline relay_stats_t core_stats(const core_t *core) {
    return core->calls->stats(core->self);
}

#endif
