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

/* TEST(test_what_holds) { … }: a test of this program. TEST_ABORTS: it must end in abort(). TEST_TIMES: it runs so many
 * times, with _i = 0, 1, … */
#define TEST(name) UNIT_TEST(name, 0, 1)
#define TEST_ABORTS(name) UNIT_TEST(name, SIGABRT, 1)
#define TEST_TIMES(name, times) UNIT_TEST(name, 0, times)

#define UNIT_TEST(name, signal, times)                                                                                 \
    static const TTest *name;                                                                                          \
    __attribute__((constructor)) static void name##_add(void) {                                                        \
        unit_add(name, signal, times);                                                                                 \
    }                                                                                                                  \
    START_TEST(name)

/* UNIT_SUITE("common.wire"): the program runs its tests in their order. UNIT_SUITE_WITH: each between these two. */
#define UNIT_SUITE(name) UNIT_SUITE_WITH(name, NULL, NULL)
#define UNIT_SUITE_WITH(name, begin, end)                                                                              \
    int main(void) {                                                                                                   \
        return unit_run(name, begin, end);                                                                             \
    }

/* The test runs tens of times slower than usual (tests/valgrind), so a part of a large set is enough. */
static inline bool unit_is_slow(void) {
    return getenv("UNIT_SLOW") != NULL;
}

static inline TCase *unit_tests(void) {
    static TCase *tests;
    return tests ? tests : (tests = tcase_create("tests"));
}

static inline void unit_add(const TTest *test, int signal, int times) {
    tcase_add_loop_test_raise_signal(unit_tests(), test, signal, 0, times);
}

static inline int unit_run(const char *name, void (*begin)(void), void (*end)(void)) {
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, unit_tests());
    tcase_add_checked_fixture(unit_tests(), begin, end);
    tcase_set_timeout(unit_tests(), 300);
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
