/* Errors of the HTTP API as problem details (RFC 9457). One table gives each code its status. */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "buffer.h"
#include "code.h"

/* The codes of the protocol (zr_code_t), and after them those that only HTTP has. */
enum {
    HTTP_BAD_REQUEST = ZR_CODE_COUNT, /* path, query, header or body is malformed */
    HTTP_BAD_LOGIN,                   /* the Authorization field cannot be read */
    HTTP_NOT_FOUND,
    HTTP_METHOD_NOT_ALLOWED,
    HTTP_ORIGIN_REFUSED,
    HTTP_MISDIRECTED,      /* the name in Host is not one of the gateway's */
    HTTP_UPGRADE_REQUIRED, /* the address is for WebSockets */
    HTTP_IN_PROGRESS,      /* another request with this Idempotency-Key is under way */
    HTTP_BROKER_AWAY,
    HTTP_TIMEOUT,
    HTTP_OVERLOADED, /* a limit of the gateway is reached */
    HTTP_UNKNOWN,    /* the broker's code is a newer one */
    HTTP_CODE_COUNT
};

enum { HTTP_DETAIL_SIZE = 400, HTTP_PROBLEM_NAME_SIZE = 64 };

typedef struct {
    unsigned code;                     /* of the two lists above; ZR_OK: no problem */
    char name[HTTP_PROBLEM_NAME_SIZE]; /* with HTTP_UNKNOWN: the broker's code */
    char detail[HTTP_DETAIL_SIZE];     /* UTF-8: what happened here, and what to do; empty: what the title says */
    uint64_t wait_ms;                  /* 0: no time is named after which it may work */
    uint64_t seq;                      /* with ZR_CONFLICT: the position of the key's value; 0: the key has no value */
} http_problem_t;

/* Sets `problem` to this code with a text; the text is cut to its size at the end of a character. Always false, so that
 * a function that failed can return it. */
bool http_fail(http_problem_t *problem, unsigned code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The problem that a control frame `error` of the broker tells. A code that is not in the list becomes HTTP_UNKNOWN. */
void http_problem_of(http_problem_t *problem, zr_span_t code, zr_span_t text, uint64_t wait_ms, uint64_t seq);

unsigned http_problem_status(const http_problem_t *problem);
const char *http_problem_name(const http_problem_t *problem);

/* Seconds for the field Retry-After, rounded up; 0: the answer has no such field. */
uint64_t http_problem_retry_s(const http_problem_t *problem);

/* Appends the body, application/problem+json. */
void http_problem_write(zr_buffer_t *out, const http_problem_t *problem);

#define HTTP_PROBLEM_TYPE "application/problem+json"

#endif
