#include "users.h"

#include <sodium.h>
#include <stdio.h>

#include "fixture_dir.h"

#define KEY_A "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_B "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define HASH "$argon2id$v=19$m=65536,t=2,p=1$33F3YUK31uk4u6VwkvWCqw$gkECukiNO2s1ntx5VTK1l+N6uzCumOKDOL0qcJYzNNg"

static users_t *s_users[64]; /* that were good */
static size_t s_count;

static void s_begin(void) {
    ck_assert_int_ge(sodium_init(), 0);
}

static void s_end(void) {
    while (s_count)
        users_destroy(s_users[--s_count]);
}

static users_t *s_good(const char *text) {
    zr_error_t error = {0};
    users_t *users = users_parse("f", unit_at_edge(zr_span(text)), &error);
    ck_assert_msg(users != NULL, "%s", error.text);
    ck_assert_uint_lt(s_count, 64);
    return s_users[s_count++] = users;
}

/* Refused, with `part` in the error. */
static void s_bad(const char *text, const char *part) {
    zr_error_t error = {0};
    ck_assert_msg(!users_parse("f", unit_at_edge(zr_span(text)), &error), "accepted: %s", text);
    dir_assert_error(&error, part);
}

static rights_t s_rights(const users_t *users, const char *name, const char *room) {
    access_t *access = users_access(users, false);
    const access_user_t *user = access_user(access, zr_span(name));
    ck_assert_ptr_nonnull(user);
    rights_t rights = access_rights(user, zr_span(room));
    access_destroy(access);
    return rights;
}

TEST(test_whole) {
    users_t *users = s_good("# the users\n"
                            "user\n"
                            "    name = alice\n"
                            "    key = \"" KEY_A "\"\n"
                            "    key = '" KEY_B "'\n"
                            "    token = \"" HASH "\"\n"
                            "    role = member\n"
                            "    allow = \"admin : *\"\n"
                            "user\n"
                            "    deny = \"write:chat/* general\"\n"
                            "    role = member\n"
                            "    name = bob\n"
                            "role\n"
                            "    name = member\n"
                            "    allow = \"read  write state\tcreate : general chat/*\"\n"
                            "    deny = \"write : general\"\n");
    uint8_t key[ZR_CURVE_BYTES];
    users_count_t count = users_count(users);
    ck_assert_uint_eq(count.users, 2);
    ck_assert_uint_eq(count.keys, 2);
    ck_assert_uint_eq(count.tokens, 1);
    ck_assert_uint_eq(count.most_tokens, 1);
    ck_assert(zr_curve_decode(zr_span(KEY_B), key));
    ck_assert_str_eq(user_name(users_of_key(users, key)), "alice");
    key[5] ^= 1;
    ck_assert_ptr_null(users_of_key(users, key));
    ck_assert_ptr_null(users_of_name(users, zr_span("carol")));
    ck_assert(user_has_token(users_of_name(users, zr_span("alice")), HASH));
    ck_assert(!user_has_token(users_of_name(users, zr_span("bob")), HASH));
    ck_assert_uint_eq(
        s_rights(users, "alice", "chat/a") & RIGHT_ALL, RIGHT_READ | RIGHT_WRITE | RIGHT_STATE | RIGHT_CREATE);
    ck_assert_uint_eq(s_rights(users, "alice", "general") & RIGHT_WRITE, 0);
    ck_assert_uint_eq(s_rights(users, "bob", "chat/a") & RIGHT_WRITE, 0);
    ck_assert_uint_eq(s_rights(users, "bob", "elsewhere"), 0);
    access_t *access = users_access(users, true);
    ck_assert(access_is_admin(access_user(access, zr_span("alice"))));
    ck_assert(!access_is_admin(access_user(access, zr_span("bob"))));
    ck_assert(!access_is_open_mode(access));
    ck_assert_ptr_null(access_user(access, zr_span(NULL)));
    access_destroy(access);
}

TEST(test_all_is_not_admin_and_not_gateway) {
    users_t *users = s_good("user\n    name = a\n    allow = \"all : *\"\n");
    ck_assert_uint_eq(s_rights(users, "a", "room"), RIGHT_ALL);
    access_t *access = users_access(users, false);
    ck_assert(!access_is_admin(access_user(access, zr_span("a"))));
    ck_assert(!access_is_gateway(access_user(access, zr_span("a"))));
    access_destroy(access);
}

TEST(test_gateway_is_for_all_rooms) {
    users_t *users = s_good("user\n    name = a\n    allow = \"gateway : *\"\n");
    access_t *access = users_access(users, false);
    ck_assert(access_is_gateway(access_user(access, zr_span("a"))));
    access_destroy(access);
    s_bad("user\n    name = a\n    allow = \"gateway : web/*\"\n",
        "gateway is for all rooms or none; write it in a rule of its own, \"gateway : *\"");
}

TEST(test_leaf_is_for_all_rooms) {
    users_t *users = s_good("user\n    name = a\n    allow = \"leaf : *\"\n");
    access_t *access = users_access(users, false);
    ck_assert(access_is_leaf(access_user(access, zr_span("a"))));
    access_destroy(access);
    s_bad("user\n    name = a\n    allow = \"leaf : web/*\"\n",
        "leaf is for all rooms or none; write it in a rule of its own, \"leaf : *\"");
}

TEST(test_empty_lets_nobody_in) {
    users_t *users = s_good("");
    ck_assert_uint_eq(users_count(users).users, 0);
    access_t *access = users_access(users, true);
    ck_assert(!access_is_open_mode(access));
    ck_assert_ptr_null(access_user(access, zr_span(NULL)));
    ck_assert_ptr_null(access_user(access, zr_span("alice")));
    access_destroy(access);
    s_good("# nobody\n\n");
    users_destroy(NULL);
}

TEST(test_keyless) {
    users_t *users = s_good("user\n    name = ann\n    key = \"" KEY_A "\"\n"
                            "user\n    name = bob\n    token = \"" HASH "\"\n"
                            "user\n    name = anonymous\n"
                            "user\n    name = cid\n"
                            "user\n    name = dan\n");
    const char *first = NULL;
    ck_assert_uint_eq(users_keyless(users, false, &first), 2);
    ck_assert_str_eq(first, "cid");
    ck_assert_uint_eq(users_keyless(users, true, &first), 1);
    ck_assert_str_eq(first, "bob");
}

TEST(test_anonymous) {
    users_t *users = s_good("user\n    name = anonymous\n    allow = \"read : lobby\"\n");
    access_t *access = users_access(users, true);
    ck_assert_uint_eq(access_rights(access_user(access, zr_span(NULL)), zr_span("lobby")), RIGHT_READ);
    access_destroy(access);
    s_bad("user\n    name = anonymous\n    key = \"" KEY_A "\"\n", "f:3: user: anonymous");
    s_bad("user\n    token = \"" HASH "\"\n    name = anonymous\n", "f:2: user: anonymous");
    s_bad("user\n    name = anonymous\n    allow = \"admin : *\"\n", "f:1: user: anonymous may not");
    s_bad("user\n    name = anonymous\n    role = r\nrole\n    name = r\n    allow = \"admin : *\"\n",
        "anonymous may not");
}

TEST(test_bad_structure) {
    s_bad("users\n    name = a\n", "f:1: users: no such section");
    s_bad("user = alice\n", "f:1: user: a section has no value");
    s_bad("name = alice\n", "no such section");
    s_bad("user\n    nick = a\n", "f:2: user/nick: no such member");
    s_bad("role\n    name = r\n    key = \"" KEY_A "\"\n", "f:3: role/key: no such member");
    s_bad("role\n    name = r\n    role = s\n", "no such member");
    s_bad("user\n    allow = \"read : *\"\n", "f:1: user: the name is missing");
    s_bad("user\nuser\n    name = a\n", "f:1: user: the name is missing");
    s_bad("role\n", "f:1: role: the name is missing");
    s_bad("user\n    name\n", "the value is missing");
    s_bad("user\n    name = a\n    name = b\n", "f:3: user/name: already set in line 2");
    s_bad("user\n    name = a\n        key = x\n", "f:3: indented too deep");
    s_bad("user\n  name = a\n", "4 spaces");
    s_bad("user\n    name = \"a\n", "closing quote");
    s_bad("user\n    name = a\n    deny = read : staff #ops\n", "f:3: a # that");
}

TEST(test_bad_names) {
    s_bad("user\n    name = \"a b\"\n", "f:2: user/name: no valid name");
    s_bad("user\n    name = \"a\x1b[2J\"\n", "no valid name");
    s_bad("user\n    name = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "no valid name");
    s_good("user\n    name = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    s_bad("user\n    name = a\nuser\n    name = a\n", "f:4: user/name: another user");
    s_bad("role\n    name = a\nrole\n    name = a\n", "f:4: role/name: another role");
    s_bad("user\n    name = \"jose\u0301\"\n", "f:2: user/name: the name is not in Unicode normalization form C");
    s_bad("role\n    name = \"jose\u0301\"\n", "f:2: role/name: the name is not in Unicode normalization form C");
    s_bad("user\n    name = \"j\u043ese\"\n", "f:2: user/name: the name mixes letters of scripts");
    s_bad("user\n    name = ann\nuser\n    name = Ann\n", "f:4: user/name: another user's name differs");
    s_bad("user\n    name = \"jos\u00e9\"\nuser\n    name = \"JOS\u00c9\"\n", "f:4: user/name: another user's name");
    s_bad("user\n    name = Anonymous\n", "f:2: user/name: the user of peers that did not log in");
    s_good("user\n    name = \"jos\u00e9\"\nuser\n    name = jose\nuser\n    name = admin\n");
    s_bad("user\n    name = a\n    allow = \"read : cafe\u0301*\"\n", "is not in Unicode normalization form C");
    s_good("role\n    name = a\nuser\n    name = a\n    role = a\n    role = a\n");
    s_bad("user\n    name = a\n    role = r\n", "f:3: user/role: no role");
    s_bad("user\n    name = a\n    role = \"r s\"\n", "f:3: user/role: no valid name");
}

TEST(test_bad_rules) {
    s_bad("user\n    name = a\n    allow = \"read write\"\n", "f:3: user/allow: a colon");
    s_bad("user\n    name = a\n    deny = \": *\"\n", "f:3: user/deny: no right");
    s_bad("user\n    name = a\n    allow = \"read :\"\n", "no room");
    s_bad("user\n    name = a\n    allow = \"read, write : *\"\n", "\"read,\" is no right");
    s_bad("user\n    name = a\n    allow = \"Read : *\"\n", "\"Read\" is no right");
    s_bad("role\n    name = a\n    allow = \"readwrite : *\"\n", "f:3: role/allow: \"readwrite\" is no right");
    s_bad("user\n    name = a\n    allow = \"read : a*b\"\n", "\"a*b\" is neither");
    s_bad("user\n    name = a\n    allow = \"read : ok {bad\"\n", "\"{bad\" is neither");
    s_bad("user\n    name = a\n    allow = \"read : **\"\n", "\"**\" is neither");
    s_bad("user\n    name = a\n    allow = \"admin : lobby\"\n", "admin is for all rooms");
    s_bad("user\n    name = a\n    deny = \"read admin : * lobby\"\n", "admin is for all rooms");
    s_bad("user\n    name = a\n    deny = \"read : staff, ops\"\n", "f:3: user/deny: \"staff,\" ends in a comma");
    /* A room's name may hold a colon; the first one in the rule is the one that counts. */
    users_t *users = s_good("user\n    name = a\n    allow = \"read : x:y\"\n");
    ck_assert_uint_eq(s_rights(users, "a", "x:y"), RIGHT_READ);
}

TEST(test_pattern_limit) {
    char text[1000];
    snprintf(text, sizeof text, "user\n    name = a\n    allow = \"read : %.*s*\"\n", ZR_ROOM_MAX,
        unit_fill('r', ZR_ROOM_MAX).ptr);
    s_good(text);
    snprintf(text, sizeof text, "user\n    name = a\n    allow = \"read : %.*s*\"\n", ZR_ROOM_MAX + 1,
        unit_fill('r', ZR_ROOM_MAX + 1).ptr);
    s_bad(text, "is neither");
}

/* A secret that stands in the wrong place is not shown. */
TEST(test_bad_keys_and_tokens) {
    zr_error_t error = {0};
    s_bad("user\n    name = a\n    key = abc\n", "f:3: user/key: no public key");
    s_bad("user\n    name = a\n    key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y~7\"\n", "no public key");
    s_bad("user\n    name = a\n    key = \"0000000000000000000000000000000000000000\"\n", "no public key");
    s_bad("user\n    name = a\n    key = \"" KEY_A "\"\nuser\n    name = b\n    key = \"" KEY_A "\"\n",
        "f:6: user/key: the same key as in line 3");
    s_bad("user\n    name = a\n    key = \"" KEY_A "\"\n    key = \"" KEY_A "\"\n", "the same key as in line 3");
    s_bad("user\n    name = a\n    token = hunter2\n", "f:3: user/token: no token's hash");
    s_bad("user\n    name = a\n    token = \"$argon2id$v=19$m=65536,t=2,p=1$\"\n", "no token's hash");
    ck_assert(!users_parse("f", zr_span("user\n    name = a\n    token = hunter2\n"), &error));
    ck_assert_ptr_null(strstr(error.text, "hunter2"));
}

/* All faults are told, and none because of another. */
TEST(test_all_faults_are_told) {
    zr_error_t error = {0};
    static const char text[] = "user\n    name = a b\n    x = y\nuser\n    key = short\nuser\nperson\n    name = c\n"
                               "role\n    name = ok\n    allow = \"fly : *\"\nuser\n    name = d\n    role = ok\n"
                               "    role = none\nuser\n    name = d\n";
    static const char *const lines[] = {"f:2: user/name: ", "f:3: user/x: no such member",
        "f:5: user/key: no public key", "f:6: user: the name is missing", "f:7: person: no such section",
        "f:11: role/allow: \"fly\" is no right", "f:17: user/name: another user has this name",
        "f:15: user/role: no role has this name"};
    const char *line = NULL;
    ck_assert(!users_parse("f", zr_span(text), &error));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        line = zr_error_next(&error, line);
        ck_assert_ptr_nonnull(line);
        ck_assert_msg(strncmp(line, lines[i], strlen(lines[i])) == 0, "'%s' is not '%s'", line, lines[i]);
    }
    ck_assert_ptr_null(zr_error_next(&error, line));
    /* An error of before does not make a good file bad, nor a bad one good. */
    users_t *users = users_parse("f", zr_span("role\n    name = r\nuser\n    name = a\n    role = r\n"), &error);
    ck_assert_ptr_nonnull(users);
    users_destroy(users);
    ck_assert(!users_parse("f", zr_span("user\n    name = a\n    role = r\n"), &error));
}

TEST(test_token_limit) {
    zr_buffer_t text = {0};
    zr_error_t error = {0};
    zr_span_t head = zr_span("user\n    name = a\n"), token = zr_span("    token = \"" HASH "\"\n");
    zr_buffer_append(&text, head.ptr, head.len);
    for (unsigned i = 0; i < USERS_TOKENS_MAX; i++)
        zr_buffer_append(&text, token.ptr, token.len);
    users_t *users = users_parse("f", zr_span_of(text.data, text.len), &error);
    ck_assert_msg(users != NULL, "%s", error.text);
    ck_assert_uint_eq(users_count(users).most_tokens, USERS_TOKENS_MAX);
    users_destroy(users);
    zr_buffer_append(&text, token.ptr, token.len);
    ck_assert(!users_parse("f", zr_span_of(text.data, text.len), &error));
    dir_assert_error(&error, "more than 4 tokens");
    zr_buffer_finish(&text);
}

TEST(test_no_text) {
    zr_error_t error = {0};
    ck_assert(!users_parse("f", LIT("user\n    name = a\0b\n"), &error));
    dir_assert_error(&error, "no text file");
}

TEST(test_bans) {
    users_t *users = s_good("user\n    name = a\n    allow = \"all : *\"\nuser\n    name = b\n");
    bans_t bans = {0};
    ck_assert(bans_add(&bans, zr_span("a"), zr_span("b"), zr_span("x"), 0));
    ck_assert(bans_add(&bans, zr_span("who"), zr_span("b"), zr_span("x"), 0));
    users_set_bans(users, &bans);
    access_t *access = users_access(users, false);
    ck_assert(!user_is_banned(users_of_name(users, zr_span("a")))); /* not yet */
    users_enforce_bans(users);
    ck_assert(user_is_banned(users_of_name(users, zr_span("a"))));
    ck_assert_ptr_null(access_user(access, zr_span("a")));
    ck_assert(access_is_user(access, zr_span("a"))); /* nobody else gets the name */
    ck_assert_ptr_nonnull(access_user(access, zr_span("b")));
    access_destroy(access);
    ck_assert(bans_remove(&bans, zr_span("a")));
    users_set_bans(users, &bans);
    users_enforce_bans(users);
    ck_assert(!user_is_banned(users_of_name(users, zr_span("a"))));
    bans_finish(&bans);
}

TEST(test_gone) {
    users_t *before = s_good("user\n    name = a\nuser\n    name = b\nuser\n    name = c\n");
    users_t *now = s_good("user\n    name = b\nuser\n    name = c\nuser\n    name = d\n");
    bans_t bans = {0};
    zr_buffer_t names = {0};
    ck_assert(bans_add(&bans, zr_span("c"), zr_span("b"), zr_span("x"), 0));
    users_gone(before, before, &names);
    ck_assert_uint_eq(names.len, 0);
    users_set_bans(now, &bans);
    users_gone(before, now, &names);
    ck_assert_uint_eq(names.len, 2 * sizeof(user_name_t));
    ck_assert_str_eq(((const user_name_t *)names.data)[0].name, "a");
    ck_assert_str_eq(((const user_name_t *)names.data)[1].name, "c");
    zr_buffer_finish(&names);
    bans_finish(&bans);
}

TEST(test_ways_in) {
    zr_error_t error = {0};
    users_t *users = s_good("user\n    name = a\n"), *anonymous = s_good("user\n    name = anonymous\n");
    ck_assert(users_check_way(users, "f", true, false, &error));
    ck_assert(users_check_way(users, "f", false, true, &error));
    ck_assert(users_check_way(anonymous, "f", false, false, &error));
    ck_assert(!users_check_way(users, "f", false, false, &error));
    dir_assert_error(&error, "nobody could come in");
}

static void s_disowned(const char *before_text, const char *now_text, const char *expected) {
    users_t *before = s_good(before_text), *now = s_good(now_text);
    zr_buffer_t names = {0};
    char all[200] = "";
    users_disowned(before, now, &names);
    const user_name_t *list = (const user_name_t *)names.data;
    for (size_t i = 0; i < names.len / sizeof *list; i++) {
        strcat(all, list[i].name);
        strcat(all, " ");
    }
    ck_assert_str_eq(all, expected);
    zr_buffer_finish(&names);
}

TEST(test_disowned) {
#define A "user\n    name = a\n"
#define B "user\n    name = b\n"
#define FIRST "    key = \"" KEY_A "\"\n"
#define SECOND "    key = \"" KEY_B "\"\n"
#define TOKEN "    token = \"" HASH "\"\n"
    s_disowned(A FIRST B SECOND TOKEN, A FIRST B SECOND TOKEN, "");
    s_disowned(A FIRST, A FIRST SECOND TOKEN, "");
    s_disowned(A FIRST SECOND, A FIRST, "a ");
    s_disowned(A FIRST SECOND TOKEN, A, "a "); /* named once */
    s_disowned(A FIRST B, A B FIRST, "a ");
    s_disowned(A TOKEN, A, "a ");
    s_disowned(A TOKEN B, A B TOKEN, "a ");
    s_disowned(A FIRST B, B, ""); /* a removed user is found by users_gone instead */
}

TEST(test_files) {
    dir_begin();
    zr_error_t error = {0};
    const char *plain = "user\n    name = a\n", *tokens = "user\n    name = a\n    token = \"" HASH "\"\n";
    users_t *users = users_load(dir_write("u", plain, 0644), &error);
    ck_assert_msg(users != NULL, "%s", error.text);
    users_destroy(users);
    users = users_load(dir_write("u", tokens, 0640), &error);
    ck_assert_msg(users != NULL, "%s", error.text);
    users_destroy(users);
    ck_assert(!users_load(dir_write("u", tokens, 0644), &error));
    dir_assert_error(&error, "chmod 640");
    ck_assert(!users_load(dir_write("u", plain, 0664), &error));
    dir_assert_error(&error, "chmod go-w");
    ck_assert(!users_load(dir_path("none"), &error));
    dir_assert_error(&error, "No such file");
    ck_assert(!users_load(dir_path("."), &error));
    dir_assert_error(&error, "regular");
    ck_assert(!users_load(dir_write("u", "user\n    name = a\n    x = y\n", 0600), &error));
    dir_assert_error(&error, "u:3: user/x: no such member");
    dir_end();
}

TEST(test_roles_of_signed_logins) {
    users_t *users =
        s_good("role\n    name = a\n    jwt = 1\n    allow = \"read : *\"\nrole\n    name = b\n    jwt = 0\n"
               "role\n    name = c\nuser\n    name = ann\n    role = a\n");
    ck_assert_uint_eq(users_count(users).signed_roles, 1);
    ck_assert_uint_eq(s_rights(users, "ann", "r"), RIGHT_READ);
    s_bad("role\n    name = a\n    jwt = yes\n", "f:3: role/jwt: neither 1");
    s_bad("user\n    name = a\n    jwt = 1\n", "f:3: user/jwt: no such member");
}

UNIT_SUITE_WITH("broker.users", s_begin, s_end)
