/* Shared by the loop's side, the thread (both auth.c) and the logins' thread (auth_login.c). */
#ifndef AUTH_STATE_H
#define AUTH_STATE_H

#include <czmq.h>
#include <pthread.h>
#include <stdatomic.h>

#include "auth.h"
#include "logger.h"
#include "throttle.h"
#include "users.h"

typedef struct request {
    auth_kind_t kind;
    uint64_t ticket;
    char *user, *reason, *by; /* malloc'ed */
    struct request *next;
} request_t;

typedef struct reply {
    auth_answer_t answer;
    struct reply *next;
} reply_t;

typedef struct login_job {
    uint64_t ticket;
    char user[ZR_NICK_MAX + 1];
    char address[THROTTLE_ADDRESS_MAX + 1];
    size_t token_len;
    char token[TOKEN_MAX];
    struct login_job *next;
} login_job_t;

/* One list for each direction, each with the place where the next one goes. */
struct auth {
    char *users_path, *bans_path; /* NULL: open mode */
    bool plain;
    bool bans_there;     /* the file of the bans was there once, so it must not be missing */
    uint64_t generation; /* of the users and bans in force; the thread's */
    zsock_t *zap;
    int wake; /* eventfd: there are requests, or the end */
    int fd;   /* eventfd: there are replies */
    zr_log_limit_t refused_lines;
    atomic_uint_fast64_t refused;
    pthread_t thread;

    bool tokens; /* and so there is a thread for logins */
    pthread_t login_thread;
    throttle_t *throttle; /* the logins' thread's */
    zr_log_limit_t failed_lines, passed_lines;

    pthread_mutex_t mutex; /* of all that follows */
    pthread_cond_t login_wake, applied_wake;
    uint64_t applied; /* the generation that the relay goes by */
    bool stop;
    request_t *requests, **requests_end;
    login_job_t *logins, **logins_end;
    size_t login_count;
    reply_t *replies, **replies_end;
    users_t *users; /* only the thread changes these two, so it may read them without the mutex */
    bans_t bans;
};

#endif
