#include "certificate.h"

#include <sodium/utils.h>
#include <zmq.h>

#include "format.h"
#include "secret.h"

bool key_valid(zr_span_t key) {
    char text[KEY_LEN + 1];
    uint8_t raw[32];
    if (key.len != KEY_LEN || memchr(key.ptr, '\0', key.len))
        return false;
    memcpy(text, key.ptr, KEY_LEN);
    text[KEY_LEN] = '\0';
    bool valid = zmq_z85_decode(raw, text);
    sodium_memzero(text, sizeof text);
    sodium_memzero(raw, sizeof raw);
    return valid;
}

bool certificate_make(certificate_t *certificate) {
    return zmq_curve_keypair(certificate->public_key, certificate->secret_key) == 0;
}

void certificate_write(zr_buffer_t *out, const certificate_t *certificate, bool secret, const char *when) {
    format_add(out, "#   ****  Generated on %s by zrelay  ****\n", when);
    if (secret)
        format_add(out, "#   ZeroMQ CURVE **Secret** Certificate\n"
                        "#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.\n\n");
    else
        format_add(out, "#   ZeroMQ CURVE Public Certificate\n"
                        "#   Its key is what the broker's operator needs to let you in.\n\n");
    format_add(out, "metadata\ncurve\n    public-key = \"%s\"\n", certificate->public_key);
    if (secret)
        format_add(out, "    secret-key = \"%s\"\n", certificate->secret_key);
}

/* --- Reading: lines `name = "value"` under `curve` --- */

static zr_span_t s_trim(zr_span_t text) {
    while (text.len > 0 && strchr(" \t\r", text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r", text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool s_quote(char c) {
    return c == '"' || c == '\'';
}

/* What stands between quotes, or, as a key has no space in it, up to one. */
static zr_span_t s_value(zr_span_t text) {
    text = s_trim(text);
    bool quoted = text.len > 0 && s_quote(text.ptr[0]);
    size_t from = quoted, to = from;
    while (to < text.len && (quoted ? text.ptr[to] != text.ptr[0] : text.ptr[to] != ' ' && text.ptr[to] != '\t'))
        to++;
    return zr_span_of(text.ptr + from, to - from);
}

static bool s_line(certificate_t *certificate, zr_span_t line) {
    const char *equals = memchr(line.ptr, '=', line.len);
    if (!equals)
        return true;
    zr_span_t name = s_trim(zr_span_of(line.ptr, (size_t)(equals - line.ptr)));
    zr_span_t value = s_value(zr_span_of(equals + 1, (size_t)(line.ptr + line.len - equals - 1)));
    char *to = zr_span_equal(name, zr_span("public-key"))   ? certificate->public_key
               : zr_span_equal(name, zr_span("secret-key")) ? certificate->secret_key
                                                            : NULL;
    if (!to)
        return true;
    if (!key_valid(value))
        return false;
    memcpy(to, value.ptr, KEY_LEN);
    to[KEY_LEN] = '\0';
    return true;
}

bool certificate_parse(certificate_t *certificate, zr_span_t text) {
    bool curve = false;
    *certificate = (certificate_t){0};
    for (size_t at = 0; at < text.len;) {
        const char *newline = memchr(text.ptr + at, '\n', text.len - at);
        size_t len = newline ? (size_t)(newline - text.ptr) - at : text.len - at;
        zr_span_t line = zr_span_of(text.ptr + at, len);
        at += len + 1;
        bool indented = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
        zr_span_t trimmed = s_trim(line);
        if (trimmed.len == 0 || trimmed.ptr[0] == '#')
            continue;
        if (!indented)
            curve = zr_span_equal(trimmed, zr_span("curve"));
        else if (curve && !s_line(certificate, trimmed))
            return false;
    }
    return certificate->public_key[0];
}

static bool s_pair(const certificate_t *certificate) {
    char derived[KEY_LEN + 1];
    return zmq_curve_public(derived, certificate->secret_key) == 0 && strcmp(derived, certificate->public_key) == 0;
}

bool certificate_load(certificate_t *certificate, const char *name, zr_buffer_t *error) {
    zr_buffer_t path = {0}, text = {0};
    bool missing;
    format_add(&path, "%s_secret%c", name, '\0');
    bool good = secret_read((const char *)path.data, &text, &missing, error);
    if (!good && missing) { /* the file that holds both may have any name */
        zr_buffer_clear(error);
        zr_buffer_clear(&path);
        format_add(&path, "%s%c", name, '\0');
        good = secret_read((const char *)path.data, &text, NULL, error);
    }
    if (good) {
        const char *wrong = NULL;
        if (!certificate_parse(certificate, zr_span_of(text.data, text.len)))
            wrong = "this is no key pair; 'zrelay keygen' makes one";
        else if (!certificate->secret_key[0])
            wrong = "there is no secret key in it";
        else if (!s_pair(certificate))
            wrong = "its two keys do not belong together";
        if (wrong)
            format_add(error, "%s: %s", (const char *)path.data, wrong);
        good = !wrong;
    }
    secret_finish(&text);
    zr_buffer_finish(&path);
    return good;
}
