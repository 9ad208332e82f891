/* See key_file.h. */
#include "key_file.h"

#include <limits.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

#include "zpl.h"

#define Z85_DIGITS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

bool zr_curve_decode(zr_span_t text, uint8_t key[ZR_CURVE_BYTES]) {
    uint8_t bytes[ZR_CURVE_BYTES];
    char digits[ZR_CURVE_LEN + 1] = "", again[ZR_CURVE_LEN + 1];
    if (text.len == ZR_CURVE_LEN)
        memcpy(digits, text.ptr, ZR_CURVE_LEN);
    /* zmq_z85_decode looks up whatever byte it meets, and five digits can be more than 32 bits hold. The null key:
     * what it encrypts everybody can read, and zcert writes it where a key is missing. */
    bool valid = strspn(digits, Z85_DIGITS) == ZR_CURVE_LEN && zmq_z85_decode(bytes, digits) &&
                 zmq_z85_encode(again, bytes, sizeof bytes) && strcmp(again, digits) == 0 &&
                 !sodium_is_zero(bytes, sizeof bytes);
    if (valid && key)
        memcpy(key, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(digits, sizeof digits);
    sodium_memzero(again, sizeof again);
    return valid;
}

/* --- Reading --- */

static bool s_on_item(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    zr_pair_t *pair = ctx;
    if (!item || !item->name || strcmp(item->section, "curve") != 0)
        return true; /* metadata */
    bool public = strcmp(item->name, "public-key") == 0;
    if (!public && strcmp(item->name, "secret-key") != 0)
        return true;
    char *place = public ? pair->public_key : pair->secret_key;
    if (place[0] || !zr_curve_decode(zr_span(item->value), NULL))
        return zr_fail(error, "this is no key (40 characters of Z85), or the second one");
    memcpy(place, item->value, ZR_CURVE_LEN + 1);
    return true;
}

static bool s_check(const zr_pair_t *pair, const char *path, mode_t mode, zr_error_t *error) {
    char derived[ZR_CURVE_LEN + 1];
    if (!pair->secret_key[0])
        return zr_fail(error, "%s: there is no secret key in it; name the file that ends in _secret", path);
    if (zmq_curve_public(derived, pair->secret_key) != 0 || strcmp(derived, pair->public_key) != 0)
        return zr_fail(
            error, "%s: the public key does not belong to the secret key; make a new pair with keygen", path);
    /* Last. So a person that names the public file is told that, not to change its mode. */
    if (mode & ZR_FILE_OTHERS)
        return zr_fail(error,
            "%s: others than its owner may use this secret key; chmod 600 it, or make a new pair with keygen if "
            "somebody may have read it",
            path);
    return true;
}

zr_file_t zr_pair_load(zr_pair_t *pair, const char *path, zr_error_t *error) {
    zr_buffer_t text = {0};
    mode_t mode;
    *pair = (zr_pair_t){.public_key = ""};
    zr_file_t result = zr_file_read(path, &zr_file_access, &text, &mode, error);
    if (result == ZR_FILE_READ && !(zr_zpl_parse(path, zr_span_of(text.data, text.len), s_on_item, pair, error) &&
                                      s_check(pair, path, mode, error)))
        result = ZR_FILE_REFUSED;
    zr_file_wipe(&text);
    if (result != ZR_FILE_READ)
        zr_pair_wipe(pair);
    return result;
}

/* --- Making --- */

static bool s_write(const zr_pair_t *pair, bool secret, const char *path, zr_error_t *error) {
    char text[1000];
    int len = snprintf(text, sizeof text,
        "#   ZeroMQ CURVE %s Certificate\n"
        "#   %s.\n\n"
        "metadata\ncurve\n    public-key = \"%s\"\n%s%s%s",
        secret ? "**Secret**" : "Public",
        secret ? "DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions"
               : "Give it to people that are to know the key by a way that nobody can change it on",
        pair->public_key, secret ? "    secret-key = \"" : "", secret ? pair->secret_key : "", secret ? "\"\n" : "");
    bool ok = zr_file_create(path, secret ? 0600 : 0644, zr_span_of(text, (size_t)len), error);
    sodium_memzero(text, sizeof text);
    return ok;
}

bool zr_pair_make(zr_pair_t *pair, const char *path, zr_error_t *error) {
    char secret_path[PATH_MAX];
    if (snprintf(secret_path, sizeof secret_path, "%s_secret", path) >= (int)sizeof secret_path)
        return zr_fail(error, "%s: the path is too long", path);
    if (zmq_curve_keypair(pair->public_key, pair->secret_key) != 0)
        return zr_fail(error, "this libzmq was built without CURVE");
    bool ok = s_write(pair, true, secret_path, error);
    if (ok && !s_write(pair, false, path, error)) {
        unlink(secret_path);
        ok = false;
    }
    if (!ok)
        zr_pair_wipe(pair);
    return ok;
}

void zr_pair_wipe(zr_pair_t *pair) {
    sodium_memzero(pair, sizeof *pair);
}
