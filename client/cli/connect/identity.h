/* The identity that a session shows the broker, and the key that the broker must have. It is keys, or a user and a
 * token, from the options, the environment, the configuration file and the known servers. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "config.h"
#include "key_file.h"
#include "names.h"
#include "servers.h"

typedef struct {
    bool local, encrypted; /* all servers are on this machine; the connections are encrypted */
    zr_pair_t own;
    zr_servers_t servers;                 /* with their keys, if encrypted */
    bool record[ZR_SERVERS_MAX];          /* that server's key is not among the known ones yet */
    unsigned known_lines[ZR_SERVERS_MAX]; /* where it stands among them; 0: it does not */
    const char *user; /* the config's; NULL: no login, or the token is a JWT, which names the user */
    bool login;       /* there is one */
    char token[ZR_JWT_MAX + 1];
    const char *token_file; /* the config's, where the token is from; NULL: not from a file */
    uint8_t token_mark[16]; /* a hash of it, which tells whether the file changed */
} identity_t;

/* After config_resolve. false: `error` gets a sentence. The caller wipes it with identity_finish either way. */
bool identity_resolve(identity_t *identity, const config_t *config, zr_error_t *error);
void identity_finish(identity_t *identity);

/* Wipes the secrets only: the library has them. */
void identity_forget(identity_t *identity);

/* Reads the token's file again. True: it has another token now, and `token` holds it, until identity_forget. */
bool identity_renew(identity_t *identity);

/* Appends the keys of the servers, in their order, with commas between. */
void identity_server_keys(const identity_t *identity, zr_buffer_t *out);

/* Which of the servers `endpoint` is; the first one if it is none of them. */
size_t identity_server(const identity_t *identity, const char *endpoint);

/* The connection to `endpoint` was encrypted, so the server has the key it was taken for: notes it. NULL: the only
 * server; of several no key is noted. */
bool identity_record(identity_t *identity, const char *endpoint, zr_error_t *error);

#endif
