/* See auth.h. The loop's side, and the thread that answers ZAP and owns the files. */
#include "auth.h"

#include <jansson.h>
#include <libgen.h>
#include <limits.h>

#include <sodium/utils.h>

#include "auth_answers.h"
#include "auth_jwt.h"
#include "clock.h"
#include "auth_login.h"
#include "endpoints.h"
#include "fatal.h"
#include "users_signed.h"
#include "zap.h"

enum { ZAP_BATCH = 100 }; /* handshakes before requests have their turn */

static char *s_dup(zr_span_t text) {
    return fatal_check(text.len ? strndup(text.ptr, text.len) : strdup(""));
}

/* An error's text may contain any bytes of a file. It is escaped because the operator gets it as JSON. */
static char *s_safe(const char *text) {
    zr_buffer_t shown = {0};
    zr_escape(&shown, zr_span(text));
    char *safe = s_dup(zr_span_of(shown.data, shown.len));
    zr_buffer_finish(&shown);
    return safe;
}

void auth_applied(auth_t *auth, uint64_t generation) {
    pthread_mutex_lock(&auth->mutex);
    auth->applied = generation;
    pthread_cond_signal(&auth->applied_wake);
    pthread_mutex_unlock(&auth->mutex);
}

/* --- Changes. Each fails as a whole: the new users and bans are complete before they take the old ones' place. --- */

static bool s_fail(auth_answer_t *answer, zr_code_t code, const char *text) {
    answer->code = code;
    answer->text = s_safe(text);
    return false;
}

static auth_names_t s_names(const zr_buffer_t *names) {
    const user_name_t *all = (const user_name_t *)names->data;
    auth_names_t copy = {.count = names->len / sizeof *all};
    if (copy.count > 0)
        copy.items = fatal_calloc(copy.count * sizeof *copy.items);
    for (size_t i = 0; i < copy.count; i++)
        memcpy(copy.items[i], all[i].name, sizeof copy.items[i]);
    return copy;
}

static void s_list_lost(const users_t *before, const users_t *now, auth_answer_t *answer) {
    zr_buffer_t names = {0};
    users_disowned(before, now, &names);
    answer->disowned = s_names(&names);
    users_gone(before, now, &names);
    answer->voided = s_names(&names);
    zr_buffer_finish(&names);
}

/* The access for the relay, the caller's. */
static access_t *s_access(const auth_t *auth, const users_t *users, const bans_t *bans) {
    access_t *access = users_access(users, auth->plain);
    if (auth->jwt_keys)
        users_add_signed(users, bans, auth->jwt_keys, access);
    return access;
}

/* Puts `users` (auth's own: unchanged) and `bans` in force, and fills in the answer. Takes both over. The slow work
 * comes first, before the loop may have to wait for the lock. */
static void s_commit(auth_t *auth, users_t *users, bans_t bans, auth_answer_t *answer) {
    users_t *old = users != auth->users ? auth->users : NULL;
    bans_t old_bans = auth->bans;
    users_set_bans(users, &bans);
    s_list_lost(auth->users, users, answer);
    answer->access = s_access(auth, users, &bans);
    answer->generation = ++auth->generation;
    answer->code = ZR_OK;
    pthread_mutex_lock(&auth->mutex);
    auth->users = users;
    auth->bans = bans;
    users_enforce_bans(users);
    auth_reply(auth, answer);
    while (auth->applied < auth->generation && !auth->stop)
        pthread_cond_wait(&auth->applied_wake, &auth->mutex);
    pthread_mutex_unlock(&auth->mutex);
    users_destroy(old);
    bans_finish(&old_bans);
}

static bool s_load_bans(auth_t *auth, bans_t *bans, zr_error_t *error) {
    return auth->bans_there ? bans_load(bans, auth->bans_path, error)
                            : bans_load_first(bans, auth->bans_path, &auth->bans_there, error);
}

static const char *s_plural(size_t count) {
    return count == 1 ? "" : "s";
}

static char *s_describe(const auth_t *auth, const users_t *users, const bans_t *bans) {
    users_count_t count = users_count(users);
    char text[200];
    snprintf(text, sizeof text, "%zu user%s, %zu key%s, %zu token%s, %zu ban%s", count.users, s_plural(count.users),
        count.keys, s_plural(count.keys), count.tokens, s_plural(count.tokens), bans->count, s_plural(bans->count));
    size_t signers = auth->jwt_keys ? jwt_keys_count(auth->jwt_keys) : 0, len = strlen(text);
    if (signers)
        snprintf(text + len, sizeof text - len, ", %zu key%s of JWTs", signers, s_plural(signers));
    return s_dup(zr_span(text));
}

static void s_warn_of_keyless(const auth_t *auth, bool token, const char *why) {
    const char *first;
    size_t count = users_keyless(auth->users, token, &first);
    char more[40] = "";
    if (count > 1)
        snprintf(more, sizeof more, " and %zu more", count - 1);
    if (count > 0)
        zr_log(ZR_LOG_WARN, "%s: nobody can log in as %s%s: %s", auth->users_path, first, more, why);
}

/* Warns of settings that are allowed but probably a mistake. */
static void s_warn(const auth_t *auth) {
    if (users_count(auth->users).users == 0)
        zr_log(ZR_LOG_WARN, "%s: there is no user in it, so nobody is let in", auth->users_path);
    s_warn_of_keyless(auth, false, auth->tokens ? "no key and no token" : "no key");
    if (auth->jwt_keys && users_count(auth->users).signed_roles == 0)
        zr_log(ZR_LOG_WARN, "%s: no role has jwt = 1, so nobody can log in by JWT", auth->users_path);
    if (!auth->tokens)
        s_warn_of_keyless(auth, true, "a token and no key, and tokens are not taken; auth/tokens = 1 takes them");
}

/* The handlers below return true when they have answered. */

static bool s_reload(auth_t *auth, const request_t *request, auth_answer_t *answer) {
    zr_error_t error = {0};
    bans_t bans = {0};
    users_t *users = users_load(auth->users_path, &error);
    jwt_keys_t *keys = auth->jwt_path ? jwt_keys_load(auth->jwt_path, &error) : NULL;
    if (!users || (auth->jwt_path && !keys) || !s_load_bans(auth, &bans, &error)) {
        users_destroy(users);
        jwt_keys_destroy(keys);
        for (const char *line = NULL; (line = zr_error_next(&error, line));)
            zr_log(ZR_LOG_AUDIT, "reload by %s failed, nothing changed: %s", request->by, line);
        return s_fail(answer, ZR_ADMIN_FAILED, error.text);
    }
    jwt_keys_destroy(auth->jwt_keys);
    auth->jwt_keys = keys;
    answer->text = s_describe(auth, users, &bans);
    zr_log(ZR_LOG_AUDIT, "reload by %s: %s", request->by, answer->text);
    s_commit(auth, users, bans, answer);
    s_warn(auth);
    return true;
}

/* The bans as they would be. false: it cannot be done; the answer says why. */
static bool s_change_bans(auth_t *auth, const request_t *request, bans_t *bans, auth_answer_t *answer) {
    zr_error_t error = {0};
    zr_span_t user = zr_span(request->user), by = zr_span(request->by);
    /* From the file and not from memory: somebody may have edited it. */
    if (!s_load_bans(auth, bans, &error))
        return s_fail(answer, ZR_ADMIN_FAILED, error.text);
    if (request->kind == AUTH_UNBAN) {
        if (!bans_remove(bans, user))
            return s_fail(answer, ZR_NO_SUCH_USER, "nobody of this name is banned");
    } else {
        /* A signed login may have any name, so anyone of those may be banned. */
        if (!zr_nick_valid(user) || (!auth->jwt_keys && !users_of_name(auth->users, user)))
            return s_fail(answer, ZR_NO_SUCH_USER, "the users file has nobody of this name");
        if (!zr_nick_valid(by))
            return s_fail(answer, ZR_ADMIN_FAILED, "nobody of a valid name asks for it");
        if (!bans_add(bans, user, by, zr_span(request->reason), time(NULL)))
            return s_fail(answer, ZR_ADMIN_FAILED, "there are 10000 bans already");
    }
    if (!bans_save(bans, auth->bans_path, &error))
        return s_fail(answer, ZR_ADMIN_FAILED, error.text);
    auth->bans_there = true;
    return true;
}

static bool s_ban(auth_t *auth, const request_t *request, auth_answer_t *answer) {
    const char *what = request->kind == AUTH_BAN ? "ban" : "unban";
    bans_t bans = {0};
    if (!s_change_bans(auth, request, &bans, answer)) {
        bans_finish(&bans);
        zr_log(ZR_LOG_AUDIT, "%s of %s by %s failed: %s", what, request->user, request->by, answer->text);
        return false;
    }
    zr_log(ZR_LOG_AUDIT, "%s of %s by %s: %s", what, request->user, request->by, request->reason);
    s_commit(auth, auth->users, bans, answer);
    return true;
}

static bool s_list(auth_t *auth, auth_answer_t *answer) {
    json_t *list = json_array();
    for (size_t i = 0; i < auth->bans.count; i++) {
        const ban_t *ban = &auth->bans.items[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "user", ban->user, "by", ban->by, "time",
                                        ban->time, "reason", ban->reason));
    }
    answer->text = fatal_check(json_dumps(list, JSON_COMPACT));
    json_decref(list);
    return false;
}

static void s_carry_out(auth_t *auth, const request_t *request) {
    auth_answer_t answer = {.ticket = request->ticket, .kind = request->kind, .code = ZR_OK};
    bool answered = false;
    if (request->kind == AUTH_JWT) {
        auth_jwt_serve(auth, request->ticket, zr_span(request->token));
        return;
    }
    if (!auth->users)
        answered = s_fail(&answer, ZR_ADMIN_FAILED, "there is no users file");
    else if (request->kind == AUTH_RELOAD)
        answered = s_reload(auth, request, &answer);
    else if (request->kind == AUTH_BANS)
        answered = s_list(auth, &answer);
    else
        answered = s_ban(auth, request, &answer);
    if (!answered)
        auth_reply(auth, &answer);
}

/* --- ZAP --- */

static void s_tell_refused(auth_t *auth, const zap_request_t *request, const zap_verdict_t *verdict) {
    if (!zr_log_pass(&auth->refused_lines, zr_mono_ms()))
        return;
    char key[ZR_CURVE_LEN + 1] = "";
    if (request->credential_count == 1 && request->credentials[0].len == ZR_CURVE_BYTES)
        zmq_z85_encode(key, (const uint8_t *)request->credentials[0].ptr, ZR_CURVE_BYTES);
    zr_span_t address = endpoint_unmapped(request->address);
    zr_log(ZR_LOG_AUDIT, "handshake from %.*s refused: %s%s%s%s%s", (int)address.len, address.len ? address.ptr : "",
        verdict->text, verdict->user[0] ? ", user " : "", verdict->user, key[0] ? ", key " : "", key);
}

static void s_answer_zap(auth_t *auth, zmsg_t *message) {
    zr_span_t frames[ZAP_FRAMES_MAX];
    size_t count = 0;
    for (zframe_t *frame = zmsg_first(message); frame; frame = zmsg_next(message), count++)
        if (count < ZAP_FRAMES_MAX)
            frames[count] = zr_span_of(zframe_data(frame), zframe_size(frame));
    zap_request_t request;
    const char *wrong = zap_parse(frames, count, &request);
    zap_verdict_t verdict = wrong ? (zap_verdict_t){"500", wrong, ""} : zap_check(&request, auth->users);
    bool ok = strcmp(verdict.status, "200") == 0;
    if (!ok) {
        auth->refused++;
        s_tell_refused(auth, &request, &verdict);
    }
    zmsg_t *reply = zmsg_new();
    zmsg_addstr(reply, "1.0");
    zmsg_addmem(reply, request.id.ptr, request.id.len);
    zmsg_addstr(reply, verdict.status);
    zmsg_addstr(reply, verdict.text);
    zmsg_addstr(reply, ok ? verdict.user : "");
    uint8_t metadata[ZAP_METADATA_MAX];
    zmsg_addmem(reply, metadata, ok ? zap_metadata(auth->generation, metadata) : 0);
    if (zmsg_send(&reply, auth->zap) != 0) /* the listener that asked is gone */
        zmsg_destroy(&reply);
}

/* --- The thread --- */

static void s_free_request(request_t *request) {
    if (request->token)
        sodium_memzero(request->token, strlen(request->token));
    free(request->token);
    free(request->user);
    free(request->reason);
    free(request->by);
    free(request);
}

static void s_answer_handshakes(auth_t *auth) {
    for (unsigned i = 0; i < ZAP_BATCH && (zsock_events(auth->zap) & ZMQ_POLLIN); i++) {
        zmsg_t *message = zmsg_recv(auth->zap);
        if (message)
            s_answer_zap(auth, message);
        zmsg_destroy(&message);
    }
}

static void *s_run(void *arg) {
    auth_t *auth = arg;
    zmq_pollitem_t items[] = {{NULL, auth->requests.fd, ZMQ_POLLIN, 0}, {NULL, -1, ZMQ_POLLIN, 0}};
    if (auth->zap)
        items[1].socket = zsock_resolve(auth->zap);
    for (bool more = true; more;) {
        int rc = zmq_poll(items, auth->zap ? 2 : 1, -1);
        FATAL_UNLESS(rc >= 0 || errno == EINTR);
        if (auth->zap)
            s_answer_handshakes(auth);
        more = zr_mailbox_wait(&auth->requests, false);
        for (request_t *request; (request = (request_t *)zr_mailbox_take(&auth->requests));) {
            s_carry_out(auth, request);
            s_free_request(request);
            if (more)
                break; /* handshakes have their turn; at the end all is carried out */
        }
    }
    return NULL;
}

/* --- The loop's side --- */

static void s_ask(auth_t *auth, auth_kind_t kind, uint64_t ticket, zr_span_t user, zr_span_t reason, zr_span_t by) {
    request_t *request = fatal_calloc(sizeof *request);
    *request = (request_t){{0}, kind, ticket, s_dup(user), s_dup(reason), s_dup(by), NULL};
    zr_mailbox_put(&auth->requests, &request->mail);
}

void auth_reload(auth_t *auth, uint64_t ticket, zr_span_t by) {
    s_ask(auth, AUTH_RELOAD, ticket, zr_span(NULL), zr_span(NULL), by);
}

void auth_ban(auth_t *auth, uint64_t ticket, zr_span_t user, zr_span_t reason, zr_span_t by) {
    s_ask(auth, AUTH_BAN, ticket, user, reason, by);
}

void auth_unban(auth_t *auth, uint64_t ticket, zr_span_t user, zr_span_t by) {
    s_ask(auth, AUTH_UNBAN, ticket, user, zr_span(NULL), by);
}

void auth_bans(auth_t *auth, uint64_t ticket) {
    s_ask(auth, AUTH_BANS, ticket, zr_span(NULL), zr_span(NULL), zr_span(NULL));
}

void auth_login_signed(auth_t *auth, uint64_t ticket, zr_span_t token) {
    request_t *request = fatal_calloc(sizeof *request);
    FATAL_UNLESS(auth->jwt_path);
    *request = (request_t){.kind = AUTH_JWT, .ticket = ticket, .token = s_dup(token)};
    zr_mailbox_put(&auth->requests, &request->mail);
}

uint64_t auth_refused(auth_t *auth) {
    return auth->refused;
}

/* --- Beginning and end --- */

/* Creates the bans file on the first start. From then on a missing file is an error. A ban that cannot be written is
 * refused, so the operator is warned at the start. */
static void s_prepare_bans(auth_t *auth) {
    zr_error_t error = {0};
    auth->bans_there = auth->bans_there || zr_file_create(auth->bans_path, 0600, zr_span(NULL), &error);
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", auth->bans_path);
    if (faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS) != 0)
        zr_log(ZR_LOG_WARN,
            "%s: nobody can be banned, as zrelayd may not write in this folder; set auth/bans to a file "
            "in one of its own",
            auth->bans_path);
}

static bool s_load(auth_t *auth, const auth_config_t *config, zr_error_t *error) {
    auth->users_path = s_dup(zr_span(config->users));
    if (config->bans)
        auth->bans_path = s_dup(zr_span(config->bans));
    else
        auth->bans_path = fatal_check(zsys_sprintf("%s.bans", config->users));
    auth->users = users_load(auth->users_path, error);
    if (!auth->users || !s_load_bans(auth, &auth->bans, error) ||
        !users_check_way(auth->users, auth->users_path, config->tokens || config->jwt, config->encrypted, error))
        return false;
    if (config->jwt && !(auth->jwt_keys = jwt_keys_load(config->jwt, error)))
        return false;
    users_set_bans(auth->users, &auth->bans);
    users_enforce_bans(auth->users);
    s_warn(auth);
    s_prepare_bans(auth);
    return true;
}

/* Not called if nothing is encrypted: every peer may come in then, and a ZAP request costs each connection about 10 KB
 * for as long as it lasts. */
static bool s_bind(auth_t *auth, zr_error_t *error) {
    auth->zap = zsock_new(ZMQ_REP);
    if (auth->zap && zsock_bind(auth->zap, ZAP_ENDPOINT) == 0)
        return true;
    return zr_fail(error, "cannot answer handshakes at %s: %s", ZAP_ENDPOINT, zmq_strerror(zmq_errno()));
}

static void s_free(auth_t *auth) {
    auth_answer_t answer;
    while (auth_take(auth, &answer))
        auth_answer_finish(&answer);
    for (login_job_t *job; (job = (login_job_t *)zr_mailbox_take(&auth->logins));)
        auth_login_free(job);
    zr_mailbox_finish(&auth->requests);
    zr_mailbox_finish(&auth->logins);
    zr_mailbox_finish(&auth->replies);
    zsock_destroy(&auth->zap);
    throttle_destroy(auth->throttle);
    users_destroy(auth->users);
    jwt_keys_destroy(auth->jwt_keys);
    bans_finish(&auth->bans);
    pthread_cond_destroy(&auth->applied_wake);
    pthread_mutex_destroy(&auth->mutex);
    free(auth->users_path);
    free(auth->bans_path);
    free(auth);
}

auth_t *auth_new(const auth_config_t *config, access_t **access, zr_error_t *error) {
    FATAL_UNLESS(config->users || (!config->tokens && !config->jwt));
    auth_t *auth = fatal_calloc(sizeof *auth);
    auth->plain = config->plain;
    auth->tokens = config->tokens;
    auth->jwt_path = config->jwt;
    auth->jwt_rules = config->jwt_rules;
    auth->throttle = throttle_new(THROTTLE_MAX);
    zr_mailbox_init(&auth->requests);
    zr_mailbox_init(&auth->logins);
    zr_mailbox_init(&auth->replies);
    pthread_mutex_init(&auth->mutex, NULL);
    pthread_cond_init(&auth->applied_wake, NULL);
    if ((config->users && !s_load(auth, config, error)) || (config->encrypted && !s_bind(auth, error))) {
        s_free(auth);
        return NULL;
    }
    *access = auth->users ? s_access(auth, auth->users, &auth->bans) : access_new_open();
    zr_thread_start(&auth->thread, s_run, auth);
    if (auth->tokens)
        zr_thread_start(&auth->login_thread, auth_login_run, auth);
    return auth;
}

void auth_destroy(auth_t *auth) {
    if (!auth)
        return;
    pthread_mutex_lock(&auth->mutex);
    auth->stop = true;
    pthread_cond_signal(&auth->applied_wake);
    pthread_mutex_unlock(&auth->mutex);
    zr_mailbox_end(&auth->requests);
    zr_mailbox_end(&auth->logins);
    pthread_join(auth->thread, NULL);
    if (auth->tokens)
        pthread_join(auth->login_thread, NULL);
    if (auth->zap)
        zsock_unbind(auth->zap, ZAP_ENDPOINT); /* at once, not when libzmq comes to it: the next one may bind it */
    s_free(auth);
}
