/* Users for tests, from a short text. */
#include "fixture.h"

static rights_t s_rights(const char **at) {
    static const char letters[] = "rwspcagkol";
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
        if (*at == '#') {
            access_add_signer(access, (uint64_t)(at[1] - '0'));
            at += 3;
            continue;
        }
        bool banned = *at == '-', role = *at == '@';
        at += banned || role;
        size_t len = strcspn(at, ":");
        zr_span_t name = zr_span_of(at, len);
        access_user_t *user = role ? access_add_role(access, name) : access_add_user(access, name);
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
