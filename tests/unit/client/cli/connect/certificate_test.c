#include "certificate.h"

#include <stdarg.h>
#include <stdio.h>

#include "format.h"
#include "unit.h"

static certificate_t s_pair;

static bool s_parse(certificate_t *certificate, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool s_parse(certificate_t *certificate, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return certificate_parse(certificate, zr_span(text));
}

TEST(test_written_and_read) {
    for (int secret = 0; secret < 2; secret++) {
        zr_buffer_t text = {0};
        certificate_t read;
        ck_assert(certificate_make(&s_pair));
        certificate_write(&text, &s_pair, secret, "2026-11-20T12:00:00Z");
        ck_assert(certificate_parse(&read, zr_span_of(text.data, text.len)));
        ck_assert_str_eq(read.public_key, s_pair.public_key);
        ck_assert_str_eq(read.secret_key, secret ? s_pair.secret_key : "");
        zr_buffer_u8(&text, '\0');
        ck_assert((strstr((const char *)text.data, s_pair.secret_key) != NULL) == secret);
        zr_buffer_finish(&text);
    }
}

TEST(test_as_others_write_it) {
    certificate_t read;
    certificate_make(&s_pair);
    ck_assert(s_parse(
        &read, "# c\r\n\r\nmetadata\r\n    name = \"a = b\"\r\ncurve\r\n\tpublic-key='%s'\r\n", s_pair.public_key));
    ck_assert_str_eq(read.public_key, s_pair.public_key);
    ck_assert(s_parse(&read, "curve\n  secret-key = %s \n  public-key = %s", s_pair.secret_key, s_pair.public_key));
    ck_assert_str_eq(read.secret_key, s_pair.secret_key);
    /* '#' is a digit of Z85, not a comment. */
    const char *key = "####################????????????????????";
    ck_assert(s_parse(&read, "curve\n    public-key = \"%s\"\n", key) == key_valid(zr_span(key)));
}

TEST(test_what_is_none) {
    certificate_t read;
    certificate_make(&s_pair);
    ck_assert(!s_parse(&read, "%s", ""));
    ck_assert(!s_parse(&read, "metadata\n    public-key = \"%s\"\n", s_pair.public_key));
    ck_assert(!s_parse(&read, "curve\n    secret-key = \"%s\"\n", s_pair.secret_key));
    ck_assert(!s_parse(&read, "curve\n    public-key = \"%.39s\"\n", s_pair.public_key));
    ck_assert(!s_parse(&read, "curve\n    public-key = \"%s1\"\n", s_pair.public_key));
    ck_assert(!s_parse(&read, "curve\n    public-key = \"%.39s~\"\n", s_pair.public_key));
    ck_assert(!s_parse(&read, "curve\n    public-key = \"\n"));
    ck_assert(!s_parse(&read, "curve\n    public-key =\n"));
}

TEST(test_keys) {
    certificate_make(&s_pair);
    ck_assert(key_valid(zr_span(s_pair.public_key)));
    ck_assert(!key_valid(zr_span("")));
    ck_assert(!key_valid(zr_span_of(s_pair.public_key, 39)));
    ck_assert(!key_valid(zr_span("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"")));
    char zero[KEY_LEN] = {0};
    ck_assert(!key_valid(zr_span_of(zero, KEY_LEN)));
}

UNIT_SUITE("client.cli.certificate")
