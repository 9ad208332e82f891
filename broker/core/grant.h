/* A login that an application signed (JWT): which user, with which roles, until when. The edge checks the token and
 * fills this in; the session keeps it. */
#ifndef GRANT_H
#define GRANT_H

#include <stddef.h>
#include <stdint.h>

#include "names.h"

enum { GRANT_ROLES_MAX = 16 };

typedef struct {
    char user[ZR_NICK_MAX + 1];                   /* a valid nick */
    char roles[GRANT_ROLES_MAX][ZR_NICK_MAX + 1]; /* valid nicks; whether there are such roles, access.h says */
    size_t role_count;                            /* at least one */
    uint64_t expires;                             /* µs since 1970: the session ends then */
    uint64_t signer;                              /* the number of the key that signed it */
} grant_t;

#endif
