#include "log.h"

#include "unit.h"

static unsigned s_freed;

static void s_free(void *data, void *hint) {
    (void)data;
    (void)hint;
    s_freed++;
}

TEST(test_commit_gives_back_what_it_brought) {
    static char byte;
    log_commit_t commit = {.pass = 1, .marks = calloc(3, sizeof(log_mark_t)), .mark_count = 3};
    commit.marks[0].refusals = zr_blob_wrap(&byte, 1, s_free, NULL);
    commit.marks[2].refusals = zr_blob_wrap(&byte, 1, s_free, NULL);
    log_commit_finish(&commit);
    ck_assert_uint_eq(s_freed, 2);
    log_commit_finish(&(log_commit_t){.pass = 2});
    log_destroy(NULL);
}

UNIT_SUITE("broker.core.log")
