/* Shared by the unit tests: running a suite, and views whose end is the end of the readable memory. */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "span.h"

/* UNIT_MAIN("common.wire", test_one, test_two): the program runs these tests. */
#define UNIT_MAIN(name, ...)                                                                                           \
    int main(void) {                                                                                                   \
        const TTest *tests[] = {__VA_ARGS__};                                                                          \
        return unit_run(name, tests, sizeof tests / sizeof tests[0], NULL, 0);                                         \
    }

/* UNIT_MAIN_ABORTS("common.wire", UNIT_TESTS(test_one, test_two), UNIT_TESTS(test_three)): test_three must end in
 * abort(). */
#define UNIT_TESTS(...)                                                                                                \
    { __VA_ARGS__ }
#define UNIT_MAIN_ABORTS(name, tests_list, aborts_list)                                                                \
    int main(void) {                                                                                                   \
        const TTest *tests[] = tests_list;                                                                             \
        const TTest *aborts[] = aborts_list;                                                                           \
        return unit_run(name, tests, sizeof tests / sizeof tests[0], aborts, sizeof aborts / sizeof aborts[0]);        \
    }

static inline int unit_run(
    const char *name, const TTest **tests, size_t count, const TTest **aborts, size_t abort_count) {
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 300);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    for (size_t i = 0; i < abort_count; i++)
        tcase_add_test_raise_signal(tcase, aborts[i], SIGABRT);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A literal with whatever bytes it holds, NUL too. */
#define LIT(text) zr_span_of("" text, sizeof(text) - 1)

enum { UNIT_EDGE_MAX = 1 << 20 };

/* A copy of `bytes` that ends just before an unreadable page. So a reader that looks one byte too far crashes, with or
 * without a sanitizer. Valid until the next call. */
static inline zr_span_t unit_at_edge(zr_span_t bytes) {
    static char *edge;
    if (!edge) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        char *memory = mmap(
            NULL, UNIT_EDGE_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ck_assert_ptr_ne(memory, MAP_FAILED);
        edge = memory + UNIT_EDGE_MAX;
        ck_assert_int_eq(mprotect(edge, page, PROT_NONE), 0);
    }
    ck_assert_uint_le(bytes.len, UNIT_EDGE_MAX);
    if (bytes.len)
        memcpy(edge - bytes.len, bytes.ptr, bytes.len);
    return zr_span_of(edge - bytes.len, bytes.len);
}

/* `len` times `c`. Valid until the fourth call after it. */
static inline zr_span_t unit_fill(char c, size_t len) {
    static char memory[4][4096];
    static unsigned next;
    char *text = memory[next++ % 4];
    ck_assert_uint_le(len, sizeof memory[0]);
    memset(text, c, len);
    return zr_span_of(text, len);
}

/* ' becomes ", so that JSON can be read in a test. */
static inline void unit_quotes(char *text) {
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
}

#define ck_assert_span_eq(a, b)                                                                                        \
    do {                                                                                                               \
        zr_span_t span_a = (a), span_b = (b);                                                                          \
        ck_assert_msg(zr_span_equal(span_a, span_b), "'%.*s' is not '%.*s'", (int)span_a.len,                          \
            span_a.len ? span_a.ptr : "", (int)span_b.len, span_b.len ? span_b.ptr : "");                              \
    } while (0)

#endif
