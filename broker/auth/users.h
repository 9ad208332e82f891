/* The users file: the users, their keys and tokens, and their rights.
 *
 * role name = member allow = "read write state presence create : general chat-*" deny = "write : general/announcements"
 * jwt = 1 user name = alice key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" token = "$argon2id$..." role = member
 * allow = "admin : *"
 *
 * All members but `name` and `jwt` may be repeated. A signed login (JWT) may name the roles with `jwt = 1`. "all"
 * stands for every right but admin; admin is for "*" only. A user named "anonymous" has no key and no token: its rights
 * are those of peers that did not log in. */
#ifndef USERS_H
#define USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "bans.h"
#include "buffer.h"
#include "key_file.h"
#include "names.h"
#include "token.h"

enum { USERS_TOKENS_MAX = 4 }; /* of one user: a login costs as many hashes as the user with the most has */

typedef struct users users_t;
typedef struct user user_t;

typedef struct {
    size_t users, keys, tokens;
    size_t most_tokens;  /* that one user has */
    size_t signed_roles; /* that signed logins may name */
} users_count_t;

/* Reads the file. NULL: `error` holds one line with the file, the line number, the reason and what to do. */
users_t *users_load(const char *path, zr_error_t *error);

/* The same of a text; `path` is for errors. */
users_t *users_parse(const char *path, zr_span_t text, zr_error_t *error);

void users_destroy(users_t *users); /* NULL is accepted */

/* Marks the users that this list bans. A ban of a name that no user has is without effect. Until users_enforce_bans,
 * only users_access and users_gone use the new list, so that other threads may ask meanwhile. users_enforce_bans takes
 * almost no time. */
void users_set_bans(users_t *users, const bans_t *bans);
void users_enforce_bans(users_t *users);

users_count_t users_count(const users_t *users);

/* Can anybody come in? Not on a broker that encrypts nothing and takes no tokens (of either kind), unless there is the
 * user `anonymous`. false: `error` says what to do. */
bool users_check_way(const users_t *users, const char *path, bool tokens, bool encrypted, zr_error_t *error);

/* How many users have no key: those with a `token`, or those without one either. `*first`, which lives as long as
 * `users`, is the first of them. `anonymous` needs no key. */
size_t users_keyless(const users_t *users, bool token, const char **first);

/* The access for the relay; the caller's. `plain`: see access_set_plain. */
access_t *users_access(const users_t *users, bool plain);

/* Finds banned users too. NULL: no user has that name or key. */
const user_t *users_of_name(const users_t *users, zr_span_t name);
const user_t *users_of_key(const users_t *users, const uint8_t key[ZR_CURVE_BYTES]);

const char *user_name(const user_t *user);
bool user_is_banned(const user_t *user);

/* Copies the hashes of the user's tokens; returns how many there are. */
size_t user_tokens(const user_t *user, char hashes[USERS_TOKENS_MAX][TOKEN_HASH_SIZE]);
bool user_has_token(const user_t *user, const char *hash);

/* A name, as names are listed. */
typedef struct {
    char name[ZR_NICK_MAX + 1];
} user_name_t;

/* Appends, as user_name_t, each user of `now` that had a key or a token in `before` and has lost it. A connection of
 * the user may have used it. */
void users_disowned(const users_t *before, const users_t *now, zr_buffer_t *names);

/* Appends, as user_name_t, each user of `before` that is missing or banned in `now`. `before` may be `now`. */
void users_gone(const users_t *before, const users_t *now, zr_buffer_t *names);

#endif
