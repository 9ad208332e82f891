/* See machine_queue.h. */
#include "machine_queue.h"

#include <stdio.h>

#include "machine_events.h"
#include "machine_identity.h"

/* By a hello, once the last one is answered. */
static void s_say(machine_t *m) {
    m->unsaid = true;
    if (m->state == STATE_LIVE)
        m->rename_at = m->now;
}

int machine_renew(machine_t *m, const char *token, uint64_t now) {
    if (m->closing || m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    m->now = now;
    snprintf(m->login, sizeof m->login, "%s", token);
    s_say(m);
    if (m->state == STATE_WAITING)
        m->deadline = now;
    return 0;
}

int machine_set_meta(machine_t *m, const char *meta, uint64_t now) {
    if (m->closing || m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    m->now = now;
    snprintf(m->meta, sizeof m->meta, "%s", meta);
    s_say(m);
    return 0;
}

void machine_queue_begin(machine_t *m) {
    bool elsewhere = m->servers.count > 1 && !m->front_up;
    m->deadline = m->now + (elsewhere ? CONNECT_MS : m->heartbeat);
    m->queued_until = m->now + QUEUED_MAX_MS;
}

void machine_on_queued(machine_t *m, json_t *object) {
    uint64_t ahead = 0;
    const char *wrong = NULL;
    zr_get_uint_opt(object, "ahead", 0, &ahead, &wrong);
    if (m->state != STATE_GREETING || m->hello_id == 0)
        return;
    uint64_t deadline = m->now + m->heartbeat;
    m->deadline = deadline < m->queued_until ? deadline : m->queued_until;
    machine_queue_tell(m, ahead);
}

/* At most once a second, whatever the broker sends. */
void machine_queue_tell(machine_t *m, uint64_t ahead) {
    if (!m->login[0] || m->now < m->queued_told + QUEUED_TOLD_MS || events_full(m))
        return;
    m->queued_told = m->now;
    events_post(m, &(zrelay_event_t){.type = ZRELAY_QUEUED, .count = ahead});
}
