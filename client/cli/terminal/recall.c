#include "recall.h"

#include <stdlib.h>

#include "fatal.h"

void recall_finish(recall_t *recall) {
    for (size_t i = 0; i < recall->count; i++)
        free(recall->lines[i]);
    *recall = (recall_t){0};
}

bool recall_add(recall_t *recall, zr_span_t line) {
    const char *newest = recall_at(recall, 1);
    if (line.len == 0 || zr_is_blank(line.ptr[0]) || (newest && zr_span_equal(zr_span(newest), line)))
        return false;
    if (recall->count == RECALL_MAX) {
        free(recall->lines[0]);
        memmove(recall->lines, recall->lines + 1, --recall->count * sizeof recall->lines[0]);
    }
    recall->lines[recall->count++] = fatal_check(strndup(line.ptr, line.len));
    return true;
}

const char *recall_at(const recall_t *recall, size_t back) {
    return back > 0 && back <= recall->count ? recall->lines[recall->count - back] : NULL;
}

size_t recall_search(const recall_t *recall, zr_span_t part, size_t back) {
    for (; part.len > 0 && back <= recall->count; back++) {
        const char *line = recall_at(recall, back);
        if (line && memmem(line, strlen(line), part.ptr, part.len))
            return back;
    }
    return 0;
}

void recall_read(recall_t *recall, zr_span_t text) {
    zr_buffer_t line = {0};
    while (text.len > 0) {
        zr_span_t rest = zr_span_cut(&text, '\n');
        zr_buffer_clear(&line);
        while (rest.len > 0) {
            zr_span_t plain = zr_span_cut(&rest, '\\');
            zr_buffer_append(&line, plain.ptr, plain.len);
            if (rest.len == 0)
                break;
            zr_buffer_u8(&line, rest.ptr[0] == 'n' ? '\n' : (uint8_t)rest.ptr[0]);
            rest = zr_span_of(rest.ptr + 1, rest.len - 1);
        }
        recall_add(recall, zr_span_of(line.data, line.len));
    }
    zr_buffer_finish(&line);
}

void recall_write(zr_buffer_t *out, zr_span_t line) {
    for (size_t i = 0; i < line.len; i++) {
        char byte = line.ptr[i];
        if (byte == '\n' || byte == '\\')
            zr_buffer_u8(out, '\\');
        zr_buffer_u8(out, byte == '\n' ? 'n' : (uint8_t)byte);
    }
    zr_buffer_u8(out, '\n');
}
