/* Requests, which answer belongs to which, and asking again on another connection. */
#ifndef MACHINE_REQUESTS_H
#define MACHINE_REQUESTS_H

#include "machine_state.h"

request_t *request_new(machine_t *m, request_kind_t kind, zr_span_t name);
void request_free(machine_t *m, request_t *request);
void request_abandon(machine_t *m, request_t *request); /* frees a replay, once it is no longer under way */
void request_leave(machine_t *m, zr_span_t room);
void request_again(machine_t *m, request_t *request, uint64_t delay); /* asks it (again) when there is room */
void request_go_on(machine_t *m, request_t *request); /* with its next part, after what others want to ask */
void request_retry(machine_t *m, request_t *request, uint64_t least); /* the same without progress: backs off */

/* Asks for the next page of a list, after the `member` of the last one of `page`. False: no page is left, or the list
 * does not go forward. Small pages wait for each other: a broker that gives one name a page must not have us ask all
 * the time. */
bool request_next_page(machine_t *m, request_t *request, const json_t *page, const char *member, bool more);
void requests_lost(machine_t *m);
void requests_welcome(machine_t *m, bool new_epoch);
bool requests_closing(const machine_t *m); /* something is to be said before the end */
void requests_schedule(machine_t *m);
void requests_finish(machine_t *m);
void requests_on_answer(machine_t *m, const char *op, uint64_t re, json_t *object);
bool requests_on_error(machine_t *m, uint64_t re, json_t *error);     /* false: not one of ours */
void request_done(machine_t *m, request_t *request);                  /* ZRELAY_DONE, and free */
request_t *request_reading(machine_t *m, bool state, zr_span_t room); /* the snapshot, or else the replay, under way */
const char *request_room(const request_t *request);                   /* NULL: it is not about a room */

#endif
