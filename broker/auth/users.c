/* See users.h. The table; users_file.c reads the file. */
#include "users_internal.h"

#include <stdio.h>

#include "access_build.h"
#include "fatal.h"

void users_destroy_role(role_t *role) {
    if (role)
        zr_buffer_finish(&role->rules);
    free(role);
}

void users_destroy_user(user_t *user) {
    if (!user)
        return;
    zr_buffer_finish(&user->rules);
    zr_buffer_finish(&user->roles);
    zr_buffer_finish(&user->folded);
    free(user->tokens);
    free(user);
}

void users_destroy(users_t *users) {
    if (!users)
        return;
    user_key_t *key, *next_key;
    HASH_ITER(hh, users->by_key, key, next_key) {
        HASH_DEL(users->by_key, key);
        free(key);
    }
    user_t *user, *next;
    HASH_ITER(hh, users->by_name, user, next) {
        HASH_DEL(users->by_name, user);
        HASH_DELETE(by_folded, users->by_folded, user);
        users_destroy_user(user);
    }
    role_t *role, *next_role;
    HASH_ITER(hh, users->roles, role, next_role) {
        HASH_DEL(users->roles, role);
        users_destroy_role(role);
    }
    free(users);
}

/* --- Asking --- */

const user_t *users_of_name(const users_t *users, zr_span_t name) {
    user_t *user;
    HASH_FIND(hh, users->by_name, name.ptr, name.len, user);
    return user;
}

const user_t *users_of_key(const users_t *users, const uint8_t key[ZR_CURVE_BYTES]) {
    user_key_t *found;
    HASH_FIND(hh, users->by_key, key, ZR_CURVE_BYTES, found);
    return found ? found->owner : NULL;
}

const char *user_name(const user_t *user) {
    return user->name;
}

bool user_is_banned(const user_t *user) {
    return user->banned;
}

size_t user_tokens(const user_t *user, char hashes[USERS_TOKENS_MAX][TOKEN_HASH_SIZE]) {
    if (user->token_count > 0)
        memcpy(hashes, user->tokens, user->token_count * sizeof *user->tokens);
    return user->token_count;
}

bool user_has_token(const user_t *user, const char *hash) {
    for (size_t i = 0; i < user->token_count; i++)
        if (strcmp(user->tokens[i], hash) == 0)
            return true;
    return false;
}

users_count_t users_count(const users_t *users) {
    users_count_t count = {.users = HASH_COUNT(users->by_name),
        .keys = HASH_COUNT(users->by_key),
        .signed_roles = HASH_COUNT(users->roles)};
    for (const user_t *user = users->by_name; user; user = user->hh.next) {
        count.tokens += user->token_count;
        if (user->token_count > count.most_tokens)
            count.most_tokens = user->token_count;
    }
    return count;
}

bool users_check_way(const users_t *users, const char *path, bool tokens, bool encrypted, zr_error_t *error) {
    if (tokens || encrypted || users_of_name(users, zr_span(ZR_ANONYMOUS)))
        return true;
    return zr_fail(error,
        "%s: nobody could come in: nothing is encrypted, so keys do not count; add auth/tokens = 1, a user "
        "anonymous, or --server-key and a listener that is encrypted",
        path);
}

size_t users_keyless(const users_t *users, bool token, const char **first) {
    size_t count = 0;
    for (const user_t *user = users->by_name; user; user = user->hh.next) {
        if (user->key_count || (user->token_count > 0) != token || strcmp(user->name, ZR_ANONYMOUS) == 0)
            continue;
        if (count++ == 0)
            *first = user->name;
    }
    return count;
}

/* --- Bans, rights --- */

void users_set_bans(users_t *users, const bans_t *bans) {
    for (user_t *user = users->by_name; user; user = user->hh.next)
        user->to_ban = false;
    for (size_t i = 0; i < bans->count; i++) {
        user_t *user;
        HASH_FIND_STR(users->by_name, bans->items[i].user, user);
        if (user)
            user->to_ban = true;
    }
}

void users_enforce_bans(users_t *users) {
    for (user_t *user = users->by_name; user; user = user->hh.next)
        user->banned = user->to_ban;
}

access_t *users_access(const users_t *users, bool plain) {
    access_t *access = access_new();
    for (const user_t *user = users->by_name; user; user = user->hh.next) {
        access_user_t *added = access_add_user(access, zr_span(user->name));
        FATAL_UNLESS(added);
        const rule_t *rules = (const rule_t *)user->rules.data;
        for (size_t i = 0; i < user->rules.len / sizeof *rules; i++)
            access_add_rule(added, rules[i].deny, rules[i].rights, zr_span(rules[i].pattern));
        access_set_banned(added, user->to_ban);
    }
    access_set_plain(access, plain);
    access_finish(access);
    return access;
}

/* --- What a new file takes away --- */

static bool s_lost_token(const user_t *before, const user_t *now) {
    for (size_t i = 0; i < before->token_count; i++)
        if (!user_has_token(now, before->tokens[i]))
            return true;
    return false;
}

static void s_append_once(zr_buffer_t *names, const char *name) {
    user_name_t entry = {""};
    memcpy(entry.name, name, strlen(name));
    const user_name_t *all = (const user_name_t *)names->data;
    for (size_t i = 0; i < names->len / sizeof *all; i++)
        if (strcmp(all[i].name, name) == 0)
            return;
    zr_buffer_append(names, &entry, sizeof entry);
}

void users_disowned(const users_t *before, const users_t *now, zr_buffer_t *names) {
    for (const user_key_t *key = before->by_key; key; key = key->hh.next) {
        const user_t *owner = users_of_key(now, key->key);
        zr_span_t name = zr_span(key->owner->name);
        if (users_of_name(now, name) && (!owner || !zr_span_equal(zr_span(owner->name), name)))
            s_append_once(names, key->owner->name);
    }
    for (const user_t *user = before->by_name; user; user = user->hh.next) {
        const user_t *same = users_of_name(now, zr_span(user->name));
        if (same && s_lost_token(user, same))
            s_append_once(names, user->name);
    }
}

void users_gone(const users_t *before, const users_t *now, zr_buffer_t *names) {
    for (const user_t *user = before->by_name; user; user = user->hh.next) {
        const user_t *same = users_of_name(now, zr_span(user->name));
        user_name_t entry = {""};
        memcpy(entry.name, user->name, strlen(user->name));
        if (!same || same->to_ban)
            zr_buffer_append(names, &entry, sizeof entry);
    }
}
