#include "target.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "descriptors.h"
#include "format.h"
#include "known_servers.h"
#include "remote.h"

enum { DESCRIPTORS_OF_SESSION = 24 }; /* about */

/* --- From the settings to a session --- */

static void s_complete_one(zr_buffer_t *out, zr_span_t server) {
    const zr_span_t tcp = zr_span("tcp://");
    char host[CONFIG_ENDPOINT - sizeof "tcp://[]:5570"] = "";
    zr_span_t name = server;
    if (zr_span_starts(server, tcp))
        name = zr_span_of(server.ptr + tcp.len, server.len - tcp.len);
    if (name.len > 0 && name.len < sizeof host)
        memcpy(host, name.ptr, name.len);
    if (!host[0] || host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]%")]) {
        zr_buffer_append(out, server.ptr, server.len);
        return;
    }
    const char *colon = strrchr(host, ':');
    bool bare = colon && host[0] != '[' && strchr(host, ':') != colon; /* an IPv6 address without its brackets */
    bool port = colon && !bare && (host[0] != '[' || colon[-1] == ']');
    zr_buffer_printf(out, "tcp://%s%s%s%s", bare ? "[" : "", host, bare ? "]" : "", port ? "" : ":5570");
}

static void s_complete(config_t *config) {
    zr_span_t list = zr_span(config->server);
    zr_buffer_t text = {0};
    if (config->server == config->endpoint || list.len >= sizeof config->endpoint)
        return; /* completed for another session, or no list */
    for (bool more = true; more;) {
        more = list.len > 0 && memchr(list.ptr, ',', list.len);
        s_complete_one(&text, zr_span_trim(zr_span_cut(&list, ',')));
        if (more)
            zr_buffer_u8(&text, ',');
    }
    if (text.len < sizeof config->endpoint) {
        if (text.len)
            memcpy(config->endpoint, text.data, text.len);
        config->endpoint[text.len] = '\0';
        config->server = config->endpoint;
    }
    zr_buffer_finish(&text);
}

static bool s_are_endpoints(const config_t *config, zr_error_t *error) {
    zr_servers_t servers;
    bool local;
    const char *fault = remote_read(&servers, config->server, &local);
    if (!fault)
        return true;
    if (strchr(config->server, ','))
        return zr_fail(error, "'%s': %s", config->server, fault);
    return zr_fail(
        error, "'%s' is no endpoint; one looks like %s or ipc:///run/zrelay/front", config->server, CONFIG_SERVER);
}

int target_resolve(target_t *target, config_t *config) {
    *target = (target_t){.config = config};
    zr_error_t error = {0};
    bool good = config_resolve(config, &error);
    if (good)
        s_complete(config);
    /* Before anything is said of keys: without an endpoint there is nothing to have keys for. */
    good = good && s_are_endpoints(config, &error) && identity_resolve(&target->identity, config, &error);
    return good ? 0 : zr_error_print(&error, "zrelay");
}

void target_finish(target_t *target) {
    identity_finish(&target->identity);
}

static zr_span_t s_nth(const char *list, size_t index) {
    zr_span_t rest = zr_span(list), item = {0};
    for (size_t i = 0; i <= index; i++)
        item = zr_span_cut(&rest, ',');
    return item;
}

void target_turn(const char *list, size_t turn, zr_buffer_t *out) {
    size_t others = 0;
    for (const char *comma = list; (comma = strchr(comma, ',')); comma++)
        others++;
    bool all = turn == 0 || others == 0;
    size_t count = all ? others + 1 : others;
    for (size_t i = 0; i < count; i++) {
        zr_span_t item = s_nth(list, all ? i : 1 + (turn - 1 + i) % others);
        zr_buffer_append(out, item.ptr, item.len);
        zr_buffer_u8(out, i + 1 < count ? ',' : '\0');
    }
}

static int s_identify(const identity_t *identity, size_t turn, zrelay_t *relay) {
    if (identity->encrypted) {
        zr_buffer_t all = {0}, keys = {0};
        identity_server_keys(identity, &all);
        target_turn((const char *)all.data, turn, &keys);
        int failed =
            zrelay_set_curve(relay, (const char *)keys.data, identity->own.public_key, identity->own.secret_key);
        zr_buffer_finish(&all);
        zr_buffer_finish(&keys);
        return failed;
    }
    return identity->login ? zrelay_set_login(relay, identity->user, identity->token) : 0;
}

int target_session(const target_t *target, const char *agent, size_t turn, zrelay_t **relay) {
    zr_buffer_t servers = {0};
    target_turn(target->config->server, turn, &servers);
    *relay = zr_descriptors_left(DESCRIPTORS_OF_SESSION) ? zrelay_new((const char *)servers.data) : NULL;
    zr_buffer_finish(&servers);
    if (!*relay) {
        cli_say("no file descriptors left for a session; raise the limit (ulimit -n)");
        return CLI_USAGE;
    }
    int failed = s_identify(&target->identity, turn, *relay);
    if (!failed)
        failed = zrelay_set_agent(*relay, agent);
    if (!failed)
        return 0;
    cli_say("%s", zrelay_strerror(failed));
    zrelay_destroy(*relay);
    *relay = NULL;
    return CLI_USAGE;
}

void target_connected(target_t *target) {
    zr_error_t error = {0};
    if (!identity_record(&target->identity, zrelay_server(target->relay), &error))
        cli_say("the broker's key could not be noted: %s", error.text);
}

/* --- A broker that does not take us --- */

static size_t s_at(const target_t *target) {
    return identity_server(&target->identity, zrelay_server(target->relay));
}

/* The broker that it is about: one of several. */
static const char *s_server(const target_t *target) {
    const char *server = zrelay_server(target->relay);
    return server ? server : target->config->server;
}

/* Where the key comes from that the server is taken to have. */
static void s_source(const target_t *target, zr_buffer_t *out) {
    const config_t *config = target->config;
    unsigned line = target->identity.known_lines[s_at(target)];
    if (config->server_key) {
        static const char *const from[] = {
            [CONFIG_FLAG] = "given with --server-key",
            [CONFIG_ENVIRONMENT] = "in ZRELAY_SERVER_KEY",
            [CONFIG_FILE] = "given as server-key in ",
        };
        zr_buffer_printf(out, "%s%s%s", from[config->server_key_from],
            config->server_key_from == CONFIG_FILE ? config->file : "", line ? " and " : "");
    }
    if (line) {
        char where[KNOWN_WHERE_SIZE];
        known_where(where, line);
        zr_buffer_printf(out, "noted in %s", where);
    }
}

static void s_another_key(const target_t *target, zr_buffer_t *out) {
    zr_buffer_printf(out, "the connection to %s ended before it was encrypted: the key ", s_server(target));
    s_source(target, out);
    zr_buffer_printf(out,
        " (%s) does not fit, or the broker does not encrypt there. It may have new keys, or another one may stand in "
        "its place: ask its operator",
        target->identity.servers.items[s_at(target)].key);
    if (!target->identity.known_lines[s_at(target)])
        zr_buffer_printf(out, " for its public key");
    else
        zr_buffer_printf(out, "; if the keys are new, remove that line and give the new one with --server-key");
}

static void s_mechanism(const target_t *target, zr_buffer_t *out) {
    const char *server = s_server(target);
    if (!target->identity.encrypted) {
        zr_buffer_printf(out,
            "the broker at %s takes encrypted connections only: give your key pair with --certificate FILE ('zrelay "
            "keygen FILE' makes one) and the broker's public key, which its operator hands out, with --server-key KEY",
            server);
        return;
    }
    zr_buffer_printf(out, "the broker at %s does not encrypt there, though its key is ", server);
    s_source(target, out);
    zr_buffer_printf(out, "; ask its operator where it does%s",
        target->identity.known_lines[s_at(target)] ? "; if nowhere any more, remove that line" : "");
}

static void s_refused(const target_t *target, zr_buffer_t *out) {
    if (target->identity.encrypted)
        zr_buffer_printf(out,
            "the broker at %s does not know this key, or it is banned; its operator needs your public key: %s",
            s_server(target), target->identity.own.public_key);
    else
        zr_buffer_printf(out, "the broker at %s refuses this connection", s_server(target));
}

static void s_unreachable(const target_t *target, const char *why, zr_buffer_t *out) {
    zr_buffer_printf(out, "cannot reach a broker at %s: %s", target->config->server, why);
}

static void s_handshake(const target_t *target, zr_buffer_t *out) {
    if (target->identity.encrypted)
        s_another_key(target, out);
    else
        zr_buffer_printf(out, "the connection to %s ended before it was of use", s_server(target));
}

bool target_describe(const target_t *target, const zrelay_event_t *event, zr_buffer_t *out) {
    static const struct {
        const char *code;
        void (*describe)(const target_t *target, zr_buffer_t *out);
    } all[] = {{"refused", s_refused}, {"mechanism", s_mechanism}, {"handshake", s_handshake}};
    for (size_t i = 0; event->type == ZRELAY_DISCONNECTED && event->code && i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(event->code, all[i].code) != 0)
            continue;
        all[i].describe(target, out);
        return true;
    }
    if (event->type == ZRELAY_DISCONNECTED && event->code && strcmp(event->code, "unreachable") == 0) {
        s_unreachable(target, event->text, out);
        return true;
    }
    if (event->type == ZRELAY_DISCONNECTED && event->code && strcmp(event->code, "back") == 0) {
        zr_buffer_printf(out, "%s: %s", s_server(target), event->text);
        return true;
    }
    return false;
}

void target_tell_queued(const target_t *target) {
    cli_say("connected to the broker at %s, login queued: it checks one after the other, and has not come to this one; "
            "try again, or wait longer with --connect-timeout",
        target->config->server);
}

void target_tell_unreachable(const target_t *target) {
    cli_say("cannot reach a broker at %s: nothing answers; is zrelayd running there, and does a firewall let you "
            "through?",
        target->config->server);
}
