#include "identity.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>

#include "format.h"
#include "known_servers.h"
#include "link.h"
#include "names.h"
#include "secret.h"

void identity_finish(identity_t *identity) {
    sodium_memzero(identity, sizeof *identity);
}

void identity_forget(identity_t *identity) {
    sodium_memzero(identity->own.secret_key, sizeof identity->own.secret_key);
    sodium_memzero(identity->token, sizeof identity->token);
}

/* --- The server's key --- */

/* The key that was given, the one that is known, or none. */
static bool s_server_key(identity_t *identity, const config_t *config, zr_buffer_t *error) {
    const char *given = config->server_key;
    if (given && !key_valid(zr_span(given))) {
        format_add(error, "'%s' is no server key: that is 40 characters, which the broker's operator hands out", given);
        return false;
    }
    char *path = known_path();
    zr_buffer_t text = {0};
    char known[KEY_LEN + 1];
    unsigned line = 0;
    known_t found = KNOWN_NONE;
    bool good = !path || known_read(path, &text, error);
    if (good && path)
        found = known_find(zr_span_of(text.data, text.len), zr_span(config->server), known, &line);
    if (found == KNOWN_BAD) {
        known_where(error, line);
        format_add(error, ": expected 'ENDPOINT KEY'");
    } else if (found == KNOWN_FOUND && given && strcmp(given, known) != 0) {
        format_add(error, "the broker at %s had another key than the one given, noted in ", config->server);
        known_where(error, line);
        format_add(error, ": somebody may be in between. If it really has a new one, remove that line");
    }
    good = good && error->len == 0;
    if (good && (given || found == KNOWN_FOUND)) {
        identity->encrypted = true;
        identity->record = path && found == KNOWN_NONE && !strpbrk(config->server, " \t");
        identity->known_line = found == KNOWN_FOUND ? line : 0;
        memcpy(identity->server_key, given ? given : known, KEY_LEN + 1);
    }
    zr_buffer_finish(&text);
    free(path);
    return good;
}

/* --- The token --- */

/* Takes it out of the environment: commands that are started are not to find it there. */
static bool s_token_of_environment(identity_t *identity, zr_buffer_t *error) {
    char *value = getenv("ZRELAY_TOKEN");
    bool fits = !value || strlen(value) <= LOGIN_TOKEN_MAX;
    if (value && fits)
        strcpy(identity->token, value);
    if (value)
        sodium_memzero(value, strlen(value));
    unsetenv("ZRELAY_TOKEN");
    if (!fits)
        format_add(error, "ZRELAY_TOKEN is longer than any token");
    return fits;
}

/* The first line of the file. */
static bool s_token_of_file(identity_t *identity, const char *path, zr_buffer_t *error) {
    zr_buffer_t text = {0};
    if (!secret_read(path, &text, NULL, error))
        return false;
    const uint8_t *newline = text.len ? memchr(text.data, '\n', text.len) : NULL;
    size_t len = newline ? (size_t)(newline - text.data) : text.len;
    while (len > 0 && (text.data[len - 1] == '\r' || text.data[len - 1] == ' '))
        len--;
    bool good =
        len > 0 && len <= LOGIN_TOKEN_MAX && !memchr(text.data, '\0', len) && zr_utf8_valid(zr_span_of(text.data, len));
    if (good) {
        memcpy(identity->token, text.data, len);
        identity->token[len] = '\0';
    } else {
        format_add(error, "%s: its first line is no token: 1 to %d bytes of UTF-8", path, LOGIN_TOKEN_MAX);
    }
    secret_finish(&text);
    return good;
}

static bool s_login(identity_t *identity, const config_t *config, zr_buffer_t *error) {
    bool file = config->token_file_given || (config->token_file && !identity->token[0]);
    if (!config->user) {
        if (config->token_file_given)
            format_add(error, "a token needs a user: --user NAME");
        return error->len == 0; /* a token or file meant for other brokers is not used */
    }
    if (file && !s_token_of_file(identity, config->token_file, error))
        return false;
    if (!identity->token[0])
        format_add(error, "the user %s needs a token: --token-file FILE, or ZRELAY_TOKEN", config->user);
    else if (!link_is_local(config->server))
        format_add(error,
            "a token travels unencrypted, so it is sent to brokers on this machine only; for %s a key is needed: "
            "--certificate and --server-key",
            config->server);
    identity->user = config->user;
    return error->len == 0;
}

/* --- All of it --- */

/* Encryption is required though the user did not ask for it now: says why, and how to turn it off. It is never turned
 * off unasked, else an attacker in between could do it. */
static bool s_fails(const identity_t *identity, const config_t *config, const char *sentence, zr_buffer_t *error) {
    bool noted = !config->server_key && identity->known_line;
    if (noted) {
        format_add(error, "%s is noted as encrypted in ", config->server);
        known_where(error, identity->known_line);
        format_add(error, ": ");
    }
    format_add(
        error, "%s%s", sentence, noted ? ". Remove that line if the broker does not encrypt there any more" : "");
    return false;
}

bool identity_resolve(identity_t *identity, const config_t *config, zr_buffer_t *error) {
    *identity = (identity_t){0};
    if (!s_token_of_environment(identity, error) || !s_server_key(identity, config, error))
        return false;
    if (!identity->encrypted) {
        /* A certificate that lies ready is for other brokers, if this one is on this machine. */
        if (!config->certificate || (!config->certificate_given && link_is_local(config->server)))
            return s_login(identity, config, error);
        format_add(error,
            "the broker's public key is needed once, to know that it is the right one: --server-key KEY; its operator "
            "hands it out");
        return false;
    }
    if (config->user_given || config->token_file_given)
        return s_fails(identity, config,
            "a user and a token are for connections without encryption; with keys the key says who one is", error);
    if (!config->certificate)
        return s_fails(identity, config,
            "an encrypted connection needs a key pair: 'zrelay keygen NAME' makes one; then --certificate NAME", error);
    return certificate_load(&identity->own, config->certificate, error);
}

bool identity_record(identity_t *identity, const config_t *config, zr_buffer_t *error) {
    if (!identity->encrypted || !identity->record)
        return true;
    char *path = known_path();
    bool good = !path || known_record(path, zr_span(config->server), identity->server_key, error);
    free(path);
    identity->record = false;
    return good;
}
