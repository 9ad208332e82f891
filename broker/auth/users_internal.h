/* Shared by the table of users (users.c) and the reader of the file (users_file.c). */
#ifndef USERS_INTERNAL_H
#define USERS_INTERNAL_H

#include "hash.h"
#include "users.h"

typedef struct {
    bool deny;
    rights_t rights;
    char pattern[ZR_ROOM_MAX + 2];
} rule_t;

typedef struct {
    char name[ZR_NICK_MAX + 1];
    zr_buffer_t rules; /* of rule_t */
    bool jwt;          /* signed logins may name it */
    UT_hash_handle hh;
} role_t;

/* A role by name, while the file is being read: it may be defined further down. */
typedef struct {
    char name[ZR_NICK_MAX + 1];
    unsigned line;
} role_ref_t;

struct user {
    char name[ZR_NICK_MAX + 1];
    unsigned line; /* where it begins */
    bool banned;
    bool to_ban;       /* is banned once the bans are enforced */
    zr_buffer_t rules; /* of rule_t: its own, then those of its roles */
    zr_buffer_t roles; /* of role_ref_t */
    size_t key_count, token_count;
    char (*tokens)[TOKEN_HASH_SIZE]; /* USERS_TOKENS_MAX of them; NULL: none */
    zr_buffer_t folded;              /* the name as zr_fold makes it */
    UT_hash_handle hh, by_folded;
};

typedef struct {
    uint8_t key[ZR_CURVE_BYTES];
    user_t *owner;
    unsigned line;
    UT_hash_handle hh;
} user_key_t;

struct users {
    user_t *by_name; /* in the order of the file */
    user_t *by_folded;
    user_key_t *by_key;
    role_t *roles; /* that signed logins may name */
};

void users_destroy_role(role_t *role); /* NULL is accepted */
void users_destroy_user(user_t *user); /* NULL is accepted; its keys stay */

#endif
