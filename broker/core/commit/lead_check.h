/* Does this broker still lead? Another one may have taken the log over while this one stood still; then it can store nothing
 * any more, and its log ends the process. Until then its rooms end before positions that readers of the other broker have.
 * To such a reader all would seem to be lost. */
#ifndef LEAD_CHECK_H
#define LEAD_CHECK_H

#include "session.h"

struct relay;

enum { LEAD_WAIT_MS = 500 }; /* for a reader that is beyond the head, until this broker is sure */

/* May `session` be told that position `seq` is beyond the room's head, if it is? Yes, once a commit is stored that began after the
 * session asked, for some seconds. false: that commit is under way. A log that no other broker can take
 * over needs none. */
bool lead_is_sure(struct relay *relay, session_t *session, zr_span_t room, uint64_t seq);

#endif
