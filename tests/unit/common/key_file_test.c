#include "key_file.h"

#include <czmq.h>
#include <stdio.h>

#include "fixture_dir.h"

static void s_refused(const char *path, const char *part) {
    zr_pair_t cert;
    static const zr_pair_t empty;
    zr_error_t error = {0};
    ck_assert(zr_pair_load(&cert, path, &error) != ZR_FILE_READ);
    dir_assert_error(&error, part);
    ck_assert_int_eq(memcmp(&cert, &empty, sizeof cert), 0);
}

TEST(test_make_and_load) {
    zr_pair_t made, loaded;
    zr_error_t error = {0};
    struct stat about;
    umask(0);
    ck_assert_msg(zr_pair_make(&made, dir_path("server"), &error), "%s", error.text);
    ck_assert_int_eq(stat(dir_path("server_secret"), &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0600);
    ck_assert_ptr_null(strstr(dir_read("server"), made.secret_key));
    ck_assert_ptr_nonnull(strstr(dir_read("server"), made.public_key));
    ck_assert_msg(zr_pair_load(&loaded, dir_path("server_secret"), &error) == ZR_FILE_READ, "%s", error.text);
    ck_assert_int_eq(memcmp(&made, &loaded, sizeof made), 0);
}

TEST(test_no_overwriting) {
    zr_pair_t first, second;
    zr_error_t error = {0};
    ck_assert(zr_pair_make(&first, dir_path("server"), &error));
    ck_assert(!zr_pair_make(&second, dir_path("server"), &error));
    dir_assert_error(&error, "exists");
    ck_assert_int_eq(unlink(dir_path("server_secret")), 0);
    ck_assert(!zr_pair_make(&second, dir_path("server"), &error));
    dir_assert_error(&error, "exists");
    ck_assert(!dir_has("server_secret")); /* no half of a pair stays behind */
    ck_assert_ptr_nonnull(strstr(dir_read("server"), first.public_key));
}

/* zcert reads our files, and we read its files. */
TEST(test_as_zcert) {
    zr_pair_t cert;
    zr_error_t error = {0};
    ck_assert(zr_pair_make(&cert, dir_path("ours"), &error));
    zcert_t *theirs = zcert_load(dir_path("ours"));
    ck_assert_ptr_nonnull(theirs);
    ck_assert_str_eq(zcert_public_txt(theirs), cert.public_key);
    ck_assert_str_eq(zcert_secret_txt(theirs), cert.secret_key);
    zcert_destroy(&theirs);

    theirs = zcert_new();
    zcert_set_meta(theirs, "email", "somebody@example.org");
    ck_assert_int_eq(zcert_save(theirs, dir_path("theirs")), 0);
    ck_assert_int_eq(chmod(dir_path("theirs_secret"), 0600), 0);
    ck_assert_msg(zr_pair_load(&cert, dir_path("theirs_secret"), &error) == ZR_FILE_READ, "%s", error.text);
    ck_assert_str_eq(zcert_secret_txt(theirs), cert.secret_key);
    zcert_destroy(&theirs);
}

TEST(test_bad_files) {
    zr_pair_t one, two;
    zr_error_t error = {0};
    char text[1000];
    ck_assert(zr_pair_make(&one, dir_path("one"), &error));
    ck_assert(zr_pair_make(&two, dir_path("two"), &error));
    s_refused(dir_path("none"), "No such file");
    s_refused(dir_path("one"), "_secret"); /* the public one; zcert_load would take it */
    ck_assert_int_eq(chmod(dir_path("one_secret"), 0640), 0);
    s_refused(dir_path("one_secret"), "chmod 600");
    ck_assert_int_eq(chmod(dir_path("one_secret"), 0604), 0);
    s_refused(dir_path("one_secret"), "chmod 600");
    ck_assert_int_eq(chmod(dir_path("one_secret"), 0660), 0);
    s_refused(dir_path("one_secret"), "chmod go-w");
    snprintf(
        text, sizeof text, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", one.public_key, two.secret_key);
    s_refused(dir_write("f", text, 0600), "does not belong");
    snprintf(text, sizeof text, "curve\n    secret-key = \"%s\"\n", one.secret_key);
    s_refused(dir_write("f", text, 0600), "does not belong");
    snprintf(
        text, sizeof text, "curve\n    secret-key = \"%s\"\n    secret-key = \"%s\"\n", one.secret_key, one.secret_key);
    s_refused(dir_write("f", text, 0600), "second");
    s_refused(dir_write("f", "curve\n    secret-key = \"tooshort\"\n", 0600), "no key");
    s_refused(dir_write("f", "", 0600), "no secret key");
    s_refused(dir_write("f", "curve\n\tx", 0600), "4 spaces");
    /* Nor does an error show what it was about. */
    snprintf(text, sizeof text, "curve\n    secret-key = \"%s?\"\n", one.secret_key);
    ck_assert(zr_pair_load(&two, dir_write("f", text, 0600), &error) != ZR_FILE_READ);
    ck_assert_ptr_null(strstr(error.text, one.secret_key));
}

TEST(test_key_decode) {
    uint8_t key[ZR_CURVE_BYTES];
    ck_assert(zr_curve_decode(zr_span("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"), key));
    ck_assert(!zr_curve_decode(zr_span(""), key));
    ck_assert(!zr_curve_decode(zr_span("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf"), key));
    ck_assert(!zr_curve_decode(zr_span("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf77"), key));
    ck_assert(!zr_curve_decode(zr_span("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y~7"), key));
    ck_assert(!zr_curve_decode(zr_span("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y 7"), key));
    ck_assert(!zr_curve_decode(zr_span("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]\xC3\xA4"
                                       "7"),
        key));
    ck_assert(!zr_curve_decode(LIT("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y\0007"), key));
    ck_assert(!zr_curve_decode(zr_span_of(key, 0), key));
    ck_assert(!zr_curve_decode(zr_span("########################################"), key)); /* more than 32 bits hold */
    ck_assert(!zr_curve_decode(zr_span("0000000000000000000000000000000000000000"), key)); /* zcert's "no key" */
}

UNIT_SUITE_WITH("common.key_file", dir_begin, dir_end)
