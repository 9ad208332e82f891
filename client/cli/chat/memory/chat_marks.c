#include "chat_marks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fatal.h"
#include "names.h"
#include "options.h"
#include "private_file.h"

void marks_finish(marks_t *marks) {
    for (size_t i = 0; i < marks->count; i++)
        free(marks->list[i].room);
    *marks = (marks_t){0};
}

static size_t s_find(const marks_t *marks, const char *epoch, const char *room) {
    size_t i = 0;
    while (i < marks->count && (strcmp(marks->list[i].epoch, epoch) != 0 || strcmp(marks->list[i].room, room) != 0))
        i++;
    return i;
}

uint64_t marks_find(const marks_t *marks, const char *epoch, const char *room) {
    size_t i = s_find(marks, epoch, room);
    return i < marks->count ? marks->list[i].seq : 0;
}

void marks_note(marks_t *marks, const char *epoch, const char *room, uint64_t seq) {
    size_t i = s_find(marks, epoch, room);
    if (!zr_hex_valid(zr_span(epoch), 16, 16) || seq == 0)
        return;
    if (i == marks->count && i == MARKS_MAX) {
        free(marks->list[0].room);
        memmove(marks->list, marks->list + 1, --marks->count * sizeof marks->list[0]);
        i = marks->count;
    }
    if (i == marks->count) {
        snprintf(marks->list[i].epoch, sizeof marks->list[i].epoch, "%s", epoch);
        marks->list[i].room = fatal_check(strdup(room));
        marks->list[i].seq = 0;
        marks->count++;
    }
    if (seq > marks->list[i].seq)
        marks->list[i].seq = seq;
}

void marks_parse(marks_t *marks, zr_span_t text) {
    while (text.len > 0) {
        zr_span_t line = zr_span_cut(&text, '\n'), epoch = zr_span_word(&line), seq = zr_span_word(&line);
        char hex[17], digits[21], room[ZR_ROOM_MAX + 1];
        uint64_t number;
        if (epoch.len != 16 || seq.len == 0 || seq.len > 20 || !zr_room_valid(line))
            continue;
        snprintf(hex, sizeof hex, "%.*s", (int)epoch.len, epoch.ptr);
        snprintf(digits, sizeof digits, "%.*s", (int)seq.len, seq.ptr);
        snprintf(room, sizeof room, "%.*s", (int)line.len, line.ptr);
        if (zr_number_parse(digits, ZR_INT_MAX, &number))
            marks_note(marks, hex, room, number);
    }
}

void marks_write(const marks_t *marks, zr_buffer_t *out) {
    for (size_t i = 0; i < marks->count; i++)
        zr_buffer_printf(out, "%s %" PRIu64 " %s\n", marks->list[i].epoch, marks->list[i].seq, marks->list[i].room);
}

void marks_read(marks_t *marks, const char *path) {
    zr_buffer_t text = {0};
    zr_error_t error = {0};
    if (zr_file_read_if_there(path, &zr_file_config, &text, &error) == ZR_FILE_READ)
        marks_parse(marks, zr_span_of(text.data, text.len));
    zr_buffer_finish(&text);
}

bool marks_save(const marks_t *marks, const char *path, zr_error_t *error) {
    marks_t all = {0};
    zr_buffer_t text = {0}, partial = {0};
    marks_read(&all, path);
    for (size_t i = 0; i < marks->count; i++)
        marks_note(&all, marks->list[i].epoch, marks->list[i].room, marks->list[i].seq);
    marks_write(&all, &text);
    zr_buffer_printf(&partial, "%s.%ld%c", path, (long)getpid(), '\0');
    bool good = zr_file_replace(path, (const char *)partial.data, zr_span_of(text.data, text.len), error);
    zr_buffer_finish(&text);
    zr_buffer_finish(&partial);
    marks_finish(&all);
    return good;
}
