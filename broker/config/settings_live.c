/* See settings_live.h. */
#include "settings_live.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "private_file.h"
#include "setting_show.h"

enum { FILE_MAX = 1 << 20 };

static const char s_head[] =
    "# The settings that zrelayd has in force; it writes this file. Compare with others: zrelayd --check-config\n";

/* --- What is live --- */

static bool s_some_level(const settings_t *settings) {
    for (size_t i = 0; i < settings->policy_count; i++)
        if (settings->policies[i].has_level)
            return true;
    return false;
}

static bool s_same_level(const policy_t *a, const policy_t *b) {
    return a->has_level == b->has_level && (!a->has_level || a->level == b->level);
}

/* Do all rooms have the same level under both? */
static bool s_same_levels(const settings_t *settings, const settings_t *from) {
    if (!s_some_level(settings) && !s_some_level(from))
        return true;
    bool same = settings->policy_count == from->policy_count;
    for (size_t i = 0; same && i < from->policy_count; i++)
        same = strcmp(settings->policies[i].pattern, from->policies[i].pattern) == 0 &&
               s_same_level(&settings->policies[i], &from->policies[i]);
    return same;
}

/* With the same patterns and levels in the same order, else nothing is taken. */
static void s_take_policies(settings_t *settings, const settings_t *from) {
    if (!s_same_levels(settings, from))
        return;
    memcpy(settings->policies, from->policies, sizeof settings->policies);
    settings->policy_count = from->policy_count;
    settings->relay.policies = (policies_t){settings->policies, settings->policy_count};
}

static void s_take_relay(relay_config_t *to, const relay_config_t *from) {
    to->max_sessions = from->max_sessions;
    to->max_rooms = from->max_rooms;
    to->presence_names = from->presence_names;
    to->max_keys = from->max_keys;
    to->max_ttl_ms = from->max_ttl_ms;
    to->max_state_bytes = from->max_state_bytes;
    to->max_groups = from->max_groups;
    to->max_room_groups = from->max_room_groups;
    to->max_user_groups = from->max_user_groups;
    to->max_group_workers = from->max_group_workers;
    to->max_group_entries = from->max_group_entries;
    to->max_group_bytes = from->max_group_bytes;
    to->max_group_keep = from->max_group_keep;
    to->max_lists = from->max_lists;
    to->max_clients = from->max_clients;
    to->max_user_sessions = from->max_user_sessions;
    to->max_user_rooms = from->max_user_rooms;
    to->max_trunk_channels = from->max_trunk_channels;
    to->max_channels = from->max_channels;
    to->rate_ops = from->rate_ops;
    to->rate_control = from->rate_control;
    to->rate_entries = from->rate_entries;
    to->rate_bytes = from->rate_bytes;
    to->forget_after_ms = from->forget_after_ms;
}

void settings_take_live(settings_t *settings, const settings_t *from) {
    memcpy(settings->greeting, from->greeting, sizeof settings->greeting);
    settings->log_level = from->log_level;
    settings->log_json = from->log_json;
    settings->max_address_connections = from->max_address_connections;
    settings->rate_handshakes = from->rate_handshakes;
    settings->rate_subscriptions = from->rate_subscriptions;
    settings->login_timeout_ms = from->login_timeout_ms;
    settings->max_user_topics = from->max_user_topics;
    settings->max_topics = from->max_topics;
    settings->all_reader_bytes = from->all_reader_bytes;
    settings->log = from->log;
    settings->queue_bytes = from->queue_bytes;
    settings->mark_age_ms = from->mark_age_ms;
    s_take_relay(&settings->relay, &from->relay);
    s_take_policies(settings, from);
}

/* --- The file --- */

/* By a slip the path may be that of another file, such as the users file. An empty one is new. */
static bool s_is_ours(int fd, const char *path, zr_error_t *error) {
    char found[sizeof s_head - 1];
    ssize_t got = pread(fd, found, sizeof found, 0);
    return got == 0 || (got == (ssize_t)sizeof found && memcmp(found, s_head, sizeof found) == 0) ||
           zr_fail(error, "%s: this file is not one that zrelayd wrote: choose another path for server/settings-file",
               path);
}

/* Holds the file from the first time on. */
static bool s_hold(const char *path, int *held, zr_error_t *error) {
    if (*held >= 0)
        return true;
    int fd = zr_file_hold(path, error);
    if (fd < 0)
        return false;
    if (!s_is_ours(fd, path, error)) {
        close(fd);
        return false;
    }
    *held = fd;
    return true;
}

bool settings_file_write(settings_t *settings, int *held, zr_error_t *error) {
    zr_buffer_t partial = {0}, text = {0};
    if (!s_hold(settings->settings_file, held, error))
        return false;
    zr_buffer_append(&partial, settings->settings_file, strlen(settings->settings_file));
    zr_buffer_append(&partial, ".new", sizeof ".new");
    zr_buffer_append(&text, s_head, sizeof s_head - 1);
    zr_settings_write(&settings_table, settings, &text);
    bool ok = zr_file_replace_held(settings->settings_file, (const char *)partial.data,
        zr_span_of((const char *)text.data, text.len), held, error);
    zr_buffer_finish(&partial);
    zr_buffer_finish(&text);
    return ok;
}

static bool s_read_all(int fd, zr_buffer_t *text) {
    ssize_t got;
    while (text->len < FILE_MAX && (got = read(fd, zr_buffer_reserve(text, 4096), 4096)) > 0)
        text->len += (size_t)got;
    return text->len > 0 && text->len < FILE_MAX;
}

/* The broker holds its file as long as it runs. */
static bool s_is_held(int fd) {
    return flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

settings_file_t settings_file_read(const char *path, settings_t *out, zr_error_t *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return SETTINGS_FILE_IDLE;
    if (fd < 0) {
        zr_fail(error, "%s: cannot read the settings in force: %s", path, strerror(errno));
        return SETTINGS_FILE_REFUSED;
    }
    zr_buffer_t text = {0};
    bool held = s_is_held(fd), ok = held && s_read_all(fd, &text);
    close(fd);
    settings_default(out);
    if (held && !ok)
        zr_fail(error, "%s: cannot read the settings in force: the file is empty or too large", path);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path; /* its paths are as the broker has them */
    ok = ok && zr_settings_parse(&settings_table, out, name, zr_span_of((const char *)text.data, text.len), error);
    zr_buffer_finish(&text);
    return !held ? SETTINGS_FILE_IDLE : ok ? SETTINGS_FILE_RUNS : SETTINGS_FILE_REFUSED;
}
