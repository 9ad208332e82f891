#include "http_route.h"

#include <inttypes.h>
#include <stdio.h>

/* --- Decoding --- */

static int s_hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at `*at`, which moves past it; -1: a malformed escape. */
static int s_next_byte(zr_span_t text, size_t *at, bool form) {
    char c = text.ptr[(*at)++];
    if (c == '+' && form)
        return ' ';
    if (c != '%')
        return (uint8_t)c;
    if (text.len - *at < 2)
        return -1;
    int high = s_hex_digit(text.ptr[*at]), low = s_hex_digit(text.ptr[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Decodes percent-encoded `text` into `out`, which has `size` bytes, and ends it with a NUL. false: an escape is
 * malformed, a NUL is in it, or it does not fit. With `form` a plus is a space. */
static bool s_unescape(zr_span_t text, bool form, char *out, size_t size) {
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        int byte = s_next_byte(text, &at, form);
        if (byte <= 0 || len + 1 >= size)
            return false;
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    return true;
}

/* --- Positions --- */

static bool s_number(zr_span_t text, uint64_t *out) {
    uint64_t number = 0;
    if (text.len == 0 || text.len > 16) /* 2^53-1 has 16 digits */
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (number > ZR_INT_MAX)
        return false;
    *out = number;
    return true;
}

bool http_position_read(http_position_t *position, zr_span_t text) {
    http_position_t found = {0};
    if (text.len > 16 && text.ptr[16] == ':') {
        zr_span_t epoch = zr_span_of(text.ptr, 16);
        if (!zr_hex_valid(epoch, 16, 16))
            return false;
        for (size_t i = 0; i < epoch.len; i++)
            found.epoch = found.epoch << 4 | (uint64_t)s_hex_digit(epoch.ptr[i]);
        found.has_epoch = true;
        text = zr_span_of(text.ptr + 17, text.len - 17);
    }
    if (!s_number(text, &found.seq))
        return false;
    *position = found;
    return true;
}

size_t http_position_write(char out[HTTP_POSITION_SIZE], uint64_t epoch, uint64_t seq) {
    return (size_t)snprintf(out, HTTP_POSITION_SIZE, "%016" PRIx64 ":%" PRIu64, epoch, (uint64_t)(seq & ZR_INT_MAX));
}

/* --- The query --- */

static bool s_read_format(http_route_t *route, const char *value) {
    static const struct {
        const char *name;
        http_format_t format;
    } formats[] = {{"json", HTTP_FORMAT_JSON}, {"body", HTTP_FORMAT_BODY}, {"nick", HTTP_FORMAT_NICK}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(value, formats[i].name) == 0) {
            route->format = formats[i].format;
            return true;
        }
    }
    return false;
}

/* `limit` 0 would ask for nothing. */
static bool s_positive(const char *value, uint64_t *out) {
    return s_number(zr_span(value), out) && *out > 0;
}

static bool s_read_prefix(http_route_t *route, const char *value) {
    if (strlen(value) > ZR_ROOM_MAX || !zr_utf8_valid(zr_span(value)))
        return false;
    strcpy(route->prefix, value);
    return true;
}

static bool s_read_nick(http_route_t *route, const char *value) {
    if (!zr_nick_valid(zr_span(value)))
        return false;
    strcpy(route->nick, value);
    return true;
}

/* In the list of rooms, positions are names. */
static bool s_read_after(http_route_t *route, const char *value) {
    if (route->resource != HTTP_ROOMS)
        return http_position_read(&route->after, zr_span(value));
    if (!zr_room_valid(zr_span(value)))
        return false;
    strcpy(route->after_room, value);
    return true;
}

static bool s_read_value(http_route_t *route, http_parameter_t parameter, const char *value) {
    switch (parameter) {
    case HTTP_Q_AFTER:
        return s_read_after(route, value);
    case HTTP_Q_LAST:
        return s_number(zr_span(value), &route->last);
    case HTTP_Q_UNTIL:
        return s_number(zr_span(value), &route->until);
    case HTTP_Q_LIMIT:
        return s_positive(value, &route->limit);
    case HTTP_Q_FORMAT:
        return s_read_format(route, value);
    case HTTP_Q_NICK:
        return s_read_nick(route, value);
    default:
        return s_read_prefix(route, value);
    }
}

static const struct {
    const char *name;
    const char *rule;
    unsigned resources; /* a bit for each resource that takes it */
} s_parameters[HTTP_Q_COUNT] = {
#define ON(resource) (1u << (resource))
    [HTTP_Q_AFTER] = {"after",
        "is a position, SEQ or EPOCH:SEQ as the id of an event has it; in the list of rooms it is the name of a room",
        ON(HTTP_ROOM) | ON(HTTP_EVENTS) | ON(HTTP_ROOMS)},
    [HTTP_Q_LAST] = {"last", "is a number of entries", ON(HTTP_ROOM) | ON(HTTP_EVENTS)},
    [HTTP_Q_UNTIL] = {"until", "is a position, SEQ", ON(HTTP_ROOM)},
    [HTTP_Q_LIMIT] = {"limit", "is a number above 0", ON(HTTP_ROOM) | ON(HTTP_ROOMS)},
    [HTTP_Q_FORMAT] = {"format", "is json or body; the WebSocket room has nick too",
        ON(HTTP_EVENTS) | ON(HTTP_ROOM_WS) | ON(HTTP_ROOM)},
    [HTTP_Q_NICK] = {"nick", "is a nick: 1 to 32 bytes of UTF-8, no spaces, no control characters",
        ON(HTTP_ROOM) | ON(HTTP_ROOM_WS) | ON(HTTP_STATE_KEY)},
    [HTTP_Q_PREFIX] = {"prefix", "is the beginning of a room's name", ON(HTTP_ROOMS)},
#undef ON
};

static bool s_read_parameter(http_route_t *route, zr_span_t text, http_problem_t *problem) {
    char name[16], value[ZR_ROOM_MAX + 1];
    zr_span_t rest = text;
    zr_span_t raw = zr_span_cut(&rest, '=');
    if (!s_unescape(raw, true, name, sizeof name))
        return http_fail(problem, HTTP_BAD_REQUEST, "the query has a parameter that nothing here takes");
    for (unsigned i = 0; i < HTTP_Q_COUNT; i++) {
        if (strcmp(name, s_parameters[i].name) != 0 || !(s_parameters[i].resources >> route->resource & 1))
            continue;
        if (route->has >> i & 1)
            return http_fail(problem, HTTP_BAD_REQUEST, "the query has '%s' twice; give it once", name);
        if (!s_unescape(rest, true, value, sizeof value) || !s_read_value(route, (http_parameter_t)i, value))
            return http_fail(problem, HTTP_BAD_REQUEST, "'%s' in the query %s", name, s_parameters[i].rule);
        route->has |= 1u << i;
        return true;
    }
    return http_fail(problem, HTTP_BAD_REQUEST, "the query has '%s', which this address does not take",
        zr_is_shown(zr_span(name)) ? name : "a parameter");
}

static bool s_read_query(http_route_t *route, zr_span_t query, http_problem_t *problem) {
    while (query.len > 0) {
        zr_span_t parameter = zr_span_cut(&query, '&');
        if (parameter.len > 0 && !s_read_parameter(route, parameter, problem))
            return false;
    }
    if (http_has(route, HTTP_Q_AFTER) && http_has(route, HTTP_Q_LAST))
        return http_fail(problem, HTTP_BAD_REQUEST, "the query has 'after' and 'last'; give one of them");
    return true;
}

/* --- The path --- */

static bool s_fail_path(http_problem_t *problem) {
    return http_fail(problem, HTTP_BAD_REQUEST,
        "the path has a malformed escape, a NUL, or too long a segment; percent-encode each name by itself");
}

/* Proxies and clients take such a segment for a direction, also when it is encoded, and not all in the same way. */
static bool s_is_dots(const char *segment) {
    return strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
}

/* Takes the next segment off `*path`, which stands at its slash, and decodes it. */
static bool s_segment(zr_span_t *path, char *out, size_t size, http_problem_t *problem) {
    *path = zr_span_of(path->ptr + 1, path->len - 1);
    const char *end = path->len ? memchr(path->ptr, '/', path->len) : NULL;
    zr_span_t raw = zr_span_of(path->ptr, end ? (size_t)(end - path->ptr) : path->len);
    *path = zr_span_of(raw.ptr + raw.len, path->len - raw.len);
    if (!s_unescape(raw, false, out, size))
        return s_fail_path(problem);
    if (s_is_dots(out))
        return http_fail(problem, HTTP_BAD_REQUEST, "a segment of the path is '.' or '..', which proxies change");
    return true;
}

static bool s_fail_missing(http_problem_t *problem) {
    return http_fail(problem, HTTP_NOT_FOUND,
        "nothing is at this address; a room's name is one segment, so write a slash in it as %%2F");
}

static bool s_read_key(http_route_t *route, zr_span_t *path, http_problem_t *problem) {
    if (!s_segment(path, route->key, sizeof route->key, problem))
        return false;
    const char *fault = zr_key_fault(zr_span(route->key));
    if (fault)
        return http_fail(problem, ZR_BAD_KEY, "%s", fault);
    route->resource = HTTP_STATE_KEY;
    return true;
}

/* What stands behind a room. */
static bool s_read_part(http_route_t *route, zr_span_t *path, http_problem_t *problem) {
    static const struct {
        const char *name;
        http_resource_t resource;
    } parts[] = {{"ws", HTTP_ROOM_WS}, {"events", HTTP_EVENTS}, {"who", HTTP_WHO}, {"state", HTTP_STATE}};
    char name[ZR_ROOM_MAX + 1];
    if (!s_segment(path, name, sizeof name, problem))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(name, parts[i].name) != 0)
            continue;
        route->resource = parts[i].resource;
        if (route->resource == HTTP_STATE && path->len > 0)
            return s_read_key(route, path, problem);
        return true;
    }
    return s_fail_missing(problem);
}

static bool s_read_room(http_route_t *route, zr_span_t *path, http_problem_t *problem) {
    if (!s_segment(path, route->room, sizeof route->room, problem))
        return false;
    const char *fault = zr_room_fault(zr_span(route->room));
    if (fault)
        return http_fail(problem, ZR_BAD_ROOM, "%s", fault);
    route->resource = HTTP_ROOM;
    return path->len == 0 || s_read_part(route, path, problem);
}

/* What stands behind /v1. */
static bool s_read_version(http_route_t *route, zr_span_t *path, http_problem_t *problem) {
    char name[ZR_ROOM_MAX + 1];
    if (path->len == 0)
        return s_fail_missing(problem);
    if (!s_segment(path, name, sizeof name, problem))
        return false;
    if (strcmp(name, "ws") == 0)
        route->resource = HTTP_WS;
    else if (strcmp(name, "rooms") == 0)
        route->resource = HTTP_ROOMS;
    else
        return s_fail_missing(problem);
    if (route->resource == HTTP_ROOMS && path->len > 0)
        return s_read_room(route, path, problem);
    return true;
}

/* The path of "http://host/path", which RFC 9112 has servers take too. */
static zr_span_t s_origin_form(zr_span_t target) {
    if (!zr_span_starts(target, zr_span("http://")) && !zr_span_starts(target, zr_span("https://")))
        return target;
    zr_span_t rest = target;
    for (int slashes = 0; slashes < 2; slashes++)
        zr_span_cut(&rest, '/');
    const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    return slash ? zr_span_of(slash, rest.len - (size_t)(slash - rest.ptr)) : zr_span("/");
}

static bool s_read_path(http_route_t *route, zr_span_t path, http_problem_t *problem) {
    if (zr_span_equal(path, zr_span("/healthz")))
        route->resource = HTTP_HEALTH;
    else if (zr_span_equal(path, zr_span("/metrics")))
        route->resource = HTTP_METRICS;
    else if (zr_span_equal(path, zr_span("/v1")) || zr_span_starts(path, zr_span("/v1/"))) {
        zr_span_t rest = zr_span_of(path.ptr + 3, path.len - 3);
        if (!s_read_version(route, &rest, problem))
            return false;
        if (rest.len > 0)
            return s_fail_missing(problem);
    }
    return true;
}

bool http_route_read(http_route_t *route, zr_span_t target, http_problem_t *problem) {
    *route = (http_route_t){.resource = HTTP_PAGE};
    if (target.len > HTTP_TARGET_MAX)
        return http_fail(problem, HTTP_BAD_REQUEST, "the target has more than %d bytes", HTTP_TARGET_MAX);
    zr_span_t query = s_origin_form(target);
    zr_span_t path = zr_span_cut(&query, '?');
    if (path.len == 0 || path.ptr[0] != '/')
        return http_fail(problem, HTTP_BAD_REQUEST, "the path does not begin with a slash");
    if (!s_read_path(route, path, problem))
        return false;
    return route->resource == HTTP_PAGE || s_read_query(route, query, problem);
}
