/* Users for tests, from a short text. */
#include "fixture.h"

static rights_t s_rights(const char **at) {
    static const char letters[] = "rwspcag";
    rights_t rights = 0;
    for (; **at != ' '; ++*at) {
        const char *letter = strchr(letters, **at);
        ck_assert_msg(letter && **at, "no right: %s", *at);
        rights |= 1U << (letter - letters);
    }
    ++*at;
    return rights;
}

access_t *fx_access(const char *text) {
    access_t *access = access_new();
    for (const char *at = text; *at;) {
        bool banned = *at == '-';
        at += banned;
        size_t len = strcspn(at, ":");
        access_user_t *user = access_add_user(access, zr_span_of(at, len));
        ck_assert_ptr_nonnull(user);
        access_set_banned(user, banned);
        for (at += len + 1; *at == ' ';) {
            bool deny = *++at == '!';
            at += deny;
            rights_t rights = s_rights(&at);
            len = strcspn(at, ",\n");
            access_add_rule(user, deny, rights, zr_span_of(at, len));
            at += len + (at[len] == ',');
        }
        at += *at == '\n';
    }
    access_finish(access);
    return access;
}

void fx_set_access(const char *text) {
    relay_set_access(fx.relay, fx_access(text));
    fx_run();
}
