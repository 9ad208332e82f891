/* Answers with a problem, for handlers that are no part of the HTTP API. */
#ifndef REFUSE_H
#define REFUSE_H

#include "exchange.h"
#include "http_problem.h"

void refuse(exchange_t *e, const http_problem_t *problem);

/* The same with this code and text, and further headers: at most REFUSE_HEADERS_MAX. */
enum { REFUSE_HEADERS_MAX = 3 };
void refuse_with(exchange_t *e, unsigned code, const char *text, const web_header_t *headers, size_t count);

#endif
