/* The thread that checks tokens, one at a time and in their order. So a peer that guesses waits for its own guesses. A
 * burst of guesses cannot outrun the slowdown that the first failure starts. */
#include "auth_login.h"

#include <sodium/utils.h>

#include "auth_answers.h"
#include "clock.h"
#include "fatal.h"

void auth_login_free(login_job_t *job) {
    sodium_memzero(job, sizeof *job);
    free(job);
}

/* Copies the hashes to be checked: those of the user, filled up to `*rounds` with dummies. Every login has as many
 * rounds as the user with the most tokens has. So the time does not tell whether a name is a user's. */
static size_t s_hashes(auth_t *auth, const char *user, char hashes[USERS_TOKENS_MAX][TOKEN_HASH_SIZE], size_t *rounds) {
    pthread_mutex_lock(&auth->mutex);
    const user_t *found = users_of_name(auth->users, zr_span(user));
    size_t count = found ? user_tokens(found, hashes) : 0;
    *rounds = users_count(auth->users).most_tokens;
    pthread_mutex_unlock(&auth->mutex);
    if (*rounds == 0)
        *rounds = 1;
    for (size_t i = count; i < *rounds; i++)
        memcpy(hashes[i], token_hash_of_nobody, strlen(token_hash_of_nobody) + 1);
    return count;
}

/* Writes the hash that fits to `hash`. */
static bool s_check(auth_t *auth, const login_job_t *job, char hash[TOKEN_HASH_SIZE]) {
    char hashes[USERS_TOKENS_MAX][TOKEN_HASH_SIZE];
    size_t rounds, count = s_hashes(auth, job->user, hashes, &rounds);
    bool ok = false;
    for (size_t i = 0; i < rounds; i++)
        if (token_matches(hashes[i], zr_span_of(job->token, job->token_len)) && i < count) {
            memcpy(hash, hashes[i], TOKEN_HASH_SIZE);
            ok = true;
        }
    return ok;
}

/* The audit. */
static void s_tell(auth_t *auth, const login_job_t *job, login_t result, const char *why) {
    zr_log_limit_t *lines = result == LOGIN_OK ? &auth->passed_lines : &auth->failed_lines;
    if (zr_log_pass(lines, zr_mono_ms()))
        zr_log(
            ZR_LOG_AUDIT, "login of %s from %s: %s", job->user, job->address[0] ? job->address : "this machine", why);
}

static void s_serve(auth_t *auth, const login_job_t *job) {
    zr_span_t address = zr_span(job->address), user = zr_span(job->user);
    auth_answer_t answer = {.ticket = job->ticket, .kind = AUTH_LOGIN, .login = LOGIN_FAILED};
    answer.wait_ms = throttle_wait(auth->throttle, address, user, zr_mono_ms());
    if (answer.wait_ms > 0) {
        answer.login = LOGIN_SLOW;
        s_tell(auth, job, answer.login, "not tried, too soon after one that failed");
        auth_reply(auth, &answer);
        return;
    }
    char hash[TOKEN_HASH_SIZE];
    bool fits = s_check(auth, job, hash);

    /* The users may have changed meanwhile. The answer takes its place in the queue before or behind the change. */
    pthread_mutex_lock(&auth->mutex);
    const user_t *found = users_of_name(auth->users, user);
    bool banned = found && user_is_banned(found);
    if (fits && found && !banned && user_has_token(found, hash)) {
        answer.login = LOGIN_OK;
        throttle_passed(auth->throttle, address, user);
    } else {
        answer.wait_ms = throttle_failed(auth->throttle, address, user, zr_mono_ms());
    }
    auth_reply(auth, &answer);
    pthread_mutex_unlock(&auth->mutex);
    s_tell(auth, job, answer.login,
        answer.login == LOGIN_OK
            ? "ok"
            : (banned ? "refused, banned" : (found ? "refused, wrong token" : "refused, no such user")));
}

void *auth_login_run(void *arg) {
    auth_t *auth = arg;
    while (zr_mailbox_wait(&auth->logins, true)) {
        login_job_t *job = (login_job_t *)zr_mailbox_take(&auth->logins);
        if (!job)
            continue;
        s_serve(auth, job);
        auth_login_free(job);
    }
    return NULL;
}

/* --- The loop's side --- */

static bool s_fits(zr_span_t user, zr_span_t token) {
    return zr_nick_valid(user) && token.len > 0 && token.len <= TOKEN_MAX;
}

static login_job_t *s_job(uint64_t ticket, zr_span_t user, zr_span_t token, zr_span_t address) {
    login_job_t *job = fatal_calloc(sizeof *job);
    job->ticket = ticket;
    job->token_len = token.len;
    memcpy(job->user, user.ptr, user.len);
    memcpy(job->token, token.ptr, token.len);
    if (address.len > 0)
        memcpy(job->address, address.ptr, address.len < THROTTLE_ADDRESS_MAX ? address.len : THROTTLE_ADDRESS_MAX);
    return job;
}

void auth_login(auth_t *auth, uint64_t ticket, zr_span_t user, zr_span_t token, zr_span_t address) {
    auth_answer_t answer = {.ticket = ticket, .kind = AUTH_LOGIN, .login = LOGIN_FAILED};
    if (auth->tokens && s_fits(user, token))
        zr_mailbox_put(&auth->logins, &s_job(ticket, user, token, address)->mail);
    else
        auth_reply(auth, &answer);
}
