/* See remote.h. */
#include "remote.h"

#include <stdlib.h>
#include <string.h>

#include "back.h"

static bool s_starts(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

bool remote_valid(const char *endpoint) {
    if (!endpoint || strlen(endpoint) > 256)
        return false;
    if (s_starts(endpoint, "ipc://") || s_starts(endpoint, "inproc://"))
        return strchr(endpoint, ':')[3] != '\0';
    const char *port = strrchr(endpoint, ':');
    if (!s_starts(endpoint, "tcp://") || port < endpoint + 7)
        return false;
    char *end;
    long number = strtol(port + 1, &end, 10);
    return port[1] >= '0' && port[1] <= '9' && *end == '\0' && number > 0 && number <= 65535;
}

bool remote_is_local(const char *endpoint) {
    static const char *const starts[] = {
        "ipc://", "inproc://", "tcp://localhost:", "tcp://[::1]:", "tcp://[::ffff:127."};
    if (s_starts(endpoint, "tcp://") && strchr(endpoint, ';')) /* source address ; target */
        return false;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (s_starts(endpoint, starts[i]))
            return true;
    if (!s_starts(endpoint, "tcp://127."))
        return false;
    const char *host = endpoint + strlen("tcp://"); /* an address: a name may begin so, and be anywhere */
    return host[strspn(host, "0123456789.")] == ':';
}

const char *remote_read(zr_servers_t *servers, const char *list, bool *local) {
    const char *fault = zr_servers_read(servers, zr_span(list));
    *local = true;
    for (size_t i = 0; !fault && i < servers->count; i++) {
        if (!remote_valid(servers->items[i].endpoint))
            fault = "it names no endpoint; one looks like tcp://127.0.0.1:5570";
        *local &= remote_is_local(servers->items[i].endpoint);
    }
    return fault;
}

void remote_learn(zr_servers_t *servers, const json_t *peers) {
    size_t index;
    const json_t *peer;
    zr_servers_forget(servers);
    json_array_foreach(peers, index, peer) {
        const char *endpoint = json_string_value(peer);
        if (remote_valid(endpoint) && !back_refusal(zr_servers_now(servers)->endpoint, endpoint))
            zr_servers_learn(servers, zr_span(endpoint));
    }
}
