/* See relay_limits.h. */
#include "relay_limits.h"

#include "state.h"

void relay_set_limits(relay_t *relay, const relay_config_t *config) {
    const rate_cost_t per_second = {{[RATE_OPS] = config->rate_ops,
        [RATE_CONTROL] = config->rate_control,
        [RATE_ENTRIES] = config->rate_entries,
        [RATE_BYTES] = config->rate_bytes}};
    session_t *session, *next;
    relay->config = *config;
    relay->config.access = NULL; /* it may be another one by and by */
    relay->dedupe.max = config->max_clients;
    relay->sessions.connections.limits = rate_limits(&per_second, config->max_control, config->window);
    relay->sessions.channels.origins.max = config->max_address_channels;
    relay->sessions.channels.origins.rate = origins_rate(config->rate_channels);
    relay->room_state_limits.max_keys = config->max_keys;
    relay->room_state_limits.max_bytes = config->max_state_bytes;
    HASH_ITER(by_id, relay->sessions.by_id, session, next) /* debts from before make no flood now */
    rates_forgive(&session->rates, &relay->sessions.connections.limits);
}
