/* See users_signed.h. */
#include "users_signed.h"

#include "access_build.h"
#include "unicode.h"
#include "users_internal.h"

static void s_add_role(const role_t *role, access_t *access) {
    access_user_t *added = access_add_role(access, zr_span(role->name));
    const rule_t *rules = (const rule_t *)role->rules.data;
    for (size_t i = 0; i < role->rules.len / sizeof *rules; i++)
        access_add_rule(added, rules[i].deny, rules[i].rights, zr_span(rules[i].pattern));
}

void users_add_signed(const users_t *users, const bans_t *bans, const jwt_keys_t *keys, access_t *access) {
    for (const role_t *role = users->roles; role; role = role->hh.next)
        s_add_role(role, access);
    for (size_t i = 0; i < jwt_keys_count(keys); i++)
        access_add_signer(access, jwt_keys_number(keys, i));
    for (size_t i = 0; i < bans->count; i++) {
        access_user_t *banned = access_add_user(access, zr_span(bans->items[i].user));
        if (banned) /* else the file has the user */
            access_set_banned(banned, true);
    }
    access_finish(access);
}

static bool s_resembles_user(const users_t *users, zr_span_t folded) {
    user_t *user;
    HASH_FIND(by_folded, users->by_folded, folded.ptr, folded.len, user);
    return user != NULL;
}

/* The same of a banned name. There are few bans, and a signature costs more than to look at a thousand. */
static bool s_resembles_banned(const bans_t *bans, zr_span_t folded) {
    zr_buffer_t other = {0};
    bool found = false;
    for (size_t i = 0; i < bans->count && !found; i++) {
        other.len = 0;
        zr_fold(&other, zr_span(bans->items[i].user));
        found = zr_span_equal(zr_span_of(other.data, other.len), folded);
    }
    zr_buffer_finish(&other);
    return found;
}

/* Names that differ in case or width only are the same for people. */
static const char *s_refuse_name(const users_t *users, const bans_t *bans, zr_span_t name) {
    zr_buffer_t buffer = {0};
    zr_fold(&buffer, name);
    zr_span_t folded = zr_span_of(buffer.data, buffer.len);
    const char *why = NULL;
    if (s_resembles_banned(bans, folded))
        why = "banned";
    else if (zr_nick_reserved(name) || s_resembles_user(users, folded))
        why = "the token's sub is the name of a user of the users file, or a reserved word";
    zr_buffer_finish(&buffer);
    return why;
}

static bool s_has_role(const users_t *users, const char *name) {
    role_t *role;
    HASH_FIND_STR(users->roles, name, role);
    return role != NULL;
}

const char *users_refuse_signed(const users_t *users, const bans_t *bans, const grant_t *grant) {
    const char *why = s_refuse_name(users, bans, zr_span(grant->user));
    for (size_t i = 0; !why && i < grant->role_count; i++)
        if (!s_has_role(users, grant->roles[i]))
            return "the token names a role that the users file does not have, or has without jwt = 1";
    return why;
}
