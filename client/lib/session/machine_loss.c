/* How a session is lost, and when the next attempt comes. See machine_loss.h. */
#include "machine_loss.h"

#include "machine_actions.h"
#include "machine_events.h"
#include "machine_requests.h"
#include "machine_rooms.h"
#include "machine_work.h"

void loss_final(machine_t *m) {
    actions_drop(m);
    requests_lost(m);
    rooms_lost(m);
    work_lost(m);
    m->connection++;
    machine_do(m, ACTION_DISCONNECT);
    m->state = STATE_CLOSED;
    m->deadline = NEVER;
    events_post(m, &(zrelay_event_t){.type = ZRELAY_CLOSED});
}

bool loss_begin(machine_t *m, const char *code, const char *why) {
    bool leaving = m->state == STATE_LEAVING;
    if (m->state == STATE_LIVE)
        m->flaps = m->now < m->since + STEADY_MS ? m->flaps + 1 : 0;
    requests_lost(m);
    rooms_lost(m);
    work_lost(m);
    m->pinged = m->late_until = NEVER;
    m->hello_id = 0;
    m->rename_at = NEVER;
    if (m->connected || (!m->config.reconnect && !leaving))
        events_post(m, &(zrelay_event_t){.type = ZRELAY_DISCONNECTED, .code = code, .text = why});
    m->connected = false;
    if (m->config.reconnect && !leaving)
        return true;
    loss_final(m);
    return false;
}

/* Full jitter: clients that lost the same broker at the same moment do not come back at the same moment. */
void loss_wait(machine_t *m) {
    actions_drop(m);
    m->connection++;
    machine_do(m, ACTION_DISCONNECT);
    m->back_open = false;
    uint64_t window = BACKOFF_MIN_MS, chance;
    unsigned servers = m->servers.count ? (unsigned)m->servers.count : 1;
    unsigned doublings = m->attempts / servers + (m->flaps ? m->flaps - 1 : 0);
    for (unsigned i = 0; i < doublings && window < BACKOFF_MAX_MS; i++)
        window *= 2;
    if (window > BACKOFF_MAX_MS)
        window = BACKOFF_MAX_MS;
    m->attempts++;
    m->config.entropy(m->config.entropy_ctx, &chance, sizeof chance);
    m->state = STATE_WAITING;
    m->deadline = m->now + chance % (window + 1);
    m->moves = m->servers.count > 1;
}

void loss_move_on(machine_t *m) {
    m->hello_id = 0;
    loss_wait(m);
}

bool loss_goes_on(machine_t *m) {
    m->missed++;
    return m->missed < m->servers.count;
}

void loss_back_off(machine_t *m, const char *code, const char *why) {
    if (loss_begin(m, code, why))
        loss_wait(m);
}

/* The same, for a while that is longer from the first time on. */
void loss_back_off_long(machine_t *m, const char *code, const char *why) {
    unsigned least = BACKOFF_LONG * (m->servers.count ? (unsigned)m->servers.count : 1);
    if (m->attempts < least)
        m->attempts = least;
    loss_back_off(m, code, why);
}

/* The wish begins the back-off anew: it says nothing of how the broker fares. */
int machine_reconnect(machine_t *m, uint64_t now) {
    if (m->closing || !m->config.reconnect || m->state == STATE_CLOSED || m->state == STATE_NAMING)
        return ZRELAY_ESTATE;
    m->now = now;
    if (m->state != STATE_WAITING)
        loss_back_off(m, "reconnect", "the program asked for a new connection");
    m->attempts = m->flaps = 0;
    m->deadline = now;
    return 0;
}

/* Told once, not at each attempt. */
void loss_tell_unreachable(machine_t *m, const char *why) {
    if (m->config.reconnect && !m->unreachable_told)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_DISCONNECTED, .code = LOSS_UNREACHABLE, .text = why});
    m->unreachable_told = true;
}

/* The end of an earlier session was told already. */
void loss_no_session(machine_t *m, const char *why) {
    if (loss_goes_on(m)) {
        loss_move_on(m);
        return;
    }
    if (!m->epoch[0])
        loss_tell_unreachable(m, why);
    loss_back_off(m, LOSS_UNREACHABLE, why);
}
