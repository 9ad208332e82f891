#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fatal.h"
#include "options.h"
#include "private_file.h"

#define FIRST_LINE "zrelay-progress 1"
#define HASHED 256                 /* bytes of a line: what a run left out for its length may come whole in the next */
#define FRESH_S (6 * 24 * 60 * 60) /* the broker remembers for a week (mark-age) which messages it has */

static const zr_file_rules_t s_rules = {.forbidden = ZR_FILE_OTHERS, .max = 8 << 20};

uint64_t progress_hash(uint64_t before, zr_span_t line) {
    uint8_t key[crypto_shorthash_KEYBYTES] = {0}, hash[crypto_shorthash_BYTES];
    for (int i = 0; i < 8; i++)
        key[i] = (uint8_t)(before >> 8 * i);
    crypto_shorthash(hash, (const uint8_t *)line.ptr, line.len < HASHED ? line.len : HASHED, key);
    uint64_t result = 0;
    for (int i = 0; i < 8; i++)
        result |= (uint64_t)hash[i] << 8 * i;
    return result;
}

void progress_init(progress_t *progress) {
    *progress = (progress_t){.next = 1, .top = 1, .skip = ZR_INT_MAX, .held = -1};
    ranges_add(&progress->todo, 1, RANGES_OPEN);
}

void progress_finish(progress_t *progress) {
    if (progress->held >= 0)
        close(progress->held);
    ranges_finish(&progress->todo);
    free(progress->path);
    free(progress->partial);
    free(progress->purpose);
    *progress = (progress_t){.held = -1};
}

/* --- Reading --- */

/* Copies a value that has `size` bytes with its NUL at most. */
static bool s_copy(char *to, size_t size, const char *value) {
    size_t len = strlen(value);
    if (len >= size)
        return false;
    memcpy(to, value, len + 1);
    return true;
}

static bool s_mark(progress_mark_t *mark, const char *value) {
    char *end;
    mark->line = strtoull(value, &end, 10);
    if (end == value || *end != ' ')
        return false;
    value = end + 1;
    mark->hash = strtoull(value, &end, 16);
    return end > value && !*end;
}

static bool s_set(progress_t *progress, const char *name, const char *value) {
    if (strcmp(name, "client") == 0)
        return zr_hex_valid(zr_span(value), ZR_CLIENT_ID_LEN, ZR_CLIENT_ID_LEN) &&
               s_copy(progress->client, sizeof progress->client, value);
    if (strcmp(name, "user") == 0)
        return s_copy(progress->user, sizeof progress->user, value);
    if (strcmp(name, "epoch") == 0)
        return s_copy(progress->epoch, sizeof progress->epoch, value);
    if (strcmp(name, "mark") == 0)
        return s_mark(&progress->mark, value);
    if (strcmp(name, "next") == 0)
        return zr_number_parse(value, ZR_INT_MAX, &progress->next) && progress->next > 0;
    if (strcmp(name, "skip") == 0)
        return zr_number_parse(value, ZR_INT_MAX, &progress->skip);
    if (strcmp(name, "top") == 0)
        return zr_number_parse(value, ZR_INT_MAX, &progress->top) && progress->top >= progress->next;
    if (strcmp(name, "todo") != 0)
        return false;
    ranges_finish(&progress->todo);
    return ranges_parse(&progress->todo, value);
}

/* Each line is a name, a space and a value; "todo" is the last. */
static bool s_parse(progress_t *progress, char *text, zr_error_t *error) {
    bool complete = false;
    char *rest = text;
    char *line = strsep(&rest, "\n");
    if (strcmp(line, FIRST_LINE) != 0)
        return zr_fail(error, "%s: this is no progress file of 'zrelay pub' or 'zrelay import'", progress->path);
    while ((line = strsep(&rest, "\n")) && *line) {
        char *value = strchr(line, ' ');
        if (!value)
            break;
        *value++ = '\0';
        if (strcmp(line, "for") == 0) {
            if (strcmp(value, progress->purpose) != 0)
                return zr_fail(error, "%s: it is the progress of 'zrelay %s', and this is 'zrelay %s'", progress->path,
                    value, progress->purpose);
        } else if (!s_set(progress, line, value)) {
            break;
        } else {
            complete = strcmp(line, "todo") == 0;
        }
    }
    const ranges_t *todo = &progress->todo; /* never ends: the input may grow */
    if (!complete || todo->items[todo->count - 1].last != RANGES_OPEN || !progress->client[0] || (line && *line))
        return zr_fail(error, "%s: the progress in this file cannot be read", progress->path);
    return true;
}

/* What was under way may be stored or not, and after a week the broker may not know that any more. */
static bool s_is_fresh(const progress_t *progress, zr_error_t *error) {
    struct stat about;
    if (progress->top == progress->next || stat(progress->path, &about) != 0 || time(NULL) - about.st_mtime < FRESH_S)
        return true;
    return zr_fail(error,
        "%s: the run before was cut off days ago, and the broker may have forgotten which lines from %" PRIu64
        " on it has; look in the room, and 'touch' this file to go on all the same",
        progress->path, ranges_at(&progress->todo, 0));
}

static void s_new_client(progress_t *progress) {
    uint8_t id[ZR_CLIENT_ID_LEN / 2];
    randombytes_buf(id, sizeof id);
    zr_hex(progress->client, id, sizeof id);
}

bool progress_open(progress_t *progress, const char *path, const char *purpose, zr_error_t *error) {
    zr_buffer_t text = {0};
    progress->purpose = fatal_check(strdup(purpose));
    progress->held = zr_file_hold(path, error);
    if (progress->held < 0)
        return false;
    progress->path = realpath(path, NULL); /* what replaces a symbolic link would be another file */
    if (!progress->path)
        return zr_fail(error, "%s: cannot use this file: %s", path, strerror(errno));
    if (asprintf(&progress->partial, "%s.new", progress->path) < 0)
        abort();
    if (zr_file_read(progress->path, &s_rules, &text, NULL, error) != ZR_FILE_READ)
        return false;
    bool good = true;
    if (text.len == 0) {
        s_new_client(progress);
    } else {
        zr_buffer_u8(&text, '\0');
        good = s_parse(progress, (char *)text.data, error) && s_is_fresh(progress, error);
    }
    zr_file_wipe(&text);
    return good;
}

/* --- Writing --- */

bool progress_save(progress_t *progress, zr_error_t *error) {
    zr_buffer_t text = {0};
    zr_buffer_printf(&text, FIRST_LINE "\nfor %s\nclient %s\n", progress->purpose, progress->client);
    if (progress->user[0])
        zr_buffer_printf(&text, "user %s\n", progress->user);
    zr_buffer_printf(&text,
        "epoch %s\nmark %" PRIu64 " %016" PRIx64 "\nskip %" PRIu64 "\nnext %" PRIu64 "\ntop %" PRIu64 "\ntodo ",
        progress->epoch, progress->mark.line, progress->mark.hash, progress->skip, progress->next, progress->top);
    ranges_print(&progress->todo, SIZE_MAX, &text);
    zr_buffer_u8(&text, '\n');
    bool good = zr_file_replace_held(
        progress->path, progress->partial, zr_span_of(text.data, text.len), &progress->held, error);
    zr_file_wipe(&text);
    return good;
}
