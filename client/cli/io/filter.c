#include "filter.h"

#include <stdlib.h>

#include "fatal.h"

void filter_finish(filter_t *filter) {
    if (filter->has_pattern)
        regfree(&filter->pattern);
    zr_buffer_finish(&filter->body);
    *filter = (filter_t){0};
}

bool filter_set_pattern(filter_t *filter, const char *pattern, zr_error_t *error) {
    char text[256];
    int failed = regcomp(&filter->pattern, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
    if (failed) {
        regerror(failed, &filter->pattern, text, sizeof text);
        return zr_fail(error, "%s", text);
    }
    filter->has_pattern = true;
    return true;
}

bool filter_active(const filter_t *filter) {
    return filter->since || filter->until || filter->sender || filter->has_pattern;
}

/* A body may hold NULs, hence REG_STARTEND. No NUL ends it, and regexec may look for one all the same. */
static bool s_matches(filter_t *filter, const zrelay_event_t *entry) {
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)entry->body_len};
    zr_buffer_clear(&filter->body);
    zr_buffer_append(&filter->body, entry->body, entry->body_len);
    zr_buffer_u8(&filter->body, '\0');
    return regexec(&filter->pattern, (const char *)filter->body.data, 1, &range, REG_STARTEND) == 0;
}

bool filter_wants(filter_t *filter, const zrelay_event_t *entry) {
    if (entry->time < filter->since || (filter->until && entry->time >= filter->until))
        return false;
    if (filter->sender && (!entry->sender || strcmp(entry->sender, filter->sender) != 0))
        return false;
    return !filter->has_pattern || (!entry->deleted && s_matches(filter, entry));
}

bool filter_past(const filter_t *filter, const zrelay_event_t *entry) {
    return filter->until && entry->time >= filter->until && entry->time <= filter->newest;
}

/* --- The last few --- */

void tail_finish(tail_t *tail) {
    for (size_t i = 0; i < tail->count; i++)
        zr_buffer_finish(&tail->texts[i]);
    free(tail->texts);
    *tail = (tail_t){0};
}

zr_buffer_t *tail_add(tail_t *tail) {
    if (tail->count == tail->max) {
        zr_buffer_t *text = &tail->texts[tail->first];
        tail->first = (tail->first + 1) % tail->count;
        /* Not kept for its memory: one large text would stay large for each place in turn. */
        zr_buffer_finish(text);
        return text;
    }
    FATAL_GROW(tail->texts, tail->count, tail->size);
    zr_buffer_t *text = &tail->texts[tail->count++];
    *text = (zr_buffer_t){0};
    return text;
}

zr_span_t tail_text(const tail_t *tail, size_t index) {
    const zr_buffer_t *text = &tail->texts[(tail->first + index) % tail->count];
    return zr_span_of(text->data, text->len);
}
