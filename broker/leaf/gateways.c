/* See gateways.h. */
#include "gateways.h"

#include <string.h>

#include "carry.h"
#include "control.h"
#include "upstream.h"

static void s_refuse(leaf_t *leaf, const leaf_client_t *gateway, zr_code_t code, const json_t *id, json_int_t channel) {
    json_t *error = json_pack(
        "{ss ss ss sI}", "op", "error", "code", zr_code_name(code), "text", zr_code_text(code), "channel", channel);
    if (id)
        json_object_set(error, "re", (json_t *)id);
    leaf->stats.errors++;
    carry_say(leaf, gateway->route, error);
}

/* The client of that number on the client's connection. */
static leaf_client_t *s_carried(const leaf_t *leaf, const leaf_client_t *client, json_int_t channel) {
    if (channel <= 0 || channel > UINT32_MAX)
        return NULL;
    return clients_at(&leaf->clients, route_of((uint32_t)client->route, (uint32_t)channel));
}

/* Publishing on a channel that is gone is no fault: a window of it may be under way. */
static void s_on_no_channel(leaf_t *leaf, leaf_client_t *gateway, uint32_t channel, zr_span_t inner) {
    bool publish = inner.len > 0 && inner.ptr[0] == ZR_TYPE_PUBLISH;
    if (publish ? carry_is_patient(leaf, gateway) : carry_fault(leaf, gateway, 1))
        s_refuse(leaf, gateway, ZR_NO_CHANNEL, NULL, channel);
}

void gateways_trunk(leaf_t *leaf, leaf_client_t *gateway, zr_span_t frame) {
    uint32_t channel;
    zr_span_t inner;
    if (!zr_trunk_read(frame, &channel, &inner)) {
        if (carry_fault(leaf, gateway, 1))
            carry_refuse(leaf, gateway->route, ZR_BAD_FRAME, NULL);
        return;
    }
    leaf_client_t *client = s_carried(leaf, gateway, channel);
    if (!client)
        s_on_no_channel(leaf, gateway, channel, inner);
    else if (client->open && !client->parting &&
             !(inner.len > 0 && inner.ptr[0] == ZR_TYPE_CONTROL && gateways_control(leaf, client, inner)))
        upstream_send(leaf, client->number, inner);
}

static void s_pass_up(leaf_t *leaf, const leaf_client_t *gateway, json_t *object, uint32_t number) {
    json_object_set_new(object, "channel", json_integer(number));
    zr_blob_t *frame = zr_control_write(json_incref(object));
    upstream_send(leaf, gateway->number, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);
}

/* A client of `gateway` asked to open a channel of that number, and the upstream has not said yes. Its gateway needs the
 * number, and would use no number twice, so the client has no right to it. */
static bool s_is_in_the_way(const leaf_client_t *client, const leaf_client_t *gateway) {
    return client && client->gateway != gateway && !gateway->gateway && !client->accepted;
}

static void s_open(leaf_t *leaf, leaf_client_t *gateway, json_t *object, const json_t *id, json_int_t channel) {
    leaf_client_t *client = s_carried(leaf, gateway, channel);
    if (s_is_in_the_way(client, gateway)) {
        carry_end(leaf, client);
        client = NULL;
    }
    bool full = HASH_CNT(by_number, leaf->clients.by_number) >= leaf->config.relay->max_channels;
    bool wrong = channel <= 0 || channel > UINT32_MAX || client;
    if (wrong || full) {
        if (carry_fault(leaf, gateway, 1))
            s_refuse(leaf, gateway, wrong ? ZR_BAD_MEMBER : ZR_TOO_MANY_CHANNELS, id, channel > 0 ? channel : 0);
        return;
    }
    carry_open(leaf, gateway);
    client = clients_add(&leaf->clients, route_of((uint32_t)gateway->route, (uint32_t)channel), gateway);
    client->open = true;
    gateway->opens = true;
    s_pass_up(leaf, gateway, object, client->number);
}

/* A leaf behind this one closes a channel that a gateway behind it opened. Its number is free at once. */
static void s_close_within(
    leaf_t *leaf, leaf_client_t *gateway, leaf_client_t *client, json_t *id, json_int_t channel) {
    json_t *answer = json_pack("{ss sI}", "op", "close", "channel", channel);
    if (id)
        json_object_set(answer, "re", id);
    carry_end(leaf, client);
    carry_say(leaf, gateway->route, answer);
}

/* The gateway's `close`: of its own accord, or the answer to the upstream's. A client that another client brought closes
 * its own channels only. */
static void s_close(leaf_t *leaf, leaf_client_t *gateway, json_t *object, json_t *id, json_int_t channel) {
    leaf_client_t *client = s_carried(leaf, gateway, channel);
    if (!client || (gateway->gateway && client->gateway != gateway)) {
        if (carry_fault(leaf, gateway, 1))
            s_refuse(leaf, gateway, ZR_NO_CHANNEL, id, channel > 0 ? channel : 0);
    } else if (client->ending) {
        carry_end(leaf, client);
    } else if (client->gateway != gateway) {
        s_close_within(leaf, gateway, client, id, channel);
    } else if (!client->parting) {
        client->parting = true;
        s_pass_up(leaf, gateway, object, client->number);
    }
}

static bool s_may_be(zr_span_t frame, const char *text) {
    return memmem(frame.ptr, frame.len, text, strlen(text)) != NULL;
}

/* The two words may also be written with escapes. */
bool gateways_control(leaf_t *leaf, leaf_client_t *client, zr_span_t frame) {
    json_t *object = NULL, *id = NULL;
    bool dealt = false;
    if (frame.len > leaf->config.relay->max_control ||
        (!s_may_be(frame, "\"open\"") && !s_may_be(frame, "\"close\"") && !s_may_be(frame, "\\u")) ||
        zr_control_read_request(frame, &object) != ZR_OK)
        return false;
    const char *op = json_string_value(json_object_get(object, "op"));
    json_int_t channel = json_integer_value(json_object_get(object, "channel"));
    if (op && zr_get_id(object, &id) && (strcmp(op, "open") == 0 || strcmp(op, "close") == 0)) {
        dealt = true;
        if (op[0] == 'o')
            s_open(leaf, client, object, id, channel);
        else
            s_close(leaf, client, object, id, channel);
    }
    json_decref(object);
    return dealt;
}

/* --- Answers --- */

static void s_end_all(leaf_t *leaf, leaf_client_t *gateway) {
    while (gateway->carried)
        carry_end(leaf, gateway->carried);
}

static bool s_answer(leaf_t *leaf, leaf_client_t *gateway, json_t *object, const char *op) {
    json_int_t number = json_integer_value(json_object_get(object, "channel"));
    leaf_client_t *client = number > 0 ? clients_of(&leaf->clients, (uint64_t)number) : NULL;
    if (!client || client->gateway != gateway)
        return number > 0; /* about a client that is gone meanwhile */
    json_object_set_new(object, "channel", json_integer(route_channel(client->route)));
    carry_say(leaf, gateway->route, json_incref(object));
    bool refused = strcmp(op, "error") == 0 && !client->accepted;
    if (refused || strcmp(op, "close") == 0) {
        client->open = false;
        carry_end(leaf, client);
    } else if (strcmp(op, "ok") == 0) {
        clients_accept(&leaf->clients, client);
    }
    return true;
}

bool gateways_answer(leaf_t *leaf, leaf_client_t *gateway, zr_span_t frame) {
    json_t *object = NULL;
    if (zr_control_read(frame, &object) != ZR_OK)
        return false;
    const char *op = json_string_value(json_object_get(object, "op"));
    const char *code = json_string_value(json_object_get(object, "code"));
    bool dealt = false;
    if (!op)
        op = "";
    if (strcmp(op, "bye") == 0 || (code && strcmp(code, zr_code_name(ZR_NO_SESSION)) == 0))
        s_end_all(leaf, gateway);
    else if (strcmp(op, "ok") == 0 || strcmp(op, "error") == 0 || strcmp(op, "close") == 0)
        dealt = s_answer(leaf, gateway, object, op);
    json_decref(object);
    return dealt;
}
