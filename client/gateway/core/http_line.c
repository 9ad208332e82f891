/* See http_line.h. */
#include "http_line.h"

#include <string.h>

bool http_line_is_request(zr_span_t line) {
    static const char version[] = " HTTP/1."; /* and a digit */
    size_t len = sizeof version - 1;
    return line.len > len + 1 && memcmp(line.ptr + line.len - len - 1, version, len) == 0 &&
           line.ptr[line.len - 1] >= '0' && line.ptr[line.len - 1] <= '9';
}
