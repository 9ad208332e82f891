/* The queue of events, decoded when they are taken. */
#ifndef MACHINE_EVENTS_H
#define MACHINE_EVENTS_H

#include "machine_state.h"

void events_finish(machine_t *m);
bool events_full(const machine_t *m);                        /* queue no frames that the broker sends unasked */
void events_post(machine_t *m, const zrelay_event_t *event); /* copies its strings */
void events_entries(
    machine_t *m, zr_blob_t *frame, const scan_t *scan, uint64_t request); /* takes a reference of its own */
void events_work(
    machine_t *m, zr_blob_t *frame, const scan_t *scan, uint32_t worker, uint64_t deliveries); /* likewise */
void events_list(machine_t *m, item_kind_t kind, json_t *object, json_t *list, const zrelay_event_t *event);
void events_error(machine_t *m, const json_t *error, zrelay_event_t *event); /* fills in code, text, seq; posts it */
uint64_t error_wait(const json_t *error);                                    /* of `rate-limited`: milliseconds */

#endif
