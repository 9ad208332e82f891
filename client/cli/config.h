/* The settings all commands share, and where they come from: flags, then the environment (ZRELAY_SERVER, …), then the
 * configuration file, then the defaults. */
#ifndef CONFIG_H
#define CONFIG_H

#include "buffer.h"
#include "errors.h"
#include "options.h"

#define CONFIG_SERVER "tcp://127.0.0.1:5570"
#define CONFIG_CONNECT_MS 5000
enum { CONFIG_ENDPOINT = 280, CONFIG_SERVERS = 16 * CONFIG_ENDPOINT };

/* Where a setting comes from. */
typedef enum { CONFIG_FLAG, CONFIG_ENVIRONMENT, CONFIG_FILE } config_from_t;

typedef struct {
    const char *client;  /* the client id to go on with; NULL: a new one */
    const char *context; /* by flag; NULL: the environment's, or the one in use (context.h) */
    const char *server;  /* or several, "A,B,C"; NULL until config_resolve, unless a flag named it */
    const char *nick;    /* NULL: none */
    bool nick_given;     /* by flag */
    /* The client's identity, and the key that the broker must have; NULL: none. identity.c checks them together. */
    const char *certificate, *server_key, *user, *token_file;
    bool certificate_given, user_given, token_file_given; /* by flag */
    config_from_t server_key_from;
    bool json;
    bool verbose;
    bool help;
    bool version;
    uint64_t connect_ms;
    bool connect_given;            /* by flag */
    char endpoint[CONFIG_SERVERS]; /* the servers in full, if the settings named less */
    /* The configuration file and what it gave; freed by config_finish. */
    char *file; /* NULL: there is no home to have one in */
    char *file_server;
    char *file_nick;
    char *file_certificate;
    char *file_server_key; /* of that server only */
    char *file_user;
    char *file_token_file;
} config_t;

void config_init(config_t *config);
void config_finish(config_t *config);

/* Pure but for HOME: reads the text of a configuration file, `name = value` lines in ZPL; its relative paths are
 * relative to the folder of `file`. */
bool config_parse(config_t *config, zr_span_t text, const char *file, zr_error_t *error);

/* Where a file of this name is: in $XDG_CONFIG_HOME or ~/.config. The caller frees it. NULL: there is no home. */
char *config_path(const char *name);

/* Makes the folder that the file is to be in, and the one above it, if they are not there. */
void config_make_folder(const char *path);

/* Fills in the settings that no flag gave. A missing file is no error; false when it cannot be read or is wrong.
 * `error` is empty before. */
bool config_resolve(config_t *config, zr_error_t *error);

#endif
