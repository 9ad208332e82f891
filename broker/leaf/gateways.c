/* See gateways.h. */
#include "gateways.h"

#include <string.h>

#include "carry.h"
#include "control.h"
#include "upstream.h"

static void s_refuse(leaf_t *leaf, const leaf_client_t *gateway, zr_code_t code, const json_t *id, uint64_t channel) {
    json_t *error = json_pack("{ss ss ss sI}", "op", "error", "code", zr_code_name(code), "text", zr_code_text(code),
        "channel", (json_int_t)channel);
    if (id)
        json_object_set(error, "re", (json_t *)id);
    leaf->stats.errors++;
    carry_say(leaf, gateway->route, error);
}

static leaf_client_t *s_carried(const leaf_t *leaf, const leaf_client_t *gateway, uint64_t channel) {
    if (channel == 0 || channel > UINT32_MAX)
        return NULL;
    return clients_at(&leaf->clients, route_of((uint32_t)gateway->route, (uint32_t)channel));
}

void gateways_trunk(leaf_t *leaf, leaf_client_t *gateway, zr_span_t frame) {
    uint32_t channel;
    zr_span_t inner;
    if (!zr_trunk_read(frame, &channel, &inner)) {
        carry_refuse(leaf, gateway->route, ZR_BAD_FRAME, NULL);
        return;
    }
    leaf_client_t *client = s_carried(leaf, gateway, channel);
    if (client && client->open && !client->parting)
        upstream_send(leaf, client->number, inner);
    else if (!client)
        s_refuse(leaf, gateway, ZR_NO_CHANNEL, NULL, channel);
}

/* The upstream judges the rest: it gets the frame with other numbers. */
static void s_open(leaf_t *leaf, leaf_client_t *gateway, json_t *object, const json_t *id) {
    json_int_t channel = json_integer_value(json_object_get(object, "channel"));
    json_int_t via = json_integer_value(json_object_get(object, "via"));
    const leaf_client_t *asker = via > 0 ? s_carried(leaf, gateway, (uint64_t)via) : gateway;
    if (channel <= 0 || channel > UINT32_MAX || !asker || s_carried(leaf, gateway, (uint64_t)channel)) {
        s_refuse(leaf, gateway, ZR_BAD_MEMBER, id, channel > 0 ? (uint64_t)channel : 0);
        return;
    }
    if (HASH_CNT(by_number, leaf->clients.by_number) >= leaf->config.relay->max_channels) {
        s_refuse(leaf, gateway, ZR_TOO_MANY_CHANNELS, id, (uint64_t)channel);
        return;
    }
    carry_open(leaf, gateway);
    leaf_client_t *client =
        clients_add(&leaf->clients, route_of((uint32_t)gateway->route, (uint32_t)channel), gateway);
    client->open = true;
    json_object_set_new(object, "channel", json_integer(client->number));
    json_object_set_new(object, "via", json_integer(asker->number));
    upstream_say(leaf, json_incref(object));
}

/* The gateway's `close`: of its own accord, or the answer to the upstream's. */
static void s_close(leaf_t *leaf, leaf_client_t *gateway, json_t *object, const json_t *id) {
    json_int_t channel = json_integer_value(json_object_get(object, "channel"));
    leaf_client_t *client = channel > 0 ? s_carried(leaf, gateway, (uint64_t)channel) : NULL;
    if (!client) {
        s_refuse(leaf, gateway, ZR_NO_CHANNEL, id, channel > 0 ? (uint64_t)channel : 0);
    } else if (client->ending) {
        clients_remove(&leaf->clients, client);
    } else if (!client->parting) {
        client->parting = true;
        json_object_set_new(object, "channel", json_integer(client->number));
        upstream_say(leaf, json_incref(object));
    }
}

static bool s_may_be(zr_span_t frame, const char *op) {
    return memmem(frame.ptr, frame.len, op, strlen(op)) != NULL;
}

/* Whatever is written in another way goes on, and the upstream refuses it. */
bool gateways_control(leaf_t *leaf, leaf_client_t *client, zr_span_t frame) {
    json_t *object = NULL, *id = NULL;
    bool dealt = false;
    if (frame.len > leaf->config.relay->max_control || (!s_may_be(frame, "\"open\"") && !s_may_be(frame, "\"close\"")) ||
        zr_control_read_request(frame, &object) != ZR_OK)
        return false;
    const char *op = json_string_value(json_object_get(object, "op"));
    if (op && zr_get_id(object, &id) && (strcmp(op, "open") == 0 || strcmp(op, "close") == 0)) {
        dealt = true;
        (op[0] == 'o' ? s_open : s_close)(leaf, client, object, id);
    }
    json_decref(object);
    return dealt;
}
