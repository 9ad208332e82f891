#include "http_forwarded.h"

#include <string.h>
#include <strings.h>

bool http_proxies_trust(const http_proxies_t *proxies, const address_t *address) {
    for (size_t i = 0; i < proxies->count; i++)
        if (netblock_has(&proxies->items[i], address))
            return true;
    return false;
}

/* --- X-Forwarded-For --- */

/* Takes the last entry off the list. */
static zr_span_t s_last(zr_span_t *list) {
    const char *comma = list->len ? memrchr(list->ptr, ',', list->len) : NULL;
    zr_span_t last = *list;
    if (comma)
        last = zr_span_of(comma + 1, list->len - (size_t)(comma + 1 - list->ptr));
    list->len = comma ? (size_t)(comma - list->ptr) : 0;
    return zr_span_trim(last);
}

/* Some proxies add a port: 192.0.2.1:4711, [2001:db8::1]:4711. */
static zr_span_t s_without_port(zr_span_t entry) {
    if (entry.len > 0 && entry.ptr[0] == '[') {
        zr_span_t inside = zr_span_of(entry.ptr + 1, entry.len - 1);
        return zr_span_cut(&inside, ']');
    }
    zr_span_t rest = entry;
    zr_span_t before = zr_span_cut(&rest, ':');
    bool one_colon = before.len < entry.len && (rest.len == 0 || !memchr(rest.ptr, ':', rest.len));
    return one_colon ? before : entry;
}

address_t http_forwarded_for(const http_proxies_t *proxies, const address_t *peer, zr_span_t forwarded) {
    address_t client = *peer, next;
    for (int hops = 0; hops < HTTP_FORWARDED_HOPS_MAX; hops++) {
        if (forwarded.len == 0 || !http_proxies_trust(proxies, &client))
            return client;
        if (!address_parse(s_without_port(s_last(&forwarded)), &next))
            return client;
        client = next;
    }
    return client;
}

bool http_forwarded_secure(const http_proxies_t *proxies, const address_t *peer, zr_span_t proto) {
    if (!http_proxies_trust(proxies, peer))
        return false;
    zr_span_t last = s_last(&proto);
    return last.len == 5 && strncasecmp(last.ptr, "https", 5) == 0;
}

/* --- PROXY protocol --- */

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21, OVER_IPV4 = 0x11, OVER_IPV6 = 0x21 }; /* IPv4 or IPv6, and TCP */
enum { SIZE_IPV4 = 12, SIZE_IPV6 = 36, TLV_HEAD = 3, TLV_SSL = 0x20, SSL_CLIENT = 0x01 };

static const char s_signature[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static unsigned s_u16(const char *at) {
    return (unsigned)(uint8_t)at[0] << 8 | (uint8_t)at[1];
}

/* The vectors behind the addresses; one of them tells of TLS. false: they break off. */
static bool s_read_vectors(http_proxy_t *proxy, zr_span_t rest) {
    while (rest.len > 0) {
        if (rest.len < TLV_HEAD)
            return false;
        size_t len = s_u16(rest.ptr + 1);
        if (rest.len - TLV_HEAD < len)
            return false;
        if ((uint8_t)rest.ptr[0] == TLV_SSL && len > 0)
            proxy->secure = rest.ptr[TLV_HEAD] & SSL_CLIENT;
        rest = zr_span_of(rest.ptr + TLV_HEAD + len, rest.len - TLV_HEAD - len);
    }
    return true;
}

static void s_map(address_t *address, const char *ipv4) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(address->bytes, mapped, sizeof mapped);
    memcpy(address->bytes + sizeof mapped, ipv4, 4);
}

static bool s_read_addresses(http_proxy_t *proxy, unsigned family, zr_span_t rest) {
    size_t size = family == OVER_IPV4 ? SIZE_IPV4 : SIZE_IPV6;
    if (family != OVER_IPV4 && family != OVER_IPV6)
        return true; /* a local socket, or UDP: the proxy's own address stays */
    if (rest.len < size)
        return false;
    if (family == OVER_IPV4)
        s_map(&proxy->source, rest.ptr);
    else
        memcpy(proxy->source.bytes, rest.ptr, sizeof proxy->source.bytes);
    proxy->port = (uint16_t)s_u16(rest.ptr + (family == OVER_IPV4 ? 8 : 32));
    proxy->has_source = true;
    return s_read_vectors(proxy, zr_span_of(rest.ptr + size, rest.len - size));
}

http_proxy_state_t http_proxy_read(http_proxy_t *proxy, zr_span_t bytes) {
    *proxy = (http_proxy_t){0};
    size_t known = bytes.len < sizeof s_signature ? bytes.len : sizeof s_signature;
    if (known > 0 && memcmp(bytes.ptr, s_signature, known) != 0)
        return HTTP_PROXY_BAD;
    if (bytes.len < HTTP_PROXY_HEAD)
        return HTTP_PROXY_MORE;
    unsigned command = (uint8_t)bytes.ptr[12], family = (uint8_t)bytes.ptr[13];
    proxy->size = HTTP_PROXY_HEAD + s_u16(bytes.ptr + 14);
    if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) || proxy->size > HTTP_PROXY_MAX)
        return HTTP_PROXY_BAD;
    if (bytes.len < proxy->size)
        return HTTP_PROXY_MORE;
    zr_span_t rest = zr_span_of(bytes.ptr + HTTP_PROXY_HEAD, proxy->size - HTTP_PROXY_HEAD);
    if (command == COMMAND_PROXY && !s_read_addresses(proxy, family, rest))
        return HTTP_PROXY_BAD;
    return HTTP_PROXY_DONE;
}
