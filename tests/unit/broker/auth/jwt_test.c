/* JSON Web Tokens: good ones are let in, and all others are refused. */
#include <sodium.h>
#include <stdio.h>

#include "fixture_jwt.h"

enum { NOW_S = 1800000000 };
#define NOW (NOW_S * 1000000ULL)
#define GOOD "{'sub':'carol','exp':1800000600,'roles':['member','mod']}"

static json_t *s_key;
static jwt_keys_t *s_keys;
static grant_t s_grant;
static const jwt_rules_t s_rules = {.leeway = 60000000};

static void s_begin(void) {
    s_key = fx_jwk("EdDSA", "a");
    s_keys = fx_jwt_keys(s_key);
}

static void s_end(void) {
    json_decref(s_key);
    jwt_keys_destroy(s_keys);
}

static jwt_result_t s_check(const char *token) {
    return jwt_check(s_keys, &s_rules, zr_span(token), NOW, &s_grant);
}

static jwt_result_t s_check_claims(const char *claims) {
    return s_check(fx_jwt_of(s_key, claims));
}

#define expect(token, result) ck_assert_str_eq(jwt_fault(s_check(token)), jwt_fault(result))
#define expect_claims(claims, result) ck_assert_str_eq(jwt_fault(s_check_claims(claims)), jwt_fault(result))

TEST(test_each_algorithm) {
    static const char *const algorithms[] = {"EdDSA", "ES256", "RS256", "HS256"};
    for (size_t i = 0; i < 4; i++) {
        json_t *jwk = fx_jwk(algorithms[i], "k"), *other = fx_jwk(algorithms[i], "k");
        jwt_keys_t *keys = fx_jwt_keys(jwk);
        ck_assert_int_eq(jwt_check(keys, &s_rules, zr_span(fx_jwt_of(jwk, GOOD)), NOW, &s_grant), JWT_OK);
        ck_assert_str_eq(s_grant.user, "carol");
        ck_assert_uint_eq(s_grant.role_count, 2);
        ck_assert_str_eq(s_grant.roles[1], "mod");
        ck_assert_uint_eq(s_grant.expires, (NOW_S + 600 + 60) * 1000000ULL);
        ck_assert_uint_eq(s_grant.signer, jwt_keys_number(keys, 0));
        ck_assert_int_eq(jwt_check(keys, &s_rules, zr_span(fx_jwt_of(other, GOOD)), NOW, &s_grant), JWT_BAD_SIGNATURE);
        jwt_keys_destroy(keys);
        json_decref(jwk);
        json_decref(other);
    }
}

/* RFC 7515, appendix A.1 and A.3, and RFC 8037, appendix A.4: the signature fits, and then come the claims. */
TEST(test_examples_of_the_rfcs) {
#define JOE "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    static const struct {
        const char *key, *token;
        jwt_result_t result;
    } cases[] = {
        {"{'kty':'oct','alg':'HS256',"
         "'k':'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow'}",
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            JWT_EXPIRED},
        {"{'kty':'EC','crv':'P-256','alg':'ES256','x':'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',"
         "'y':'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'}",
            "eyJhbGciOiJFUzI1NiJ9." JOE
            ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            JWT_EXPIRED},
        {"{'kty':'OKP','crv':'Ed25519','alg':'EdDSA','x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}",
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            JWT_BAD_CLAIMS},
    };
    for (size_t i = 0; i < 3; i++) {
        char text[400], forged[600];
        zr_error_t error = {0};
        snprintf(text, sizeof text, "%s", cases[i].key);
        unit_quotes(text);
        jwt_keys_t *keys = jwt_keys_parse("f", zr_span(text), NULL, &error);
        ck_assert_msg(keys != NULL, "%s", error.text);
        ck_assert_int_eq(jwt_check(keys, &s_rules, zr_span(cases[i].token), NOW, &s_grant), cases[i].result);
        snprintf(forged, sizeof forged, "%s", cases[i].token);
        forged[strlen(forged) - 10] ^= 1;
        ck_assert_int_eq(jwt_check(keys, &s_rules, zr_span(forged), NOW, &s_grant), JWT_BAD_SIGNATURE);
        jwt_keys_destroy(keys);
    }
}

TEST(test_no_algorithm_and_another_one) {
    char token[1000];
    snprintf(token, sizeof token, "%s.%s.", fx_b64(zr_span("{\"alg\":\"none\"}")), fx_b64(zr_span("{}")));
    expect(token, JWT_BAD_FORM);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'none','kid':'a'}", GOOD), JWT_BAD_ALGORITHM);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'None','kid':'a'}", GOOD), JWT_BAD_ALGORITHM);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EDDSA','kid':'a'}", GOOD), JWT_BAD_ALGORITHM);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'HS256','kid':'a'}", GOOD), JWT_BAD_ALGORITHM);
    expect(fx_jwt(s_key, "EdDSA", "{'kid':'a'}", GOOD), JWT_BAD_HEADER);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':['EdDSA'],'kid':'a'}", GOOD), JWT_BAD_HEADER);
}

/* The public key of RS256 as the secret of HS256: everybody has it. */
TEST(test_key_confusion) {
    json_t *rsa = fx_jwk("RS256", "r");
    jwt_keys_t *keys = fx_jwt_keys(rsa);
    json_t *confused = json_pack("{ss ss sO}", "kty", "oct", "alg", "HS256", "k", json_object_get(rsa, "n"));
    const char *token = fx_jwt(confused, "HS256", "{'alg':'HS256','kid':'r'}", GOOD);
    ck_assert_int_eq(jwt_check(keys, &s_rules, zr_span(token), NOW, &s_grant), JWT_BAD_ALGORITHM);
    const char *said = fx_b64(zr_span("{\"alg\":\"RS256\",\"kid\":\"r\"}"));
    char other[8 * ZR_JWT_MAX];
    snprintf(other, sizeof other, "%s%s", said, strchr(token, '.'));
    ck_assert_int_eq(jwt_check(keys, &s_rules, zr_span(other), NOW, &s_grant), JWT_BAD_SIGNATURE);
    jwt_keys_destroy(keys);
    json_decref(confused);
    json_decref(rsa);
}

TEST(test_headers) {
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EdDSA'}", GOOD), JWT_OK); /* the only key needs no name */
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EdDSA','kid':'a','jku':'https://evil'}", GOOD), JWT_OK); /* ignored */
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EdDSA','kid':'b'}", GOOD), JWT_NO_KEY);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EdDSA','kid':1}", GOOD), JWT_BAD_HEADER);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EdDSA','crit':['x']}", GOOD), JWT_BAD_HEADER);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EdDSA','b64':false}", GOOD), JWT_BAD_HEADER);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EdDSA','alg':'EdDSA'}", GOOD), JWT_BAD_HEADER);
    expect(fx_jwt(s_key, "EdDSA", "['EdDSA']", GOOD), JWT_BAD_HEADER);
    expect(fx_jwt(s_key, "EdDSA", "{'alg':'EdDSA','x':[[[[[[[[1]]]]]]]]}", GOOD), JWT_BAD_HEADER);
    char kid[200];
    for (int len = JWT_KID_MAX; len <= JWT_KID_MAX + 1; len++) {
        snprintf(kid, sizeof kid, "{'alg':'EdDSA','kid':'%.*s'}", len, unit_fill('k', JWT_KID_MAX + 1).ptr);
        expect(fx_jwt(s_key, "EdDSA", kid, GOOD), len == JWT_KID_MAX ? JWT_NO_KEY : JWT_BAD_HEADER);
    }
}

TEST(test_forms) {
    static const char *const wrong[] = {"", ".", "..", "...", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c.", "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(wrong[i], JWT_BAD_FORM);
    expect("!.b.c", JWT_BAD_HEADER);
    expect("e30=.b.c", JWT_BAD_HEADER); /* padded */
    char token[4 * ZR_JWT_MAX];
    snprintf(token, sizeof token, "%s", fx_jwt_of(s_key, GOOD));
    strcat(token, "A"); /* more bytes than a signature has, or bits that stand for nothing */
    expect(token, JWT_BAD_SIGNATURE);
    token[strlen(token) - 2] = '\0';
    expect(token, JWT_BAD_SIGNATURE);
}

TEST(test_every_bit_counts) {
    char token[4 * ZR_JWT_MAX];
    snprintf(token, sizeof token, "%s", fx_jwt_of(s_key, GOOD));
    for (size_t i = 0; i < strlen(token); i++)
        for (unsigned bit = 0; bit < 7; bit++) {
            token[i] ^= (char)(1u << bit);
            ck_assert_int_ne(s_check(token), JWT_OK);
            token[i] ^= (char)(1u << bit);
        }
    expect(token, JWT_OK);
}

/* A token of 4096 bytes passes, and one of 4097 does not. */
TEST(test_size) {
    char claims[ZR_JWT_MAX], fill[ZR_JWT_MAX];
    bool seen[2] = {false};
    memset(fill, 'x', sizeof fill);
    for (int len = 2800; len < 3100; len++) {
        snprintf(claims, sizeof claims, "{'sub':'carol','exp':1800000600,'roles':['member'],'x':'%.*s'}", len, fill);
        const char *token = fx_jwt_of(s_key, claims);
        bool fits = strlen(token) <= ZR_JWT_MAX;
        seen[fits] |= strlen(token) >= ZR_JWT_MAX - 1 && strlen(token) <= ZR_JWT_MAX + 2;
        expect(token, fits ? JWT_OK : JWT_BAD_FORM);
    }
    ck_assert(seen[false] && seen[true]);
}

TEST(test_times) {
    expect_claims("{'sub':'c','roles':['m']}", JWT_BAD_CLAIMS);
    expect_claims("{'sub':'c','roles':['m'],'exp':'1800000600'}", JWT_BAD_CLAIMS);
    expect_claims("{'sub':'c','roles':['m'],'exp':-1}", JWT_BAD_CLAIMS);
    expect_claims("{'sub':'c','roles':['m'],'exp':true}", JWT_BAD_CLAIMS);
    expect_claims("{'sub':'c','roles':['m'],'exp':253402300800}", JWT_BAD_CLAIMS);
    expect_claims("{'sub':'c','roles':['m'],'exp':9223372036854775807}", JWT_BAD_CLAIMS);
    expect_claims("{'sub':'c','roles':['m'],'exp':1e300}", JWT_BAD_CLAIMS);
    expect_claims("{'sub':'c','roles':['m'],'exp':253402300799}", JWT_OK);
    expect_claims("{'sub':'c','roles':['m'],'exp':1800000600.5}", JWT_OK);
    ck_assert_uint_eq(s_grant.expires, NOW + 660500000);
    expect_claims("{'sub':'c','roles':['m'],'exp':1799999940}", JWT_EXPIRED); /* a leeway ago */
    expect_claims("{'sub':'c','roles':['m'],'exp':1799999941}", JWT_OK);
    expect_claims("{'sub':'c','roles':['m'],'exp':0}", JWT_EXPIRED);
    expect_claims("{'sub':'c','roles':['m'],'exp':1800000600,'nbf':1800000060}", JWT_OK);
    expect_claims("{'sub':'c','roles':['m'],'exp':1800000600,'nbf':1800000061}", JWT_EARLY);
    expect_claims("{'sub':'c','roles':['m'],'exp':1800000600,'nbf':null}", JWT_BAD_CLAIMS);
    ck_assert_str_eq(jwt_answer(JWT_EXPIRED), "the token has expired; get a new one");
}

TEST(test_issuer_and_audience) {
    const jwt_rules_t rules = {.issuer = "https://app", .audience = "relay"};
    static const struct {
        const char *claims;
        jwt_result_t result, without; /* without such rules */
    } cases[] = {
        {"'iss':'https://app','aud':'relay'", JWT_OK, JWT_BAD_AUDIENCE},
        {"'iss':'https://app','aud':['x','relay']", JWT_OK, JWT_BAD_AUDIENCE},
        {"'iss':'https://app','aud':['x']", JWT_BAD_AUDIENCE, JWT_BAD_AUDIENCE},
        {"'iss':'https://app','aud':[]", JWT_BAD_AUDIENCE, JWT_BAD_AUDIENCE},
        {"'iss':'https://app','aud':'relay2'", JWT_BAD_AUDIENCE, JWT_BAD_AUDIENCE},
        {"'iss':'https://app','aud':{'relay':1}", JWT_BAD_AUDIENCE, JWT_BAD_AUDIENCE},
        {"'iss':'https://app'", JWT_BAD_AUDIENCE, JWT_OK},
        {"'iss':'https://app2','aud':'relay'", JWT_BAD_ISSUER, JWT_BAD_AUDIENCE},
        {"'iss':['https://app'],'aud':'relay'", JWT_BAD_ISSUER, JWT_BAD_AUDIENCE},
        {"'aud':'relay'", JWT_BAD_ISSUER, JWT_BAD_AUDIENCE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char claims[300];
        snprintf(claims, sizeof claims, "{'sub':'carol','exp':1800000600,'roles':['m'],%s}", cases[i].claims);
        const char *token = fx_jwt_of(s_key, claims);
        ck_assert_int_eq(jwt_check(s_keys, &rules, zr_span(token), NOW, &s_grant), cases[i].result);
        ck_assert_int_eq(s_check(token), cases[i].without);
    }
}

TEST(test_users_and_roles) {
    expect_claims("{'exp':1800000600,'roles':['m']}", JWT_BAD_USER);
    expect_claims("{'exp':1800000600,'roles':['m'],'sub':''}", JWT_BAD_USER);
    expect_claims("{'exp':1800000600,'roles':['m'],'sub':7}", JWT_BAD_USER);
    expect_claims("{'exp':1800000600,'roles':['m'],'sub':'a b'}", JWT_BAD_USER);
    expect_claims("{'exp':1800000600,'roles':['m'],'sub':'0123456789012345678901234567890123'}", JWT_BAD_USER);
    expect_claims("{'exp':1800000600,'roles':['m'],'sub':'01234567890123456789012345678901'}", JWT_OK);
    expect_claims("{'exp':1800000600,'roles':['m'],'sub':'a','sub':'b'}", JWT_BAD_CLAIMS);
    expect_claims("{'exp':1800000600,'roles':['m'],'sub':'a','x':{'y':1,'y':2}}", JWT_BAD_CLAIMS);
    expect_claims("{'exp':1800000600,'sub':'a'}", JWT_BAD_ROLES);
    expect_claims("{'exp':1800000600,'sub':'a','roles':'m'}", JWT_BAD_ROLES);
    expect_claims("{'exp':1800000600,'sub':'a','roles':[]}", JWT_BAD_ROLES);
    expect_claims("{'exp':1800000600,'sub':'a','roles':[1]}", JWT_BAD_ROLES);
    expect_claims("{'exp':1800000600,'sub':'a','roles':['a b']}", JWT_BAD_ROLES);
    char claims[400] = "{'exp':1800000600,'sub':'a','roles':['m'";
    for (unsigned i = 1; i < GRANT_ROLES_MAX; i++)
        strcat(claims, ",'m'");
    size_t len = strlen(claims);
    strcpy(claims + len, "]}");
    expect_claims(claims, JWT_OK);
    strcpy(claims + len, ",'m']}");
    expect_claims(claims, JWT_BAD_ROLES);
}

TEST(test_claims_that_are_no_object) {
    expect_claims("[]", JWT_BAD_CLAIMS);
    expect_claims("'carol'", JWT_BAD_CLAIMS);
    expect_claims("{'sub'", JWT_BAD_CLAIMS);
    expect_claims("{'x':[[[[[[[[[1]]]]]]]]]}", JWT_BAD_CLAIMS);
    char many[ZR_JWT_MAX] = "{'sub':'c','exp':1800000600,'roles':['m'],'x':[1";
    for (unsigned i = 0; i < 1000; i++)
        strcat(many, ",1");
    strcat(many, "]}");
    expect_claims(many, JWT_BAD_CLAIMS);
}

UNIT_SUITE_WITH("broker.auth.jwt", s_begin, s_end)
