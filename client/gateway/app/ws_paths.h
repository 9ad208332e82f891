/* The paths that are WebSockets: /v1/ws and /v1/rooms/ROOM/ws. */
#ifndef WS_PATHS_H
#define WS_PATHS_H

#include "exchange.h"
#include "gateway_config.h"
#include "http_route.h"
#include "uplink.h"
#include "ws.h"

typedef struct ws_paths ws_paths_t;

/* All of these must outlive it. */
ws_paths_t *ws_paths_new(const gateway_config_t *config, ws_pool_t *pool, uplink_t *uplink, feeds_t *feeds);
void ws_paths_destroy(ws_paths_t *paths); /* NULL is accepted */

void ws_paths_browser(void *ctx, exchange_t *e); /* /v1/ws; `ctx` is a ws_paths_t */
void ws_paths_room(ws_paths_t *paths, exchange_t *e, const http_route_t *route);

#endif
