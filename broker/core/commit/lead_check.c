/* See lead_check.h. */
#include "lead_check.h"

#include "rooms.h"
#include "state.h"

/* Shorter than a lease that nobody renews (broker/log/postgres/CLUSTER.md). */
#define SURE_US 4000000ULL

bool lead_is_sure(relay_t *relay, session_t *session, zr_span_t room, uint64_t seq) {
    const batch_t *batch = &relay->batch;
    if (!relay->log->shared || seq <= room_head(relay, room))
        return true;
    bool asked = session->lead_link == session->link && session->lead_pass > batch->failing &&
                 relay->now - session->lead_at < SURE_US;
    if (asked)
        return session->lead_pass <= batch->stored;
    session->lead_link = session->link;
    session->lead_at = relay->now;
    session->lead_pass = batch_check(relay);
    return false;
}
