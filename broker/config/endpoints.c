/* See endpoints.h. May call nothing but the C library and names.h; must not know sockets or the configuration. */
#include "endpoints.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "names.h"
#include "options.h"

#define TCP_PREFIX "tcp://"
#define IPC_PREFIX "ipc://"
#define BACK_SUFFIX "-back"

static bool s_starts(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* --- Parsing --- */

static const char *s_parse_port(const char *text, uint16_t *port) {
    if (strcmp(text, "*") == 0) {
        *port = 0;
        return NULL;
    }
    uint64_t value;
    if (!zr_number_parse(text, UINT16_MAX, &value))
        return "the port is a number up to 65535, or * for a free one";
    *port = (uint16_t)value;
    return NULL;
}

/* An IPv6 address has many spellings. Connections tell theirs in one (s_arrival). */
static const char *s_spell_ipv6(char host[ENDPOINT_HOST_MAX + 1]) {
    struct in6_addr address;
    if (inet_pton(AF_INET6, host, &address) != 1)
        return "what stands in brackets is no IPv6 address";
    inet_ntop(AF_INET6, &address, host, ENDPOINT_HOST_MAX + 1);
    return NULL;
}

/* `text` is what stands between tcp:// and the port, `len` bytes. */
static const char *s_parse_host(const char *text, size_t len, char out[ENDPOINT_HOST_MAX + 1]) {
    struct in_addr ipv4;
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (bracketed) {
        text++;
        len -= 2;
    }
    if (len == 0)
        return "the address is missing; write tcp://ADDRESS:PORT, for example tcp://127.0.0.1:5570";
    if (len > ENDPOINT_HOST_MAX)
        return "the address is too long";
    memcpy(out, text, len);
    out[len] = '\0';
    if (bracketed)
        return s_spell_ipv6(out);
    if (strcmp(out, "*") == 0)
        return NULL;
    if (strchr(out, ':'))
        return "an IPv6 address stands in brackets: tcp://[::1]:5570";
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)out[i]) && !strchr(".-_", out[i]))
            return "the address holds a character that no address has";
    if (strspn(out, "0123456789.") == len && inet_pton(AF_INET, out, &ipv4) != 1)
        return "this is no IPv4 address";
    if (strcasecmp(out, "localhost") == 0)
        strcpy(out, "127.0.0.1");
    return NULL;
}

static const char *s_parse_tcp(endpoint_t *endpoint, const char *text) {
    const char *colon = strrchr(text, ':');
    if (!colon)
        return "the port is missing; write tcp://ADDRESS:PORT, for example tcp://127.0.0.1:5570";
    const char *wrong = s_parse_port(colon + 1, &endpoint->port);
    return wrong ? wrong : s_parse_host(text, (size_t)(colon - text), endpoint->host);
}

static const char *s_parse_ipc(endpoint_t *endpoint, const char *text) {
    size_t len = strlen(text);
    if (len == 0 || strcmp(text, "@") == 0 || strcmp(text, "*") == 0)
        return "the path is missing; write ipc://PATH, for example ipc:///run/zrelay/front";
    if (len > ENDPOINT_PATH_MAX)
        return "the path is longer than the 107 bytes that a Unix socket's address holds";
    if (!zr_utf8_valid(zr_span(text))) /* clients are told the path in JSON */
        return "the path is not valid UTF-8; choose a path that is";
    if (strchr(text, ' ') || !zr_is_shown(zr_span(text)))
        return "the path holds a space or a control character; choose a path without";
    memcpy(endpoint->path, text, len + 1);
    return NULL;
}

const char *endpoint_parse(endpoint_t *endpoint, const char *text) {
    memset(endpoint, 0, sizeof *endpoint);
    if (s_starts(text, TCP_PREFIX)) {
        endpoint->kind = ENDPOINT_TCP;
        return s_parse_tcp(endpoint, text + strlen(TCP_PREFIX));
    }
    if (s_starts(text, IPC_PREFIX)) {
        endpoint->kind = ENDPOINT_IPC;
        return s_parse_ipc(endpoint, text + strlen(IPC_PREFIX));
    }
    return "it starts with neither tcp:// nor ipc://; write for example tcp://127.0.0.1:5570";
}

/* --- What an endpoint is --- */

static bool s_is_all(const endpoint_t *endpoint) {
    return endpoint->kind == ENDPOINT_TCP && strcmp(endpoint->host, "*") == 0;
}

bool endpoint_is_ipv6(const endpoint_t *endpoint) {
    return s_is_all(endpoint) || (endpoint->kind == ENDPOINT_TCP && strchr(endpoint->host, ':'));
}

bool endpoint_is_wildcard(const endpoint_t *endpoint) {
    const char *host = endpoint->host;
    return endpoint->kind == ENDPOINT_TCP &&
           (s_is_all(endpoint) || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0);
}

bool endpoint_is_local(const endpoint_t *endpoint) {
    struct in6_addr ipv6;
    struct in_addr ipv4;
    if (endpoint->kind == ENDPOINT_IPC || strcmp(endpoint->host, "lo") == 0)
        return true;
    if (inet_pton(AF_INET, endpoint->host, &ipv4) == 1)
        return ntohl(ipv4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, endpoint->host, &ipv6) != 1)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&ipv6) || (IN6_IS_ADDR_V4MAPPED(&ipv6) && ipv6.s6_addr[12] == 127);
}

/* --- What the system says --- */

static bool s_interface(const char *name, struct in_addr *address) {
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
        found = one->ifa_addr && one->ifa_addr->sa_family == AF_INET && strcmp(one->ifa_name, name) == 0;
        if (found)
            *address = ((const struct sockaddr_in *)one->ifa_addr)->sin_addr;
    }
    freeifaddrs(all);
    return found;
}

bool endpoint_address(const endpoint_t *endpoint, struct sockaddr_storage *address, socklen_t *len) {
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (s_is_all(endpoint) || inet_pton(AF_INET6, endpoint->host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(endpoint->port);
        *len = sizeof *in6;
        return true;
    }
    in->sin_family = AF_INET;
    in->sin_port = htons(endpoint->port);
    *len = sizeof *in;
    return inet_pton(AF_INET, endpoint->host, &in->sin_addr) == 1 || s_interface(endpoint->host, &in->sin_addr);
}

/* The address in IPv6, where IPv4 is ::ffff:0:0/96. */
static bool s_mapped(const endpoint_t *endpoint, struct in6_addr *out) {
    struct sockaddr_storage address;
    socklen_t len;
    if (!endpoint_address(endpoint, &address, &len))
        return false;
    if (address.ss_family == AF_INET6) {
        *out = ((const struct sockaddr_in6 *)&address)->sin6_addr;
        return true;
    }
    *out = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&out->s6_addr[12], &((const struct sockaddr_in *)&address)->sin_addr, 4);
    return true;
}

/* Of IPv4 alone: 0.0.0.0. */
static bool s_is_all_ipv4(const struct in6_addr *address) {
    static const uint8_t nothing[4];
    return IN6_IS_ADDR_V4MAPPED(address) && memcmp(&address->s6_addr[12], nothing, sizeof nothing) == 0;
}

static bool s_addresses_collide(const endpoint_t *one, const endpoint_t *other) {
    struct in6_addr a, b;
    if (one->port != other->port || one->port == 0 || !s_mapped(one, &a) || !s_mapped(other, &b))
        return false;
    if (IN6_IS_ADDR_UNSPECIFIED(&a) || IN6_IS_ADDR_UNSPECIFIED(&b))
        return true;
    if (s_is_all_ipv4(&a) || s_is_all_ipv4(&b))
        return IN6_IS_ADDR_V4MAPPED(&a) && IN6_IS_ADDR_V4MAPPED(&b);
    return IN6_ARE_ADDR_EQUAL(&a, &b);
}

/* Finds the folder of a path, and returns the name of the file in it. */
static const char *s_folder(const char *path, struct stat *folder) {
    const char *slash = strrchr(path, '/');
    char text[ENDPOINT_PATH_MAX + 1] = ".";
    if (slash)
        snprintf(text, sizeof text, "%.*s", (int)(slash == path ? 1 : slash - path), path);
    if (stat(text, folder) != 0)
        memset(folder, 0, sizeof *folder);
    return slash ? slash + 1 : path;
}

static bool s_paths_collide(const char *one, const char *other) {
    struct stat a, b;
    if (strcmp(one, other) == 0)
        return true;
    if (one[0] == '@' || other[0] == '@' || strcmp(s_folder(one, &a), s_folder(other, &b)) != 0)
        return false;
    return a.st_ino && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

bool endpoint_collides(const endpoint_t *one, const endpoint_t *other) {
    if (one->kind != other->kind)
        return false;
    return one->kind == ENDPOINT_IPC ? s_paths_collide(one->path, other->path) : s_addresses_collide(one, other);
}

/* The host's and port's text, with another host in place of the endpoint's own. */
static void s_format_tcp(const char *host, uint16_t port, char out[ENDPOINT_TEXT_SIZE]) {
    const char *pattern = strchr(host, ':') ? TCP_PREFIX "[%.255s]:%.5s" : TCP_PREFIX "%.255s:%.5s";
    char number[8] = "*";
    if (port)
        snprintf(number, sizeof number, "%u", (unsigned)port);
    snprintf(out, ENDPOINT_TEXT_SIZE, pattern, host, number);
}

void endpoint_format(const endpoint_t *endpoint, char out[ENDPOINT_TEXT_SIZE]) {
    if (endpoint->kind == ENDPOINT_TCP)
        s_format_tcp(endpoint->host, endpoint->port, out);
    else
        snprintf(out, ENDPOINT_TEXT_SIZE, IPC_PREFIX "%s", endpoint->path);
}

const char *endpoint_derive_back(const endpoint_t *listen, endpoint_t *back) {
    *back = *listen;
    if (listen->kind == ENDPOINT_TCP) {
        if (listen->port == 65535)
            return "there is no port after 65535 for the back; name it with --back";
        back->port = listen->port ? (uint16_t)(listen->port + 1) : 0;
        return NULL;
    }
    if (strlen(listen->path) + strlen(BACK_SUFFIX) > ENDPOINT_PATH_MAX)
        return "the path with \"-back\" is longer than a Unix socket's address; name the back with --back";
    strcat(back->path, BACK_SUFFIX);
    return NULL;
}

zr_span_t endpoint_unmapped(zr_span_t address) {
    static const char prefix[] = "::ffff:";
    enum { LEN = sizeof prefix - 1 };
    bool mapped = address.len > LEN && memcmp(address.ptr, prefix, LEN) == 0 && memchr(address.ptr, '.', address.len);
    return mapped ? zr_span_of(address.ptr + LEN, address.len - LEN) : address;
}

/* --- The back for a client --- */

/* Where a client came in, taken from the connection's local address. */
typedef struct {
    endpoint_kind_t kind;
    char host[INET6_ADDRSTRLEN]; /* empty: not known */
    uint16_t port;
    const char *path;
    size_t path_len;
} arrival_t;

static arrival_t s_arrival(const struct sockaddr *local, socklen_t len) {
    arrival_t arrival = {.kind = ENDPOINT_TCP, .path = ""};
    if (local && local->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)local;
        arrival.port = ntohs(in->sin_port);
        inet_ntop(AF_INET, &in->sin_addr, arrival.host, sizeof arrival.host);
    } else if (local && local->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)local;
        arrival.port = ntohs(in6->sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) /* an IPv4 client of a listener on [::] */
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], arrival.host, sizeof arrival.host);
        else
            inet_ntop(AF_INET6, &in6->sin6_addr, arrival.host, sizeof arrival.host);
    } else if (local && local->sa_family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path)) {
        arrival.kind = ENDPOINT_IPC;
        arrival.path = ((const struct sockaddr_un *)local)->sun_path;
        arrival.path_len = len - offsetof(struct sockaddr_un, sun_path);
    }
    return arrival;
}

/* An abstract name starts with NUL and has no other end than its length; libzmq writes the NUL as '@'. */
static bool s_same_path(const endpoint_t *endpoint, const arrival_t *arrival) {
    size_t len = strlen(endpoint->path);
    if (arrival->path_len > 0 && arrival->path[0] == '\0')
        return endpoint->path[0] == '@' && arrival->path_len == len &&
               memcmp(endpoint->path + 1, arrival->path + 1, len - 1) == 0;
    return strnlen(arrival->path, arrival->path_len) == len && memcmp(endpoint->path, arrival->path, len) == 0;
}

/* How well `endpoint` fits the way a client came; 0: not at all. Ports count for listeners only. */
static int s_fit(const endpoint_t *endpoint, const arrival_t *arrival, bool with_port) {
    if (endpoint->kind != arrival->kind)
        return 0;
    if (endpoint->kind == ENDPOINT_IPC)
        return with_port && s_same_path(endpoint, arrival) ? 3 : 1;
    if (with_port && endpoint->port != arrival->port)
        return 0;
    if (strcmp(endpoint->host, arrival->host) == 0)
        return 3;
    bool reaches = endpoint_is_ipv6(endpoint) || !strchr(arrival->host, ':');
    return endpoint_is_wildcard(endpoint) && reaches ? 2 : 1;
}

/* The one that fits best, of all or of those that are encrypted, or not, as `like` is; the first when none does. */
static const endpoint_t *s_best(
    const endpoint_t *endpoints, size_t count, const arrival_t *arrival, const endpoint_t *like) {
    const endpoint_t *best = endpoints;
    int fit = -1;
    for (size_t i = 0; i < count; i++) {
        const endpoint_t *one = &endpoints[i];
        int found = s_fit(one, arrival, !like);
        if (found > fit && (!like || one->encrypted == like->encrypted)) {
            fit = found;
            best = one;
        }
    }
    return best;
}

bool endpoint_advertised_to(const endpoint_set_t *set, bool encrypted) {
    bool some = false;
    for (size_t i = 0; i < set->listen_count; i++)
        some |= set->listen[i].encrypted;
    return set->advertise[0] && encrypted == some;
}

void endpoint_choose_back(
    const endpoint_set_t *set, const struct sockaddr *local, socklen_t local_len, char out[ENDPOINT_TEXT_SIZE]) {
    arrival_t arrival = s_arrival(local, local_len);
    const endpoint_t *listen = s_best(set->listen, set->listen_count, &arrival, NULL);
    if (endpoint_advertised_to(set, listen->encrypted)) {
        strcpy(out, set->advertise);
        return;
    }
    const endpoint_t *back =
        set->paired ? &set->back[listen - set->listen] : s_best(set->back, set->back_count, &arrival, listen);
    if (endpoint_is_wildcard(back))
        s_format_tcp(arrival.host[0] ? arrival.host : "127.0.0.1", back->port, out);
    else
        endpoint_format(back, out);
}
