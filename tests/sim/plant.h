/* Faults put into the broker on purpose, one at a time, to prove that the checks find them. Each breaks one promise, by
 * altering frames that go into the real relay or come out of it. */
#ifndef PLANT_H
#define PLANT_H

#include "blob.h"
#include "log.h"
#include "span.h"

struct sim;
struct client;

#define PLANTS(X)                                                                                                      \
    X(NONE, "none", "")                                                                                                \
    X(PREV_OFF_BY_ONE_BATCH, "prev-off-by-one-batch", "some live frames name the prev of the batch before")            \
    X(LOST_DEDUPE, "lost-dedupe", "a client that comes back is not known any more")                                    \
    X(EARLY_ACK, "early-ack", "the log says stored before it is")                                                      \
    X(BLIND_CAS, "blind-cas", "compare-and-set stores without comparing")                                              \
    X(SAME_EPOCH, "same-epoch", "a restart without the log keeps the epoch")                                           \
    X(SILENT_PONG, "silent-pong", "a pong names no heads")                                                             \
    X(WRONG_LEVEL, "wrong-level", "an ack claims a level that is not the log's")                                       \
    X(EAGER_ACK, "eager-ack", "an ack names one message too many")                                                     \
    X(LOST_REFUSAL, "lost-refusal", "some refusals are not told")                                                      \
    X(HOLED_REPLAY, "holed-replay", "a replay leaves out a frame and links over the hole")                             \
    X(FORGOTTEN_LEAVE, "forgotten-leave", "presence does not tell that a user left")                                   \
    X(FALSE_LOSS, "false-loss", "a replay says that older entries are gone, though they are there")                    \
    X(FORGOTTEN_MARKS, "forgotten-marks", "a restart on the log knows nobody's marks")                                 \
    X(FORGOTTEN_REFUSALS, "forgotten-refusals", "a restart on the log knows marks without refusals")                   \
    X(FORGOTTEN_VALUES, "forgotten-values", "a restart on the log knows no values")                                    \
    X(FORGOTTEN_GROUPS, "forgotten-groups", "a restart on the log knows no groups")                                    \
    X(UNTOLD_FAILURE, "untold-failure", "the log says stored of what did not fit on the disk")                         \
    X(POSITIONS_AGAIN, "positions-again", "rooms of a lower level begin anew in the same epoch")                       \
    X(PRIVATE_ON_BACK, "private-on-back", "what is for a private room's members is on the back too")                   \
    X(LATE_REVOCATION, "late-revocation", "other rights are in force a moment later")                                  \
    X(SUNKEN_FLOOR, "sunken-floor", "a room that was forgotten begins where it began before")                          \
    X(WRONG_COUNT, "wrong-count", "presence counts one user too many")                                                 \
    X(UNTOLD_CROWD, "untold-crowd", "presence does not say that it names nobody")                                      \
    X(STALE_META, "stale-meta", "presence does not tell that metas changed")                                           \
    X(SILENT_VERSIONS, "silent-versions", "a pong names no versions of presence")                                      \
    X(CROSSED_CHANNELS, "crossed-channels", "some frames go to another channel of a trunk")                            \
    X(LOST_KEYS, "lost-keys", "the HTTP gateway makes another client of an Idempotency-Key each time")                 \
    X(LOST_EVENT_ID, "lost-event-id", "the HTTP gateway does not look at Last-Event-ID")                               \
    X(FALSE_CREATED, "false-created", "the HTTP gateway answers 201 to what it could not publish")

typedef enum {
#define X(name, text, about) PLANT_##name,
    PLANTS(X)
#undef X
        PLANT_COUNT
} plant_t;

const char *plant_name(plant_t plant);
const char *plant_about(plant_t plant);
bool plant_from_name(const char *name, plant_t *plant);

/* Alter a frame as the planted fault wants: one that goes into the relay, one that it sends, one that it publishes.
 * Each takes over the reference and returns one. NULL: the frame is dropped. */
zr_blob_t *plant_in(
    struct sim *sim, struct client *client, bool first, zr_blob_t *frame); /* `first` of its connection */
zr_blob_t *plant_send(struct sim *sim, zr_blob_t *frame);
uint32_t plant_channel(struct sim *sim, uint32_t channel, size_t channels); /* of a trunk with so many; 0: unknown */
zr_blob_t *plant_publish(struct sim *sim, zr_blob_t *frame);
zr_blob_t *plant_web(struct sim *sim, zr_blob_t *frame); /* one that the HTTP gateway sends on its trunk */

/* The same for a log's answer. */
log_slice_t plant_read(struct sim *sim, const log_slice_t *slice);

#endif
