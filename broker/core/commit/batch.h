/* Gathering: the entries of one pass go into one frame for each room. The answers wait until the log has stored them. A
 * pass is everything gathered between two flushes. Passes are stored in their order. */
#ifndef BATCH_H
#define BATCH_H

#include <jansson.h>

#include "room.h"
#include "session.h"

typedef struct {
    room_t *room;
    zr_blob_t *frame;
    uint64_t last;
    bool keyed; /* some entry has a key */
} batch_frame_t;

/* Message ids first … last that an answer speaks of. None of them was refused. */
typedef struct {
    uint64_t first, last; /* 0: a JSON publish without an id */
    bool fresh;           /* stored in this pass; else they were resent */
    const room_t *room;   /* of fresh ones in binary frames */
    size_t next;          /* of the same answer; 0: none */
} batch_part_t;

/* The answer that a session gets once the pass is stored. If it could not be stored, the session gets an error. */
typedef struct {
    uint64_t session;
    char client[ZR_CLIENT_ID_LEN];
    json_t *object; /* the answer to a JSON publish; NULL: a binary ACK */
    zr_ack_t ack;
    size_t part, last_part; /* the first and last part that it covers: places in the pass */
    uint64_t link;          /* of the session when it was asked (session.h) */
    bool closed;            /* later acks do not join this one */
} batch_answer_t;

/* The answer to a SETTLE, once the pass is stored. */
typedef struct {
    uint64_t session, link;
    zr_blob_t *frame; /* SETTLED */
    uint32_t worker;
    uint64_t number;
} batch_settled_t;

/* A group that is stored with a pass, and all up to `finished` finished. */
typedef struct {
    struct room_group *group;
    uint64_t finished;
} batch_group_t;

typedef struct pass {
    uint64_t number;
    room_t **forgets; /* rooms that go */
    size_t forget_count, forget_size;
    batch_frame_t *frames;
    size_t frame_count, frame_size;
    batch_answer_t *answers;
    size_t answer_count, answer_size;
    batch_part_t *parts;
    size_t part_count, part_size;
    size_t object_count;               /* answers that are objects */
    char (*touched)[ZR_CLIENT_ID_LEN]; /* client ids whose marks moved */
    size_t touched_count, touched_size;
    batch_group_t *groups; /* that are stored with it */
    size_t group_count, group_size;
    batch_settled_t *settled;
    size_t settled_count, settled_size;
    bool check;               /* it tells whether this broker still leads (log_commit_t) */
    struct pass *prev, *next; /* committed and not stored yet, in order */
} pass_t;

typedef struct {
    pass_t *current; /* NULL: nothing gathered */
    pass_t *waiting; /* for the log */
    pass_t *spare;   /* one kept for the next pass */
    room_t *open;    /* rooms with an open frame */
    uint64_t last_number;
    uint64_t stored;  /* the newest pass that the log has stored */
    uint64_t failing; /* the log could not store a pass, and those up to this one go with it */
} batch_t;

/* An entry that was taken in. */
typedef struct {
    uint64_t mid, seq;
} batch_added_t;

struct relay;

void batch_finish(batch_t *batch);

/* Takes an entry of `room` in: gives it seq and time. The views are copied. A frame that is full goes to the log at
 * once. */
void batch_add(struct relay *relay, room_t *room, zr_entry_t *entry, uint64_t now);

/* The same for an entry that has its position, above the room's head, and its time. */
void batch_add_kept(struct relay *relay, room_t *room, zr_entry_t *entry);

/* The same for all plain entries that come next in a PUBLISH frame. Nearly all messages pass here. `*added` is the last
 * one; false: no frame was left. */
bool batch_add_plain(struct relay *relay, room_t *room, zr_publish_reader_t *reader, zr_span_t sender, uint64_t now,
    batch_added_t *added);

/* Once this pass is stored, all message ids of `session` up to ack->upto are answered. `room`: the entries `first` …
 * ack->upto that are new are stored there with the pass. NULL: all were stored before. `alone`: in an ACK of its
 * own. */
void batch_ack(
    struct relay *relay, session_t *session, const room_t *room, uint64_t first, const zr_ack_t *ack, bool alone);

/* An entry of `session` was refused: it lies between what was acked before and what will be. */
void batch_refused(session_t *session);

/* Once this pass is stored, `object` goes to `session`: the ack of a JSON publish with message id `mid` (0: none).
 * Takes over the reference. `fresh`: the entry is stored with the pass; else it was stored before. */
void batch_answer(struct relay *relay, session_t *session, json_t *object, uint64_t mid, bool fresh);

/* Likewise `object` goes to `session`: the error that refuses the message ids `first` … `last` (0: the message has none).
 * The pass tells whether this broker still leads: else another one may have stored them. */
void batch_refusal(struct relay *relay, session_t *session, json_t *object, uint64_t first, uint64_t last);

/* The marks of `client` moved: they are stored with the pass. */
void batch_touch(struct relay *relay, client_t *client);

/* The group, as it is at the end of the pass, is stored with it. */
void batch_group(struct relay *relay, struct room_group *group);

/* Once this pass is stored, `frame` goes to `session`, the answer to its SETTLE `number` of `worker`. Takes over the
 * reference. */
void batch_settled(struct relay *relay, const session_t *session, zr_blob_t *frame, uint32_t worker, uint64_t number);

/* This pass tells whether this broker still leads, even if nothing else is in it. Its number. */
uint64_t batch_check(struct relay *relay);

/* The room is to be forgotten with this pass. Nothing of it may be open or unstored; until the pass is answered it
 * stays, and may be used. */
void batch_forget(struct relay *relay, room_t *room);

/* End of the pass: all open frames to the log, then commit. */
void batch_flush(struct relay *relay);

/* Keeps an emptied pass for the next one, or frees it. */
void batch_recycle(batch_t *batch, pass_t *pass);

/* The log has stored pass `number`: publishes its frames and sends its answers. If `ok` is false, it and every other
 * pass that waits failed: their entries are refused, and the rooms are as they were. */
void batch_stored(struct relay *relay, uint64_t number, bool ok);

#endif
