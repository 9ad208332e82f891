/* Keys and tokens of an application, for the tests. libjose signs, and libsodium for EdDSA. In texts ' stands for ". */
#ifndef FIXTURE_JWT_H
#define FIXTURE_JWT_H

#include <jansson.h>

#include "jwt.h"
#include "unit.h"

/* A new key with its secret part; the caller's. An empty `kid`: none. */
json_t *fx_jwk(const char *alg, const char *kid);

/* The text of a JWK Set with the public parts of these keys (of HS256 the secret); NULL ends the list. Valid until the
 * next call. */
const char *fx_jwk_set(json_t *first, ...);

/* The same, read. */
jwt_keys_t *fx_jwt_keys(json_t *jwk);

/* A token with this header and these claims, signed by the key by the way of `alg`, whatever the header says. Valid
 * until the fourth call after it. */
const char *fx_jwt(json_t *jwk, const char *alg, const char *header, const char *claims);

/* The same with the header that fits the key. */
const char *fx_jwt_of(json_t *jwk, const char *claims);

/* A part of a token: base64url. Valid until the eighth call after it. */
const char *fx_b64(zr_span_t bytes);

#endif
