/* AUTHENTICATE: SASL PLAIN (IRCv3 "sasl-3.1", RFC 4616). The broker checks user and token. */
#include <sodium/utils.h>
#include <stdio.h>

#include "fatal.h"
#include "irc_command.h"
#include "irc_login.h"
#include "irc_out.h"

static void s_fail(irc_t *irc, const char *text) {
    irc_numeric_text(irc, ERR_SASLFAIL, zr_span(text), NULL);
}

static void s_forget(irc_t *irc) {
    if (irc->sasl.data)
        sodium_memzero(irc->sasl.data, irc->sasl.size);
    zr_buffer_finish(&irc->sasl);
    irc->sasl_begun = false;
}

static void s_on_login(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    zr_buffer_t mask = {0};
    char text[80];
    (void)ask;
    irc->greeting = false;
    if (!irc_answer_is(answer, "welcome")) {
        irc_set_login(irc, zr_span(""), zr_span(""));
        s_fail(irc, answer ? irc_answer_text(answer, "text") : "the broker is away; try again");
        irc_try_register(irc);
        return;
    }
    irc_welcomed(irc, answer);
    irc_name_t account;
    irc_nick_of(zr_span(irc->account), &account);
    irc_put_mask(&mask, zr_span(irc->nick));
    zr_buffer_u8(&mask, '\0');
    snprintf(text, sizeof text, "You are now logged in as %s", irc->account);
    irc_numeric_text(irc, RPL_LOGGEDIN, zr_span(text), (const char *)mask.data, account.text, NULL);
    irc_numeric(irc, RPL_SASLSUCCESS, NULL);
    zr_buffer_finish(&mask);
    irc_try_register(irc);
}

/* authzid NUL user NUL token. An authzid that is given must be the user. */
static bool s_read(irc_t *irc, char *plain, size_t len) {
    const char *user = memchr(plain, '\0', len), *end = plain + len;
    const char *token = user ? memchr(user + 1, '\0', (size_t)(end - user - 1)) : NULL;
    if (!token)
        return false;
    zr_span_t authzid = zr_span_of(plain, (size_t)(user - plain));
    zr_span_t name = zr_span_of(user + 1, (size_t)(token - user - 1));
    zr_span_t secret = zr_span_of(token + 1, (size_t)(end - token - 1));
    return name.len > 0 && (authzid.len == 0 || zr_span_equal(authzid, name)) && zr_utf8_valid(name) &&
           zr_utf8_valid(secret) && !memchr(secret.ptr, '\0', secret.len) && irc_set_login(irc, name, secret);
}

static void s_take(irc_t *irc) {
    char *plain = fatal_calloc(irc->sasl.len + 1);
    size_t len = 0;
    bool ok = irc->sasl.len > 0 && sodium_base642bin((uint8_t *)plain, irc->sasl.len + 1, (const char *)irc->sasl.data,
                                       irc->sasl.len, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
    ok = ok && s_read(irc, plain, len);
    sodium_memzero(plain, irc->sasl.len + 1);
    free(plain);
    s_forget(irc);
    if (!ok)
        s_fail(irc, "the login is not in the form of PLAIN: base64 of NUL, user, NUL, token");
    else if (!channel_is_open(irc->channel)) {
        irc_set_login(irc, zr_span(""), zr_span(""));
        s_fail(irc, "the broker is away; try again");
    } else {
        irc->greeting = true;
        irc_hello(irc, s_on_login, NULL);
    }
}

static void s_begin(irc_t *irc, zr_span_t mechanism) {
    if (!irc_same(mechanism, zr_span("PLAIN"))) {
        irc_numeric(irc, RPL_SASLMECHS, "PLAIN", NULL);
        s_fail(irc, "SASL authentication failed: the mechanism is not known; use PLAIN");
        return;
    }
    irc->sasl_begun = true;
    zr_buffer_append(&irc->out, "AUTHENTICATE +\r\n", 16);
}

static void s_run(irc_t *irc, const irc_message_t *message) {
    zr_span_t chunk = message->params[0];
    if (!irc->from.secure || !(irc->caps & IRC_SASL))
        s_fail(irc, irc->from.secure ? "request the capability sasl first" : "tokens are not taken without encryption");
    else if (irc->account[0])
        irc_numeric(irc, ERR_SASLALREADY, NULL);
    else if (zr_span_equal(chunk, zr_span("*"))) {
        s_forget(irc);
        irc_numeric(irc, ERR_SASLABORTED, NULL);
    } else if (irc->greeting || irc->registered)
        s_fail(irc, "log in before you register; connect again");
    else if (!irc->sasl_begun)
        s_begin(irc, chunk);
    else if (chunk.len > IRC_CHUNK || irc->sasl.len + chunk.len > IRC_SASL_MAX) {
        s_forget(irc);
        irc_numeric(irc, ERR_SASLTOOLONG, NULL);
    } else {
        if (!zr_span_equal(chunk, zr_span("+")))
            zr_buffer_append(&irc->sasl, chunk.ptr, chunk.len);
        if (chunk.len < IRC_CHUNK)
            s_take(irc);
    }
}

const irc_command_t irc_authenticate = {"AUTHENTICATE", s_run, 1, IRC_EARLY};
