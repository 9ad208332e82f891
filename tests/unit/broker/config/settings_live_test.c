/* What a running broker takes over of other settings, and the file that shows what is in force. */
#include "settings_live.h"

#include <stdio.h>
#include <unistd.h>

#include "fixture_settings.h"
#include "private_file.h"
#include "setting_show.h"

static settings_t s_now, s_wanted;
static char s_left[2000];

static void s_note(void *ctx, const char *name, const char *before, const char *after) {
    size_t len = strlen(s_left);
    (void)ctx, (void)before, (void)after;
    snprintf(s_left + len, sizeof s_left - len, "%s ", name);
}

/* Takes `wanted` over into `now`; `left` names what still differs. */
static void s_take(const char *now, const char *wanted, const char *left) {
    settings_good(&s_now, now);
    settings_good(&s_wanted, wanted);
    settings_take_live(&s_now, &s_wanted);
    s_left[0] = '\0';
    zr_settings_compare(&settings_table, &s_now, &s_wanted, s_note, NULL);
    ck_assert_str_eq(s_left, left);
}

TEST(test_limits_are_live) {
    s_take("",
        "server\n    greeting = hi\n    log-level = debug\n    log-format = json\n    login-timeout = 3s\n"
        "limits\n    max-sessions = 5\n    max-rooms = 6\n    rate-ops = 7\n    max-topics = 8k\n    max-user-topics = "
        "9k\n"
        "log\n    entries = 3\n    mark-age = 1d\n    forget-after = 1d\n",
        "");
    ck_assert_str_eq(s_now.greeting, "hi");
    ck_assert_uint_eq(s_now.relay.max_rooms, 6);
    ck_assert_uint_eq(s_now.log.entries, 3);
}

/* What clients were told, and what sockets were opened with. */
TEST(test_what_takes_a_restart) {
    s_take("",
        "server\n    listen = tcp://127.0.0.1:1234\n    heartbeat = 1s\n    tick = 20\n"
        "limits\n    max-frame = 2M\n    max-control = 1k\n    window = 5M\n    max-entries = 5\n    replay-entries = "
        "5\n    max-joins = 5\n    max-replays = 5\n"
        "    route-queue = 2000\n    reader-queue = 20\nlog\n    on-corrupt = refuse\n",
        "server/listen server/back server/heartbeat server/tick limits/max-frame limits/max-control limits/window "
        "limits/max-entries limits/max-joins limits/max-replays limits/replay-entries limits/route-queue "
        "limits/reader-queue log/on-corrupt ");
}

#define DATA "log\n    data = /nowhere\n"
#define ROOM "room\n    pattern = "

TEST(test_sections_of_rooms) {
    s_take(DATA, DATA ROOM "a*\n    max-entries = 5\n", "");
    ck_assert_uint_eq(s_now.policy_count, 1);
    ck_assert_ptr_eq(s_now.relay.policies.policies, s_now.policies); /* not those of the other */
    ck_assert_uint_eq(s_now.relay.policies.count, 1);
    s_take(DATA ROOM "a*\n    max-entries = 5\n" ROOM "b\n", DATA ROOM "b\n    max-age = 5s\n", "");
    ck_assert_uint_eq(s_now.policy_count, 1);
    /* With levels, limits only. */
    s_take(DATA ROOM "a*\n    level = memory\n" ROOM "b\n",
        DATA ROOM "a*\n    level = memory\n" ROOM "b\n    max-age = 5s\n", "");
    ck_assert_uint_eq(s_now.policies[1].max_age, 5000000);
    s_take(DATA ROOM "a*\n    level = memory\n", DATA ROOM "a*\n    level = none\n", "room a*/level ");
    s_take(DATA ROOM "a*\n    level = memory\n", DATA ROOM "a*\n", "room a*/level ");
    s_take(DATA ROOM "a*\n    level = memory\n", DATA, "room a*/pattern room a*/level ");
    s_take(DATA ROOM "a*\n", DATA ROOM "ab\n    level = none\n" ROOM "a*\n", "room ab/pattern room ab/level ");
    ck_assert_uint_eq(s_now.policy_count, 1);
}

TEST(test_the_file) {
    settings_t in_force;
    zr_error_t error = {0};
    int held = -1;
    settings_good(&s_now, "limits\n    max-rooms = 6\n" DATA ROOM "a*\n    max-age = 5s\n");
    dir_begin();
    ck_assert_str_eq(s_now.settings_file, "/nowhere/zrelayd.settings");
    snprintf(s_now.settings_file, sizeof s_now.settings_file, "%s", dir_path("s"));
    ck_assert_int_eq(settings_file_read(dir_path("s"), &in_force, &error), SETTINGS_FILE_IDLE);
    for (uint64_t rooms = 6; rooms < 8; rooms++) { /* and again */
        s_now.relay.max_rooms = rooms;
        ck_assert_msg(settings_file_write(&s_now, &held, &error), "%s", error.text);
        ck_assert_int_eq(settings_file_read(dir_path("s"), &in_force, &error), SETTINGS_FILE_RUNS);
        ck_assert_uint_eq(in_force.relay.max_rooms, rooms);
        s_left[0] = '\0';
        ck_assert_uint_eq(zr_settings_compare(&settings_table, &in_force, &s_now, s_note, NULL), 0);
    }
    int other = -1;
    ck_assert(!settings_file_write(&s_now, &other, &error));
    dir_assert_error(&error, "another process uses it");
    close(held); /* the broker has ended, however it did */
    ck_assert_int_eq(settings_file_read(dir_path("s"), &in_force, &error), SETTINGS_FILE_IDLE);
    ck_assert_uint_eq(error.count, 0);
    dir_end();
}

TEST(test_a_file_that_is_none) {
    settings_t in_force;
    zr_error_t error = {0};
    dir_begin();
    const char *path = dir_write("s", "oops\n", 0600);
    int held = zr_file_hold(path, &error);
    ck_assert_int_eq(settings_file_read(path, &in_force, &error), SETTINGS_FILE_REFUSED);
    dir_assert_error(&error, "s:1: oops");
    ck_assert_int_eq(ftruncate(held, 0), 0);
    ck_assert_int_eq(settings_file_read(path, &in_force, &error), SETTINGS_FILE_REFUSED);
    dir_assert_error(&error, "the file is empty or too large");
    close(held);
    ck_assert_int_eq(settings_file_read(dir_path("."), &in_force, &error), SETTINGS_FILE_IDLE);
    dir_end();
}

/* The path is that of the users file, by a slip. */
TEST(test_another_file_stays) {
    static const char text[] = "user\n    name = ann\n";
    char found[sizeof text] = "";
    zr_error_t error = {0};
    int held = -1;
    settings_good(&s_now, DATA);
    dir_begin();
    snprintf(s_now.settings_file, sizeof s_now.settings_file, "%s", dir_write("users.conf", text, 0600));
    ck_assert(!settings_file_write(&s_now, &held, &error));
    dir_assert_error(&error, "users.conf: this file is not one that zrelayd wrote");
    ck_assert_int_eq(held, -1);
    held = zr_file_hold(s_now.settings_file, &error); /* nobody holds it */
    ck_assert_int_eq(pread(held, found, sizeof found, 0), sizeof text - 1);
    ck_assert_str_eq(found, text);
    close(held);
    dir_end();
}

UNIT_SUITE("broker.settings_live")
