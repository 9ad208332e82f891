#include "logger.h"
#include "setting.h"
#include "unit.h"

/* Reads one value of a kind as a file's line gives it, into `out`. "" or the error. */
static const char *s_read_from(
    const zr_setting_kind_t *kind, const char *file, uint64_t min, uint64_t max, const char *text, void *out) {
    static zr_error_t error;
    const zr_setting_t row = {"section", "name", kind, 0, min, max};
    const zr_setting_value_t value = {&row, text, file, NULL};
    error = (zr_error_t){0};
    bool ok = kind->read(&value, out, &error);
    ck_assert_int_eq(ok, error.count == 0);
    return ok ? "" : error.text;
}

static const char *s_read(const zr_setting_kind_t *kind, uint64_t min, uint64_t max, const char *text, void *out) {
    return s_read_from(kind, "/etc/x.conf", min, max, text, out);
}

#define TAKES(kind, min, max, text, out) ck_assert_str_eq(s_read(&kind, min, max, text, out), "")
#define REFUSES(kind, min, max, text, out, words)                                                                      \
    ck_assert_msg(strstr(s_read(&kind, min, max, text, out), words), "%s", s_read(&kind, min, max, text, out))

TEST(test_numbers) {
    uint64_t number = 0;
    size_t size = 0;
    TAKES(zr_kind_u64, 10, 2048, "10", &number);
    ck_assert_uint_eq(number, 10);
    TAKES(zr_kind_u64, 10, 2048, "2k", &number);
    ck_assert_uint_eq(number, 2048);
    TAKES(zr_kind_size, 0, 4 << 20, "4M", &size);
    ck_assert_uint_eq(size, 4 << 20);
    REFUSES(zr_kind_u64, 10, 2048, "9", &number, "9 is out of range; write a number from 10 to 2048");
    REFUSES(zr_kind_size, 10, 2048, "2049", &size, "out of range");
    REFUSES(zr_kind_u64, 0, UINT64_MAX - 1, "99999999999999999999999", &number, "out of range");
    REFUSES(zr_kind_u64, 10, 2048, "1s", &number, "\"1s\" is no number; write digits");
    REFUSES(zr_kind_u64, 0, 2048, "-1", &number, "no number");
}

TEST(test_times) {
    uint64_t ms = 0;
    TAKES(zr_kind_time, 100, 3600000, "100", &ms);
    ck_assert_uint_eq(ms, 100);
    TAKES(zr_kind_time, 100, 3600000, "1h", &ms);
    ck_assert_uint_eq(ms, 3600000);
    REFUSES(zr_kind_time, 100, 3600000, "99", &ms, "write a time (in milliseconds) from 100 to 3600000");
    REFUSES(zr_kind_time, 100, 3600000, "61m", &ms, "out of range");
    REFUSES(zr_kind_time, 100, 3600000, "1k", &ms, "no time");
}

TEST(test_words) {
    bool on = false;
    zr_log_level_t level = ZR_LOG_INFO;
    TAKES(zr_kind_bool, 0, 1, "1", &on);
    ck_assert(on);
    TAKES(zr_kind_bool, 0, 1, "0", &on);
    ck_assert(!on);
    REFUSES(zr_kind_bool, 0, 1, "yes", &on, "\"yes\" is neither 1 (yes) nor 0 (no)");
    TAKES(zr_kind_log_level, 0, 0, "debug", &level);
    ck_assert_int_eq(level, ZR_LOG_DEBUG);
    REFUSES(zr_kind_log_level, 0, 0, "loud", &level, "must be error, warn, info or debug, not \"loud\"");
}

TEST(test_texts) {
    char text[5] = "";
    TAKES(zr_kind_text, 1, 4, "four", text);
    ck_assert_str_eq(text, "four");
    REFUSES(zr_kind_text, 1, 4, "fiver", text, "longer than 4 bytes");
    TAKES(zr_kind_utf8, 1, 4, "\xc3\xa9!", text);
    REFUSES(zr_kind_utf8, 1, 4, "\xe9", text, "not valid UTF-8");
    REFUSES(zr_kind_utf8, 1, 4, "fiver", text, "longer than 4 bytes");
}

TEST(test_paths_begin_at_the_folder_of_the_file) {
    char path[9] = "";
    TAKES(zr_kind_path, 1, 8, "key", path);
    ck_assert_str_eq(path, "/etc/key");
    REFUSES(zr_kind_path, 1, 8, "keys", path, "longer than 8 bytes, with the folder of this file");
    TAKES(zr_kind_path, 1, 8, "/key/abs", path);
    ck_assert_str_eq(path, "/key/abs");
    REFUSES(zr_kind_path, 1, 8, "/key/long", path, "longer than 8 bytes; choose");
    ck_assert_str_eq(s_read_from(&zr_kind_path, NULL, 1, 8, "as/is", path), ""); /* an option's */
    ck_assert_str_eq(path, "as/is");
    ck_assert_str_eq(s_read_from(&zr_kind_path, "here.conf", 1, 8, "beside", path), "");
    ck_assert_str_eq(path, "beside");
}

UNIT_SUITE("common.setting_kinds")
