/* Answers of commands. */
#ifndef REPLY_H
#define REPLY_H

#include "request.h"

/* Sends `frame` (takes over the reference); without a route it is dropped. */
void send_frame(relay_t *relay, route_t route, zr_blob_t *frame);

/* Sends `bye` with the static `reason`. Many sessions with the same reason share the frame. */
void send_bye(relay_t *relay, route_t route, const char *reason);

/* Answers with `object` (takes over the reference) plus `re`. */
void reply(relay_t *relay, const request_t *request, json_t *object);

/* Answers with an error. `text` NULL: the code's own. fail_with adds the members of `more` (takes over the reference).
 */
void fail(relay_t *relay, const request_t *request, zr_code_t code, const char *text);
void fail_with(relay_t *relay, const request_t *request, zr_code_t code, const char *text, json_t *more);

/* The same error, counted, for the caller to send. */
json_t *failure(relay_t *relay, const request_t *request, zr_code_t code, const char *text, json_t *more);

/* bad-member, naming it. */
void fail_member(relay_t *relay, const request_t *request, const char *member);

/* An error that answers no request: binary frames. `more` as above or NULL. */
void send_error(relay_t *relay, route_t route, zr_code_t code, json_t *more);

/* rate-limited, with the time after which to ask again. */
void fail_wait(relay_t *relay, const request_t *request, uint64_t wait_ms);

#endif
