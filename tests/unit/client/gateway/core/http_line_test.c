#include "http_line.h"

#include "unit.h"

TEST(test_requests) {
    ck_assert(http_line_is_request(zr_span("POST / HTTP/1.1")));
    ck_assert(http_line_is_request(zr_span("GET /a?b HTTP/1.0")));
    ck_assert(http_line_is_request(zr_span("OPTIONS * HTTP/1.1")));
}

TEST(test_other_lines) {
    static const char *const lines[] = {"", "hello", "HTTP/1.1", " HTTP/1.1", "NICK ann", "GET / HTTP/1.",
        "GET / HTTP/1.x", "GET / HTTP/1.1 is old", "x HTTP/2", "1.1"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert_msg(!http_line_is_request(zr_span(lines[i])), "%s", lines[i]);
}

UNIT_SUITE("client.gateway.core.http_line")
