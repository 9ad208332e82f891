#include "context.h"

#include <stdlib.h>

#include "fixture_dir.h"
#include "unit.h"

TEST(test_names) {
    ck_assert(context_name_valid(zr_span("work")));
    ck_assert(context_name_valid(zr_span("a.b-c_9")));
    ck_assert(context_name_valid(unit_fill('x', CONTEXT_NAME_MAX)));
    ck_assert(!context_name_valid(unit_fill('x', CONTEXT_NAME_MAX + 1)));
    ck_assert(!context_name_valid(zr_span("")));
    ck_assert(!context_name_valid(zr_span(".hidden")));
    ck_assert(!context_name_valid(zr_span("a/b")));
    ck_assert(!context_name_valid(zr_span("a b")));
}

TEST(test_added_used_and_removed) {
    zr_error_t error = {0};
    zr_buffer_t names = {0};
    dir_begin();
    setenv("XDG_CONFIG_HOME", dir_path(""), 1);
    context_list(&names);
    ck_assert_uint_eq(names.len, 0);
    ck_assert(context_add("two", zr_span("server = x\n"), &error));
    ck_assert(context_add("one", zr_span("server = y\n"), &error));
    ck_assert(!context_add("one", zr_span("server = z\n"), &error));
    context_list(&names);
    ck_assert_span_eq(zr_span_of(names.data, names.len), zr_span("one\ntwo\n"));
    error = (zr_error_t){0};
    ck_assert_ptr_null(context_current());
    ck_assert(context_use("one", &error));
    char *current = context_current();
    ck_assert_str_eq(current, "one");
    free(current);
    ck_assert(context_use(NULL, &error) && context_use(NULL, &error));
    ck_assert_ptr_null(context_current());
    ck_assert(context_remove("one", &error) && !context_exists("one") && context_exists("two"));
    ck_assert(context_remove("two", &error));
    ck_assert_int_eq(rmdir(dir_path("zrelay/contexts")), 0);
    ck_assert_int_eq(rmdir(dir_path("zrelay")), 0);
    zr_buffer_finish(&names);
    dir_end();
}

UNIT_SUITE("client.cli.context")
