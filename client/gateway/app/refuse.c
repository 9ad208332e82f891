/* See refuse.h. */
#include "refuse.h"

#include "fatal.h"

static void s_answer(exchange_t *e, const http_problem_t *problem, const web_header_t *more, size_t count) {
    web_header_t headers[1 + REFUSE_HEADERS_MAX] = {{"Content-Type", HTTP_PROBLEM_TYPE}};
    zr_buffer_t body = {0};
    FATAL_UNLESS(count <= REFUSE_HEADERS_MAX);
    for (size_t i = 0; i < count; i++)
        headers[1 + i] = more[i];
    http_problem_write(&body, problem);
    exchange_answer(e, http_problem_status(problem), headers, 1 + count, zr_span_of(body.data, body.len));
    zr_buffer_finish(&body);
}

void refuse(exchange_t *e, const http_problem_t *problem) {
    s_answer(e, problem, NULL, 0);
}

void refuse_with(exchange_t *e, unsigned code, const char *text, const web_header_t *headers, size_t count) {
    http_problem_t problem;
    http_fail(&problem, code, "%s", text);
    s_answer(e, &problem, headers, count);
}
