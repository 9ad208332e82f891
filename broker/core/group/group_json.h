/* Options and positions of groups in requests and answers. */
#ifndef GROUP_JSON_H
#define GROUP_JSON_H

#include "groups.h"
#include "request.h"

/* Reads the options that the request names into `options`, which holds the others. `wrong` as in control.h. */
bool group_json_read(const request_t *request, group_options_t *options, const char **wrong);

/* May the room for dead entries be used by this request? ZR_OK, ZR_FORBIDDEN or ZR_NOT_KEPT. */
zr_code_t group_json_check(relay_t *relay, const request_t *request, const group_options_t *options);

/* Reads `all`, `now` or `after` into `cursor`; of none of them `*given` is false, and it is as with `all`. */
bool group_json_position(relay_t *relay, const request_t *request, uint64_t *cursor, bool *given, const char **wrong);

/* Reads `group`, a valid name. */
bool group_json_name(const request_t *request, zr_span_t *name, const char **wrong);

/* Adds the options, and `paused`, to an answer. */
void group_json_write(json_t *answer, const group_t *group);

#endif
