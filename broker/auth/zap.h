/* Requests of the ZeroMQ Authentication Protocol (RFC 27) and the verdicts on them. Pure: auth.c has the socket. */
#ifndef ZAP_H
#define ZAP_H

#include "users.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

/* The domains of zrelayd's listeners. On an encrypted one the mechanism is CURVE, and the key tells the user. On a
 * plain one every peer may come in; its domain only makes libzmq refuse ZMTP 1 and 2 (sockets.c). */
#define ZAP_DOMAIN_CURVE "zrelay-curve"
#define ZAP_DOMAIN_PLAIN "zrelay-plain"

/* The name of a property that each answer gives the connection: the generation of the users that let it in, in digits.
 * Peers may give properties too, under any name that no answer gives. Without a ZAP request that is any name, even
 * User-Id. So this name is a secret of the process that nobody can guess and no peer is told. Only a connection with
 * this property was answered here, and only its User-Id counts. */
const char *zap_generation(void);
enum { ZAP_GENERATION_LEN = 34, ZAP_METADATA_MAX = 96 };

enum { ZAP_FRAMES_MIN = 6, ZAP_FRAMES_MAX = 8 }; /* without and with the longest credentials */

typedef struct {
    zr_span_t version, id, domain, address, identity, mechanism;
    zr_span_t credentials[ZAP_FRAMES_MAX - ZAP_FRAMES_MIN];
    size_t credential_count;
} zap_request_t;

typedef struct {
    const char *status; /* "200", "400" or "500" */
    const char *text;   /* "OK", or why not; a static string */
    const char *user;   /* of 200: the user's name, "" for anonymous. Of 400: the name of the refused user, if known */
} zap_verdict_t;

/* `count` is the number of frames that came, perhaps more than ZAP_FRAMES_MAX; `request` gets views of them. Returns
 * NULL, or the fault (a static string). The id is set all the same if there is one. */
const char *zap_parse(const zr_span_t *frames, size_t count, zap_request_t *request);

/* `users`: NULL when there is no users file; then nobody's key is known. */
zap_verdict_t zap_check(const zap_request_t *request, const users_t *users);

/* Writes the answer's last frame, the properties; returns its length. */
size_t zap_metadata(uint64_t generation, uint8_t out[ZAP_METADATA_MAX]);

#endif
