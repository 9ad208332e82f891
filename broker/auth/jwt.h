/* Checks a login that an application signed: a JSON Web Token (RFC 7519) in the compact form of RFC 7515. Pure: the
 * caller brings keys, rules and time.
 *
 * Of the claims these count: `sub` is the user's name, `roles` lists names of roles of the users file, `exp` is
 * required, `nbf`, `iss` and `aud` are looked at. Whether there are such roles, and whether the user is banned, the
 * caller decides. */
#ifndef JWT_H
#define JWT_H

#include "grant.h"
#include "jwt_keys.h"

typedef struct {
    const char *issuer;   /* `iss` must be this; NULL: any */
    const char *audience; /* `aud` must be or hold this; NULL: a token that has an `aud` is for others */
    uint64_t leeway;      /* µs that the application's clock may differ */
} jwt_rules_t;

typedef enum {
    JWT_OK,
    JWT_BAD_FORM,
    JWT_BAD_HEADER,
    JWT_NO_KEY,
    JWT_BAD_ALGORITHM,
    JWT_BAD_SIGNATURE,
    JWT_BAD_CLAIMS,
    JWT_EXPIRED,
    JWT_EARLY,
    JWT_BAD_ISSUER,
    JWT_BAD_AUDIENCE,
    JWT_BAD_USER,
    JWT_BAD_ROLES,
    JWT_RESULTS
} jwt_result_t;

/* Times are µs since 1970. On JWT_OK `*grant` is filled in; it expires at `exp` and the leeway. */
jwt_result_t jwt_check(const jwt_keys_t *keys, const jwt_rules_t *rules, zr_span_t token, uint64_t now, grant_t *grant);

/* The fault, for the operator: what it is and what to do. */
const char *jwt_fault(jwt_result_t result);

/* The same for the client. Before the signature is known to fit, all faults are the same one (NULL): a forger learns
 * nothing. */
const char *jwt_answer(jwt_result_t result);

#endif
