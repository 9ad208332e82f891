#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "fixture_dir.h"
#include "unit.h"

#define PURPOSE "pub room"

static zr_error_t s_error;

static bool s_open(progress_t *progress) {
    s_error = (zr_error_t){0};
    progress_init(progress);
    return progress_open(progress, dir_path("p"), PURPOSE, &s_error);
}

static void s_refuses(const char *says) {
    progress_t progress;
    ck_assert(!s_open(&progress));
    ck_assert_msg(strstr(s_error.text, says), "'%s' has no '%s'", s_error.text, says);
    progress_finish(&progress);
}

TEST(test_begins_and_goes_on) {
    progress_t first, second;
    ck_assert(s_open(&first));
    ck_assert(zr_hex_valid(zr_span(first.client), ZR_CLIENT_ID_LEN, ZR_CLIENT_ID_LEN));
    ck_assert_uint_eq(first.next, 1);
    ck_assert_uint_eq(ranges_at(&first.todo, 0), 1);
    s_refuses("another process");
    strcpy(first.user, "ann");
    strcpy(first.epoch, "0123456789abcdef");
    first.next = 8;
    first.top = 20;
    first.skip = 4096;
    first.mark = (progress_mark_t){3, 0xfedcba9876543210};
    ranges_finish(&first.todo);
    ck_assert(ranges_parse(&first.todo, "4-5,9-"));
    ck_assert(progress_save(&first, &s_error));
    s_refuses("another process");
    progress_finish(&first);

    ck_assert_msg(s_open(&second), "%s", s_error.text);
    ck_assert_str_eq(second.user, "ann");
    ck_assert_str_eq(second.epoch, "0123456789abcdef");
    ck_assert_uint_eq(second.top, 20);
    ck_assert_uint_eq(second.skip, 4096);
    ck_assert_uint_eq(second.next, 8);
    ck_assert_uint_eq(second.mark.line, 3);
    ck_assert_uint_eq(second.mark.hash, 0xfedcba9876543210);
    ck_assert_uint_eq(ranges_at(&second.todo, 2), 9);
    char client[sizeof second.client];
    strcpy(client, second.client);
    second.user[0] = '\0';
    ck_assert(progress_save(&second, &s_error));
    progress_finish(&second);
    ck_assert(s_open(&second));
    ck_assert_str_eq(second.user, "");
    ck_assert_str_eq(second.client, client);
    progress_finish(&second);
}

TEST(test_a_symbolic_link_stays_one) {
    progress_t progress;
    struct stat about;
    ck_assert_int_eq(symlink("elsewhere", dir_path("p")), 0);
    ck_assert(s_open(&progress));
    ck_assert(progress_save(&progress, &s_error));
    progress_finish(&progress);
    ck_assert_int_eq(lstat(dir_path("p"), &about), 0);
    ck_assert(S_ISLNK(about.st_mode));
    ck_assert_ptr_nonnull(strstr(dir_read("elsewhere"), "for pub room\n"));
}

/* Each file that a cut could leave, and others. */
TEST(test_files_that_are_none) {
    static const char whole[] = "zrelay-progress 1\nfor pub room\nclient 00112233445566778899aabbccddeeff\n"
                                "epoch 0123456789abcdef\nmark 3 00000000000000ff\nnext 4\ntop 4\ntodo 4-";
    progress_t progress;
    for (size_t len = 1; len < sizeof whole - 3; len++) {
        char cut[sizeof whole];
        memcpy(cut, whole, len);
        cut[len] = '\0';
        dir_write("p", cut, 0600);
        s_refuses(len < 17 ? "no progress file" : len < 18 + 12 && len > 21 ? "pub" : "cannot be read");
    }
    dir_write("p", whole, 0600);
    ck_assert_msg(s_open(&progress), "%s", s_error.text);
    progress_finish(&progress);
    dir_write("p", whole, 0644);
    s_refuses("chmod 600");
    dir_write("p", "hello\n", 0600);
    s_refuses("no progress file");
    dir_write("p", "zrelay-progress 1\nfor import\n", 0600);
    s_refuses("'zrelay import', and this is 'zrelay pub room'");
    static const char *const bad[] = {"client 0011\n", "next 0\n", "next x\n", "next 7\ntop 6\n", "todo 4\n",
        "mark 3\n", "mark x y\n", "more 1\n", "todo 3-1\n", "todo 4-\nnext 4\n",
        "user nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[400];
        snprintf(
            text, sizeof text, "zrelay-progress 1\nfor pub room\nclient 00112233445566778899aabbccddeeff\n%s", bad[i]);
        dir_write("p", text, 0600);
        s_refuses("cannot be read");
    }
}

TEST(test_what_was_cut_off_long_ago) {
    static const char text[] = "zrelay-progress 1\nfor pub room\nclient 00112233445566778899aabbccddeeff\nepoch x\n"
                               "mark 0 0\nnext 4\ntop %d\ntodo 4-\n";
    for (int settled = 0; settled < 2; settled++)
        for (int old = 0; old < 2; old++) {
            char whole[300];
            progress_t progress;
            snprintf(whole, sizeof whole, text, settled ? 4 : 5);
            dir_write("p", whole, 0600);
            struct utimbuf times = {.modtime = time(NULL) - (old ? 8 : 5) * 24 * 60 * 60};
            ck_assert_int_eq(utime(dir_path("p"), &times), 0);
            ck_assert_int_eq(s_open(&progress), settled || !old);
            if (!settled && old)
                ck_assert_ptr_nonnull(strstr(s_error.text, "lines from 4 on"));
            progress_finish(&progress);
        }
}

TEST(test_hash) {
    uint64_t one = progress_hash(0, zr_span("a")), two = progress_hash(one, zr_span("b"));
    ck_assert_uint_eq(progress_hash(0, zr_span("a")), one);
    ck_assert_uint_ne(progress_hash(0, zr_span("b")), one);
    ck_assert_uint_ne(progress_hash(0, zr_span("ab")), one);
    ck_assert_uint_ne(progress_hash(progress_hash(0, zr_span("b")), zr_span("b")), two);
    ck_assert_uint_ne(progress_hash(0, zr_span("")), 0);
    char large[1000] = {0};
    ck_assert_uint_eq(progress_hash(0, zr_span_of(large, 300)), progress_hash(0, zr_span_of(large, 1000)));
}

UNIT_SUITE_WITH("client.cli.progress", dir_begin, dir_end)
