#include "identity.h"

#include <limits.h>
#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>

#include "known_servers.h"
#include "names.h"
#include "remote.h"
#include "token_file.h"

void identity_finish(identity_t *identity) {
    sodium_memzero(identity, sizeof *identity);
}

void identity_forget(identity_t *identity) {
    sodium_memzero(identity->own.secret_key, sizeof identity->own.secret_key);
    sodium_memzero(identity->token, sizeof identity->token);
}

/* --- The server's key --- */

/* The key that was given, the one that is known, or none. */
static bool s_server_key(identity_t *identity, size_t i, zr_span_t text, bool can_note, zr_error_t *error) {
    zr_server_t *server = &identity->servers.items[i];
    char known[ZR_CURVE_LEN + 1], where[KNOWN_WHERE_SIZE];
    unsigned line = 0;
    known_t found = known_find(text, zr_span(server->endpoint), known, &line);
    known_where(where, line);
    if (found == KNOWN_BAD)
        return zr_fail(error, "%s: expected 'ENDPOINT KEY'", where);
    if (found == KNOWN_FOUND && server->key[0] && strcmp(server->key, known) != 0)
        return zr_fail(error,
            "the broker at %s had another key than the one given, noted in %s: somebody may be in between. If it "
            "really has a new one, remove that line",
            server->endpoint, where);
    identity->record[i] = server->key[0] && can_note && found == KNOWN_NONE && !strpbrk(server->endpoint, " \t");
    identity->known_lines[i] = found == KNOWN_FOUND ? line : 0;
    if (found == KNOWN_FOUND)
        strcpy(server->key, known);
    return true;
}

/* All connections are encrypted, or none is. */
static bool s_agree(identity_t *identity, zr_error_t *error) {
    const zr_server_t *without = NULL;
    for (size_t i = 0; i < identity->servers.count; i++) {
        if (identity->servers.items[i].key[0])
            identity->encrypted = true;
        else
            without = &identity->servers.items[i];
    }
    return !identity->encrypted || !without ||
           zr_fail(error,
               "the public key of the broker at %s is needed too, as others have one: --server-key KEY,KEY,... has one "
               "for each server, or one for all",
               without->endpoint);
}

static bool s_server_keys(identity_t *identity, const config_t *config, zr_error_t *error) {
    zr_servers_t *servers = &identity->servers;
    const char *given = config->server_key, *fault = remote_read(servers, config->server, &identity->local);
    if (fault)
        return zr_fail(error, "'%s': %s", config->server, fault);
    if (given && (fault = zr_servers_read_keys(servers, zr_span(given))))
        return zr_fail(error, "'%s' is no server key: that is 40 characters, which the broker's operator hands out%s%s",
            given, servers->count > 1 ? ". " : "", servers->count > 1 ? fault : "");
    char *path = known_path();
    zr_buffer_t text = {0};
    bool good = !path || known_read(path, &text, error);
    for (size_t i = 0; good && i < servers->count; i++)
        good = s_server_key(identity, i, zr_span_of(text.data, text.len), path != NULL, error);
    zr_buffer_finish(&text);
    free(path);
    return good && s_agree(identity, error);
}

void identity_server_keys(const identity_t *identity, zr_buffer_t *out) {
    for (size_t i = 0; i < identity->servers.count; i++)
        zr_buffer_printf(out, "%s%s", i ? "," : "", identity->servers.items[i].key);
    zr_buffer_u8(out, '\0');
}

size_t identity_server(const identity_t *identity, const char *endpoint) {
    for (size_t i = 0; endpoint && i < identity->servers.count; i++)
        if (strcmp(identity->servers.items[i].endpoint, endpoint) == 0)
            return i;
    return 0;
}

/* --- The token --- */

/* Takes it out of the environment: commands that are started are not to find it there. */
static bool s_token_of_environment(identity_t *identity, zr_error_t *error) {
    char *value = getenv("ZRELAY_TOKEN");
    bool fits = !value || !*value || zr_token_fits(zr_span(value));
    if (value && fits)
        strcpy(identity->token, value);
    if (value)
        sodium_memzero(value, strlen(value));
    unsetenv("ZRELAY_TOKEN");
    if (!fits)
        zr_fail(error, "ZRELAY_TOKEN is longer than any token");
    return fits;
}

static bool s_token_of_file(identity_t *identity, const char *path, zr_error_t *error) {
    zr_buffer_t token = {0};
    if (!zr_token_load(&token, path, error))
        return false;
    strcpy(identity->token, (char *)token.data);
    identity->token_file = path;
    crypto_generichash(identity->token_mark, sizeof identity->token_mark, token.data, strlen(identity->token), NULL, 0);
    zr_file_wipe(&token);
    return true;
}

bool identity_renew(identity_t *identity) {
    uint8_t before[sizeof identity->token_mark];
    zr_error_t unused = {0};
    memcpy(before, identity->token_mark, sizeof before);
    bool changed = identity->token_file && s_token_of_file(identity, identity->token_file, &unused) &&
                   memcmp(before, identity->token_mark, sizeof before) != 0;
    if (!changed)
        identity_forget(identity);
    return changed;
}

/* A JWT names its user itself: one in the environment, or else in the configuration's file, is used without another
 * word. */
static bool s_has_jwt(identity_t *identity, const config_t *config) {
    zr_error_t unused = {0};
    if (!identity->token[0] && config->token_file && identity->local &&
        s_token_of_file(identity, config->token_file, &unused) && !zr_is_jwt(zr_span(identity->token))) {
        sodium_memzero(identity->token, sizeof identity->token);
        identity->token_file = NULL;
    }
    return zr_is_jwt(zr_span(identity->token));
}

static bool s_login(identity_t *identity, const config_t *config, zr_error_t *error) {
    bool file = config->token_file_given || (config->token_file && !identity->token[0]);
    if (!config->user && !config->token_file_given && !s_has_jwt(identity, config))
        return true; /* a token or file meant for other brokers is not used */
    if (file && !s_token_of_file(identity, config->token_file, error))
        return false;
    identity->user = config->user;
    identity->login = true;
    if (!config->user && !zr_is_jwt(zr_span(identity->token)))
        return zr_fail(error, "a token needs a user, unless it is a JWT: --user NAME");
    if (!identity->token[0])
        return zr_fail(error, "the user %s needs a token: --token-file FILE, or ZRELAY_TOKEN", config->user);
    if (identity->local)
        return true;
    return zr_fail(error,
        "a token travels unencrypted, so it is sent to brokers on this machine only; for %s a key is needed: "
        "--certificate and --server-key",
        config->server);
}

/* --- All of it --- */

/* Encryption is required though the user did not ask for it now: says why, and how to turn it off. It is never turned
 * off unasked, else an attacker in between could do it. */
static bool s_fails(const identity_t *identity, const config_t *config, const char *sentence, zr_error_t *error) {
    char where[KNOWN_WHERE_SIZE];
    if (config->server_key || !identity->known_lines[0])
        return zr_fail(error, "%s", sentence);
    known_where(where, identity->known_lines[0]);
    return zr_fail(error,
        "%s is noted as encrypted in %s: %s. Remove that line if the broker does not encrypt there any more",
        config->server, where, sentence);
}

/* Both keys are in NAME_secret; or in NAME, as that file may have any name. */
static bool s_load_pair(identity_t *identity, const char *name, zr_error_t *error) {
    char path[PATH_MAX];
    zr_error_t why = {0};
    snprintf(path, sizeof path, "%s_secret", name);
    zr_file_t result = zr_pair_load(&identity->own, path, &why);
    if (result == ZR_FILE_REFUSED)
        zr_fail(error, "%s", why.text);
    if (result == ZR_FILE_MISSING)
        result = zr_pair_load(&identity->own, name, error);
    return result == ZR_FILE_READ;
}

bool identity_resolve(identity_t *identity, const config_t *config, zr_error_t *error) {
    *identity = (identity_t){0};
    if (!s_token_of_environment(identity, error) || !s_server_keys(identity, config, error))
        return false;
    if (!identity->encrypted) {
        /* A certificate that lies ready is for other brokers, if this one is on this machine. */
        if (!config->certificate || (!config->certificate_given && identity->local))
            return s_login(identity, config, error);
        return zr_fail(error,
            "the broker's public key is needed once, to know that it is the right one: --server-key KEY; its operator "
            "hands it out");
    }
    if (config->user_given || config->token_file_given)
        return s_fails(identity, config,
            "a user and a token are for connections without encryption; with keys the key names the user", error);
    if (!config->certificate)
        return s_fails(identity, config,
            "an encrypted connection needs a key pair: 'zrelay keygen NAME' makes one; then --certificate NAME", error);
    return s_load_pair(identity, config->certificate, error);
}

bool identity_record(identity_t *identity, const char *endpoint, zr_error_t *error) {
    size_t i = identity_server(identity, endpoint);
    const zr_server_t *server = &identity->servers.items[i];
    if (!identity->encrypted || !identity->record[i] ||
        (endpoint ? strcmp(server->endpoint, endpoint) != 0 : identity->servers.count > 1))
        return true;
    char *path = known_path();
    bool good = !path || known_record(path, zr_span(server->endpoint), server->key, error);
    free(path);
    identity->record[i] = false;
    return good;
}
