#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "context.h"
#include "names.h"
#include "typed.h"
#include "unicode.h"
#include "zpl.h"

void config_init(config_t *config) {
    *config = (config_t){.connect_ms = CONFIG_CONNECT_MS};
}

void config_finish(config_t *config) {
    free(config->file);
    free(config->file_server);
    free(config->file_nick);
    free(config->file_certificate);
    free(config->file_server_key);
    free(config->file_user);
    free(config->file_token_file);
    config_init(config);
}

typedef struct {
    const char *name;
    char **out;
    bool nick; /* its value must be one */
    bool path; /* "~/" stands for the home; a relative one begins at the file's folder */
} setting_t;

enum { SETTINGS = 6 };

typedef struct {
    config_t *config;
    const char *file;
    unsigned line[SETTINGS]; /* where each was set; 0: not yet */
} reading_t;

static char *s_value(const setting_t *setting, const char *value, const char *file) {
    const char *home = getenv("HOME"), *slash = strrchr(file, '/');
    char *path = NULL;
    int len = 0;
    if (setting->path && home && strncmp(value, "~/", 2) == 0)
        len = asprintf(&path, "%s%s", home, value + 1);
    else if (setting->path && slash && value[0] != '/')
        len = asprintf(&path, "%.*s%s", (int)(slash + 1 - file), file, value);
    else
        path = strdup(value);
    return len < 0 ? NULL : path;
}

static bool s_on_item(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    reading_t *reading = ctx;
    config_t *config = reading->config;
    const setting_t settings[SETTINGS] = {
        {"server", &config->file_server, false, false},
        {"nick", &config->file_nick, true, false},
        {"certificate", &config->file_certificate, false, true},
        {"server-key", &config->file_server_key, false, false},
        {"user", &config->file_user, true, false},
        {"token-file", &config->file_token_file, false, true},
    };
    if (!item)
        return true;
    if (item->name)
        return zr_fail(error, "a setting begins its line; take away the spaces before it");
    const setting_t *setting = settings;
    while (setting < settings + SETTINGS && strcmp(item->section, setting->name) != 0)
        setting++;
    if (setting == settings + SETTINGS)
        return zr_fail(error, "unknown setting; there are server, nick, certificate, server-key, user and token-file");
    unsigned *line = &reading->line[setting - settings];
    if (*line)
        return zr_fail(error, "already set in line %u; keep one of them", *line);
    *line = item->line;
    if (!item->value[0])
        return zr_fail(error, "the value is missing; write \"name = value\"");
    zr_buffer_t typed = {0};
    if (setting->nick)
        zr_nfc(&typed, zr_span(item->value));
    else
        zr_buffer_printf(&typed, "%s", item->value);
    zr_buffer_u8(&typed, '\0');
    const char *value = (const char *)typed.data, *fault = setting->nick ? zr_nick_fault(zr_span(value)) : NULL;
    if (!fault) {
        free(*setting->out);
        *setting->out = s_value(setting, value, reading->file);
    }
    zr_buffer_finish(&typed);
    return !fault || zr_fail(error, "%s", fault);
}

bool config_parse(config_t *config, zr_span_t text, const char *file, zr_error_t *error) {
    reading_t reading = {.config = config, .file = file};
    return zr_zpl_parse(file, text, s_on_item, &reading, error);
}

char *config_path(const char *name) {
    const char *dir = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (dir && *dir && asprintf(&path, "%s/%s", dir, name) >= 0)
        return path;
    if (home && *home && asprintf(&path, "%s/.config/%s", home, name) >= 0)
        return path;
    return NULL;
}

void config_make_folder(const char *path) {
    char *folder = strdup(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno == ENOENT) {
            char *upper = strrchr(folder, '/');
            if (upper && upper != folder) {
                *upper = '\0';
                mkdir(folder, 0700);
                *upper = '/';
                mkdir(folder, 0700);
            }
        }
    }
    free(folder);
}

/* It names the broker and its key. A missing file is an empty one. */
static bool s_read(config_t *config, zr_error_t *error) {
    reading_t reading = {.config = config, .file = config->file};
    zr_file_t result = zr_zpl_read(config->file, s_on_item, &reading, error);
    if (result == ZR_FILE_MISSING)
        *error = (zr_error_t){0};
    return result != ZR_FILE_REFUSED;
}

/* Fills in a setting that no flag gave, from the environment or the file. */
static config_from_t s_default(const char **to, const char *variable, const char *file) {
    const char *value = variable ? getenv(variable) : NULL;
    bool environment = value && *value;
    if (*to)
        return CONFIG_FLAG;
    *to = environment ? value : file;
    return environment ? CONFIG_ENVIRONMENT : CONFIG_FILE;
}

/* The file of the context that is named or in use, else zrelay.conf. */
static bool s_choose_file(config_t *config, zr_error_t *error) {
    const char *named = config->context ? config->context : getenv("ZRELAY_CONTEXT");
    char *used = named && *named ? NULL : context_current();
    const char *name = used ? used : named && *named ? named : NULL;
    bool good = !name || context_exists(name) ||
                zr_fail(error, "there is no context '%s'; 'zrelay context list' names them", name);
    free(config->file);
    config->file = name && good ? context_path(name) : config_path("zrelay.conf");
    free(used);
    return good;
}

bool config_resolve(config_t *config, zr_error_t *error) {
    if (!s_choose_file(config, error) || (config->file && !s_read(config, error)))
        return false;
    const char *own = config->file_server ? config->file_server : CONFIG_SERVER;
    s_default(&config->server, "ZRELAY_SERVER", own);
    s_default(&config->certificate, "ZRELAY_CERTIFICATE", config->file_certificate);
    /* The file's key is that of the file's server: at another it would be wrong. */
    config->server_key_from = s_default(
        &config->server_key, "ZRELAY_SERVER_KEY", strcmp(config->server, own) == 0 ? config->file_server_key : NULL);
    s_default(&config->user, "ZRELAY_USER", config->file_user);
    s_default(&config->token_file, NULL, config->file_token_file);
    s_default(&config->nick, NULL, config->file_nick);
    if (config->user)
        config->user = typed_name(config->user);
    const char *fault = config->user ? zr_nick_fault(zr_span(config->user)) : NULL;
    return !fault || zr_fail(error, "'%s' is no user: %s", config->user, fault);
}
