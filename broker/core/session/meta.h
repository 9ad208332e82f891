/* The member `meta` of hello and join: a JSON object that the session shows in presence. */
#ifndef META_H
#define META_H

#include "request.h"

/* Reads it. `*meta` is the caller's reference; NULL: the frame has no meta. false: it answered with an error. */
bool meta_read(relay_t *relay, const request_t *request, zr_blob_t **meta);

/* Answers that the session's metas are full (META_JOINS_MAX). */
void meta_fail_full(relay_t *relay, const request_t *request);

#endif
