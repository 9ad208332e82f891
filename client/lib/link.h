/* The two sockets of a session and the one file descriptor to wait for both. Carries out the machine's actions and
 * fetches frames; decides nothing. The thread that calls uses the sockets. The guard's thread may close one that is too
 * far ahead of the program (guard.h): a closed front is LINK_DOWN, a closed back LINK_BACK. */
#ifndef LINK_H
#define LINK_H

#include "link_changes.h"
#include "machine.h"

typedef struct link link_t;

/* NULL when the system has no memory, descriptors or threads left; `errno` says which. */
link_t *link_new(void);

/* Encrypts the sockets that are made from now on; keys in Z85. They are copied, and wiped in the end. An action that
 * connects the front may bring another server's key, which holds from then on. */
void link_set_curve(link_t *l, const char *server_key, const char *public_key, const char *secret_key);

/* Bytes that the back may hold (ahead.h), AHEAD_QUEUE unless set; for sockets made from now on. The front may hold that
 * much too, and AHEAD_QUEUE at least: the replays that the session itself asks for come there. */
void link_set_receive_queue(link_t *l, uint64_t bytes);

/* Sockets are made in `context`, which stays the caller's, instead of one of the link's own. Before the first action.
 */
void link_set_context(link_t *l, void *context);

/* Sockets are made in the context that the sessions of this process share (guard_context). Before the first action. */
void link_share_context(link_t *l);

/* Waits up to `linger_ms` until queued frames are sent. NULL is accepted. */
void link_destroy(link_t *l, int linger_ms);

/* In a forked child: frees what can be freed there. The sockets are the parent's, and so is libzmq's memory. */
void link_abandon(link_t *l);

/* Carries out `action`. False: the DEALER takes no more now. */
bool link_perform(link_t *l, const action_t *action);

/* The next frame, the caller's; NULL: no frame is here. */
zr_blob_t *link_front(link_t *l);
zr_blob_t *link_back(link_t *l);

/* Changes of the connections, one for each call; the front's come in order. They are told apart from the frames: frames
 * from before a change may still have to be fetched, LINK_FRAMES_MAX at most. */
enum {
    LINK_FRAMES_MAX = 4096,
    LINK_STEADY_MS = 10000, /* a connection that stood so long may be made again by libzmq itself */
};
link_change_t link_change(link_t *l);

/* Why LINK_UNREACHABLE was told last, in a few words; valid until the next link_change. */
const char *link_why(const link_t *l);

/* Something is to be fetched, or, if `blocked`, the DEALER takes frames again. To be asked before each wait: the
 * descriptor tells of a change only once, and sending may have swallowed that. */
bool link_ready(link_t *l, bool blocked);

/* Waits until something may be ready. A socket that had nothing is not asked again before this has said that it may
 * have. False when a signal arrived. */
bool link_wait(link_t *l, int timeout_ms);

/* Readable when something may be ready; stays the same while sockets come and go. */
int link_fd(const link_t *l);

#endif
