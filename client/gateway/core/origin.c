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

/* The host of "host:port", without the brackets of IPv6. */
static zr_span_t s_host(zr_span_t authority) {
    if (authority.len > 0 && authority.ptr[0] == '[') {
        zr_span_t inside = zr_span_of(authority.ptr + 1, authority.len - 1);
        return zr_span_cut(&inside, ']');
    }
    return zr_span_cut(&authority, ':');
}

static bool s_same_name(zr_span_t a, zr_span_t b) {
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* RFC 6761: such names are loopback addresses everywhere. */
static bool s_is_localhost(zr_span_t host) {
    static const char name[] = ".localhost";
    size_t len = sizeof name - 1;
    return s_same_name(host, zr_span(name + 1)) ||
           (host.len > len && s_same_name(zr_span_of(host.ptr + host.len - len, len), zr_span(name)));
}

bool origin_host_allowed(const gateway_config_t *config, const char *host) {
    zr_span_t name = s_host(zr_span(host));
    address_t address;
    if (!host || s_is_localhost(name) || address_parse(name, &address))
        return true;
    for (size_t i = 0; i < config->origin_count; i++)
        if (strcmp(config->origins[i], "*") == 0 || s_same_name(name, s_host(zr_span(s_authority(config->origins[i])))))
            return true;
    return false;
}
