/* See cursor.h. */
#include "cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fatal.h"
#include "options.h"
#include "private_file.h"

#define FIRST_LINE "zrelay-cursor 1"

enum { EVERY_MS = 250 };

static const zr_file_rules_t s_rules = {.forbidden = ZR_FILE_OTHERS, .max = 8 << 20};

static cursor_room_t *s_find(const cursor_t *cursor, const char *room) {
    for (size_t i = 0; i < cursor->count; i++)
        if (strcmp(cursor->rooms[i].room, room) == 0)
            return &cursor->rooms[i];
    return NULL;
}

static cursor_room_t *s_find_or_add(cursor_t *cursor, const char *room) {
    cursor_room_t *found = s_find(cursor, room);
    if (found)
        return found;
    FATAL_GROW(cursor->rooms, cursor->count, cursor->size);
    char *name = fatal_check(strdup(room));
    cursor->rooms[cursor->count] = (cursor_room_t){.room = name};
    return &cursor->rooms[cursor->count++];
}

/* --- Reading --- */

/* "room SEQ NAME" */
static bool s_room(cursor_t *cursor, char *value) {
    char *name = strchr(value, ' ');
    uint64_t seq;
    if (!name)
        return false;
    *name++ = '\0';
    if (!zr_number_parse(value, ZR_INT_MAX, &seq) || !zr_room_valid(zr_span(name)) || s_find(cursor, name))
        return false;
    cursor_room_t *room = s_find_or_add(cursor, name);
    room->known = true;
    room->seq = room->read_upto = seq;
    return true;
}

static bool s_epoch(cursor_t *cursor, const char *value) {
    bool valid = zr_hex_valid(zr_span(value), 16, 16);
    if (valid)
        strcpy(cursor->epoch, value);
    return valid;
}

static bool s_parse(cursor_t *cursor, char *text) {
    char *rest = text, *line = strsep(&rest, "\n");
    bool good = strcmp(line, FIRST_LINE) == 0;
    while (good && (line = strsep(&rest, "\n")) && *line) {
        char *value = strchr(line, ' ');
        if (!value)
            return false;
        *value++ = '\0';
        good = strcmp(line, "epoch") == 0 ? s_epoch(cursor, value) : strcmp(line, "room") == 0 && s_room(cursor, value);
    }
    return good && line && cursor->epoch[0]; /* the last line ends: none was cut off */
}

bool cursor_open(cursor_t *cursor, const char *path, zr_error_t *error) {
    zr_buffer_t text = {0};
    cursor->held = zr_file_hold(path, error);
    if (cursor->held < 0)
        return false;
    cursor->path = realpath(path, NULL); /* what replaces a symbolic link would be another file */
    if (!cursor->path)
        return zr_fail(error, "%s: cannot use this file: %s", path, strerror(errno));
    if (asprintf(&cursor->partial, "%s.new", cursor->path) < 0)
        abort();
    if (zr_file_read(cursor->path, &s_rules, &text, NULL, error) != ZR_FILE_READ)
        return false;
    bool good = true;
    if (text.len > 0) {
        zr_buffer_u8(&text, '\0');
        good = s_parse(cursor, (char *)text.data) ||
               zr_fail(error, "%s: this is no file of 'zrelay sub --cursor'", cursor->path);
    }
    zr_buffer_finish(&text);
    return good;
}

void cursor_finish(cursor_t *cursor) {
    if (cursor->held >= 0)
        close(cursor->held);
    for (size_t i = 0; i < cursor->count; i++)
        free(cursor->rooms[i].room);
    free(cursor->rooms);
    free(cursor->path);
    free(cursor->partial);
    *cursor = (cursor_t){.held = -1};
}

/* --- Positions --- */

bool cursor_epoch(cursor_t *cursor, const char *epoch) {
    bool other = cursor->epoch[0] && strcmp(cursor->epoch, epoch) != 0;
    for (size_t i = 0; other && i < cursor->count; i++)
        cursor->rooms[i].known = false;
    if (strcmp(cursor->epoch, epoch) != 0 && s_epoch(cursor, epoch))
        cursor->changed = true;
    return other;
}

bool cursor_at(const cursor_t *cursor, const char *room, uint64_t *seq) {
    const cursor_room_t *found = s_find(cursor, room);
    if (found && found->known)
        *seq = found->seq;
    return found && found->known;
}

void cursor_read(cursor_t *cursor, const char *room, uint64_t seq) {
    cursor_room_t *found = s_find_or_add(cursor, room);
    if (!found->known)
        found->seq = 0; /* that of another epoch, perhaps */
    found->known = true;
    found->read_upto = seq;
    cursor->changed = true;
}

void cursor_written(cursor_t *cursor) {
    for (size_t i = 0; i < cursor->count; i++)
        cursor->rooms[i].seq = cursor->rooms[i].read_upto;
}

/* --- Writing --- */

int cursor_due(const cursor_t *cursor, uint64_t now_ms) {
    if (!cursor->changed || cursor->held < 0)
        return -1;
    return now_ms < cursor->due_ms ? (int)(cursor->due_ms - now_ms) : 0;
}

bool cursor_save(cursor_t *cursor, uint64_t now_ms, bool now, zr_error_t *error) {
    zr_buffer_t text = {0};
    int due = cursor_due(cursor, now_ms);
    if (due < 0 || (due > 0 && !now) || !cursor->epoch[0])
        return true;
    zr_buffer_printf(&text, FIRST_LINE "\nepoch %s\n", cursor->epoch);
    for (size_t i = 0; i < cursor->count; i++)
        if (cursor->rooms[i].known)
            zr_buffer_printf(&text, "room %" PRIu64 " %s\n", cursor->rooms[i].seq, cursor->rooms[i].room);
    bool good = zr_file_replace_held(
        cursor->path, cursor->partial, zr_span_of((const char *)text.data, text.len), &cursor->held, error);
    zr_buffer_finish(&text);
    cursor->changed = !good;
    cursor->due_ms = now_ms + EVERY_MS;
    return good;
}
