/* See netblock.h. */
#include "netblock.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "options.h"

enum { MAPPED = 12, ALL_BITS = 128, IPV4_BITS = 32 }; /* MAPPED: bytes before an IPv4 address in IPv6 */

static const uint8_t s_mapped[MAPPED] = {[10] = 0xff, [11] = 0xff};

static bool s_is_ipv4(const address_t *address) {
    return memcmp(address->bytes, s_mapped, MAPPED) == 0;
}

bool address_parse(zr_span_t text, address_t *out) {
    char copy[ADDRESS_TEXT];
    struct in_addr ipv4;
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &ipv4) != 1)
        return inet_pton(AF_INET6, copy, out->bytes) == 1;
    memcpy(out->bytes, s_mapped, MAPPED);
    memcpy(out->bytes + MAPPED, &ipv4, sizeof ipv4);
    return true;
}

bool address_from_socket(const struct sockaddr *socket, address_t *out) {
    if (socket->sa_family == AF_INET6) {
        memcpy(out->bytes, &((const struct sockaddr_in6 *)socket)->sin6_addr, sizeof out->bytes);
        return true;
    }
    if (socket->sa_family != AF_INET)
        return false;
    memcpy(out->bytes, s_mapped, MAPPED);
    memcpy(out->bytes + MAPPED, &((const struct sockaddr_in *)socket)->sin_addr, sizeof(struct in_addr));
    return true;
}

void address_format(const address_t *address, char out[ADDRESS_TEXT]) {
    bool ipv4 = s_is_ipv4(address);
    inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? address->bytes + MAPPED : address->bytes, out, ADDRESS_TEXT);
}

bool address_is_loopback(const address_t *address) {
    static const uint8_t ipv6[16] = {[15] = 1};
    return s_is_ipv4(address) ? address->bytes[MAPPED] == 127 : memcmp(address->bytes, ipv6, sizeof ipv6) == 0;
}

void address_peer(const address_t *address, address_t *out) {
    *out = *address;
    if (!s_is_ipv4(address))
        memset(out->bytes + 8, 0, 8);
}

/* The first `bits` of both are the same. */
static bool s_same(const uint8_t *a, const uint8_t *b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

static bool s_zero_from(const uint8_t *bytes, unsigned bits) {
    for (unsigned at = bits; at < ALL_BITS; at++)
        if (bytes[at / 8] & (0x80 >> at % 8))
            return false;
    return true;
}

bool netblock_parse(zr_span_t text, netblock_t *out) {
    zr_span_t address = zr_span_cut(&text, '/');
    char digits[4];
    uint64_t bits;
    if (!address_parse(address, &out->address))
        return false;
    unsigned before = s_is_ipv4(&out->address) && !memchr(address.ptr, ':', address.len) ? ALL_BITS - IPV4_BITS : 0;
    out->bits = ALL_BITS;
    if (address.ptr + address.len == text.ptr) /* without a slash */
        return true;
    if (text.len == 0 || text.len >= sizeof digits)
        return false;
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    if (!zr_number_parse(digits, ALL_BITS - before, &bits))
        return false;
    out->bits = before + (unsigned)bits;
    return s_zero_from(out->address.bytes, out->bits);
}

bool netblock_has(const netblock_t *block, const address_t *address) {
    return s_same(block->address.bytes, address->bytes, block->bits);
}
