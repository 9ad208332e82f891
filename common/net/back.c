/* See back.h. */
#include "back.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "remote.h"

enum { HOST_MAX = 255, PATH_MAX_BYTES = sizeof((struct sockaddr_un *)0)->sun_path - 1 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char *s_after(const char *text, const char *start) {
    size_t len = strlen(start);
    return strncmp(text, start, len) == 0 ? text + len : NULL;
}

/* The host of a tcp endpoint with a valid port, without brackets. */
static bool s_host(const char *endpoint, char host[HOST_MAX + 1]) {
    const char *start = s_after(endpoint, "tcp://"), *end = strrchr(endpoint, ':');
    if (!start || !remote_valid(endpoint) || end < start)
        return false;
    size_t len = (size_t)(end - start);
    if (len >= 2 && start[0] == '[' && end[-1] == ']') {
        start++;
        len -= 2;
    }
    if (len == 0 || len > HOST_MAX)
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    return true;
}

/* Its last label begins with a letter. So no resolver takes it for a number, such as "127.1" or "0x7f000001". */
static bool s_is_name(const char *host) {
    const char *last = strrchr(host, '.');
    return host[strspn(host, LETTERS DIGITS "-_.")] == '\0' && strspn(last ? last + 1 : host, LETTERS) > 0;
}

/* The usual forms only. false: neither an address that a peer can have nor a name. */
static bool s_is_usual(const char *host) {
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, host, &ipv4) == 1)
        return ntohl(ipv4.s_addr) >> 24 != 0;
    if (inet_pton(AF_INET6, host, &ipv6) == 1)
        return !IN6_IS_ADDR_UNSPECIFIED(&ipv6) && !IN6_IS_ADDR_V4COMPAT(&ipv6) &&
               !(IN6_IS_ADDR_V4MAPPED(&ipv6) && ipv6.s6_addr[12] == 0);
    return s_is_name(host);
}

static bool s_is_local(const char *host) {
    struct in_addr ipv4;
    struct in6_addr ipv6;
    size_t len = strlen(host), suffix = strlen(".localhost");
    if (inet_pton(AF_INET, host, &ipv4) == 1)
        return ntohl(ipv4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &ipv6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&ipv6) || (IN6_IS_ADDR_V4MAPPED(&ipv6) && ipv6.s6_addr[12] == 127);
    return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "ip6-localhost") == 0 ||
           strcasecmp(host, "ip6-loopback") == 0 ||
           (len > suffix && strcasecmp(host + len - suffix, ".localhost") == 0);
}

/* Path games: what looks like the same directory must be it. */
static const char *s_ipc(const char *front, const char *back) {
    const char *slash = strrchr(back, '/');
    size_t len = slash ? (size_t)(slash - back) : 0, total = strlen(back);
    if (total == 0 || total > PATH_MAX_BYTES || back[total - 1] == '/' || strpbrk(back, "*;"))
        return "the broker names a back that is no path";
    if ((front[0] == '@') != (back[0] == '@'))
        return "the broker names a back in another place than its front's";
    if (front[0] == '@')
        return NULL;
    const char *own = strrchr(front, '/');
    size_t own_len = own ? (size_t)(own - front) : 0;
    if (!slash != !own || len != own_len || memcmp(front, back, len) != 0 ||
        strcmp(slash ? slash + 1 : back, "..") == 0)
        return "the broker names a back in another directory than its front's";
    return NULL;
}

static const char *s_tcp(const char *server, const char *back) {
    char front_host[HOST_MAX + 1], host[HOST_MAX + 1];
    if (!s_host(back, host) || !s_is_usual(host))
        return "the broker names a back that is no address";
    bool ipc = s_after(server, "ipc://");
    if (!ipc && !s_host(server, front_host))
        return "the broker names a back that does not fit its front";
    if (!ipc && strcasecmp(front_host, host) == 0)
        return NULL;
    bool local = ipc || remote_is_local(server);
    if (local && !s_is_local(host))
        return "the broker is on this machine and names a back on another; connect to it by that other address";
    if (!local && s_is_local(host))
        return "the broker is on another machine and names a back on this one";
    return NULL;
}

const char *back_refusal(const char *server, const char *back) {
    const char *path = s_after(back, "ipc://"), *front = s_after(server, "ipc://");
    for (const char *at = back; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == ';')
            return "the broker names a back that is no endpoint";
    if (path)
        return front ? s_ipc(front, path) : "the broker names a back that is no address";
    if (s_after(back, "tcp://"))
        return s_tcp(server, back);
    return "the broker names a back that is neither tcp nor ipc";
}
