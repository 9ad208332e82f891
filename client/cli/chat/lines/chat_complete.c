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

static bool s_is(zr_span_t word, const char *const *names) {
    while (*names && !zr_span_equal(word, zr_span(*names)))
        names++;
    return *names;
}

/* --- People --- */

static bool s_has_line(const zr_buffer_t *out, zr_span_t line) {
    zr_span_t left = zr_span_of(out->data, out->len);
    while (left.len > 0)
        if (zr_span_equal(zr_span_cut(&left, '\n'), line))
            return true;
    return false;
}

/* Those of a further room that are not in `out`. */
static void s_add(
    const complete_t *complete, const people_t *people, zr_span_t prefix, const char *behind, zr_buffer_t *out) {
    zr_buffer_t more = {0};
    people_match(people, prefix, complete->nick, behind, &more);
    zr_span_t left = zr_span_of(more.data, more.len);
    while (left.len > 0) {
        zr_span_t line = zr_span_cut(&left, '\n');
        if (!s_has_line(out, line))
            zr_buffer_printf(out, "%.*s\n", (int)line.len, line.ptr);
    }
    zr_buffer_finish(&more);
}

static void s_people(const complete_t *complete, zr_span_t prefix, bool all, const char *behind, zr_buffer_t *out) {
    if (complete->people)
        people_match(complete->people, prefix, complete->nick, behind, out);
    for (size_t i = 0; (all || !complete->people) && i < complete->other_count; i++)
        s_add(complete, complete->others[i], prefix, behind, out);
}

/* --- All of it --- */

/* The words before the one at the cursor: /set joins … has the values of `joins`. */
static void s_setting(zr_span_t before, zr_span_t prefix, zr_buffer_t *out) {
    zr_span_word(&before);
    settings_match(zr_span_word(&before), prefix, out);
}

size_t complete_word(const complete_t *complete, zr_span_t line, size_t cursor, zr_buffer_t *out) {
    static const char *const takes_room[] = {"/join", "/part", "/close", NULL}, *const takes_nick[] = {"/msg", "/query",
                                                                                    "/whois", "/ignore", "/unignore",
                                                                                    NULL};
    size_t begin = s_word_begin(line, cursor);
    zr_span_t prefix = zr_span_of(line.ptr + begin, cursor - begin), before = zr_span_of(line.ptr, begin);
    zr_span_t rest = before, command = zr_span_word(&rest);
    if (begin == 0 && prefix.len > 0 && prefix.ptr[0] == '/') {
        chat_match_commands(zr_span_of(prefix.ptr + 1, prefix.len - 1), out);
    } else if (s_is(command, takes_room)) {
        s_rooms(complete, prefix, out);
    } else if (zr_span_equal(command, zr_span("/set"))) {
        s_setting(before, prefix, out);
    } else if (zr_span_equal(command, zr_span("/help"))) {
        chat_match_commands(prefix, out);
    } else {
        s_people(complete, prefix, s_is(command, takes_nick) && rest.len == 0, begin == 0 ? ": " : " ", out);
        if (out->len > 0 || prefix.len < 2 || prefix.ptr[0] != '@')
            return begin;
        s_people(complete, zr_span_of(prefix.ptr + 1, prefix.len - 1), false, " ", out);
        begin++;
    }
    return begin;
}
