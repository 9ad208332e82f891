#include "refuse.h"

#include <stdio.h>

#include "unit.h"

static char s_said[1000];

void exchange_answer(exchange_t *e, unsigned status, const web_header_t *headers, size_t count, zr_span_t body) {
    int len = snprintf(s_said, sizeof s_said, "%p %u\n", (void *)e, status);
    for (size_t i = 0; i < count; i++)
        len += snprintf(s_said + len, sizeof s_said - (size_t)len, "%s: %s\n", headers[i].name, headers[i].value);
    snprintf(s_said + len, sizeof s_said - (size_t)len, "%.*s", (int)body.len, body.ptr);
}

TEST(test_a_problem_is_the_answer) {
    http_problem_t problem;
    http_fail(&problem, ZR_BAD_ROOM, "no \"spaces\"");
    refuse(NULL, &problem);
    ck_assert_ptr_nonnull(
        strstr(s_said, " 400\nContent-Type: application/problem+json\n{\"type\":\"urn:zrelay:error:bad-room\""));
    ck_assert_ptr_nonnull(strstr(s_said, "\"detail\":\"no \\\"spaces\\\"\"}\n"));
}

TEST(test_further_headers_follow) {
    static const web_header_t headers[REFUSE_HEADERS_MAX + 1] = {{"Allow", "GET"}, {"B", "2"}, {"C", "3"}, {"D", "4"}};
    refuse_with(NULL, HTTP_METHOD_NOT_ALLOWED, "100%s", headers, REFUSE_HEADERS_MAX);
    ck_assert_ptr_nonnull(strstr(s_said, " 405\nContent-Type: application/problem+json\nAllow: GET\nB: 2\nC: 3\n{"));
    ck_assert_ptr_nonnull(strstr(s_said, "\"detail\":\"100%s\"")); /* a text, and no format */
}

TEST_ABORTS(test_too_many_headers_are_a_bug) {
    static const web_header_t headers[REFUSE_HEADERS_MAX + 1] = {{"A", "1"}, {"B", "2"}, {"C", "3"}, {"D", "4"}};
    refuse_with(NULL, HTTP_NOT_FOUND, "", headers, REFUSE_HEADERS_MAX + 1);
}

UNIT_SUITE("client.gateway.app.refuse")
