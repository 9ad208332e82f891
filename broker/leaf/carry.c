/* See carry.h. */
#include "carry.h"

#include <string.h>

#include "code.h"
#include "control.h"
#include "fatal.h"
#include "upstream.h"

void carry_say(leaf_t *leaf, route_t route, json_t *object) {
    outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_SEND, .route = route, .frame = zr_control_write(object)});
}

void carry_refuse(leaf_t *leaf, route_t route, zr_code_t code, const json_t *id) {
    json_t *error = json_pack("{ss ss ss}", "op", "error", "code", zr_code_name(code), "text", zr_code_text(code));
    if (id)
        json_object_set(error, "re", (json_t *)id);
    leaf->stats.errors++;
    carry_say(leaf, route, error);
}

void carry_open(leaf_t *leaf, leaf_client_t *client) {
    if (client->open)
        return;
    json_t *open = json_pack("{ss sI ss sb}", "op", "open", "channel", (json_int_t)client->number, "address",
        client->address, "secure", client->secure);
    if (client->user[0])
        json_object_set_new(open, "user", json_string(client->user));
    client->open = true;
    client->told = false;
    client->wait = 0;
    upstream_say(leaf, open);
}

static void s_say_closed(leaf_t *leaf, const leaf_client_t *client) {
    upstream_say(leaf, json_pack("{ss sI}", "op", "close", "channel", (json_int_t)client->number));
}

void carry_end(leaf_t *leaf, leaf_client_t *client) {
    while (client->carried)
        carry_end(leaf, client->carried);
    if (client->closing)
        return;
    if (!client->open || client->parting || !upstream_is_live(leaf)) {
        clients_remove(&leaf->clients, client);
        return;
    }
    s_say_closed(leaf, client);
    clients_unroute(&leaf->clients, client);
}

void carry_send_away(leaf_t *leaf, leaf_client_t *client, const char *reason) {
    if (client->parting || client->ending)
        return;
    if (client->open)
        s_say_closed(leaf, client);
    client->open = false;
    client->ending = true;
    carry_say(leaf, route_connection(client->route),
        json_pack("{ss sI ss}", "op", "close", "channel", (json_int_t)route_channel(client->route), "reason", reason));
}

/* --- Faults --- */

enum { BURST_S = 4, DEBT_S = 5 }; /* so many seconds' worth are answered; beyond so many more it is a flood */

bool carry_is_patient(const leaf_t *leaf, const leaf_client_t *client) {
    uint64_t rate = leaf->config.relay->rate_ops;
    return rate == 0 || client->faults < BURST_S * rate;
}

bool carry_fault(leaf_t *leaf, leaf_client_t *client, unsigned cost) {
    uint64_t rate = leaf->config.relay->rate_ops;
    client->faults += cost;
    if (rate == 0 || client->faults <= (BURST_S + DEBT_S) * rate)
        return true;
    leaf->stats.flooders++;
    if (client->gateway) {
        carry_send_away(leaf, client, "flooding");
        return false;
    }
    carry_say(leaf, client->route, json_pack("{ss ss}", "op", "bye", "reason", "flooding"));
    outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_CHARGE, .connection = client->connection});
    outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = client->connection});
    carry_end(leaf, client);
    return false;
}

/* --- The upstream is away --- */

static void s_lose(leaf_t *leaf, leaf_client_t *client) {
    bool told = client->told || !client->open;
    clients_doubt(&leaf->clients, client);
    client->open = false;
    if (told)
        return;
    client->told = true;
    carry_refuse(leaf, client->route, ZR_NO_SESSION, NULL);
}

void carry_lose_all(leaf_t *leaf) {
    clients_t *clients = &leaf->clients;
    for (leaf_client_t *client = clients->by_number, *next; client; client = next) {
        clients_remove_carried(clients, client); /* they came later, and `next` may be among them */
        next = client->by_number.next;
        if (client->closing)
            clients_remove(clients, client);
        else
            s_lose(leaf, client);
    }
}

/* --- What the upstream says --- */

static leaf_client_t *s_named(const leaf_t *leaf, const json_t *object) {
    json_int_t number = json_integer_value(json_object_get(object, "channel"));
    return number > 0 ? clients_of(&leaf->clients, (uint64_t)number) : NULL;
}

/* To the gateway, under the number that the channel has there. */
static void s_pass_on(leaf_t *leaf, const leaf_client_t *client, json_t *object) {
    json_object_set_new(object, "channel", json_integer(route_channel(client->route)));
    carry_say(leaf, route_connection(client->route), json_incref(object));
}

void carry_drop_user(leaf_t *leaf, zr_span_t user) {
    effect_t gone = {.kind = EFFECT_DROP_USER};
    FATAL_UNLESS(user.len < sizeof gone.user);
    memcpy(gone.user, user.ptr, user.len);
    outbox_add(leaf->outbox, &gone);
    clients_forget_user(&leaf->clients, zr_span(gone.user));
}

/* Ends the connection of a client, and, if its user is not let in, all of that user. */
static void s_send_away(leaf_t *leaf, leaf_client_t *client, bool flooding, bool user) {
    if (flooding)
        outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_CHARGE, .connection = client->connection});
    outbox_add(leaf->outbox, &(effect_t){.kind = EFFECT_DROP, .connection = client->connection});
    if (user && client->user[0])
        carry_drop_user(leaf, zr_span(client->user));
    client->open = false;
    carry_end(leaf, client);
}

bool carry_on_ok(leaf_t *leaf, json_t *object) {
    leaf_client_t *client = s_named(leaf, object);
    if (client && !client->closing)
        clients_accept(&leaf->clients, client);
    return json_object_get(object, "channel") != NULL;
}

/* The upstream did not open it. */
static void s_on_refused(leaf_t *leaf, leaf_client_t *client, json_t *error) {
    const char *name = json_string_value(json_object_get(error, "code"));
    zr_code_t code = zr_code_from_name(zr_span(name ? name : ""));
    client->open = false;
    if (client->closing) {
        clients_remove(&leaf->clients, client);
    } else if (!client->gateway) {
        json_object_del(error, "channel");
        carry_say(leaf, client->route, json_incref(error));
        if (code == ZR_FORBIDDEN)
            zr_log(zr_log_pass(&leaf->upstream.lines, leaf->now) ? ZR_LOG_WARN : ZR_LOG_DEBUG,
                "the upstream refuses a client of this leaf: forbidden; the leaf's own user needs the right \"leaf : "
                "*\" "
                "there");
        if (code == ZR_RATE_LIMITED) /* its address opens too many at once; its next hello opens another */
            carry_end(leaf, client);
        else
            s_send_away(leaf, client, false, code == ZR_NO_SUCH_USER || code == ZR_FORBIDDEN);
    }
}

bool carry_on_error(leaf_t *leaf, json_t *object) {
    leaf_client_t *client = s_named(leaf, object);
    if (client)
        s_on_refused(leaf, client, object);
    return json_object_get(object, "channel") != NULL;
}

static bool s_is_reason(const json_t *object, const char *reason) {
    const char *given = json_string_value(json_object_get(object, "reason"));
    return given && strcmp(given, reason) == 0;
}

/* The upstream sends the client away. */
static void s_on_sent_away(leaf_t *leaf, leaf_client_t *client, json_t *object) {
    if (client->parting) { /* its gateway's `close` is under way, and is the answer */
        s_pass_on(leaf, client, object);
        carry_end(leaf, client);
        return;
    }
    s_say_closed(leaf, client);
    client->open = false;
    if (client->gateway) {
        client->ending = true;
        s_pass_on(leaf, client, object);
    } else {
        bool user = s_is_reason(object, "revoked") || s_is_reason(object, "banned") || s_is_reason(object, "kicked");
        s_send_away(leaf, client, s_is_reason(object, "flooding"), user);
    }
}

bool carry_on_close(leaf_t *leaf, json_t *object) {
    leaf_client_t *client = s_named(leaf, object);
    if (!client)
        return true;
    if (client->closing) {
        clients_remove(&leaf->clients, client);
    } else if (client->open) {
        s_on_sent_away(leaf, client, object);
    }
    return true;
}
