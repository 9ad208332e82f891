#include "http_problem.h"

#include <jansson.h>

#include "unit.h"

static json_t *s_written(const http_problem_t *problem) {
    zr_buffer_t out = {0};
    http_problem_write(&out, problem);
    ck_assert_uint_eq(out.data[out.len - 1], '\n');
    json_t *object = json_loadb((const char *)out.data, out.len, 0, NULL);
    ck_assert_ptr_nonnull(object);
    zr_buffer_finish(&out);
    return object;
}

static void s_expect_text(const json_t *object, const char *member, const char *text) {
    const char *found = json_string_value(json_object_get(object, member));
    ck_assert_msg(found && strcmp(found, text) == 0, "%s is '%s'", member, found ? found : "missing");
}

TEST(test_every_code_has_a_status_a_name_and_a_title) {
    for (unsigned code = ZR_OK + 1; code < HTTP_CODE_COUNT; code++) {
        http_problem_t problem = {.code = code};
        unsigned status = http_problem_status(&problem);
        ck_assert_msg(status >= 400 && status < 600, "code %u has the status %u", code, status);
        ck_assert_uint_gt(strlen(http_problem_name(&problem)), 0);
        json_t *object = s_written(&problem);
        ck_assert_uint_gt(json_string_length(json_object_get(object, "title")), 0);
        ck_assert_int_eq(json_integer_value(json_object_get(object, "status")), status);
        json_decref(object);
    }
}

TEST(test_an_error_of_the_broker) {
    http_problem_t problem;
    http_problem_of(&problem, zr_span("conflict"), zr_span("the key has a newer value"), 0, 47);
    ck_assert_uint_eq(problem.code, ZR_CONFLICT);
    ck_assert_uint_eq(http_problem_status(&problem), 412);
    json_t *object = s_written(&problem);
    s_expect_text(object, "type", "urn:zrelay:error:conflict");
    s_expect_text(object, "code", "conflict");
    s_expect_text(object, "detail", "the key has a newer value");
    ck_assert_int_eq(json_integer_value(json_object_get(object, "seq")), 47);
    ck_assert_ptr_null(json_object_get(object, "wait"));
    json_decref(object);
}

TEST(test_a_code_of_a_newer_broker_keeps_its_name) {
    http_problem_t problem;
    http_problem_of(&problem, zr_span("too-purple"), zr_span("less purple"), 0, 0);
    ck_assert_uint_eq(problem.code, HTTP_UNKNOWN);
    ck_assert_uint_eq(http_problem_status(&problem), 502);
    json_t *object = s_written(&problem);
    s_expect_text(object, "code", "too-purple");
    json_decref(object);
    http_problem_of(&problem, zr_span("ok"), zr_span(""), 0, 0); /* no error has this code */
    ck_assert_uint_eq(problem.code, HTTP_UNKNOWN);
}

TEST(test_waits_are_rounded_up_to_seconds) {
    static const uint64_t cases[][2] = {{1, 1}, {999, 1}, {1000, 1}, {1001, 2}, {60000, 60}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        http_problem_t problem = {.code = ZR_RATE_LIMITED, .wait_ms = cases[i][0]};
        ck_assert_uint_eq(http_problem_retry_s(&problem), cases[i][1]);
    }
    http_problem_t problem = {.code = HTTP_BROKER_AWAY};
    ck_assert_uint_eq(http_problem_retry_s(&problem), 1);
    problem.code = ZR_BAD_ROOM;
    ck_assert_uint_eq(http_problem_retry_s(&problem), 0);
}

TEST(test_long_texts_are_cut_between_characters) {
    char text[2 * HTTP_DETAIL_SIZE + 1];
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'x', shift);
        for (size_t at = shift; at + 1 < sizeof text; at += 2)
            memcpy(text + at, "\xc3\xa4", 2);
        text[sizeof text - 1] = '\0';
        http_problem_t problem;
        http_problem_of(&problem, zr_span_of(text, sizeof text - 1), zr_span_of(text, sizeof text - 1 - shift), 0, 0);
        ck_assert_uint_ge(strlen(problem.detail), HTTP_DETAIL_SIZE - 3);
        json_decref(s_written(&problem)); /* jansson refuses what is not UTF-8 */
        ck_assert(!http_fail(&problem, HTTP_BAD_REQUEST, "%s", text));
        json_decref(s_written(&problem));
    }
}

UNIT_SUITE("client.gateway.http.http_problem")
