/* See bans.h. */
#include "bans.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fatal.h"
#include "private_file.h"
#include "unicode.h"

/* --- The list --- */

void bans_finish(bans_t *bans) {
    free(bans->items);
    *bans = (bans_t){0};
}

const ban_t *bans_find(const bans_t *bans, zr_span_t user) {
    for (size_t i = 0; i < bans->count; i++)
        if (zr_span_equal(zr_span(bans->items[i].user), user))
            return &bans->items[i];
    return NULL;
}

bool bans_remove(bans_t *bans, zr_span_t user) {
    const ban_t *ban = bans_find(bans, user);
    if (!ban)
        return false;
    size_t at = (size_t)(ban - bans->items);
    bans->count--;
    memmove(&bans->items[at], &bans->items[at + 1], (bans->count - at) * sizeof *bans->items);
    return true;
}

static ban_t *s_append(bans_t *bans) {
    FATAL_GROW(bans->items, bans->count, bans->size);
    ban_t *ban = &bans->items[bans->count++];
    memset(ban, 0, sizeof *ban);
    return ban;
}

static void s_copy(char *place, zr_span_t text) {
    memcpy(place, text.ptr, text.len);
    place[text.len] = '\0';
}

/* Sets the reason as it stands in a line: escaped, and not cut within a code point. */
static void s_set_reason(ban_t *ban, zr_span_t reason) {
    zr_buffer_t shown = {0};
    zr_escape(&shown, reason);
    zr_span_t text = zr_span_of(shown.data, shown.len);
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        zr_utf8_next(text, &at);
        if (at > BAN_REASON_MAX)
            break;
        len = at;
    }
    if (len > 0)
        memcpy(ban->reason, text.ptr, len);
    ban->reason[len] = '\0';
    zr_buffer_finish(&shown);
}

bool bans_add(bans_t *bans, zr_span_t user, zr_span_t by, zr_span_t reason, time_t now) {
    FATAL_UNLESS(zr_nick_valid(user) && zr_nick_valid(by));
    bans_remove(bans, user);
    if (bans->count == BANS_MAX)
        return false;
    ban_t *ban = s_append(bans);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(ban->time, sizeof ban->time, "%Y-%m-%dT%H:%M:%SZ", &utc);
    s_copy(ban->user, user);
    s_copy(ban->by, by);
    s_set_reason(ban, reason);
    return true;
}

/* --- The file --- */

static bool s_is_time(zr_span_t text) {
    static const char shape[] = "0000-00-00T00:00:00Z";
    if (text.len != BAN_TIME_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (shape[i] == '0' ? text.ptr[i] < '0' || text.ptr[i] > '9' : text.ptr[i] != shape[i])
            return false;
    return true;
}

/* NULL, or what is wrong with the line. */
static const char *s_parse_line(bans_t *bans, zr_span_t line) {
    zr_span_t user = zr_span_cut(&line, ' '), by = zr_span_cut(&line, ' '), time = zr_span_cut(&line, ' ');
    if (!zr_nick_valid(user) || !zr_nick_valid(by))
        return "a line begins with the name of the banned user, and of the administrator";
    if (!s_is_time(time))
        return "the third word is the time, as in 2026-01-31T23:59:59Z";
    if (line.len > BAN_REASON_MAX)
        return "the reason is longer than 400 bytes";
    if (!zr_is_shown(line))
        return "there are control characters in the reason";
    if (bans_find(bans, user))
        return "this user is banned by another line already; keep one of them";
    if (bans->count == BANS_MAX)
        return "there are more than 10000 bans";
    ban_t *ban = s_append(bans);
    s_copy(ban->user, user);
    s_copy(ban->by, by);
    s_copy(ban->time, time);
    s_copy(ban->reason, line);
    return NULL;
}

bool bans_parse(bans_t *bans, const char *path, zr_span_t text, zr_error_t *error) {
    unsigned before = error->count;
    for (unsigned number = 1; text.len > 0; number++) {
        zr_span_t line = zr_span_cut(&text, '\n');
        const char *wrong = line.len > 0 ? s_parse_line(bans, line) : NULL;
        if (wrong)
            zr_fail(error, "%s:%u: %s", path, number, wrong);
    }
    if (error->count > before)
        bans_finish(bans);
    return error->count == before;
}

/* A missing file adds nothing to `error`. */
static zr_file_t s_load(bans_t *bans, const char *path, zr_error_t *error) {
    zr_buffer_t text = {0};
    zr_file_t result = zr_file_read_if_there(path, &zr_file_access, &text, error);
    if (result == ZR_FILE_READ && !bans_parse(bans, path, zr_span_of(text.data, text.len), error))
        result = ZR_FILE_REFUSED;
    zr_buffer_finish(&text);
    return result;
}

bool bans_load(bans_t *bans, const char *path, zr_error_t *error) {
    zr_file_t result = s_load(bans, path, error);
    if (result == ZR_FILE_MISSING)
        zr_fail(
            error, "%s: the file of the bans is gone; put it back, or an empty one if nobody is to be banned", path);
    return result == ZR_FILE_READ;
}

/* A folder that is not mounted, or a link to such a place, holds bans that would be forgotten. */
static bool s_may_be_missing(const char *path) {
    struct stat about;
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    return lstat(path, &about) != 0 && errno == ENOENT && stat(dirname(copy), &about) == 0 && S_ISDIR(about.st_mode);
}

bool bans_load_first(bans_t *bans, const char *path, bool *there, zr_error_t *error) {
    zr_file_t result = s_load(bans, path, error);
    *there = result == ZR_FILE_READ;
    if (result == ZR_FILE_MISSING && s_may_be_missing(path))
        return true;
    if (result == ZR_FILE_MISSING)
        zr_fail(error,
            "%s: the file of the bans cannot be there, as its folder is missing or the name is a link that leads "
            "nowhere; mount or make it",
            path);
    return *there;
}

bool bans_save(const bans_t *bans, const char *path, zr_error_t *error) {
    zr_buffer_t text = {0};
    char partial[PATH_MAX];
    for (size_t i = 0; i < bans->count; i++) {
        const ban_t *ban = &bans->items[i];
        zr_buffer_printf(&text, "%s %s %s %s\n", ban->user, ban->by, ban->time, ban->reason);
    }
    bool ok = snprintf(partial, sizeof partial, "%s.partial", path) < (int)sizeof partial
                  ? zr_file_replace(path, partial, zr_span_of(text.data, text.len), error)
                  : zr_fail(error, "%s: the path is too long", path);
    zr_buffer_finish(&text);
    return ok;
}
