/* The rules for names (PROTOCOL.md, section 2), for both ends, and making peers' text safe to show. */
#ifndef ZR_NAMES_H
#define ZR_NAMES_H

#include "buffer.h"
#include "span.h"

#define ZR_ROOM_MAX 128
#define ZR_NICK_MAX 32
#define ZR_KEY_MAX 255
#define ZR_CLIENT_ID_LEN 32 /* hex digits */
#define ZR_NONCE_MIN 8
#define ZR_NONCE_MAX 32
#define ZR_INT_MAX ((1ULL << 53) - 1) /* the largest integer that JSON carries to every language */

enum {
    ZR_TOKEN_MAX = 256, /* bytes of a token whose hash the users file has */
    ZR_JWT_MAX = 4096,  /* of a token that an application signed */
};

#define ZR_ANONYMOUS "anonymous" /* the user that stands for peers that did not log in */

bool zr_room_valid(zr_span_t name);
bool zr_nick_valid(zr_span_t name); /* of users too */
bool zr_key_valid(zr_span_t name);

/* The fault of a name and its remedy, in one sentence (static); NULL: it is valid. */
const char *zr_room_fault(zr_span_t name);
const char *zr_nick_fault(zr_span_t name);
const char *zr_key_fault(zr_span_t name);

/* The valid nick is a word for the broker or its operators, in whatever case or width. Only a user that has that name
 * in the users file may have it. */
bool zr_nick_reserved(zr_span_t name);

/* Has the token the form of a JWT: three parts of base64url, the first of which may be JSON? Then it names its user. */
bool zr_is_jwt(zr_span_t token);

/* `token` is of a length that a broker takes. */
bool zr_token_fits(zr_span_t token);

/* `text` is `min` to `max` lower-case hex digits. */
bool zr_hex_valid(zr_span_t text, size_t min, size_t max);

/* Valid UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool zr_utf8_valid(zr_span_t text);

/* Appends `text` so that a terminal only shows it. C0 (tab too), DEL, C1, U+2028, U+2029, bidi controls and bytes that
 * are not UTF-8 become \xHH or \u{HHHH}. A backslash stays. Everything else is copied. */
void zr_escape(zr_buffer_t *out, zr_span_t text);

/* `text` is valid UTF-8 and a terminal does nothing but show it: zr_escape would change nothing. */
bool zr_is_shown(zr_span_t text);

/* Writes 2 * len lower-case hex digits and a NUL to `out`. */
void zr_hex(char *out, const uint8_t *bytes, size_t len);

#endif
