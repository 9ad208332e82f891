/* Header fields of requests: conditions, keys, positions and logins. Pure: text in, values out. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "http_route.h"

enum {
    HTTP_IDEMPOTENCY_KEY_MAX = 128, /* bytes, without its quotes */
    HTTP_USER_SIZE = ZR_NICK_MAX + 1,
    HTTP_TOKEN_MAX = 8192 /* bytes of a token: a JWT with some roles has about a thousand */
};

/* --- Conditions: an entity tag is a position, "EPOCH:SEQ" in quotes --- */

enum { HTTP_ETAG_SIZE = HTTP_POSITION_SIZE + 2 };

/* Writes the strong entity tag of a key's value. */
void http_etag_write(char out[HTTP_ETAG_SIZE], uint64_t epoch, uint64_t seq);

/* What a write asks of the key's value now. */
typedef enum {
    HTTP_IF_NOTHING, /* no condition */
    HTTP_IF_SEQ,     /* If-Match: the value is that of this position */
    HTTP_IF_ABSENT,  /* If-None-Match: * : the key has no value */
} http_condition_kind_t;

typedef struct {
    http_condition_kind_t kind;
    http_position_t position; /* HTTP_IF_SEQ: has an epoch */
} http_condition_t;

/* Reads the two fields of a write; an empty view stands for a field that the request does not have. `If-Match: *` and
 * lists of tags are refused: no single position says what they ask. */
bool http_condition_read(
    http_condition_t *condition, zr_span_t if_match, zr_span_t if_none_match, http_problem_t *problem);

/* The list of If-None-Match of a GET names `etag`, or is a star: the client has the value. Weak tags match too. */
bool http_etag_listed(zr_span_t if_none_match, const char *etag);

/* --- Positions and keys --- */

/* Last-Event-ID, "EPOCH:SEQ". */
bool http_last_event_id_read(http_position_t *position, zr_span_t value, http_problem_t *problem);

/* Idempotency-Key: 1 to HTTP_IDEMPOTENCY_KEY_MAX visible ASCII characters, with or without quotes around it. `*key`
 * points into `value`. */
bool http_idempotency_key_read(zr_span_t *key, zr_span_t value, http_problem_t *problem);

/* Zrelay-Key: the key of an entry, as UTF-8. `*key` points into `value`. */
bool http_entry_key_read(zr_span_t *key, zr_span_t value, http_problem_t *problem);

/* Zrelay-TTL: milliseconds, 1 to ZR_INT_MAX. */
bool http_ttl_read(uint64_t *ttl, zr_span_t value, http_problem_t *problem);

/* --- Logins --- */

typedef enum { HTTP_LOGIN_NONE, HTTP_LOGIN_BASIC, HTTP_LOGIN_BEARER } http_login_kind_t;

typedef struct {
    http_login_kind_t kind;
    char user[HTTP_USER_SIZE];      /* with Basic; a valid name of a user */
    char token[HTTP_TOKEN_MAX + 1]; /* UTF-8; a secret: http_login_forget wipes it */
} http_login_t;

/* Reads Authorization (RFC 7617, RFC 6750); an empty view stands for no field. `problem` quotes nothing of it. */
bool http_login_read(http_login_t *login, zr_span_t authorization, http_problem_t *problem);

void http_login_forget(http_login_t *login);

#endif
