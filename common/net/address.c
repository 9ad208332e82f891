#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t s_mapped[12] = {[10] = 0xff, [11] = 0xff};

bool zr_address_is_ipv4(const zr_address_t *address) {
    return memcmp(address->bytes, s_mapped, sizeof s_mapped) == 0;
}

static zr_address_kind_t s_ipv4(const struct in_addr *from, zr_address_t *address) {
    uint8_t bytes[4];
    memcpy(bytes, from, sizeof bytes);
    if (bytes[0] == 127)
        return ZR_ADDRESS_LOCAL;
    memcpy(address->bytes, s_mapped, sizeof s_mapped);
    memcpy(address->bytes + sizeof s_mapped, bytes, sizeof bytes);
    return ZR_ADDRESS_COUNTED;
}

static zr_address_kind_t s_ipv6(const struct in6_addr *from, zr_address_t *address) {
    struct in_addr ipv4;
    if (IN6_IS_ADDR_LOOPBACK(from))
        return ZR_ADDRESS_LOCAL;
    if (memcmp(from->s6_addr, s_mapped, sizeof s_mapped) == 0) {
        memcpy(&ipv4, from->s6_addr + sizeof s_mapped, sizeof ipv4);
        return s_ipv4(&ipv4, address);
    }
    memcpy(address->bytes, from->s6_addr, 8);
    memset(address->bytes + 8, 0, 8);
    return ZR_ADDRESS_COUNTED;
}

zr_address_kind_t zr_address_of(const struct sockaddr *peer, socklen_t len, zr_address_t *address) {
    if (peer->sa_family == AF_INET && len >= sizeof(struct sockaddr_in))
        return s_ipv4(&((const struct sockaddr_in *)peer)->sin_addr, address);
    if (peer->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6))
        return s_ipv6(&((const struct sockaddr_in6 *)peer)->sin6_addr, address);
    return ZR_ADDRESS_BAD;
}

zr_address_kind_t zr_address_read(zr_span_t text, zr_address_t *address) {
    char copy[ZR_ADDRESS_MAX + 1] = "";
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (text.len == 0 || text.len > ZR_ADDRESS_MAX || memchr(text.ptr, 0, text.len))
        return ZR_ADDRESS_BAD;
    memcpy(copy, text.ptr, text.len);
    if (inet_pton(AF_INET, copy, &ipv4) == 1)
        return s_ipv4(&ipv4, address);
    return inet_pton(AF_INET6, copy, &ipv6) == 1 ? s_ipv6(&ipv6, address) : ZR_ADDRESS_BAD;
}

void zr_address_format(const zr_address_t *address, char out[ZR_ADDRESS_TEXT_SIZE]) {
    if (zr_address_is_ipv4(address))
        inet_ntop(AF_INET, address->bytes + sizeof s_mapped, out, ZR_ADDRESS_TEXT_SIZE);
    else if (inet_ntop(AF_INET6, address->bytes, out, INET6_ADDRSTRLEN))
        strcat(out, "/64");
}
