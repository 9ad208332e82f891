/* See token_file.h. */
#include "token_file.h"

#include <string.h>

#include "names.h"

/* The first line of `text`, without blanks at its end. */
static zr_span_t s_line(const zr_buffer_t *text) {
    zr_span_t rest = zr_span_of(text->data, text->len), line = zr_span_cut(&rest, '\n');
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' '))
        line.len--;
    return line;
}

bool zr_token_load(zr_buffer_t *token, const char *path, zr_error_t *error) {
    if (zr_file_read(path, &zr_file_secret, token, NULL, error) != ZR_FILE_READ)
        return false;
    zr_span_t line = s_line(token);
    if (!zr_token_fits(line) || memchr(line.ptr, '\0', line.len) || !zr_utf8_valid(line)) {
        zr_file_wipe(token);
        return zr_fail(error, "%s: its first line is no token: 1 to %d bytes of UTF-8, or a JWT of at most %d", path,
            ZR_TOKEN_MAX, ZR_JWT_MAX);
    }
    token->len = line.len; /* the rest is wiped with it */
    zr_buffer_u8(token, '\0');
    return true;
}
