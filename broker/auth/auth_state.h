/* Shared by the loop's side, the thread (both auth.c) and the logins' thread (auth_login.c). */
#ifndef AUTH_STATE_H
#define AUTH_STATE_H

#include <czmq.h>
#include <stdatomic.h>

#include "auth.h"
#include "jwt.h"
#include "logger.h"
#include "mailbox.h"
#include "throttle.h"
#include "users.h"

typedef struct {
    zr_mail_t mail;
    auth_kind_t kind;
    uint64_t ticket;
    char *user, *reason, *by; /* malloc'ed */
    char *token;              /* of a JWT, likewise; NULL: none */
} request_t;

typedef struct {
    zr_mail_t mail;
    auth_answer_t answer;
} reply_t;

typedef struct {
    zr_mail_t mail;
    uint64_t ticket;
    char user[ZR_NICK_MAX + 1];
    char address[THROTTLE_ADDRESS_MAX + 1];
    size_t token_len;
    char token[TOKEN_MAX];
} login_job_t;

struct auth {
    char *users_path, *bans_path; /* NULL: open mode */
    const char *jwt_path;         /* NULL: no JWT is taken */
    jwt_rules_t jwt_rules;
    jwt_keys_t *jwt_keys; /* the thread's */
    bool plain;
    bool bans_there;     /* the file of the bans was there once, so it must not be missing */
    uint64_t generation; /* of the users and bans in force; the thread's */
    zsock_t *zap;
    zr_mailbox_t requests, logins, replies;
    zr_log_limit_t refused_lines;
    atomic_uint_fast64_t refused;
    pthread_t thread;

    bool tokens; /* and so there is a thread for logins */
    pthread_t login_thread;
    throttle_t *throttle; /* the logins' thread's */
    zr_log_limit_t failed_lines, passed_lines, failed_jwt_lines, passed_jwt_lines;

    pthread_mutex_t mutex; /* of all that follows */
    pthread_cond_t applied_wake;
    uint64_t applied; /* the generation that the relay goes by */
    bool stop;
    users_t *users; /* only the thread changes these two, so it may read them without the mutex */
    bans_t bans;
};

#endif
