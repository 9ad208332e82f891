#include "http_fields.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <strings.h>

static bool s_unquote(zr_span_t *text) {
    if (text->len < 2 || text->ptr[0] != '"' || text->ptr[text->len - 1] != '"')
        return false;
    *text = zr_span_of(text->ptr + 1, text->len - 2);
    return true;
}

/* --- Conditions --- */

void http_etag_write(char out[HTTP_ETAG_SIZE], uint64_t epoch, uint64_t seq) {
    out[0] = '"';
    size_t len = http_position_write(out + 1, epoch, seq);
    out[1 + len] = '"';
    out[2 + len] = '\0';
}

static bool s_is_star(zr_span_t value) {
    return zr_span_equal(value, zr_span("*"));
}

bool http_condition_read(
    http_condition_t *condition, zr_span_t if_match, zr_span_t if_none_match, http_problem_t *problem) {
    *condition = (http_condition_t){.kind = HTTP_IF_NOTHING};
    zr_span_t match = zr_span_trim(if_match), none = zr_span_trim(if_none_match);
    if (match.len > 0 && none.len > 0)
        return http_fail(problem, HTTP_BAD_REQUEST, "the request has If-Match and If-None-Match; send one of them");
    if (none.len > 0) {
        condition->kind = HTTP_IF_ABSENT;
        return s_is_star(none) ||
               http_fail(problem, HTTP_BAD_REQUEST, "a write takes no If-None-Match but '*', which is for a new key");
    }
    if (match.len == 0)
        return true;
    condition->kind = HTTP_IF_SEQ;
    if (!s_unquote(&match) || !http_position_read(&condition->position, match) || !condition->position.has_epoch)
        return http_fail(problem, HTTP_BAD_REQUEST,
            "If-Match is one ETag that the gateway gave, in its quotes; lists, weak tags and '*' are not taken");
    return true;
}

bool http_etag_listed(zr_span_t if_none_match, const char *etag) {
    zr_span_t list = if_none_match;
    while (list.len > 0) {
        zr_span_t tag = zr_span_trim(zr_span_cut(&list, ','));
        if (zr_span_starts(tag, zr_span("W/")))
            tag = zr_span_of(tag.ptr + 2, tag.len - 2);
        if (s_is_star(tag) || zr_span_equal(tag, zr_span(etag)))
            return true;
    }
    return false;
}

/* --- Positions and keys --- */

bool http_last_event_id_read(http_position_t *position, zr_span_t value, http_problem_t *problem) {
    http_position_t found;
    if (!http_position_read(&found, zr_span_trim(value)) || !found.has_epoch)
        return http_fail(
            problem, HTTP_BAD_REQUEST, "Last-Event-ID is the id of an event of this room, EPOCH:SEQ; or leave it out");
    *position = found;
    return true;
}

bool http_idempotency_key_read(zr_span_t *key, zr_span_t value, http_problem_t *problem) {
    zr_span_t text = zr_span_trim(value);
    s_unquote(&text);
    bool valid = text.len > 0 && text.len <= HTTP_IDEMPOTENCY_KEY_MAX;
    for (size_t i = 0; valid && i < text.len; i++)
        valid = text.ptr[i] > ' ' && text.ptr[i] < 0x7f && text.ptr[i] != '"';
    if (!valid)
        return http_fail(problem, HTTP_BAD_REQUEST,
            "Idempotency-Key is 1 to %d visible ASCII characters without quotes inside, such as a UUID",
            HTTP_IDEMPOTENCY_KEY_MAX);
    *key = text;
    return true;
}

bool http_entry_key_read(zr_span_t *key, zr_span_t value, http_problem_t *problem) {
    zr_span_t text = zr_span_trim(value);
    const char *fault = zr_key_fault(text);
    if (fault)
        return http_fail(problem, ZR_BAD_KEY, "%s", fault);
    *key = text;
    return true;
}

bool http_ttl_read(uint64_t *ttl, zr_span_t value, http_problem_t *problem) {
    zr_span_t text = zr_span_trim(value);
    uint64_t number = 0;
    bool valid = text.len > 0 && text.len <= 16;
    for (size_t i = 0; valid && i < text.len; i++) {
        valid = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (!valid || number == 0 || number > ZR_INT_MAX)
        return http_fail(problem, HTTP_BAD_REQUEST, "Zrelay-TTL is a number of milliseconds, 1 or more");
    *ttl = number;
    return true;
}

/* --- Logins --- */

/* Bytes that may stand in the broker's JSON, and in no other place do harm. */
static bool s_is_token(zr_span_t text) {
    return text.len > 0 && text.len <= HTTP_TOKEN_MAX && !memchr(text.ptr, '\0', text.len) && zr_utf8_valid(text);
}

static void s_copy(char *out, zr_span_t text) {
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static bool s_fail_basic(http_problem_t *problem) {
    return http_fail(problem, HTTP_BAD_LOGIN,
        "Basic is the base64 of USER:TOKEN; the user is a valid nick, and the token has 1 to %d bytes of UTF-8",
        HTTP_TOKEN_MAX);
}

static bool s_read_pair(http_login_t *login, zr_span_t pair) {
    zr_span_t token = pair;
    zr_span_t user = zr_span_cut(&token, ':');
    if (user.len == pair.len || !zr_nick_valid(user) || !s_is_token(token))
        return false;
    s_copy(login->user, user);
    s_copy(login->token, token);
    return true;
}

static bool s_read_basic(http_login_t *login, zr_span_t text, http_problem_t *problem) {
    uint8_t pair[HTTP_USER_SIZE + HTTP_TOKEN_MAX + 1];
    size_t len = 0;
    bool read = sodium_base642bin(
                    pair, sizeof pair, text.ptr, text.len, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
                s_read_pair(login, zr_span_of(pair, len));
    sodium_memzero(pair, sizeof pair);
    return read || s_fail_basic(problem);
}

/* RFC 6750: b64token. */
static bool s_is_bearer(zr_span_t text) {
    if (text.len == 0 || text.len > HTTP_TOKEN_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!letter && (c == '\0' || !strchr("-._~+/=", c)))
            return false;
    }
    return true;
}

static bool s_read_bearer(http_login_t *login, zr_span_t text, http_problem_t *problem) {
    if (!s_is_bearer(text))
        return http_fail(
            problem, HTTP_BAD_LOGIN, "Bearer is a token of 1 to %d letters, digits and -._~+/=", HTTP_TOKEN_MAX);
    s_copy(login->token, text);
    return true;
}

bool http_login_read(http_login_t *login, zr_span_t authorization, http_problem_t *problem) {
    login->kind = HTTP_LOGIN_NONE;
    login->user[0] = login->token[0] = '\0';
    zr_span_t text = zr_span_trim(authorization);
    if (text.len == 0)
        return true;
    zr_span_t scheme = zr_span_word(&text);
    bool basic = scheme.len == 5 && strncasecmp(scheme.ptr, "Basic", 5) == 0;
    bool bearer = scheme.len == 6 && strncasecmp(scheme.ptr, "Bearer", 6) == 0;
    if (!basic && !bearer)
        return http_fail(problem, HTTP_BAD_LOGIN, "the scheme is unknown; use Basic or Bearer");
    if (!(basic ? s_read_basic(login, text, problem) : s_read_bearer(login, text, problem))) {
        http_login_forget(login);
        return false;
    }
    login->kind = basic ? HTTP_LOGIN_BASIC : HTTP_LOGIN_BEARER;
    return true;
}

void http_login_forget(http_login_t *login) {
    sodium_memzero(login, sizeof *login);
}
