/* Delivery: gaps, frames kept meanwhile, replays, and what is lost for good. */
#ifndef MACHINE_REPAIR_H
#define MACHINE_REPAIR_H

#include "machine_state.h"

bool scan_frame(scan_t *scan, zr_span_t frame, uint64_t after); /* false: it is malformed somewhere */
void repair_live(machine_t *m, room_t *room, zr_blob_t *frame, const zr_deliver_reader_t *reader, bool front);
void repair_replayed(machine_t *m, zr_blob_t *frame, const zr_deliver_reader_t *reader);
void repair_begin(machine_t *m, room_t *room, bool tell); /* a replay, if the room is live and no replay is under way */
bool repair_is_due(const room_t *room);                   /* one is under way, or waits for its turn */
void repair_abandon(machine_t *m, room_t *room);          /* no replay is wanted any more */
void repair_schedule(machine_t *m);                       /* begins those that wait, as many as may be */
void repair_settle(machine_t *m, room_t *room);           /* no replay is under way: what now? */
void repair_lost(machine_t *m, room_t *room, uint64_t upto);
void repair_on_replayed(machine_t *m, request_t *request, json_t *object); /* of a history too */
void repair_on_refused(machine_t *m, request_t *request, json_t *error);

#endif
