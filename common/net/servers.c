/* See servers.h. */
#include "servers.h"

#include <string.h>

static bool s_has(const zr_servers_t *servers, zr_span_t endpoint) {
    for (size_t i = 0; i < servers->count; i++)
        if (zr_span_equal(endpoint, zr_span(servers->items[i].endpoint)))
            return true;
    return false;
}

static void s_add(zr_servers_t *servers, zr_span_t endpoint) {
    zr_server_t *server = &servers->items[servers->count++];
    *server = (zr_server_t){0};
    memcpy(server->endpoint, endpoint.ptr, endpoint.len);
}

static const char *s_fault(const zr_servers_t *servers, zr_span_t endpoint) {
    return endpoint.len == 0                  ? "an endpoint is missing in the list; write A,B,C"
           : endpoint.len > ZR_SERVER_MAX     ? "an endpoint has at most 256 bytes"
           : s_has(servers, endpoint)         ? "an endpoint stands twice in the list"
           : servers->count >= ZR_SERVERS_MAX ? "at most 16 endpoints can be named"
                                              : NULL;
}

const char *zr_servers_read(zr_servers_t *servers, zr_span_t list) {
    const char *fault = NULL;
    bool more = true;
    *servers = (zr_servers_t){0};
    while (more && !fault) {
        more = list.len > 0 && memchr(list.ptr, ',', list.len);
        zr_span_t endpoint = zr_span_trim(zr_span_cut(&list, ','));
        fault = s_fault(servers, endpoint);
        if (!fault)
            s_add(servers, endpoint);
    }
    servers->named = servers->count;
    if (fault)
        *servers = (zr_servers_t){0};
    return fault;
}

const char *zr_servers_read_keys(zr_servers_t *servers, zr_span_t keys) {
    bool one = keys.len == 0 || !memchr(keys.ptr, ',', keys.len);
    for (size_t i = 0; i < servers->count; i++) {
        zr_span_t key = one ? keys : zr_span_trim(zr_span_cut(&keys, ','));
        if (!zr_curve_decode(key, NULL))
            return "a key has 40 characters (Z85); give one for all endpoints, or one for each in their order";
        memcpy(servers->items[i].key, key.ptr, ZR_CURVE_LEN);
    }
    return one || keys.len == 0 ? NULL : "there are more keys than endpoints";
}

bool zr_server_keys_valid(zr_span_t keys) {
    bool valid = keys.len > 0 && keys.len <= ZR_SERVER_KEYS_MAX;
    while (valid && keys.len > 0)
        valid = zr_curve_decode(zr_span_trim(zr_span_cut(&keys, ',')), NULL);
    return valid;
}

const zr_server_t *zr_servers_now(const zr_servers_t *servers) {
    return &servers->items[servers->at];
}

void zr_servers_next(zr_servers_t *servers) {
    servers->at = servers->at + 1 < servers->count ? servers->at + 1 : 0;
}

void zr_servers_forget(zr_servers_t *servers) {
    servers->count = servers->named;
    if (servers->at < servers->named)
        return;
    servers->items[servers->named] = servers->items[servers->at];
    servers->at = servers->named;
    servers->count++;
}

void zr_servers_learn(zr_servers_t *servers, zr_span_t endpoint) {
    if (s_fault(servers, endpoint))
        return;
    s_add(servers, endpoint);
    strcpy(servers->items[servers->count - 1].key, zr_servers_now(servers)->key);
}
