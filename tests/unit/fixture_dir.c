#include "fixture_dir.h"

#include <dirent.h>
#include <stdio.h>

static char s_dir[64];

void dir_begin(void) {
    strcpy(s_dir, "/tmp/zrelay-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(s_dir));
}

void dir_end(void) {
    DIR *stream = opendir(s_dir);
    ck_assert_ptr_nonnull(stream);
    const struct dirent *entry;
    while ((entry = readdir(stream)))
        if (entry->d_name[0] != '.' && unlink(dir_path(entry->d_name)) != 0)
            rmdir(dir_path(entry->d_name));
    closedir(stream);
    ck_assert_int_eq(rmdir(s_dir), 0);
}

const char *dir_path(const char *name) {
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", s_dir, name);
    return path;
}

const char *dir_write(const char *name, const char *text, mode_t mode) {
    const char *path = dir_path(name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
    return path;
}

const char *dir_read(const char *name) {
    static char text[1 << 16];
    FILE *file = fopen(dir_path(name), "r");
    ck_assert_ptr_nonnull(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

bool dir_has(const char *name) {
    struct stat about;
    return lstat(dir_path(name), &about) == 0;
}

void dir_assert_error(zr_error_t *error, const char *part) {
    ck_assert_msg(strstr(error->text, part) != NULL, "'%s' does not say '%s'", error->text, part);
    ck_assert_uint_eq(error->count, 1);
    *error = (zr_error_t){0};
}
