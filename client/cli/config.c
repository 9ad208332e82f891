#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "names.h"
#include "private_file.h"
#include "typed.h"
#include "unicode.h"

#define CONFIG_SIZE_MAX 65536

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

static zr_span_t s_trim(zr_span_t text) {
    while (text.len > 0 && strchr(" \t\r", text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r", text.ptr[text.len - 1]))
        text.len--;
    return text;
}

typedef struct {
    const char *name;
    char **out;
    bool nick; /* its value must be one */
    bool path; /* "~/" stands for the home; a relative one begins at the file's folder */
} setting_t;

static char *s_value(const setting_t *setting, zr_span_t value, const char *file) {
    const char *home = getenv("HOME"), *slash = strrchr(file, '/');
    char *path = NULL;
    int len = 0;
    if (setting->path && home && zr_span_starts(value, zr_span("~/")))
        len = asprintf(&path, "%s%.*s", home, (int)value.len - 1, value.ptr + 1);
    else if (setting->path && slash && value.ptr[0] != '/')
        len = asprintf(&path, "%.*s%.*s", (int)(slash + 1 - file), file, (int)value.len, value.ptr);
    else
        path = strndup(value.ptr, value.len);
    return len < 0 ? NULL : path;
}

static bool s_line(config_t *config, zr_span_t line, const char *file, unsigned number, zr_buffer_t *error) {
    line = s_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    const char *equals = memchr(line.ptr, '=', line.len);
    if (!equals) {
        format_add(error, "%s:%u: expected 'name = value'", file, number);
        return false;
    }
    zr_span_t name = s_trim(zr_span_of(line.ptr, (size_t)(equals - line.ptr)));
    zr_span_t value = s_trim(zr_span_of(equals + 1, (size_t)(line.ptr + line.len - equals - 1)));
    const setting_t settings[] = {
        {"server", &config->file_server, false, false},
        {"nick", &config->file_nick, true, false},
        {"certificate", &config->file_certificate, false, true},
        {"server-key", &config->file_server_key, false, false},
        {"user", &config->file_user, true, false},
        {"token-file", &config->file_token_file, false, true},
    };
    const size_t count = sizeof settings / sizeof settings[0];
    size_t at = 0;
    while (at < count && !zr_span_equal(name, zr_span(settings[at].name)))
        at++;
    if (at == count) {
        format_add(error, "%s:%u: unknown setting '%.*s'; there are:", file, number, (int)name.len, name.ptr);
        for (size_t i = 0; i < count; i++)
            format_add(error, "%s %s", i ? "," : "", settings[i].name);
        return false;
    }
    const setting_t *setting = &settings[at];
    if (value.len == 0 || memchr(value.ptr, '\0', value.len)) {
        format_add(error, "%s:%u: '%.*s' needs a value", file, number, (int)name.len, name.ptr);
        return false;
    }
    zr_buffer_t typed = {0};
    if (setting->nick) {
        zr_nfc(&typed, value);
        value = zr_span_of(typed.data, typed.len);
    }
    const char *fault = setting->nick ? zr_nick_fault(value) : NULL;
    if (fault) {
        format_add(error, "%s:%u: %s", file, number, fault);
    } else {
        free(*setting->out);
        *setting->out = s_value(setting, value, file);
    }
    zr_buffer_finish(&typed);
    return !fault;
}

bool config_parse(config_t *config, zr_span_t text, const char *file, zr_buffer_t *error) {
    unsigned number = 1;
    for (size_t at = 0; at < text.len; number++) {
        const char *newline = memchr(text.ptr + at, '\n', text.len - at);
        size_t len = newline ? (size_t)(newline - text.ptr) - at : text.len - at;
        if (!s_line(config, zr_span_of(text.ptr + at, len), file, number, error))
            return false;
        at += len + 1;
    }
    return true;
}

/* The file's path; NULL when there is no home. The caller frees it. */
static char *s_path(void) {
    const char *dir = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    zr_buffer_t path = {0};
    if (dir && *dir)
        format_add(&path, "%s/zrelay.conf", dir);
    else if (home && *home)
        format_add(&path, "%s/.config/zrelay.conf", home);
    else
        return NULL;
    char *copy = strndup((const char *)path.data, path.len);
    zr_buffer_finish(&path);
    return copy;
}

/* It names the broker and its key. A missing file is an empty one. */
static bool s_read(config_t *config, const char *path, zr_buffer_t *error) {
    const zr_file_rules_t rules = {.forbidden = ZR_FILE_OTHERS_WRITE, .max = CONFIG_SIZE_MAX, .pipes = true};
    zr_buffer_t text = {0};
    char why[ZR_FILE_WHY];
    zr_file_t result = zr_file_read(path, &rules, &text, NULL, why);
    if (result == ZR_FILE_MISSING)
        return true;
    bool good = result == ZR_FILE_READ && config_parse(config, zr_span_of(text.data, text.len), path, error);
    if (result == ZR_FILE_REFUSED)
        format_add(error, "%s: %s", path, why);
    zr_buffer_finish(&text);
    return good;
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

bool config_resolve(config_t *config, zr_buffer_t *error) {
    free(config->file);
    config->file = s_path();
    if (config->file && !s_read(config, config->file, error))
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
    if (fault)
        format_add(error, "'%s' is no user: %s", config->user, fault);
    return !fault;
}
