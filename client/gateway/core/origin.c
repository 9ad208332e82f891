/* See origin.h. */
#include "origin.h"

#include <strings.h>

/* The host and port of an origin. */
static const char *s_authority(const char *origin) {
    const char *slashes = strstr(origin, "://");
    return slashes ? slashes + 3 : "";
}

bool origin_allowed(const gateway_config_t *config, const char *origin, const char *host) {
    if (!origin)
        return true;
    for (size_t i = 0; i < config->origin_count; i++)
        if (strcmp(config->origins[i], "*") == 0 || strcmp(config->origins[i], origin) == 0)
            return true;
    return config->origin_count == 0 && host && host[0] && strcasecmp(s_authority(origin), host) == 0;
}
