/* X-Forwarded-For and the header of the PROXY protocol: a client behind an untrusted peer changes nothing, and what a
 * client puts before the proxy's own entry changes nothing. A header means the same in whatever pieces it comes. */
#include <string.h>

#include "fuzz.h"
#include "http_forwarded.h"

static address_t s_address(const char *text) {
    address_t address;
    fuzz_require(address_parse(zr_span(text), &address));
    return address;
}

static bool s_same(const address_t *a, const address_t *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static void s_check_forwarded(zr_span_t smuggled) {
    netblock_t block;
    fuzz_require(netblock_parse(zr_span("127.0.0.0/8"), &block));
    http_proxies_t proxies = {&block, 1};
    address_t stranger = s_address("203.0.113.7"), proxy = s_address("127.0.0.1");
    address_t found = http_forwarded_for(&proxies, &stranger, smuggled);
    fuzz_require(s_same(&found, &stranger));
    fuzz_require(!http_forwarded_secure(&proxies, &stranger, smuggled));
    static char list[4096];
    static const char own[] = ", 203.0.113.7";
    size_t len = smuggled.len < sizeof list - sizeof own ? smuggled.len : sizeof list - sizeof own;
    if (len > 0)
        memcpy(list, smuggled.ptr, len);
    memcpy(list + len, own, sizeof own - 1);
    found = http_forwarded_for(&proxies, &proxy, zr_span_of(list, len + sizeof own - 1));
    fuzz_require(s_same(&found, &stranger));
    http_forwarded_for(&proxies, &proxy, smuggled);
    http_forwarded_secure(&proxies, &proxy, smuggled);
}

static void s_check_proxy(zr_span_t bytes) {
    http_proxy_t whole, part;
    http_proxy_state_t state = http_proxy_read(&whole, bytes);
    for (size_t len = 0; len < bytes.len && len < HTTP_PROXY_HEAD + 64; len++) {
        http_proxy_state_t early = http_proxy_read(&part, zr_span_of(bytes.ptr, len));
        fuzz_require(early == HTTP_PROXY_MORE || early == state);
        fuzz_require(early != HTTP_PROXY_DONE || (part.size == whole.size && len >= whole.size));
    }
    fuzz_require(state != HTTP_PROXY_DONE || (whole.size <= bytes.len && whole.size <= HTTP_PROXY_MAX));
    fuzz_require(state != HTTP_PROXY_MORE || bytes.len < HTTP_PROXY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    s_check_forwarded(zr_span_of(data, size));
    s_check_proxy(zr_span_of(data, size));
    return 0;
}
