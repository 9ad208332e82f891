#include "access.h"

#include <stdlib.h>
#include <string.h>

#include "access_build.h"
#include "fatal.h"
#include "hash.h"
#include "names.h"
#include "policy.h"
#include "unicode.h"

typedef struct {
    char pattern[ZR_ROOM_MAX + 1];
    size_t len;
    bool deny;
    rights_t rights;
} rule_t;

struct access_user {
    char name[ZR_NICK_MAX];
    size_t name_len;
    bool banned;
    rule_t
        *rules; /* after access_finish in order, each pattern at most once among the allows and once among the denies */
    size_t rule_count, rule_size;
    zr_buffer_t folded; /* the name as zr_fold makes it */
    UT_hash_handle hh, by_folded;
};

struct access {
    bool open_mode, plain;
    access_user_t *users;
    access_user_t *folded; /* the same, by folded names */
    access_user_t *roles;  /* that signed logins may name */
    uint64_t *signers;     /* the keys that sign them */
    size_t signer_count, signer_size;
    access_user_t **groups; /* of those that are let in and are no gateways one for each set of rules */
    size_t group_count;
    access_user_t sure; /* nobody: the allows that all groups have, and everybody's denies */
};

access_t *access_new(void) {
    return fatal_calloc(sizeof(access_t));
}

access_t *access_new_open(void) {
    access_t *access = access_new();
    access_add_rule(access_add_user(access, zr_span(ZR_ANONYMOUS)), false, RIGHT_ALL, zr_span("*"));
    access->open_mode = true;
    access_finish(access);
    return access;
}

void access_user_free(access_user_t *user) {
    if (user)
        free(user->rules);
    free(user);
}

void access_destroy(access_t *access) {
    if (!access)
        return;
    access_user_t *user, *next;
    HASH_ITER(hh, access->users, user, next) {
        HASH_DEL(access->users, user);
        HASH_DELETE(by_folded, access->folded, user);
        zr_buffer_finish(&user->folded);
        access_user_free(user);
    }
    HASH_ITER(hh, access->roles, user, next) {
        HASH_DEL(access->roles, user);
        access_user_free(user);
    }
    free(access->signers);
    free(access->groups);
    free(access->sure.rules);
    free(access);
}

static access_user_t *s_find(const access_t *access, zr_span_t name) {
    access_user_t *user;
    HASH_FIND(hh, access->users, name.ptr, name.len, user);
    return user;
}

static access_user_t *s_find_role(const access_t *access, zr_span_t name) {
    access_user_t *role;
    HASH_FIND(hh, access->roles, name.ptr, name.len, role);
    return role;
}

/* --- Building --- */

static access_user_t *s_new(zr_span_t name) {
    FATAL_UNLESS(name.len > 0 && name.len <= ZR_NICK_MAX);
    access_user_t *user = fatal_calloc(sizeof *user);
    memcpy(user->name, name.ptr, name.len);
    user->name_len = name.len;
    return user;
}

access_user_t *access_add_user(access_t *access, zr_span_t name) {
    if (s_find(access, name))
        return NULL;
    access_user_t *user = s_new(name);
    HASH_ADD(hh, access->users, name, name.len, user);
    zr_fold(&user->folded, name);
    HASH_ADD_KEYPTR(by_folded, access->folded, user->folded.data, user->folded.len, user);
    return user;
}

access_user_t *access_add_role(access_t *access, zr_span_t name) {
    if (s_find_role(access, name))
        return NULL;
    access_user_t *role = s_new(name);
    HASH_ADD(hh, access->roles, name, name.len, role);
    return role;
}

void access_add_signer(access_t *access, uint64_t signer) {
    FATAL_GROW(access->signers, access->signer_count, access->signer_size);
    access->signers[access->signer_count++] = signer;
}

/* Operators may kick everywhere. */
static rights_t s_implied(rights_t rights) {
    return rights & RIGHT_ADMIN ? rights | RIGHT_KICK : rights;
}

void access_add_rule(access_user_t *user, bool deny, rights_t rights, zr_span_t pattern) {
    FATAL_UNLESS(pattern.len <= ZR_ROOM_MAX + 1);
    FATAL_GROW(user->rules, user->rule_count, user->rule_size);
    rule_t *rule = &user->rules[user->rule_count++];
    *rule = (rule_t){.len = pattern.len, .deny = deny, .rights = s_implied(rights)};
    memcpy(rule->pattern, pattern.ptr, pattern.len);
}

void access_set_banned(access_user_t *user, bool banned) {
    user->banned = banned;
}

void access_set_plain(access_t *access, bool plain) {
    access->plain = plain;
}

static zr_span_t s_pattern(const rule_t *rule) {
    return zr_span_of(rule->pattern, rule->len);
}

/* Compares rules by `deny` and pattern; their rights do not count. */
static int s_compare_rules(const void *a, const void *b) {
    const rule_t *one = a, *other = b;
    return one->deny != other->deny ? one->deny - other->deny : zr_span_compare(s_pattern(one), s_pattern(other));
}

/* Sorts the rules, and merges those with the same `deny` and pattern. */
static void s_tidy(access_user_t *user) {
    if (user->rule_count == 0)
        return;
    qsort(user->rules, user->rule_count, sizeof *user->rules, s_compare_rules);
    size_t last = 0;
    for (size_t i = 1; i < user->rule_count; i++)
        if (s_compare_rules(&user->rules[last], &user->rules[i]) == 0)
            user->rules[last].rights |= user->rules[i].rights;
        else
            user->rules[++last] = user->rules[i];
    user->rule_count = last + 1;
}

static int s_compare_users(const void *a, const void *b) {
    const access_user_t *one = *(access_user_t *const *)a, *other = *(access_user_t *const *)b;
    if (one->rule_count != other->rule_count)
        return one->rule_count < other->rule_count ? -1 : 1;
    for (size_t i = 0; i < one->rule_count; i++) {
        const rule_t *mine = &one->rules[i], *its = &other->rules[i];
        int order = s_compare_rules(mine, its);
        if (order == 0 && mine->rights != its->rights)
            order = mine->rights < its->rights ? -1 : 1;
        if (order != 0)
            return order;
    }
    return 0;
}

/* The user's rule with the same `deny` and pattern. NULL: the user has no such rule. */
static const rule_t *s_same(const access_user_t *user, const rule_t *rule) {
    return user->rule_count ? bsearch(rule, user->rules, user->rule_count, sizeof *rule, s_compare_rules) : NULL;
}

/* Finds rules that give no more than the rights that all groups have. Most users have their roles' rules and few of
 * their own, so mostly these rules already give all common rights. */
static void s_find_sure(access_t *access) {
    access_user_t *sure = &access->sure;
    const access_user_t *first = access->groups[0];
    sure->rule_count = 0;
    for (size_t i = 0; i < first->rule_count && !first->rules[i].deny; i++) {
        rights_t all = first->rules[i].rights;
        for (size_t g = 1; g < access->group_count && all; g++) {
            const rule_t *its = s_same(access->groups[g], &first->rules[i]);
            all &= its ? its->rights : 0;
        }
        if (all)
            access_add_rule(sure, false, all, s_pattern(&first->rules[i]));
    }
    for (size_t g = 0; g < access->group_count; g++) {
        const access_user_t *group = access->groups[g];
        for (size_t i = 0; i < group->rule_count; i++)
            if (group->rules[i].deny)
                access_add_rule(sure, true, group->rules[i].rights, s_pattern(&group->rules[i]));
    }
    s_tidy(sure);
}

void access_finish(access_t *access) {
    size_t most = HASH_COUNT(access->users) + HASH_COUNT(access->roles) + 1;
    access->group_count = 0;
    access->groups = fatal_realloc(access->groups, most * sizeof *access->groups);
    for (access_user_t *role = access->roles; role; role = role->hh.next) {
        s_tidy(role);
        if (access->signer_count > 0 && !access_is_gateway(role))
            access->groups[access->group_count++] = role;
    }
    for (access_user_t *user = access->users; user; user = user->hh.next) {
        s_tidy(user);
        if (!user->banned && !access_is_gateway(user))
            access->groups[access->group_count++] = user;
    }
    if (access->group_count == 0)
        return;
    qsort(access->groups, access->group_count, sizeof(access_user_t *), s_compare_users);
    size_t last = 0;
    for (size_t i = 1; i < access->group_count; i++)
        if (s_compare_users(&access->groups[last], &access->groups[i]) != 0)
            access->groups[++last] = access->groups[i];
    access->group_count = last + 1;
    s_find_sure(access);
}

/* --- Asking --- */

bool access_is_open_mode(const access_t *access) {
    return access->open_mode;
}

bool access_is_plain(const access_t *access) {
    return access->open_mode || access->plain;
}

const access_user_t *access_user(const access_t *access, zr_span_t name) {
    const access_user_t *user = s_find(access, access->open_mode || !name.len ? zr_span(ZR_ANONYMOUS) : name);
    return user && !user->banned ? user : NULL;
}

bool access_is_user(const access_t *access, zr_span_t name) {
    return !access->open_mode && !zr_span_equal(name, zr_span(ZR_ANONYMOUS)) && s_find(access, name);
}

static bool s_has_signer(const access_t *access, uint64_t signer) {
    for (size_t i = 0; i < access->signer_count; i++)
        if (access->signers[i] == signer)
            return true;
    return false;
}

bool access_takes(const access_t *access, const grant_t *grant) {
    zr_span_t name = zr_span(grant->user);
    bool ok = s_has_signer(access, grant->signer) && grant->role_count > 0 && !zr_nick_reserved(name) &&
              !access_resembles_user(access, name);
    for (size_t i = 0; ok && i < grant->role_count; i++)
        ok = s_find_role(access, zr_span(grant->roles[i])) != NULL;
    return ok;
}

access_user_t *access_of_grant(const access_t *access, const grant_t *grant) {
    access_user_t *user = s_new(zr_span(grant->user));
    for (size_t i = 0; i < grant->role_count; i++) {
        const access_user_t *role = s_find_role(access, zr_span(grant->roles[i]));
        FATAL_UNLESS(role);
        for (size_t r = 0; r < role->rule_count; r++)
            access_add_rule(user, role->rules[r].deny, role->rules[r].rights, s_pattern(&role->rules[r]));
    }
    s_tidy(user);
    return user;
}

bool access_resembles_user(const access_t *access, zr_span_t nick) {
    zr_buffer_t folded = {0};
    access_user_t *user = NULL;
    zr_fold(&folded, nick);
    HASH_FIND(by_folded, access->folded, folded.data, folded.len, user);
    zr_buffer_finish(&folded);
    return user && access_is_user(access, zr_span_of(user->name, user->name_len));
}

/* --- Homes --- */

static bool s_is_home(zr_span_t room) {
    return room.len > 0 && room.ptr[0] == ACCESS_HOME;
}

/* "~ann" and "~ann/…" are ann's. A user "ann/x" has no home: it would be in ann's. Peers that did not log in share a
 * name, so nothing is theirs. */
static bool s_is_owner(const access_user_t *user, zr_span_t room) {
    zr_span_t name = zr_span_of(user->name, user->name_len), owner = zr_span_of(room.ptr + 1, room.len - 1);
    return zr_span_starts(owner, name) && (owner.len == name.len || owner.ptr[name.len] == '/') &&
           !memchr(name.ptr, '/', name.len) && !zr_span_equal(name, zr_span(ZR_ANONYMOUS));
}

/* The first name after `room`, a home that is not the user's, that may be the user's or is no home. Its length. */
static size_t s_beyond_homes(const access_user_t *user, zr_span_t room, char next[ACCESS_NEXT_SIZE]) {
    next[0] = ACCESS_HOME;
    memcpy(next + 1, user->name, user->name_len);
    next[1 + user->name_len] = '/';
    for (size_t len = 1 + user->name_len; len <= 2 + user->name_len; len++)
        if (zr_span_compare(zr_span_of(next, len), room) > 0)
            return len;
    next[0] = ACCESS_HOME + 1;
    return 1;
}

/* --- Rights --- */

rights_t access_rights(const access_user_t *user, zr_span_t room) {
    rights_t allowed = 0, denied = 0;
    if (s_is_home(room) && !s_is_owner(user, room))
        return 0;
    for (size_t i = 0; i < user->rule_count; i++) {
        const rule_t *rule = &user->rules[i];
        if (policy_pattern_fits(s_pattern(rule), room))
            *(rule->deny ? &denied : &allowed) |= rule->rights;
    }
    return allowed & ~denied;
}

/* Writes the pattern without its '*' to `name`. true: it names all rooms that begin so; false: it names one room. */
static bool s_prefix(const rule_t *rule, zr_span_t *name) {
    *name = s_pattern(rule);
    bool many = name->len > 0 && name->ptr[name->len - 1] == '*';
    name->len -= many;
    return many;
}

/* The first name after `room` that the deny rule `rule` does not match. Returns its length. */
static size_t s_beyond(const rule_t *rule, zr_span_t room, char next[ACCESS_NEXT_SIZE]) {
    zr_span_t name;
    if (s_prefix(rule, &name)) {
        memcpy(next, name.ptr, name.len);
        if (name.len)
            next[name.len - 1]++; /* in UTF-8 there is no byte 255 */
        return name.len;
    }
    memcpy(next, room.ptr, room.len);
    next[room.len] = '\0';
    return room.len + 1;
}

size_t access_next_readable(const access_user_t *user, zr_span_t room, char next[ACCESS_NEXT_SIZE]) {
    zr_span_t nearest = {0};
    if (s_is_home(room) && !s_is_owner(user, room))
        return s_beyond_homes(user, room, next);
    for (size_t i = 0; i < user->rule_count; i++) {
        const rule_t *rule = &user->rules[i];
        zr_span_t name;
        if (!(rule->rights & RIGHT_READ))
            continue;
        if (rule->deny && policy_pattern_fits(s_pattern(rule), room))
            return s_beyond(rule, room, next);
        s_prefix(rule, &name);
        if (!rule->deny && zr_span_compare(name, room) > 0 && (!nearest.len || zr_span_compare(name, nearest) < 0))
            nearest = name;
    }
    if (nearest.len)
        memcpy(next, nearest.ptr, nearest.len);
    return nearest.len;
}

static bool s_has_everywhere(const access_user_t *user, right_t right) {
    bool has = false;
    for (size_t i = 0; i < user->rule_count; i++) {
        const rule_t *rule = &user->rules[i];
        if (!(rule->rights & right))
            continue;
        if (rule->deny)
            return false;
        has |= zr_span_equal(s_pattern(rule), zr_span("*"));
    }
    return has;
}

bool access_is_admin(const access_user_t *user) {
    return s_has_everywhere(user, RIGHT_ADMIN);
}

bool access_is_gateway(const access_user_t *user) {
    return s_has_everywhere(user, RIGHT_GATEWAY) || access_is_leaf(user);
}

bool access_is_leaf(const access_user_t *user) {
    return s_has_everywhere(user, RIGHT_LEAF);
}

bool access_sees_stats(const access_user_t *user) {
    return s_has_everywhere(user, RIGHT_STATS) || access_is_admin(user);
}

bool access_is_same(const access_user_t *one, const access_user_t *other) {
    return s_compare_users(&one, &other) == 0;
}

rights_t access_common(const access_t *access, zr_span_t room) {
    if (access->group_count == 0 || s_is_home(room) || (access->plain && !access_user(access, zr_span(NULL))))
        return 0;
    rights_t common = ~0U, sure = access_rights(&access->sure, room);
    for (size_t i = 0; i < access->group_count && common != sure; i++)
        common &= access_rights(access->groups[i], room);
    return common;
}

void access_each_gone(
    const access_t *before, const access_t *now, void (*tell)(void *ctx, zr_span_t name, bool banned), void *ctx) {
    for (const access_user_t *user = before->users; user; user = user->hh.next) {
        zr_span_t name = zr_span_of(user->name, user->name_len);
        if (!user->banned && access_is_user(before, name) && !access_user(now, name))
            tell(ctx, name, access_is_user(now, name));
    }
}
