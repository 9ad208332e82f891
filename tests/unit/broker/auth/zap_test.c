#include "zap.h"

#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define KEY_TEXT "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static uint8_t s_key[ZR_CURVE_BYTES];

static users_t *users;

static void s_begin(void) {
    zr_error_t error = {0};
    users = users_parse("f", zr_span("user\n    name = alice\n    key = \"" KEY_TEXT "\"\n"), &error);
    ck_assert_msg(users != NULL, "%s", error.text);
    ck_assert(zr_curve_decode(zr_span(KEY_TEXT), s_key));
}

static void s_end(void) {
    users_destroy(users);
}

/* A request of a key, or of none (NULL). */
static zap_verdict_t s_check(zr_span_t domain, zr_span_t identity, zr_span_t mechanism, const zr_span_t *credential) {
    zr_span_t frames[ZAP_FRAMES_MAX] = {
        LIT("1.0"), LIT("7"), domain, LIT("10.0.0.1"), identity, mechanism, credential ? *credential : LIT("")};
    zap_request_t request;
    ck_assert_ptr_null(zap_parse(frames, credential ? 7 : 6, &request));
    ck_assert_span_eq(request.id, LIT("7"));
    ck_assert_span_eq(request.address, LIT("10.0.0.1"));
    return zap_check(&request, users);
}

static zap_verdict_t s_check_key(const uint8_t *key, size_t len) {
    zr_span_t credential = zr_span_of(key, len);
    return s_check(LIT("zrelay-curve"), LIT(""), LIT("CURVE"), &credential);
}

TEST(test_keys) {
    zap_verdict_t verdict = s_check_key(s_key, sizeof s_key);
    ck_assert_str_eq(verdict.status, "200");
    ck_assert_str_eq(verdict.user, "alice");
    uint8_t other[ZR_CURVE_BYTES];
    memcpy(other, s_key, sizeof other);
    other[31] ^= 0x80;
    ck_assert_str_eq(s_check_key(other, sizeof other).status, "400");
    ck_assert_str_eq(s_check_key(other, sizeof other).user, "");
    ck_assert_str_eq(s_check_key(s_key, 31).status, "500");
    ck_assert_str_eq(s_check_key(s_key, 0).status, "500");
    s_end();
    users = NULL;
    ck_assert_str_eq(s_check_key(s_key, sizeof s_key).status, "400"); /* no users file: nobody's key is known */
}

/* Where nothing is encrypted everybody may come in, and nobody is a user. */
TEST(test_plain_listeners) {
    zap_verdict_t verdict = s_check(LIT("zrelay-plain"), LIT(""), LIT("NULL"), NULL);
    ck_assert_str_eq(verdict.status, "200");
    ck_assert_str_eq(verdict.user, "");
    zr_span_t key = zr_span_of(s_key, sizeof s_key);
    ck_assert_str_eq(s_check(LIT("zrelay-plain"), LIT(""), LIT("CURVE"), &key).status, "400");
    ck_assert_str_eq(s_check(LIT("zrelay-plain"), LIT(""), LIT("PLAIN"), &key).status, "400");
}

TEST(test_banned) {
    bans_t bans = {0};
    ck_assert(bans_add(&bans, zr_span("alice"), zr_span("bob"), zr_span("x"), 0));
    users_set_bans(users, &bans);
    users_enforce_bans(users);
    bans_finish(&bans);
    zap_verdict_t verdict = s_check_key(s_key, sizeof s_key);
    ck_assert_str_eq(verdict.status, "400");
    ck_assert_str_eq(verdict.text, "banned");
    ck_assert_str_eq(verdict.user, "alice");
}

TEST(test_claimed_identity) {
    zr_span_t key = zr_span_of(s_key, sizeof s_key);
    ck_assert_str_eq(s_check(LIT("zrelay-curve"), LIT("\0abcd"), LIT("CURVE"), &key).status, "400");
    ck_assert_str_eq(s_check(LIT("zrelay-curve"), LIT("x"), LIT("CURVE"), &key).status, "400");
}

TEST(test_domains_and_mechanisms) {
    zr_span_t key = zr_span_of(s_key, sizeof s_key), name = LIT("alice");
    ck_assert_str_eq(s_check(LIT("zrelay-curve"), LIT(""), LIT("NULL"), NULL).status, "400");
    ck_assert_str_eq(s_check(LIT("zrelay-curve"), LIT(""), LIT("PLAIN"), &name).status, "400");
    ck_assert_str_eq(s_check(LIT("zrelay-curve"), LIT(""), LIT("GSSAPI"), &key).status, "400");
    ck_assert_str_eq(s_check(LIT(""), LIT(""), LIT("NULL"), NULL).status, "400");
    ck_assert_str_eq(s_check(LIT("zrelay-curve2"), LIT(""), LIT("CURVE"), &key).status, "400");
    ck_assert_str_eq(s_check(LIT(""), LIT(""), LIT("CURVE"), &key).status, "400");
}

TEST(test_malformed) {
    zr_span_t frames[20] = {LIT("1.0"), LIT("7"), LIT("zrelay-curve"), LIT(""), LIT(""), LIT("CURVE")};
    zap_request_t request;
    ck_assert_ptr_null(zap_parse(frames, 6, &request));
    for (size_t count = 0; count < 20; count++) {
        const char *wrong = zap_parse(frames, count, &request);
        ck_assert_int_eq(wrong == NULL, count >= ZAP_FRAMES_MIN && count <= ZAP_FRAMES_MAX);
        ck_assert_span_eq(request.id, count > 1 ? LIT("7") : LIT(""));
    }
    frames[0] = LIT("1.1");
    ck_assert_ptr_nonnull(zap_parse(frames, 6, &request));
    frames[0] = LIT("");
    ck_assert_ptr_nonnull(zap_parse(frames, 6, &request));
}

TEST(test_metadata) {
    uint8_t out[ZAP_METADATA_MAX];
    zr_span_t name = zr_span(zap_generation());
    size_t len = zap_metadata(17, out);
    ck_assert_uint_eq(out[0], name.len);
    ck_assert_span_eq(zr_span_of(out + 1, name.len), name);
    ck_assert_span_eq(zr_span_of(out + 1 + name.len, len - 1 - name.len), LIT("\0\0\0\x02"
                                                                              "17"));
    len = zap_metadata(UINT64_MAX, out);
    ck_assert_uint_le(len, sizeof out);
    ck_assert_span_eq(zr_span_of(out + 1 + name.len, len - 1 - name.len), LIT("\0\0\0\x14"
                                                                              "18446744073709551615"));
}

/* One for the whole process, another for the next. */
TEST(test_generation_is_a_secret) {
    char ours[ZAP_GENERATION_LEN + 1], theirs[ZAP_GENERATION_LEN + 1] = "";
    int pipes[2], status;
    ck_assert_int_eq(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        ssize_t written = write(pipes[1], zap_generation(), ZAP_GENERATION_LEN);
        _exit(written != ZAP_GENERATION_LEN);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(read(pipes[0], theirs, ZAP_GENERATION_LEN), ZAP_GENERATION_LEN);
    close(pipes[0]);
    close(pipes[1]);
    strcpy(ours, zap_generation());
    ck_assert_str_eq(ours, zap_generation());
    ck_assert_uint_eq(strlen(ours), ZAP_GENERATION_LEN);
    ck_assert_str_ne(ours, theirs);
}

UNIT_SUITE_WITH("broker.zap", s_begin, s_end)
