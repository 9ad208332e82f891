/* Key pairs in files as CZMQ and pyzmq read and write them: NAME has the public key, NAME_secret both. Reading and
 * writing the text is pure. */
#ifndef CERTIFICATE_H
#define CERTIFICATE_H

#include "buffer.h"

#define KEY_LEN 40 /* Z85 */

typedef struct {
    char public_key[KEY_LEN + 1];
    char secret_key[KEY_LEN + 1]; /* empty: not in the file */
} certificate_t;

/* 40 characters of Z85. */
bool key_valid(zr_span_t key);

/* A new pair. false: libzmq has no encryption. */
bool certificate_make(certificate_t *certificate);

/* The text of NAME, or with `secret` of NAME_secret; `when` goes into its first line. */
void certificate_write(zr_buffer_t *out, const certificate_t *certificate, bool secret, const char *when);

/* false: there is no public key in it, or what stands for a key is none. */
bool certificate_parse(certificate_t *certificate, zr_span_t text);

/* Reads NAME_secret, or else NAME, which must have both keys that belong together; the caller wipes the result. false:
 * `error` gets a sentence. */
bool certificate_load(certificate_t *certificate, const char *name, zr_buffer_t *error);

#endif
