#include "jobs.h"

#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#include "unit.h"

static const char *s_get(char **environment, const char *name) {
    size_t len = strlen(name);
    const char *found = NULL;
    for (; *environment; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=') {
            ck_assert_ptr_null(found);
            found = *environment + len + 1;
        }
    return found;
}

TEST(test_environment) {
    char *base[] = {"PATH=/bin", "ZRELAY_KEY=old", "ZRELAY_SERVER=x", "ZRELAY_SEQ=1", NULL};
    zrelay_event_t event = {.room = "logs", .seq = 9, .sender = "ann", .time = 12};
    char **all = jobs_environment(base, &event);
    ck_assert_str_eq(s_get(all, "PATH"), "/bin");
    ck_assert_str_eq(s_get(all, "ZRELAY_SERVER"), "x");
    ck_assert_str_eq(s_get(all, "ZRELAY_ROOM"), "logs");
    ck_assert_str_eq(s_get(all, "ZRELAY_SEQ"), "9");
    ck_assert_str_eq(s_get(all, "ZRELAY_SENDER"), "ann");
    ck_assert_str_eq(s_get(all, "ZRELAY_TIME"), "12");
    ck_assert_ptr_null(s_get(all, "ZRELAY_KEY"));
    free(all);
    event.key = "k=v";
    all = jobs_environment(base, &event);
    ck_assert_str_eq(s_get(all, "ZRELAY_KEY"), "k=v");
    free(all);
}

TEST(test_outcomes) {
    zr_buffer_t out = {0};
    ck_assert(!jobs_outcome(&out, W_EXITCODE(0, 0)));
    ck_assert(jobs_outcome(&out, W_EXITCODE(3, 0)));
    ck_assert_mem_eq(out.data, "exit status 3", 13);
    zr_buffer_clear(&out);
    ck_assert(jobs_outcome(&out, W_EXITCODE(0, 9)));
    ck_assert_mem_eq(out.data, "killed by signal 9", 18);
    zr_buffer_finish(&out);
}

static void s_drain(jobs_t *jobs) {
    while (jobs->running > 0) {
        struct pollfd files[JOBS_FILES];
        nfds_t count = jobs_files(jobs, files);
        poll(files, count, 10);
        jobs_move(jobs, files, count);
        jobs_reap(jobs);
    }
}

/* A body larger than a pipe holds arrives whole; commands that read nothing or fail do not disturb. */
TEST(test_commands) {
    signal(SIGPIPE, SIG_IGN);
    size_t len = 1000000;
    char *body = malloc(len);
    memset(body, 'x', len);
    zrelay_event_t event = {.room = "logs", .seq = 9, .sender = "ann", .body = body, .body_len = len};
    jobs_t jobs;
    jobs_init(&jobs, "test $(wc -c) = 1000000 && test $ZRELAY_SEQ = 9", 3);
    for (int i = 0; i < 3; i++) {
        ck_assert(!jobs_full(&jobs));
        jobs_start(&jobs, &event);
    }
    ck_assert(jobs_full(&jobs));
    s_drain(&jobs);
    ck_assert_uint_eq(jobs.failed, 0);
    jobs_init(&jobs, "true", 1);
    jobs_start(&jobs, &event);
    s_drain(&jobs);
    ck_assert_uint_eq(jobs.failed, 0);
    jobs_init(&jobs, "exit 7", 1);
    jobs_start(&jobs, &event);
    s_drain(&jobs);
    ck_assert_uint_eq(jobs.failed, 1);
    jobs_init(&jobs, "sleep 60", 2);
    jobs_start(&jobs, &event);
    jobs_finish(&jobs);
    ck_assert_uint_eq(jobs.running, 0);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    free(body);
}

static zr_buffer_t s_answer;

static void s_ended(void *ctx, const job_t *job, int status) {
    ck_assert_ptr_eq(ctx, &s_answer);
    ck_assert_str_eq(job->sender, "ann");
    ck_assert_str_eq(job->ask, "x");
    ck_assert_ptr_null(job->room);
    ck_assert_int_eq(status, 0);
    zr_buffer_append(&s_answer, job->answer.data, job->answer.len);
}

/* What a command writes, also after it read nothing, and no more than is kept. */
TEST(test_answers) {
    signal(SIGPIPE, SIG_IGN);
    zrelay_event_t event = {.sender = "ann", .ask = "x", .body = "2", .body_len = 1};
    jobs_t jobs;
    jobs_init(&jobs, "read n; echo $((n + n)); test -z \"$ZRELAY_ROOM$ZRELAY_SEQ\"", 2);
    jobs.answers = true;
    jobs.ended = s_ended;
    jobs.ctx = &s_answer;
    jobs_start(&jobs, &event);
    s_drain(&jobs);
    ck_assert_uint_eq(s_answer.len, 2);
    ck_assert_mem_eq(s_answer.data, "4\n", 2);
    zr_buffer_clear(&s_answer);
    jobs.command = "head -c 200000 /dev/zero";
    jobs_start(&jobs, &event);
    s_drain(&jobs);
    ck_assert_uint_eq(s_answer.len, JOBS_ANSWER);
    zr_buffer_finish(&s_answer);
}

UNIT_SUITE("client.cli.jobs")
