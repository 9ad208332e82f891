/* Streams of server-sent events: what the clock does to them, and what they hold. */
#ifndef HTTP_EVENTS_H
#define HTTP_EVENTS_H

#include "http_api.h"

/* Goes on with streams that waited, and shows that idle ones live. */
void http_events_tick(http_api_t *api);

/* Bytes that wait for all streams. */
size_t http_events_queued(const http_api_t *api);

#endif
