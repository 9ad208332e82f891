/* The audit as a stream, for administrators that follow it. */
#ifndef AUDIT_H
#define AUDIT_H

#include "relay.h"
#include "session.h"

enum { AUDITORS_MAX = 8 };

/* Sessions that follow, by their ids; 0: a free place. A zeroed struct is empty. */
typedef struct {
    uint64_t sessions[AUDITORS_MAX];
} auditors_t;

/* The session gets what audit_tell tells, until it ends or is no administrator's any more. false: too many follow. */
bool audit_follow(relay_t *relay, const session_t *session);

/* The line `number` of the audit, written at `time` (µs since 1970). `text` is valid UTF-8. */
void audit_tell(relay_t *relay, uint64_t number, uint64_t time, zr_span_t text);

#endif
