#include "http_counts.h"

#include <stdio.h>

#include "unit.h"

static const char *s_written(const http_counts_t *counts) {
    static zr_buffer_t out;
    zr_buffer_clear(&out);
    http_counts_write(&out, counts);
    zr_buffer_u8(&out, '\0');
    return (const char *)out.data;
}

TEST(test_answers_by_resource_and_class) {
    http_counts_t counts = {0};
    static const unsigned statuses[] = {200, 201, 299, 304, 404, 499, 503, 100, 600, 0};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        http_count_answer(&counts, HTTP_EVENTS, statuses[i]); /* the last three are of no class */
    http_count_answer(&counts, HTTP_STATE_KEY, 412);
    const char *text = s_written(&counts);
    static const char name[] = "zrelay_gateway_http_answers_total";
    char line[128];
    static const char *const lines[] = {"{resource=\"events\",status=\"2xx\"} 3\n",
        "{resource=\"events\",status=\"3xx\"} 1\n", "{resource=\"events\",status=\"4xx\"} 2\n",
        "{resource=\"events\",status=\"5xx\"} 1\n", "{resource=\"state_key\",status=\"4xx\"} 1\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(line, sizeof line, "%s%s", name, lines[i]);
        ck_assert_msg(strstr(text, line) != NULL, "%s is missing", line);
    }
    ck_assert_ptr_null(strstr(text, "6xx"));
}

TEST(test_numbers_are_written_whole) {
    http_counts_t counts = {.stream_bytes = UINT64_MAX};
    ck_assert_ptr_nonnull(strstr(s_written(&counts), "zrelay_gateway_stream_bytes_total 18446744073709551615\n"));
}

UNIT_SUITE("client.gateway.http.api.http_counts")
