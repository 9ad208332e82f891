#include "known_servers.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"

known_t known_find(zr_span_t text, zr_span_t endpoint, char key[ZR_CURVE_LEN + 1], unsigned *line) {
    for (*line = 1; text.len > 0; ++*line) {
        zr_span_t rest = zr_span_cut(&text, '\n'), name = zr_span_word(&rest), value = zr_span_word(&rest);
        if (name.len == 0 || name.ptr[0] == '#')
            continue;
        if (!zr_curve_decode(value, NULL) || rest.len > 0)
            return KNOWN_BAD;
        if (!zr_span_equal(name, endpoint))
            continue;
        memcpy(key, value.ptr, ZR_CURVE_LEN);
        key[ZR_CURVE_LEN] = '\0';
        return KNOWN_FOUND;
    }
    return KNOWN_NONE;
}

char *known_path(void) {
    return config_path("zrelay/known-servers");
}

void known_where(char out[KNOWN_WHERE_SIZE], unsigned line) {
    char *path = known_path();
    snprintf(out, KNOWN_WHERE_SIZE, "%s, line %u", path ? path : "known-servers", line);
    free(path);
}

bool known_read(const char *path, zr_buffer_t *text, zr_error_t *error) {
    /* Nothing in it is secret, but it decides which broker is trusted. So no other user may write it. */
    return zr_file_read_if_there(path, &zr_file_secret, text, error) != ZR_FILE_REFUSED;
}

bool known_record(const char *path, zr_span_t endpoint, const char *key, zr_error_t *error) {
    zr_buffer_t text = {0};
    char partial[PATH_MAX];
    bool good = known_read(path, &text, error);
    if (good && text.len > 0 && text.data[text.len - 1] != '\n')
        zr_buffer_u8(&text, '\n');
    zr_buffer_append(&text, endpoint.ptr, endpoint.len);
    zr_buffer_printf(&text, " %s\n", key);
    /* Another program may note a key at the same time. */
    snprintf(partial, sizeof partial, "%s.%ld", path, (long)getpid());
    if (good)
        config_make_folder(path);
    good = good && zr_file_replace(path, partial, zr_span_of(text.data, text.len), error);
    zr_buffer_finish(&text);
    return good;
}
