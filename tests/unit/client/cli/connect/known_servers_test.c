#include "known_servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#define KEY_1 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_2 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static known_t s_find(const char *text, const char *endpoint, char key[ZR_CURVE_LEN + 1], unsigned *line) {
    return known_find(zr_span(text), zr_span(endpoint), key, line);
}

TEST(test_find) {
    char key[ZR_CURVE_LEN + 1] = "";
    unsigned line;
    static const char text[] = "# mine\n\ntcp://a:1 " KEY_1 "\r\n\ttcp://b:1\t" KEY_2 "  \ntcp://a:1 " KEY_2;
    ck_assert_int_eq(s_find(text, "tcp://a:1", key, &line), KNOWN_FOUND);
    ck_assert_str_eq(key, KEY_1); /* the first counts */
    ck_assert_uint_eq(line, 3);
    ck_assert_int_eq(s_find(text, "tcp://b:1", key, &line), KNOWN_FOUND);
    ck_assert_str_eq(key, KEY_2);
    ck_assert_uint_eq(line, 4);
    ck_assert_int_eq(s_find(text, "tcp://a:12", key, &line), KNOWN_NONE);
    ck_assert_int_eq(s_find(text, "tcp://a", key, &line), KNOWN_NONE);
    ck_assert_int_eq(s_find("", "tcp://a:1", key, &line), KNOWN_NONE);
}

TEST(test_bad_lines) {
    static const char *const bad[] = {
        "tcp://x:1", "tcp://x:1 short", "tcp://x:1 " KEY_1 " more", "tcp://x:1 " KEY_1 "1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256], key[ZR_CURVE_LEN + 1];
        unsigned line;
        snprintf(text, sizeof text, "#\n%s\n", bad[i]);
        ck_assert_int_eq(s_find(text, "tcp://a:1", key, &line), KNOWN_BAD);
        ck_assert_uint_eq(line, 2);
    }
}

TEST(test_record) {
    char folder[64] = "/tmp/zrelay-known-XXXXXX", command[128], key[ZR_CURVE_LEN + 1];
    zr_buffer_t text = {0};
    zr_error_t error = {0};
    struct stat about;
    unsigned line;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("XDG_CONFIG_HOME", folder, 1);
    umask(0);
    char *path = known_path();
    ck_assert_ptr_nonnull(path);
    ck_assert(known_read(path, &text, &error)); /* there is none */
    ck_assert_uint_eq(text.len, 0);
    ck_assert(known_record(path, zr_span("tcp://a:1"), KEY_1, &error));
    ck_assert(known_record(path, zr_span("tcp://b:1"), KEY_2, &error));
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0600);
    ck_assert(known_read(path, &text, &error));
    ck_assert_int_eq(known_find(zr_span_of(text.data, text.len), zr_span("tcp://b:1"), key, &line), KNOWN_FOUND);
    ck_assert_str_eq(key, KEY_2);
    ck_assert_uint_eq(line, 2);
    ck_assert_int_eq(chmod(path, 0622), 0); /* other users would decide which broker is trusted */
    ck_assert(!known_read(path, &text, &error));
    error = (zr_error_t){0};
    ck_assert(!known_record(path, zr_span("tcp://c:1"), KEY_1, &error));
    ck_assert_uint_eq(error.count, 1);
    zr_buffer_finish(&text);
    free(path);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

UNIT_SUITE("client.cli.known")
