/* See token.h. */
#include "token.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

_Static_assert(TOKEN_HASH_SIZE == crypto_pwhash_STRBYTES, "a hash fits");
_Static_assert(TOKEN_PASSES == crypto_pwhash_OPSLIMIT_INTERACTIVE && TOKEN_MEMORY == crypto_pwhash_MEMLIMIT_INTERACTIVE,
    "the cost that libsodium recommends where somebody waits");

const char token_hash_of_nobody[] =
    "$argon2id$v=19$m=65536,t=2,p=1$33F3YUK31uk4u6VwkvWCqw$gkECukiNO2s1ntx5VTK1l+N6uzCumOKDOL0qcJYzNNg";

bool token_hash(zr_span_t token, char out[TOKEN_HASH_SIZE]) {
    return crypto_pwhash_str_alg(out, token.ptr, token.len, TOKEN_PASSES, TOKEN_MEMORY, crypto_pwhash_ALG_ARGON2ID13) ==
           0;
}

bool token_hash_valid(const char *hash) {
    return strlen(hash) < TOKEN_HASH_SIZE &&
           strncmp(hash, crypto_pwhash_STRPREFIX, strlen(crypto_pwhash_STRPREFIX)) == 0 &&
           crypto_pwhash_str_needs_rehash(hash, TOKEN_PASSES, TOKEN_MEMORY) == 0;
}

bool token_matches(const char *hash, zr_span_t token) {
    return crypto_pwhash_str_verify(hash, token.ptr, token.len) == 0;
}

bool token_hash_from(int fd, char out[TOKEN_HASH_SIZE], zr_error_t *error) {
    char text[TOKEN_MAX + 3]; /* room for CR, LF and one byte too many */
    size_t len = 0;
    const char *wrong = NULL;
    while (len < sizeof text) {
        ssize_t got = read(fd, text + len, sizeof text - len);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR) {
            wrong = strerror(errno);
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (!wrong && len == 0)
        wrong = "it is empty; write the token to the standard input";
    if (!wrong && len > TOKEN_MAX)
        wrong = "it is longer than 256 bytes";
    if (!wrong && (memchr(text, '\n', len) || memchr(text, '\0', len)))
        wrong = "it is more than one line of text";
    if (!wrong && !token_hash(zr_span_of(text, len), out))
        wrong = "there is not enough memory";
    sodium_memzero(text, sizeof text);
    return !wrong || zr_fail(error, "cannot hash the token: %s", wrong);
}
