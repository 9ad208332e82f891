#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "format.h"
#include "code.h"
#include "names.h"

#define CONFIG_SIZE_MAX 65536

void config_init(config_t *config) {
    *config = (config_t){.connect_ms = CONFIG_CONNECT_MS};
}

void config_finish(config_t *config) {
    free(config->file_server);
    free(config->file_nick);
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
    char **out = NULL;
    if (zr_span_equal(name, zr_span("server")))
        out = &config->file_server;
    else if (zr_span_equal(name, zr_span("nick")))
        out = &config->file_nick;
    if (!out) {
        format_add(
            error, "%s:%u: unknown setting '%.*s'; there are: server, nick", file, number, (int)name.len, name.ptr);
        return false;
    }
    if (value.len == 0 || memchr(value.ptr, '\0', value.len)) {
        format_add(error, "%s:%u: '%.*s' needs a value", file, number, (int)name.len, name.ptr);
        return false;
    }
    if (out == &config->file_nick && !zr_nick_valid(value)) {
        format_add(error, "%s:%u: %s", file, number, zr_code_text(ZR_BAD_NICK));
        return false;
    }
    free(*out);
    *out = strndup(value.ptr, value.len);
    return true;
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

static bool s_read(config_t *config, const char *path, zr_buffer_t *error) {
    FILE *file = fopen(path, "re");
    if (!file && (errno == ENOENT || errno == ENOTDIR))
        return true;
    char *text = malloc(CONFIG_SIZE_MAX);
    size_t len = file && text ? fread(text, 1, CONFIG_SIZE_MAX, file) : 0;
    bool good = false;
    if (!file || !text || ferror(file))
        format_add(error, "%s: %s", path, strerror(errno));
    else if (len == CONFIG_SIZE_MAX)
        format_add(error, "%s: too large for a configuration file", path);
    else
        good = config_parse(config, zr_span_of(text, len), path, error);
    free(text);
    if (file)
        fclose(file);
    return good;
}

bool config_resolve(config_t *config, zr_buffer_t *error) {
    char *path = s_path();
    bool good = !path || s_read(config, path, error);
    free(path);
    if (!good)
        return false;
    const char *server = getenv("ZRELAY_SERVER");
    if (!config->server && server && *server)
        config->server = server;
    if (!config->server)
        config->server = config->file_server ? config->file_server : CONFIG_SERVER;
    if (!config->nick)
        config->nick = config->file_nick;
    return true;
}
