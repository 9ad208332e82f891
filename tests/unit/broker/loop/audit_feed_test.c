#include "audit_feed.h"

#include <fcntl.h>

#include "logger.h"
#include "unit.h"

/* Lines of the audit are written whatever the level. */
static void s_be_quiet(void) {
    int fd = open("/dev/null", O_WRONLY);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
}

static bool s_waits(const audit_feed_t *feed) {
    struct pollfd fd = {.fd = audit_feed_fd(feed), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

TEST(test_lines_wait_until_they_are_taken) {
    audit_feed_t feed = {0};
    s_be_quiet();
    audit_feed_begin(&feed);
    ck_assert(!s_waits(&feed));
    zr_log(ZR_LOG_WARN, "no audit");
    ck_assert(!s_waits(&feed));
    zr_log(ZR_LOG_AUDIT, "one");
    zr_log(ZR_LOG_AUDIT, "two");
    ck_assert(s_waits(&feed));
    ck_assert_uint_eq(feed.waiting, 2);
    audit_feed_take(&feed, NULL);
    ck_assert(!s_waits(&feed));
    ck_assert_uint_eq(feed.waiting, 0);
    ck_assert_uint_eq(feed.number, 2);
    zr_log(ZR_LOG_AUDIT, "three");
    audit_feed_end(&feed);
    zr_log(ZR_LOG_AUDIT, "nobody hears it");
    ck_assert_uint_eq(feed.number, 3);
}

TEST(test_so_many_lines_wait) {
    audit_feed_t feed = {0};
    s_be_quiet();
    audit_feed_begin(&feed);
    for (int i = 0; i < AUDIT_FEED_MAX + 5; i++)
        zr_log(ZR_LOG_AUDIT, "%d", i);
    ck_assert_uint_eq(feed.waiting, AUDIT_FEED_MAX);
    ck_assert_uint_eq(feed.number, AUDIT_FEED_MAX + 5); /* the numbers show the loss */
    audit_feed_take(&feed, NULL);
    zr_log(ZR_LOG_AUDIT, "again");
    ck_assert_uint_eq(feed.waiting, 1);
    audit_feed_end(&feed);
}

TEST(test_one_that_did_not_begin) {
    audit_feed_end(&(audit_feed_t){0});
}

UNIT_SUITE("broker.loop.audit_feed")
