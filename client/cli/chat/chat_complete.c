#include "chat_complete.h"

#include "chat_parse.h"
#include "chat_settings.h"

static size_t s_word_begin(zr_span_t line, size_t cursor) {
    while (cursor > 0 && !zr_is_blank(line.ptr[cursor - 1]) && line.ptr[cursor - 1] != '\n')
        cursor--;
    return cursor;
}

static void s_rooms(const complete_t *complete, zr_span_t prefix, zr_buffer_t *out) {
    for (size_t i = 0; i < complete->room_count; i++)
        if (zr_span_starts(zr_span(complete->rooms[i]), prefix))
            zr_buffer_printf(out, "%s \n", complete->rooms[i]);
}

static bool s_is(zr_span_t word, const char *one, const char *other, const char *third) {
    return zr_span_equal(word, zr_span(one)) || zr_span_equal(word, zr_span(other)) ||
           (third && zr_span_equal(word, zr_span(third)));
}

/* The words before the one at the cursor: /set joins … has the values of `joins`. */
static void s_setting(zr_span_t before, zr_span_t prefix, zr_buffer_t *out) {
    zr_span_word(&before);
    settings_match(zr_span_word(&before), prefix, out);
}

size_t complete_word(const complete_t *complete, zr_span_t line, size_t cursor, zr_buffer_t *out) {
    size_t begin = s_word_begin(line, cursor);
    zr_span_t prefix = zr_span_of(line.ptr + begin, cursor - begin), before = zr_span_of(line.ptr, begin);
    zr_span_t rest = before, command = zr_span_word(&rest);
    if (begin == 0 && prefix.len > 0 && prefix.ptr[0] == '/') {
        chat_match_commands(zr_span_of(prefix.ptr + 1, prefix.len - 1), out);
    } else if (s_is(command, "/join", "/part", "/close")) {
        s_rooms(complete, prefix, out);
    } else if (s_is(command, "/set", "/set", NULL)) {
        s_setting(before, prefix, out);
    } else if (s_is(command, "/help", "/help", NULL)) {
        chat_match_commands(prefix, out);
    } else if (complete->people) {
        people_match(complete->people, prefix, complete->nick, begin == 0 ? ": " : " ", out);
    }
    return begin;
}
