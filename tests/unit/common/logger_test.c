#include "logger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "errors.h"
#include "unit.h"

static int s_read_end;

/* Tests run in processes of their own, so stderr may stay turned into a pipe. */
static void s_capture(void) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    s_read_end = ends[0];
}

static const char *s_captured(void) {
    static char text[65536];
    ssize_t len = read(s_read_end, text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static unsigned s_lines(const char *text) {
    unsigned lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

TEST(test_line_has_time_level_text) {
    int year, month, day, hour, minute, second, ms, used = 0;
    s_capture();
    zr_log(ZR_LOG_WARN, "listening on %s, %d readers", "tcp://127.0.0.1:5570", 3);
    const char *line = s_captured();
    int got = sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute, &second, &ms, &used);
    ck_assert_msg(got == 7 && used == 25, "%s", line);
    ck_assert_int_ge(year, 2024);
    ck_assert_str_eq(line + used, "warn  listening on tcp://127.0.0.1:5570, 3 readers\n");
}

/* As systemd sets it for a service whose stderr is the journal. */
static void s_name_journal(void) {
    struct stat about;
    char text[64];
    ck_assert_int_eq(fstat(STDERR_FILENO, &about), 0);
    snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)about.st_dev, (unsigned long long)about.st_ino);
    setenv("JOURNAL_STREAM", text, 1);
}

TEST(test_the_journal_gets_priorities_and_no_time) {
    static const char *const lines[] = {"<6>info  text\n", "<5>audit text\n", "<3>error text\n", "<4>warn  text\n",
        "<6>info  text\n", "<7>debug text\n"};
    s_capture();
    s_name_journal();
    zr_log_set_level(ZR_LOG_DEBUG);
    for (int level = ZR_LOG_ASKED; level <= ZR_LOG_DEBUG; level++) {
        zr_log((zr_log_level_t)level, "text");
        ck_assert_str_eq(s_captured(), lines[level]);
    }
    s_capture(); /* stderr leads elsewhere, and the variable is still there */
    zr_log(ZR_LOG_WARN, "text");
    ck_assert_ptr_nonnull(strstr(s_captured(), "Z warn  text\n"));
    setenv("JOURNAL_STREAM", "nonsense", 1);
    zr_log(ZR_LOG_WARN, "text");
    ck_assert_ptr_nonnull(strstr(s_captured(), "Z warn  text\n"));
}

TEST(test_the_journal_gets_errors_with_their_priority) {
    zr_error_t error = {0};
    zr_fail(&error, "one");
    zr_fail(&error, "two");
    s_capture();
    s_name_journal();
    zr_error_print(&error, "zrelayd");
    ck_assert_str_eq(s_captured(), "<3>zrelayd: one\n<3>zrelayd: two\n");
}

TEST(test_levels_above_the_set_one_are_silent) {
    s_capture();
    zr_log(ZR_LOG_DEBUG, "hidden"); /* info is the default */
    ck_assert_str_eq(s_captured(), "");
    zr_log(ZR_LOG_INFO, "shown");
    ck_assert_uint_eq(s_lines(s_captured()), 1);
    for (int set = ZR_LOG_ERROR; set <= ZR_LOG_DEBUG; set++) {
        zr_log_set_level((zr_log_level_t)set);
        for (int level = ZR_LOG_ASKED; level <= ZR_LOG_DEBUG; level++)
            zr_log((zr_log_level_t)level, "text");
        ck_assert_uint_eq(s_lines(s_captured()), (unsigned)set + 1); /* the first two always */
    }
}

TEST(test_level_names) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++) {
        zr_log_level_t level = (zr_log_level_t)99;
        ck_assert(zr_log_level_from_name(names[i], &level));
        ck_assert_int_eq(level, ZR_LOG_ERROR + i);
    }
    static const char *const others[] = {"", "Info", "information", "inf", "trace", "audit", "0"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        zr_log_level_t level = ZR_LOG_DEBUG;
        ck_assert_msg(!zr_log_level_from_name(others[i], &level), "'%s' is a level", others[i]);
        ck_assert_int_eq(level, ZR_LOG_DEBUG);
    }
}

TEST(test_a_peer_cannot_forge_lines) {
    s_capture();
    zr_log(ZR_LOG_INFO, "nick %s", "a\n2025-01-01 fake\r\x1b[2J\t\xff\xe2\x80\xae");
    const char *line = s_captured();
    ck_assert_uint_eq(s_lines(line), 1);
    ck_assert_ptr_nonnull(strstr(line, "nick a\\x0a2025-01-01 fake\\x0d\\x1b[2J\\x09\\xff\\u{202e}\n"));
}

TEST(test_long_lines_are_cut) {
    char text[10000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    s_capture();
    zr_log(ZR_LOG_INFO, "%s", text);
    const char *line = s_captured();
    ck_assert_uint_eq(s_lines(line), 1);
    ck_assert_uint_lt(strlen(line), 2200);
    ck_assert_str_eq(line + strlen(line) - 5, "x...\n");

    text[2047] = '\0'; /* the longest that fits */
    zr_log(ZR_LOG_INFO, "%s", text);
    line = s_captured();
    ck_assert_str_eq(line + strlen(line) - 4, "xxx\n");
}

TEST(test_errno_is_kept_and_can_be_told) {
    s_capture();
    errno = ENOSPC;
    zr_log(ZR_LOG_ERROR, "write: %m");
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_ptr_nonnull(strstr(s_captured(), strerror(ENOSPC)));
    close(STDERR_FILENO);
    errno = ENOENT;
    zr_log(ZR_LOG_ERROR, "nobody reads this");
    ck_assert_int_eq(errno, ENOENT);
}

TEST(test_limit_passes_ten_a_minute_and_counts_the_rest) {
    zr_log_limit_t limit = {0}, other = {0};
    uint64_t now = 123456789;
    s_capture();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(zr_log_pass(&limit, now + (uint64_t)i), i < 10);
    ck_assert(zr_log_pass(&other, now)); /* limits are apart */
    ck_assert(!zr_log_pass(&limit, now + 59999));
    ck_assert_str_eq(s_captured(), "");
    ck_assert(zr_log_pass(&limit, now + 60000));
    const char *line = s_captured();
    ck_assert_uint_eq(s_lines(line), 1);
    ck_assert_ptr_nonnull(strstr(line, "held back 91 lines"));
    for (int i = 1; i < 20; i++)
        ck_assert_int_eq(zr_log_pass(&limit, now + 60000), i < 10);
}

TEST(test_limit_says_nothing_when_nothing_was_held) {
    zr_log_limit_t limit = {0};
    s_capture();
    for (uint64_t minute = 0; minute < 5; minute++)
        for (int i = 0; i < 10; i++)
            ck_assert(zr_log_pass(&limit, minute * 60000));
    ck_assert_str_eq(s_captured(), "");
}

TEST(test_json) {
    s_capture();
    zr_log_set_json(true);
    zr_log(ZR_LOG_WARN, "a \"b\" \\ \n %d", 3);
    const char *line = s_captured(), *level = strstr(line, ",\"level\":");
    ck_assert_msg(strncmp(line, "{\"time\":\"20", 11) == 0 && level, "%s", line);
    ck_assert_str_eq(level, ",\"level\":\"warn\",\"text\":\"a \\\"b\\\" \\\\ \\\\x0a 3\"}\n");
    zr_log_set_json(false);
    zr_log(ZR_LOG_WARN, "text");
    ck_assert_ptr_null(strchr(s_captured(), '{'));
}

typedef struct {
    char last[100];
    unsigned count;
} heard_t;

static void s_hear(void *ctx, uint64_t time, zr_span_t line) {
    heard_t *heard = ctx;
    ck_assert_uint_gt(time, 1700000000000000);
    snprintf(heard->last, sizeof heard->last, "%.*s", (int)line.len, line.ptr);
    heard->count++;
}

TEST(test_the_audit_is_told) {
    heard_t heard = {0};
    s_capture();
    zr_log_follow_audit(s_hear, &heard);
    zr_log(ZR_LOG_AUDIT, "%s is in", "ann\x1b");
    zr_log(ZR_LOG_WARN, "no audit");
    zr_log_set_json(true);
    ck_assert_str_eq(heard.last, "ann\\x1b is in");
    zr_log(ZR_LOG_AUDIT, "more");
    ck_assert_str_eq(heard.last, "more");
    zr_log_follow_audit(NULL, NULL);
    zr_log(ZR_LOG_AUDIT, "unheard");
    ck_assert_uint_eq(heard.count, 2);
}

UNIT_SUITE("common.logger")
