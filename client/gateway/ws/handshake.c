/* See handshake.h. */
#include "handshake.h"

#include <gnutls/crypto.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <strings.h>

#include "fatal.h"

enum { KEY_BYTES = 16, KEY_CHARS = 24, SHA1_BYTES = 20 };

static zr_span_t s_trim(zr_span_t text) {
    while (text.len > 0 && zr_is_blank(text.ptr[0]))
        text = zr_span_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && zr_is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool handshake_has_token(const char *list, const char *token) {
    zr_span_t rest = zr_span(list);
    size_t len = strlen(token);
    while (rest.len > 0) {
        zr_span_t item = s_trim(zr_span_cut(&rest, ','));
        if (item.len == len && strncasecmp(item.ptr, token, len) == 0)
            return true;
    }
    return false;
}

static bool s_key_valid(const char *key) {
    uint8_t bytes[KEY_BYTES];
    size_t len = 0;
    return key && strlen(key) == KEY_CHARS &&
           sodium_base642bin(bytes, sizeof bytes, key, KEY_CHARS, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) ==
               0 &&
           len == KEY_BYTES;
}

const char *handshake_fault(const handshake_t *request, unsigned *status) {
    *status = 405;
    if (strcmp(request->method, "GET") != 0)
        return "a WebSocket begins with GET";
    *status = 426;
    if (!handshake_has_token(request->upgrade, "websocket") || !handshake_has_token(request->connection, "upgrade"))
        return "this path is a WebSocket; connect with ws:// or wss://";
    if (!request->version || strcmp(request->version, "13") != 0)
        return "Sec-WebSocket-Version must be 13";
    *status = 400;
    return s_key_valid(request->key) ? NULL : "Sec-WebSocket-Key must be 16 bytes in base64";
}

void handshake_accept(const char *key, char out[HANDSHAKE_ACCEPT]) {
    char text[KEY_CHARS + 40];
    uint8_t digest[SHA1_BYTES];
    int len = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    FATAL_UNLESS(gnutls_hash_fast(GNUTLS_DIG_SHA1, text, (size_t)len, digest) == 0);
    sodium_bin2base64(out, HANDSHAKE_ACCEPT, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
}
