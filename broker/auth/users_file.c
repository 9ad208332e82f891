/* The users file's text becomes a table of users; see users.h. On any doubt it is refused. */
#include "users_internal.h"

#include <sys/stat.h>

#include "fatal.h"
#include "policy.h"
#include "unicode.h"
#include "zpl.h"

typedef struct {
    users_t *users;
    role_t *by_role; /* the roles that are done */
    role_t *role;    /* the section being read: one of these two, or neither */
    user_t *user;
    unsigned line;        /* where it begins */
    unsigned faults;      /* told before it: with one more, its name may be what was refused */
    unsigned name_line;   /* where its name stands; 0: not yet */
    unsigned secret_line; /* where its first key or token stands */
} reading_t;

/* --- Names --- */

/* NULL, or what is wrong. */
static const char *s_set_name(char place[ZR_NICK_MAX + 1], const char *text) {
    const char *fault = zr_nick_fault(zr_span(text));
    if (!fault)
        strcpy(place, text);
    else if (fault == zr_code_text(ZR_BAD_NICK))
        fault = "no valid name; write 1 to 32 bytes without spaces and control characters";
    return fault;
}

static bool s_on_name(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    if (reading->name_line)
        return zr_fail(error, "already set in line %u; begin a section of its own for each", reading->name_line);
    reading->name_line = item->line;
    const char *sentence = s_set_name(reading->role ? reading->role->name : reading->user->name, item->value);
    return !sentence || zr_fail(error, "%s", sentence);
}

static bool s_on_role(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    role_ref_t ref = {.line = item->line};
    const char *sentence = s_set_name(ref.name, item->value);
    if (sentence)
        return zr_fail(error, "%s", sentence);
    zr_buffer_append(&reading->user->roles, &ref, sizeof ref);
    return true;
}

/* --- Rules --- */

static bool s_parse_rights(zr_span_t text, rights_t *rights, zr_error_t *error) {
    for (zr_span_t word; (word = zr_span_word(&text)).len > 0;) {
        rights_t right = right_named(word);
        if (!right)
            return zr_fail(error,
                "\"%.*s\" is no right; there are read, write, state, presence, create, work, all (these six), kick, "
                "admin, gateway, leaf and stats",
                (int)(word.len < 40 ? word.len : 40), word.ptr);
        *rights |= right;
    }
    return *rights || zr_fail(error, "no right is named; write \"read write : ROOM\"");
}

/* "RIGHT... : PATTERN..." */
static bool s_parse_rule(zr_buffer_t *rules, bool deny, const char *text, zr_error_t *error) {
    rule_t rule = {.deny = deny};
    zr_span_t rooms = zr_span(text), rights = zr_span_cut(&rooms, ':');
    if (rights.len == strlen(text))
        return zr_fail(error, "a colon is missing; write \"read write : ROOM OTHER/*\"");
    if (!s_parse_rights(rights, &rule.rights, error))
        return false;
    size_t count = 0;
    for (zr_span_t word; (word = zr_span_word(&rooms)).len > 0; count++) {
        const char *fault = policy_pattern_fault(word);
        if (fault)
            return zr_fail(error, "\"%.*s\" %s", (int)(word.len < 130 ? word.len : 130), word.ptr, fault);
        if (word.ptr[word.len - 1] == ',') /* a room may be called so, but hardly is, and then the rule is lost */
            return zr_fail(error, "\"%.*s\" ends in a comma; blanks stand between rooms",
                (int)(word.len < 130 ? word.len : 130), word.ptr);
        if ((rule.rights & RIGHT_EVERYWHERE) && !zr_span_equal(word, zr_span("*"))) {
            const char *name = right_name(rule.rights & RIGHT_EVERYWHERE);
            return zr_fail(error, "%s is for all rooms or none; write it in a rule of its own, \"%s : *\"", name, name);
        }
        memset(rule.pattern, 0, sizeof rule.pattern);
        memcpy(rule.pattern, word.ptr, word.len);
        zr_buffer_append(rules, &rule, sizeof rule);
    }
    return count > 0 || zr_fail(error, "no room is named after the colon; write a name, \"NAME*\" or \"*\"");
}

static bool s_on_rule(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    zr_buffer_t *rules = reading->role ? &reading->role->rules : &reading->user->rules;
    return s_parse_rule(rules, strcmp(item->name, "deny") == 0, item->value, error);
}

static bool s_on_jwt(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    reading->role->jwt = strcmp(item->value, "1") == 0;
    return reading->role->jwt || strcmp(item->value, "0") == 0 ||
           zr_fail(error, "neither 1 (signed logins may name the role) nor 0");
}

/* --- Keys and tokens. A value that is not right is not shown: it may be a secret put in the wrong place. --- */

static bool s_on_key(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    uint8_t bytes[ZR_CURVE_BYTES];
    if (!zr_curve_decode(zr_span(item->value), bytes))
        return zr_fail(error, "no public key; write the 40 characters of the certificate's public-key, in quotes");
    user_key_t *key;
    HASH_FIND(hh, reading->users->by_key, bytes, sizeof bytes, key);
    if (key)
        return zr_fail(error, "the same key as in line %u; every user needs keys of his own", key->line);
    key = fatal_calloc(sizeof *key);
    memcpy(key->key, bytes, sizeof bytes);
    key->owner = reading->user;
    key->owner->key_count++;
    key->line = item->line;
    HASH_ADD(hh, reading->users->by_key, key, sizeof key->key, key);
    return true;
}

static bool s_on_token(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    user_t *user = reading->user;
    if (!token_hash_valid(item->value))
        return zr_fail(error, "no token's hash as \"zrelayd --hash-token\" writes them; make it anew");
    if (user->token_count == USERS_TOKENS_MAX)
        return zr_fail(error, "more than 4 tokens; remove the old ones");
    if (!user->tokens)
        user->tokens = fatal_calloc(USERS_TOKENS_MAX * sizeof *user->tokens);
    strcpy(user->tokens[user->token_count++], item->value);
    return true;
}

static bool s_on_secret(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    if (!reading->secret_line)
        reading->secret_line = item->line;
    return strcmp(item->name, "key") == 0 ? s_on_key(reading, item, error) : s_on_token(reading, item, error);
}

/* --- Sections --- */

static bool s_end_role(reading_t *reading, role_t *role, zr_error_t *error) {
    role_t *same;
    HASH_FIND_STR(reading->by_role, role->name, same);
    if (same)
        return zr_fail(
            zr_error_at(error, reading->name_line, "role", "name"), "another role has this name; rename one");
    HASH_ADD_STR(reading->by_role, name, role);
    return true;
}

/* NULL, or why the user may not have its name. */
static const char *s_check_name(const reading_t *reading, user_t *user) {
    user_t *alike;
    if (users_of_name(reading->users, zr_span(user->name)))
        return "another user has this name; put all of his keys in one section";
    zr_fold(&user->folded, zr_span(user->name));
    zr_span_t folded = zr_span_of(user->folded.data, user->folded.len);
    HASH_FIND(by_folded, reading->users->by_folded, folded.ptr, folded.len, alike);
    if (alike)
        return "another user's name differs from this one in case or width only; rename one";
    if (zr_span_equal(folded, zr_span(ZR_ANONYMOUS)) && strcmp(user->name, ZR_ANONYMOUS) != 0)
        return "the user of peers that did not log in is \"anonymous\"; write it so, or choose another name";
    return NULL;
}

static bool s_end_user(reading_t *reading, user_t *user, zr_error_t *error) {
    const char *wrong = s_check_name(reading, user);
    if (wrong)
        return zr_fail(zr_error_at(error, reading->name_line, "user", "name"), "%s", wrong);
    if (strcmp(user->name, ZR_ANONYMOUS) == 0 && reading->secret_line)
        return zr_fail(zr_error_at(error, reading->secret_line, "user", NULL),
            "anonymous stands for clients without a login and can have no key and no token; remove it, or rename the "
            "user");
    user->line = reading->line;
    HASH_ADD_STR(reading->users->by_name, name, user);
    HASH_ADD_KEYPTR(by_folded, reading->users->by_folded, user->folded.data, user->folded.len, user);
    return true;
}

/* The section being read, if any, is done. */
static void s_end_section(reading_t *reading, zr_error_t *error) {
    role_t *role = reading->role;
    user_t *user = reading->user;
    reading->role = NULL;
    reading->user = NULL;
    if (!role && !user)
        return;
    if (!reading->name_line && error->count == reading->faults)
        zr_fail(zr_error_at(error, reading->line, role ? "role" : "user", NULL),
            "the name is missing; write \"name = NAME\" below it, indented by 4 spaces");
    bool named = role ? role->name[0] : user->name[0]; /* else the name was refused */
    if (role && !(named && s_end_role(reading, role, error)))
        users_destroy_role(role);
    if (user && !(named && s_end_user(reading, user, error)))
        users_destroy_user(user);
}

static bool s_on_section(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error) {
    bool role = strcmp(item->section, "role") == 0;
    if (!role && strcmp(item->section, "user") != 0)
        return zr_fail(error, "no such section; there are \"user\" and \"role\"");
    if (item->value[0])
        return zr_fail(error, "a section has no value; its members follow below it, indented by 4 spaces");
    reading->line = item->line;
    reading->faults = error->count;
    reading->name_line = reading->secret_line = 0;
    if (role)
        reading->role = fatal_calloc(sizeof *reading->role);
    else
        reading->user = fatal_calloc(sizeof *reading->user);
    return true;
}

static const struct {
    const char *name;
    bool of_roles, of_users;
    bool (*read)(reading_t *reading, const zr_zpl_item_t *item, zr_error_t *error);
} s_members[] = {
    {"name", true, true, s_on_name},
    {"allow", true, true, s_on_rule},
    {"deny", true, true, s_on_rule},
    {"jwt", true, false, s_on_jwt},
    {"role", false, true, s_on_role},
    {"key", false, true, s_on_secret},
    {"token", false, true, s_on_secret},
};

/* --- The whole --- */

/* Every role that a user has is there; its rules become the user's. */
static void s_join_roles(const reading_t *reading, user_t *user, zr_error_t *error) {
    const role_ref_t *refs = (const role_ref_t *)user->roles.data;
    for (size_t i = 0; i < user->roles.len / sizeof *refs; i++) {
        role_t *role;
        HASH_FIND_STR(reading->by_role, refs[i].name, role);
        if (role)
            zr_buffer_append(&user->rules, role->rules.data, role->rules.len);
        else
            zr_fail(zr_error_at(error, refs[i].line, "user", "role"), "no role has this name; check the spelling");
    }
    zr_buffer_finish(&user->roles);
}

static void s_check_anonymous(const user_t *user, zr_error_t *error) {
    const rule_t *rules = (const rule_t *)user->rules.data;
    for (size_t i = 0; strcmp(user->name, ZR_ANONYMOUS) == 0 && i < user->rules.len / sizeof *rules; i++)
        if (!rules[i].deny && (rules[i].rights & RIGHT_ADMIN))
            zr_fail(zr_error_at(error, user->line, "user", NULL),
                "anonymous may not have admin, or everybody would; take the rule or the role away");
}

static bool s_on_item(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    reading_t *reading = ctx;
    if (!item || !item->name)
        s_end_section(reading, error);
    if (!item) {
        for (user_t *user = reading->users->by_name; user; user = user->hh.next) {
            s_join_roles(reading, user, error);
            s_check_anonymous(user, error);
        }
        return true;
    }
    if (!item->name)
        return s_on_section(reading, item, zr_error_at(error, item->line, item->section, NULL));
    for (size_t i = 0; i < sizeof s_members / sizeof s_members[0]; i++) {
        if (strcmp(s_members[i].name, item->name) != 0 ||
            !(reading->role ? s_members[i].of_roles : s_members[i].of_users))
            continue;
        if (!item->value[0])
            return zr_fail(error, "the value is missing; write \"name = value\"");
        return s_members[i].read(reading, item, error);
    }
    return zr_fail(error, reading->role ? "no such member; a role has name, jwt, allow and deny"
                                        : "no such member; a user has name, key, token, role, allow and deny");
}

users_t *users_parse(const char *path, zr_span_t text, zr_error_t *error) {
    reading_t reading = {.users = fatal_calloc(sizeof *reading.users)};
    bool ok = zr_zpl_parse(path, text, s_on_item, &reading, error);
    role_t *role, *next;
    HASH_ITER(hh, reading.by_role, role, next) {
        HASH_DEL(reading.by_role, role);
        if (role->jwt)
            HASH_ADD_STR(reading.users->roles, name, role);
        else
            users_destroy_role(role);
    }
    if (ok)
        return reading.users;
    users_destroy(reading.users);
    return NULL;
}

users_t *users_load(const char *path, zr_error_t *error) {
    zr_buffer_t text = {0};
    mode_t mode;
    if (zr_file_read(path, &zr_file_access, &text, &mode, error) != ZR_FILE_READ)
        return NULL;
    users_t *users = users_parse(path, zr_span_of(text.data, text.len), error);
    zr_file_wipe(&text);
    if (users && (mode & S_IROTH) && users_count(users).tokens > 0) {
        zr_fail(error, "%s: there are tokens' hashes in it, and everybody may read it; chmod 640 it", path);
        users_destroy(users);
        return NULL;
    }
    return users;
}
