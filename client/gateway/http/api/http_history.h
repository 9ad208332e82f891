/* What the clock does to histories. */
#ifndef HTTP_HISTORY_H
#define HTTP_HISTORY_H

#include "http_api.h"

/* Goes on with those that the broker's rates had wait. */
void http_history_tick(http_api_t *api);

#endif
