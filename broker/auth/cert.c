/* See cert.h. */
#include "cert.h"

#include <limits.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "secret_file.h"

#define Z85_DIGITS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

bool cert_key_decode(const char *text, uint8_t key[CERT_KEY_BYTES]) {
    uint8_t bytes[CERT_KEY_BYTES];
    char again[CERT_KEY_LEN + 1];
    /* zmq_z85_decode looks up whatever byte it meets, and five digits can be more than 32 bits hold. */
    if (strlen(text) != CERT_KEY_LEN || strspn(text, Z85_DIGITS) != CERT_KEY_LEN || !zmq_z85_decode(bytes, text) ||
        !zmq_z85_encode(again, bytes, sizeof bytes) || strcmp(again, text) != 0)
        return false;
    /* The null key: what it encrypts everybody can read, and zcert writes it where a key is missing. */
    if (sodium_is_zero(bytes, sizeof bytes))
        return false;
    memcpy(key, bytes, sizeof bytes);
    return true;
}

/* --- Reading --- */

typedef struct {
    cert_t *cert;
    const char *path;
} reading_t;

static bool s_wrong(const char *path, const char *sentence, char *error) {
    snprintf(error, ZPL_ERROR_SIZE, "%.300s: %s", path, sentence);
    return false;
}

static bool s_on_item(void *ctx, const zpl_item_t *item, char error[ZPL_ERROR_SIZE]) {
    reading_t *reading = ctx;
    if (!item->name || strcmp(item->section, "curve") != 0)
        return true; /* metadata */
    bool public = strcmp(item->name, "public-key") == 0;
    if (!public && strcmp(item->name, "secret-key") != 0)
        return true;
    char *place = public ? reading->cert->public_key : reading->cert->secret_key;
    uint8_t key[CERT_KEY_BYTES];
    bool ok = !place[0] && cert_key_decode(item->value, key);
    sodium_memzero(key, sizeof key);
    if (!ok) {
        snprintf(error, ZPL_ERROR_SIZE, "%.300s:%u: this is no key (40 characters of Z85), or the second one",
            reading->path, item->line);
        return false;
    }
    memcpy(place, item->value, CERT_KEY_LEN + 1);
    return true;
}

static bool s_check_pair(const cert_t *cert, const char *path, char *error) {
    char derived[CERT_KEY_LEN + 1];
    if (!cert->secret_key[0])
        return s_wrong(path, "there is no secret key in it; name the file that ends in _secret", error);
    if (zmq_curve_public(derived, cert->secret_key) != 0 || strcmp(derived, cert->public_key) != 0)
        return s_wrong(path, "the public key does not belong to the secret key; make a new pair with --keygen", error);
    return true;
}

bool cert_load(cert_t *cert, const char *path, char error[ZPL_ERROR_SIZE]) {
    zr_buffer_t text = {0};
    mode_t mode;
    reading_t reading = {cert, path};
    *cert = (cert_t){.public_key = ""};
    /* The permissions are checked last. So an operator that names the public file is told that, not to change its
     * mode. */
    bool ok = secret_file_read(path, &text, &mode, error) == ZR_FILE_READ &&
              zpl_parse(path, zr_span_of(text.data, text.len), s_on_item, &reading, error) &&
              s_check_pair(cert, path, error);
    if (ok && (mode & ZR_FILE_OTHERS) != 0)
        ok = s_wrong(path,
            "others than its owner may use this secret key; chmod 600 it, or make a new pair with "
            "--keygen if somebody may have read it",
            error);
    zr_file_wipe(&text);
    if (!ok)
        cert_wipe(cert);
    return ok;
}

/* --- Making --- */

static bool s_write_secret(const cert_t *cert, const char *path, char *error) {
    char text[1000];
    int len = snprintf(text, sizeof text,
        "#   ZeroMQ CURVE **Secret** Certificate\n"
        "#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.\n\n"
        "metadata\ncurve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n",
        cert->public_key, cert->secret_key);
    bool ok = secret_file_create(path, 0600, zr_span_of(text, (size_t)len), error);
    sodium_memzero(text, sizeof text);
    return ok;
}

static bool s_write_public(const cert_t *cert, const char *path, char *error) {
    char text[1000];
    int len = snprintf(text, sizeof text,
        "#   ZeroMQ CURVE Public Certificate\n"
        "#   Give it to those who are to know the key by a way that nobody can change it on.\n\n"
        "metadata\ncurve\n    public-key = \"%s\"\n",
        cert->public_key);
    return secret_file_create(path, 0644, zr_span_of(text, (size_t)len), error);
}

bool cert_make(cert_t *cert, const char *path, char error[ZPL_ERROR_SIZE]) {
    char secret_path[PATH_MAX];
    if (snprintf(secret_path, sizeof secret_path, "%s_secret", path) >= (int)sizeof secret_path)
        return s_wrong(path, "the path is too long", error);
    if (zmq_curve_keypair(cert->public_key, cert->secret_key) != 0)
        return s_wrong(path, "this libzmq was built without CURVE", error);
    bool ok = s_write_secret(cert, secret_path, error);
    if (ok && !s_write_public(cert, path, error)) {
        unlink(secret_path);
        ok = false;
    }
    if (!ok)
        cert_wipe(cert);
    return ok;
}

void cert_wipe(cert_t *cert) {
    sodium_memzero(cert, sizeof *cert);
}
