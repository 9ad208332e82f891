/* See auth_jwt.h. */
#include "auth_jwt.h"

#include "auth_answers.h"
#include "clock.h"
#include "jwt.h"
#include "users_signed.h"

/* The audit. A name that is not known to be signed is not shown. */
static void s_tell(auth_t *auth, const grant_t *grant, const char *why, bool ok) {
    if (zr_log_pass(ok ? &auth->passed_jwt_lines : &auth->failed_jwt_lines, zr_mono_ms()))
        zr_log(ZR_LOG_AUDIT, "login of %s by JWT: %s%s", grant->user[0] ? grant->user : "nobody", ok ? "" : "refused, ",
            why);
}

void auth_jwt_serve(auth_t *auth, uint64_t ticket, zr_span_t token) {
    auth_answer_t answer = {.ticket = ticket, .kind = AUTH_JWT, .login = LOGIN_FAILED};
    jwt_result_t result = jwt_check(auth->jwt_keys, &auth->jwt_rules, token, zr_time_us(), &answer.grant);
    const char *why =
        result == JWT_OK ? users_refuse_signed(auth->users, &auth->bans, &answer.grant) : jwt_fault(result);
    if (!why)
        answer.login = LOGIN_OK;
    answer.why = jwt_answer(result);
    auth_reply(auth, &answer);
    s_tell(auth, &answer.grant, why ? why : "ok", !why);
}
