#include "context.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "fatal.h"
#include "private_file.h"

#define FOLDER "zrelay/contexts"
#define ENDING ".conf"

bool context_name_valid(zr_span_t name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && (c != '.' || i == 0))
            return false;
    }
    return name.len > 0 && name.len <= CONTEXT_NAME_MAX;
}

char *context_path(const char *name) {
    char file[sizeof FOLDER ENDING + 1 + CONTEXT_NAME_MAX];
    snprintf(file, sizeof file, FOLDER "/%.64s" ENDING, name);
    return config_path(file);
}

char *context_current(void) {
    char *path = config_path("zrelay/context"), *name = NULL;
    zr_buffer_t text = {0};
    zr_error_t error = {0};
    if (path && zr_file_read_if_there(path, &zr_file_config, &text, &error) == ZR_FILE_READ) {
        zr_span_t line = zr_span_of(text.data, text.len);
        line = zr_span_trim(zr_span_cut(&line, '\n'));
        if (context_name_valid(line))
            name = fatal_check(strndup(line.ptr, line.len));
    }
    zr_buffer_finish(&text);
    free(path);
    return name;
}

bool context_exists(const char *name) {
    char *path = context_name_valid(zr_span(name)) ? context_path(name) : NULL;
    bool exists = path && access(path, F_OK) == 0;
    free(path);
    return exists;
}

static bool s_remove(const char *path, zr_error_t *error) {
    return unlink(path) == 0 || errno == ENOENT || zr_fail(error, "%s: %s", path, strerror(errno));
}

static bool s_use(const char *path, const char *name, zr_error_t *error) {
    zr_buffer_t text = {0}, partial = {0};
    zr_buffer_printf(&text, "%s\n", name);
    zr_buffer_printf(&partial, "%s.%ld%c", path, (long)getpid(), '\0');
    config_make_folder(path);
    bool good = zr_file_replace(path, (const char *)partial.data, zr_span_of(text.data, text.len), error);
    zr_buffer_finish(&text);
    zr_buffer_finish(&partial);
    return good;
}

bool context_use(const char *name, zr_error_t *error) {
    char *path = config_path("zrelay/context");
    bool good = path || zr_fail(error, "there is no home to keep it in");
    if (good)
        good = name ? s_use(path, name, error) : s_remove(path, error);
    free(path);
    return good;
}

bool context_add(const char *name, zr_span_t text, zr_error_t *error) {
    char *path = context_path(name), *folder = config_path(FOLDER);
    bool good = path || zr_fail(error, "there is no home to keep it in");
    if (good) {
        config_make_folder(folder);
        config_make_folder(path);
        good = zr_file_create(path, 0600, text, error);
    }
    free(path);
    free(folder);
    return good;
}

bool context_remove(const char *name, zr_error_t *error) {
    char *path = context_path(name);
    bool good = path && s_remove(path, error);
    free(path);
    return good;
}

static int s_is_context(const struct dirent *entry) {
    zr_span_t name = zr_span(entry->d_name);
    if (name.len <= strlen(ENDING) || strcmp(entry->d_name + name.len - strlen(ENDING), ENDING) != 0)
        return 0;
    return context_name_valid(zr_span_of(name.ptr, name.len - strlen(ENDING)));
}

void context_list(zr_buffer_t *out) {
    char *folder = config_path(FOLDER);
    struct dirent **entries = NULL;
    int count = folder ? scandir(folder, &entries, s_is_context, alphasort) : -1;
    for (int i = 0; i < count; i++) {
        zr_buffer_printf(out, "%.*s\n", (int)(strlen(entries[i]->d_name) - strlen(ENDING)), entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    free(folder);
}
