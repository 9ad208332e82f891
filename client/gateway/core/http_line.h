/* A web page can make a browser send a request to any port of the browser's machine. The page chooses the lines of the
 * body. So a connection for people and scripts ends at a line that begins a request. Pure. */
#ifndef HTTP_LINE_H
#define HTTP_LINE_H

#include <stdbool.h>

#include "span.h"

/* Does the line, without its end, begin an HTTP/1 request? It ends with a version (RFC 9112, section 3). */
bool http_line_is_request(zr_span_t line);

#endif
