/* MQTT 3.1.1 with QoS 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generator.h"

enum { TOPIC_LEN = sizeof TOPIC - 1 };

static size_t s_hello(char *out, size_t size, bool reader, size_t number) {
    char name[16];
    size_t len = (size_t)snprintf(name, sizeof name, "g%zu", number);
    (void)size;
    char *to = out;
    memcpy(to, (char[]){0x10, (char)(12 + len), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, (char)len}, 14);
    memcpy(to + 14, name, len);
    to += 14 + len;
    if (reader) {
        memcpy(to, (char[]){(char)0x82, 5 + TOPIC_LEN, 0, 1, 0, TOPIC_LEN}, 6);
        memcpy(to + 6, TOPIC, TOPIC_LEN);
        to[6 + TOPIC_LEN] = 0;
        to += 7 + TOPIC_LEN;
    }
    return (size_t)(to - out);
}

/* CONNACK, and a reader's SUBACK. */
static size_t s_welcome(const char *in, size_t len, bool reader) {
    size_t wanted = reader ? 9 : 4;
    if (len < wanted)
        return 0;
    bool good = in[0] == 0x20 && in[3] == 0 && (!reader || ((uint8_t)in[4] == 0x90 && in[8] == 0));
    return good ? wanted : SIZE_MAX;
}

static size_t s_message(char *out, size_t size, size_t *body) {
    char *to = out;
    *to++ = 0x30;
    for (size_t left = 2 + TOPIC_LEN + size; left > 0 || to == out + 1; left >>= 7)
        *to++ = (char)((left & 127) | (left > 127 ? 128 : 0));
    *to++ = 0;
    *to++ = TOPIC_LEN;
    memcpy(to, TOPIC, TOPIC_LEN);
    *body = (size_t)(to - out) + TOPIC_LEN;
    memset(out + *body, 'x', size);
    return *body + size;
}

static size_t s_next(const char *in, size_t len, const char **body, size_t *body_len) {
    size_t left = 0, at = 1;
    *body = NULL;
    for (unsigned shift = 0;; shift += 7) {
        if (at >= len)
            return 0;
        left |= (size_t)(in[at] & 127) << shift;
        if (!(in[at++] & 128))
            break;
    }
    if (len < at + left)
        return 0;
    if ((uint8_t)in[0] >> 4 == 3) {
        size_t topic = (size_t)(uint8_t)in[at] << 8 | (uint8_t)in[at + 1];
        *body = in + at + 2 + topic;
        *body_len = left - 2 - topic;
    }
    return at + left;
}

const protocol_t protocol_mqtt = {s_hello, s_welcome, s_message, s_next};
