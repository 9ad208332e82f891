#include "access.h"

#include "fixture.h"

enum { READ = RIGHT_READ, WRITE = RIGHT_WRITE, STATE = RIGHT_STATE, PRESENCE = RIGHT_PRESENCE, CREATE = RIGHT_CREATE };

static access_t *s_access;

static void s_use(access_t *now) {
    access_destroy(s_access);
    s_access = now;
}

static void s_end(void) {
    s_use(NULL);
}

static rights_t s_of(const char *user, const char *room) {
    return access_rights(access_user(s_access, zr_span(user)), zr_span(room));
}

TEST(test_open_mode) {
    s_use(access_new_open());
    ck_assert(access_is_open_mode(s_access));
    const access_user_t *user = access_user(s_access, zr_span(NULL));
    ck_assert_ptr_nonnull(user);
    ck_assert_ptr_eq(access_user(s_access, LIT("whoever")), user);
    ck_assert(!access_is_user(s_access, LIT("whoever")));
    ck_assert(!access_is_user(s_access, LIT("anonymous")));
    ck_assert_uint_eq(access_rights(user, LIT("r")), RIGHT_ALL);
    ck_assert_uint_eq(access_common(s_access, LIT("r")), RIGHT_ALL);
    ck_assert(!access_is_admin(user));
    ck_assert(!access_is_gateway(user)); /* its machine's peers may be all the same */
    access_destroy(NULL);
}

TEST(test_nobody_is_let_in_by_an_empty_one) {
    s_use(access_new());
    access_finish(s_access);
    ck_assert(!access_is_open_mode(s_access));
    ck_assert_ptr_null(access_user(s_access, LIT("ann")));
    ck_assert_ptr_null(access_user(s_access, zr_span(NULL)));
    ck_assert_uint_eq(access_common(s_access, LIT("r")), 0);
}

TEST(test_rights_are_what_allows_give_without_what_denies_take) {
    s_use(fx_access("ann: r *, wc chat/*, !w chat/news, s chat/news, !r secret, rw secret\nbob:"));
    ck_assert_uint_eq(s_of("ann", "x"), READ);
    ck_assert_uint_eq(s_of("ann", "chat"), READ);
    ck_assert_uint_eq(s_of("ann", "chat/"), READ | WRITE | CREATE);
    ck_assert_uint_eq(s_of("ann", "chat/a"), READ | WRITE | CREATE);
    ck_assert_uint_eq(s_of("ann", "chat/news"), READ | STATE | CREATE);
    ck_assert_uint_eq(s_of("ann", "chat/newsy"), READ | WRITE | CREATE);
    ck_assert_uint_eq(s_of("ann", "secret"), WRITE); /* deny wins, wherever it stands */
    ck_assert_uint_eq(s_of("bob", "x"), 0);
}

TEST(test_rooms_that_are_almost_those_of_a_rule) {
    static const char *const others[] = {
        "general2", "genera", "General", "g\u0435neral", "general/", "new", "News", "nev/x"};
    s_use(fx_access("ann: r general, r new/*"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_uint_eq(s_of("ann", others[i]), 0);
    ck_assert(s_of("ann", "general") == READ && s_of("ann", "new/") == READ && s_of("ann", "new/x") == READ);
}

TEST(test_homes_are_their_owners_alone) {
    s_use(fx_access("ann: rwsp *\nannie: r *, w ~*, !r ~annie/x\nbob: r lobby\nanonymous: r *"));
    ck_assert_uint_eq(s_of("ann", "~ann"), READ | WRITE | STATE | PRESENCE);
    ck_assert_uint_eq(s_of("ann", "~ann/a/b"), READ | WRITE | STATE | PRESENCE);
    ck_assert_uint_eq(s_of("annie", "~annie/a"), READ | WRITE);
    ck_assert_uint_eq(s_of("annie", "~annie/x"), WRITE);
    ck_assert_uint_eq(s_of("bob", "~bob"), 0); /* the rules give it */
    static const char *const others[] = {
        "~", "~/", "~an", "~anni", "~ann!", "~Ann", "~bob", "~bob/ann", "~anonymous", "~\xC3\xA9"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ck_assert_msg(s_of("ann", others[i]) == 0, "%s", others[i]);
        ck_assert_msg(s_of("", others[i]) == 0, "%s", others[i]);
    }
    ck_assert_uint_eq(s_of("ann", "a~ann"), READ | WRITE | STATE | PRESENCE);
    s_use(fx_access("ann: r *\nann/x: r *"));
    ck_assert_uint_eq(s_of("ann", "~ann/x"), READ);
    ck_assert_uint_eq(s_of("ann/x", "~ann/x"), 0);
    s_use(fx_access("ann: r *"));
    ck_assert_uint_eq(access_common(s_access, LIT("~ann")), 0); /* it is private, whichever users there are */
    s_use(access_new_open());
    ck_assert_uint_eq(access_rights(access_user(s_access, zr_span(NULL)), LIT("~anonymous")), 0);
    ck_assert_uint_eq(access_common(s_access, LIT("~a")), 0);
}

TEST(test_names) {
    s_use(fx_access("ann: r *\n-bob: r *\nanonymous: r *"));
    ck_assert_ptr_null(access_add_user(s_access, LIT("ann")));
    ck_assert_ptr_nonnull(access_user(s_access, LIT("ann")));
    ck_assert_ptr_null(access_user(s_access, LIT("Ann")));
    ck_assert_ptr_null(access_user(s_access, LIT("bob"))); /* banned, */
    ck_assert(access_is_user(s_access, LIT("bob")));       /* and still nobody else's name */
    ck_assert(access_is_user(s_access, LIT("ann")));
    ck_assert(!access_is_user(s_access, LIT("eve")));
    ck_assert(!access_is_user(s_access, LIT("anonymous")));
    ck_assert_ptr_nonnull(access_user(s_access, zr_span(NULL)));
    s_use(fx_access("ann: r *\n-anonymous: r *"));
    ck_assert_ptr_null(access_user(s_access, zr_span(NULL)));
}

TEST(test_admin_is_of_everything_or_of_nothing) {
    static const struct {
        const char *rules;
        bool admin;
    } cases[] = {{"a *", true}, {"ra *", true}, {"r *", false}, {"a x*", false}, {"a x", false}, {"a *, !a *", false},
        {"!a x, a *", false}, {"!r *, a *", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        snprintf(text, sizeof text, "ann: %s", cases[i].rules);
        s_use(fx_access(text));
        ck_assert_msg(access_is_admin(access_user(s_access, LIT("ann"))) == cases[i].admin, "%s", text);
    }
}

TEST(test_admin_brings_kick) {
    s_use(fx_access("ann: a *\nbob: ro x*\neve: r *"));
    ck_assert_uint_eq(access_rights(access_user(s_access, LIT("ann")), LIT("y")), RIGHT_ADMIN | RIGHT_KICK);
    ck_assert_uint_eq(access_rights(access_user(s_access, LIT("bob")), LIT("x/1")), RIGHT_READ | RIGHT_KICK);
    ck_assert_uint_eq(access_rights(access_user(s_access, LIT("bob")), LIT("y")), 0);
    ck_assert_uint_eq(access_rights(access_user(s_access, LIT("eve")), LIT("x")), RIGHT_READ);
}

TEST(test_gateway_is_of_everything_or_of_nothing) {
    s_use(fx_access("ann: g *\nbob: a *\neve: g x*\nmal: g *, !g x"));
    ck_assert(access_is_gateway(access_user(s_access, LIT("ann"))));
    ck_assert(!access_is_admin(access_user(s_access, LIT("ann"))));
    ck_assert(!access_is_gateway(access_user(s_access, LIT("bob"))));
    ck_assert(!access_is_gateway(access_user(s_access, LIT("eve"))));
    ck_assert(!access_is_gateway(access_user(s_access, LIT("mal"))));
}

TEST(test_a_leaf_is_a_gateway_too) {
    s_use(fx_access("ann: l *\nbob: g *\neve: l x*"));
    ck_assert(access_is_leaf(access_user(s_access, LIT("ann"))));
    ck_assert(access_is_gateway(access_user(s_access, LIT("ann"))));
    ck_assert(!access_is_leaf(access_user(s_access, LIT("bob"))));
    ck_assert(!access_is_gateway(access_user(s_access, LIT("eve"))));
}

TEST(test_plain) {
    s_use(fx_access("ann: r *"));
    ck_assert(!access_is_plain(s_access));
    access_set_plain(s_access, true);
    ck_assert(access_is_plain(s_access));
    s_use(access_new_open());
    ck_assert(access_is_plain(s_access));
}

/* A gateway without a right in any room would make every room private. */
TEST(test_gateways_do_not_count_for_common_rights) {
    s_use(fx_access("ann: rw *, !r x\nweb: g *"));
    ck_assert_uint_eq(access_common(s_access, LIT("a")), READ | WRITE);
    ck_assert_uint_eq(access_common(s_access, LIT("x")), WRITE);
    s_use(fx_access("web: g *, r *")); /* nobody is there whom it could carry */
    ck_assert_uint_eq(access_common(s_access, LIT("a")), 0);
    s_use(fx_access("ann: r *\nanonymous: r o*\nweb: g *")); /* whoever comes over it is anonymous first */
    ck_assert_uint_eq(access_common(s_access, LIT("o")), READ);
    ck_assert_uint_eq(access_common(s_access, LIT("a")), 0);
}

TEST(test_common_rights) {
    s_use(fx_access("ann: rw *, !r x\nbob: r *, p chat/*\neve: p chat/*, rc *\n-mal: w a"));
    ck_assert_uint_eq(access_common(s_access, LIT("a")), READ); /* a banned user does not count */
    ck_assert_uint_eq(access_common(s_access, LIT("x")), 0);
    ck_assert_uint_eq(access_common(s_access, LIT("chat/a")), READ);
    access_set_plain(s_access, true); /* now anybody could be connected, */
    ck_assert_uint_eq(access_common(s_access, LIT("a")), 0);
    s_use(fx_access("ann: rw *\nanonymous: r o*")); /* unless there are rights for anybody */
    access_set_plain(s_access, true);
    ck_assert_uint_eq(access_common(s_access, LIT("o")), READ);
    ck_assert_uint_eq(access_common(s_access, LIT("a")), 0);
}

/* The same rules in any order, in any number of pieces, are the same; thousands of users cost what one does. */
TEST(test_users_of_equal_rules_are_one_group) {
    s_use(access_new());
    for (unsigned i = 0; i < 30000; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%u", i);
        access_user_t *user = access_add_user(s_access, zr_span(name));
        access_add_rule(user, false, READ | (i % 2 ? PRESENCE : 0), LIT("*"));
        access_add_rule(user, true, WRITE, LIT("x*"));
        access_add_rule(user, false, WRITE | (i % 2 ? 0 : PRESENCE), LIT("*"));
        access_add_rule(user, i == 29999, READ, LIT("last"));
    }
    access_finish(s_access);
    for (unsigned i = 0; i < 30000; i++) {
        ck_assert_uint_eq(access_common(s_access, LIT("r")), READ | WRITE | PRESENCE);
        ck_assert_uint_eq(access_common(s_access, LIT("last")), WRITE | PRESENCE);
    }
    ck_assert_uint_eq(access_common(s_access, LIT("x1")), READ | PRESENCE);
}

static int s_compare(const void *a, const void *b) {
    return strcmp(a, b);
}

/* The same as looking at every room, in as many steps as there are rules and rooms that may be read. */
TEST(test_the_next_that_may_be_read) {
    static const char *const users[] = {"ann: r b*, !r bb*, r bbb, r d, rw e*, !r ec, !w e*", "ann: r *, !r a*, !r c",
        "ann: w *", "ann:", "ann: r *, !r *", "ann: r \xC3\xA9*, r \xF4\x8F\xBF\xBF*, !r \xC3\xA9\xF4\x8F\xBF\xBF*",
        "ann: r a*, r ab*, r abc", "ann: r *, !r ~annb*, !r ~ann/a"};
    static const char *const letters[] = {
        "", "a", "b", "c", "d", "e", "~", "/", "~ann", "\xC3\xA9", "\xF4\x8F\xBF\xBF"};
    enum { LETTERS = sizeof letters / sizeof *letters, NAMES = LETTERS * LETTERS * LETTERS };
    static char names[NAMES][16];
    for (size_t i = 0; i < NAMES; i++)
        snprintf(names[i], sizeof names[i], "%s%s%s", letters[i / LETTERS / LETTERS], letters[i / LETTERS % LETTERS],
            letters[i % LETTERS]);
    qsort(names, NAMES, sizeof *names, s_compare);
    for (size_t u = 0; u < sizeof users / sizeof *users; u++) {
        s_use(fx_access(users[u]));
        const access_user_t *user = access_user(s_access, LIT("ann"));
        for (size_t i = 0, steps = 0; i < NAMES; i++) {
            char next[ACCESS_NEXT_SIZE];
            zr_span_t name = zr_span(names[i]);
            if (access_rights(user, name) & RIGHT_READ)
                continue;
            size_t len = access_next_readable(user, name, next);
            ck_assert(!len || zr_span_compare(zr_span_of(next, len), name) > 0);
            for (size_t k = i + 1; k < NAMES && (!len || zr_span_compare(zr_span(names[k]), zr_span_of(next, len)) < 0);
                 k++, i++)
                ck_assert_msg(!(access_rights(user, zr_span(names[k])) & RIGHT_READ), "%s: %s after %s", users[u],
                    names[k], names[i]);
            ck_assert_uint_le(++steps, 20);
        }
    }
}

TEST(test_the_next_after_the_longest_name) {
    char room[129] = "", rules[300], next[ACCESS_NEXT_SIZE];
    memset(room, 'r', 128);
    snprintf(rules, sizeof rules, "ann: r *, !r %s", room);
    s_use(fx_access(rules));
    ck_assert_uint_eq(access_next_readable(access_user(s_access, LIT("ann")), zr_span(room), next), 129);
}

static void s_collect(void *ctx, zr_span_t name, bool banned) {
    char *text = ctx;
    snprintf(text + strlen(text), 64, "%.*s%s ", (int)name.len, name.ptr, banned ? "!" : "");
}

TEST(test_who_is_gone) {
    char text[256] = "";
    access_t *before = fx_access("ann: r *\nbob: r *\neve: r *\n-mal: r *\n-max: r *\nanonymous: r *");
    access_t *now = fx_access("ann: w *\n-bob: r *\nmax: r *\nnew: r *");
    access_each_gone(before, now, s_collect, text);
    ck_assert_str_eq(text, "bob! eve ");
    access_t *open = access_new_open();
    access_each_gone(before, open, s_collect, text);
    access_each_gone(open, now, s_collect, text);
    ck_assert_str_eq(text, "bob! eve ");
    access_destroy(before);
    access_destroy(now);
    access_destroy(open);
}

static grant_t s_grant(const char *user, const char *role, const char *other) {
    grant_t grant = {.signer = 7, .role_count = other ? 2 : 1};
    snprintf(grant.user, sizeof grant.user, "%s", user);
    snprintf(grant.roles[0], sizeof grant.roles[0], "%s", role);
    snprintf(grant.roles[1], sizeof grant.roles[1], "%s", other ? other : "");
    return grant;
}

static bool s_takes(const char *user, const char *role, const char *other, uint64_t signer) {
    grant_t grant = s_grant(user, role, other);
    grant.signer = signer;
    return access_takes(s_access, &grant);
}

TEST(test_signed_logins) {
    s_use(fx_access("ann: r *\n-bob: r *\n@member: rw *, !w news\n@mod: w news, c *\n#7\n#8\n"));
    ck_assert(s_takes("carol", "member", NULL, 7) && s_takes("carol", "member", "mod", 8));
    ck_assert(!s_takes("carol", "member", NULL, 9));
    ck_assert(!s_takes("carol", "member", "ann", 7) && !s_takes("carol", "other", NULL, 7));
    ck_assert(!s_takes("ann", "member", NULL, 7) && !s_takes("Bob", "member", NULL, 7));
    ck_assert(!s_takes("zrelay", "member", NULL, 7));
    grant_t grant = s_grant("carol", "mod", "member");
    access_user_t *rights = access_of_grant(s_access, &grant);
    ck_assert_uint_eq(access_rights(rights, LIT("x")), READ | WRITE | CREATE);
    ck_assert_uint_eq(access_rights(rights, LIT("news")), READ | CREATE); /* the denial of either holds */
    access_user_free(rights);
    access_user_free(NULL);
    grant.role_count = 0;
    ck_assert(!access_takes(s_access, &grant));
    s_use(access_new_open());
    ck_assert(!s_takes("carol", "member", NULL, 7));
}

/* What all may do, somebody with any one of the roles must be allowed, as soon as there is a key. */
TEST(test_roles_count_for_what_all_may_do) {
    s_use(fx_access("ann: rw *\n@guest: r lobby\n"));
    ck_assert_uint_eq(access_common(s_access, LIT("x")), READ | WRITE);
    s_use(fx_access("ann: rw *\n@guest: r lobby\n#7\n"));
    ck_assert_uint_eq(access_common(s_access, LIT("x")), 0);
    ck_assert_uint_eq(access_common(s_access, LIT("lobby")), READ);
    s_use(fx_access("@guest: r lobby\n#7\n")); /* no user but such ones */
    ck_assert_uint_eq(access_common(s_access, LIT("lobby")), READ);
}

UNIT_SUITE_WITH("broker.core.access", NULL, s_end)
