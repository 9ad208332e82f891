#include "edit.h"

#include "cells.h"
#include "unicode.h"

enum { SEARCH_SHOWN = 60 }; /* bytes of what is searched for */

void edit_finish(edit_t *edit) {
    zr_buffer_finish(&edit->text);
    zr_buffer_finish(&edit->killed);
    zr_buffer_finish(&edit->draft);
    zr_buffer_finish(&edit->query);
    undo_clear(&edit->undo);
    recall_finish(&edit->recall);
    *edit = (edit_t){0};
}

zr_span_t edit_text(const edit_t *edit) {
    return zr_span_of(edit->text.data, edit->text.len);
}

/* --- Changes --- */

static void s_remember(edit_t *edit) {
    undo_push(&edit->undo, edit_text(edit), edit->cursor);
    edit->typing = false;
}

static void s_splice(edit_t *edit, size_t from, size_t to, zr_span_t with) {
    zr_buffer_t *text = &edit->text;
    zr_buffer_reserve(text, with.len + 1);
    memmove(text->data + from + with.len, text->data + to, text->len - to);
    if (with.len > 0)
        memcpy(text->data + from, with.ptr, with.len);
    text->len += with.len - (to - from);
    edit->cursor = from + with.len;
}

static bool s_fits(const edit_t *edit, size_t more) {
    return more <= EDIT_MAX && edit->text.len + more <= EDIT_MAX;
}

edit_result_t edit_replace(edit_t *edit, size_t from, zr_span_t with) {
    if (!s_fits(edit, with.len))
        return EDIT_TOO_LONG;
    s_remember(edit);
    s_splice(edit, from, edit->cursor, with);
    return EDIT_MORE;
}

void edit_set(edit_t *edit, zr_span_t text) {
    s_remember(edit);
    s_splice(edit, 0, edit->text.len, text);
}

static edit_result_t s_insert(edit_t *edit, zr_span_t text) {
    return edit_replace(edit, edit->cursor, text);
}

static edit_result_t s_cut(edit_t *edit, size_t from, size_t to) {
    if (from == to)
        return EDIT_MORE;
    s_remember(edit);
    s_splice(edit, from, to, zr_span(""));
    return EDIT_MORE;
}

/* --- Places --- */

static size_t s_left(const edit_t *edit) {
    return cells_before(edit_text(edit), edit->cursor);
}

static size_t s_right(const edit_t *edit) {
    size_t at = edit->cursor;
    if (at < edit->text.len)
        cells_next(edit_text(edit), &at);
    return at;
}

static size_t s_line_begin(const edit_t *edit) {
    size_t at = edit->cursor;
    while (at > 0 && edit->text.data[at - 1] != '\n')
        at--;
    return at;
}

static size_t s_line_end(const edit_t *edit) {
    size_t at = edit->cursor;
    while (at < edit->text.len && edit->text.data[at] != '\n')
        at++;
    return at;
}

static bool s_is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\n';
}

/* Letters of other scripts are bytes above 0x7f. */
static bool s_is_letter(uint8_t byte) {
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

static bool s_is_solid(uint8_t byte) {
    return !s_is_space(byte);
}

typedef bool s_kind_fn(uint8_t byte);

static size_t s_word_left(const edit_t *edit, s_kind_fn *kind) {
    size_t at = edit->cursor;
    while (at > 0 && !kind(edit->text.data[at - 1]))
        at--;
    while (at > 0 && kind(edit->text.data[at - 1]))
        at--;
    return at;
}

static size_t s_word_right(const edit_t *edit) {
    size_t at = edit->cursor;
    while (at < edit->text.len && !s_is_letter(edit->text.data[at]))
        at++;
    while (at < edit->text.len && s_is_letter(edit->text.data[at]))
        at++;
    return at;
}

/* --- Keys that move --- */

static edit_result_t s_go(edit_t *edit, size_t to) {
    edit->cursor = to;
    edit->typing = false;
    return EDIT_MORE;
}

static edit_result_t s_go_left(edit_t *edit) {
    return s_go(edit, s_left(edit));
}

static edit_result_t s_go_right(edit_t *edit) {
    return s_go(edit, s_right(edit));
}

static edit_result_t s_go_home(edit_t *edit) {
    return s_go(edit, s_line_begin(edit));
}

static edit_result_t s_go_end(edit_t *edit) {
    return s_go(edit, s_line_end(edit));
}

static edit_result_t s_go_word_left(edit_t *edit) {
    return s_go(edit, s_word_left(edit, s_is_letter));
}

static edit_result_t s_go_word_right(edit_t *edit) {
    return s_go(edit, s_word_right(edit));
}

/* --- Keys that take away --- */

static edit_result_t s_kill(edit_t *edit, size_t from, size_t to) {
    zr_span_t gone = zr_span_of(edit->text.data + from, to - from);
    zr_buffer_t killed = {0};
    if (from == to)
        return EDIT_MORE;
    bool before = to == edit->cursor; /* what was killed before stood behind it */
    bool adds = edit->killed_at && edit->killed_at + 1 == edit->keys;
    if (adds && !before)
        zr_buffer_append(&killed, edit->killed.data, edit->killed.len);
    zr_buffer_append(&killed, gone.ptr, gone.len);
    if (adds && before)
        zr_buffer_append(&killed, edit->killed.data, edit->killed.len);
    zr_buffer_finish(&edit->killed);
    edit->killed = killed;
    edit->killed_at = edit->keys;
    return s_cut(edit, from, to);
}

static edit_result_t s_delete_left(edit_t *edit) {
    return s_cut(edit, s_left(edit), edit->cursor);
}

static edit_result_t s_delete_right(edit_t *edit) {
    size_t cursor = edit->cursor;
    edit_result_t result = s_cut(edit, cursor, s_right(edit));
    edit->cursor = cursor;
    return result;
}

static edit_result_t s_end_or_delete(edit_t *edit) {
    return edit->text.len == 0 ? EDIT_END : s_delete_right(edit);
}

static edit_result_t s_kill_end(edit_t *edit) {
    size_t end = s_line_end(edit);
    if (end == edit->cursor && end < edit->text.len)
        end++;
    return s_kill(edit, edit->cursor, end);
}

static edit_result_t s_kill_begin(edit_t *edit) {
    size_t begin = s_line_begin(edit);
    if (begin == edit->cursor && begin > 0)
        begin--;
    return s_kill(edit, begin, edit->cursor);
}

static edit_result_t s_kill_blank_word(edit_t *edit) {
    return s_kill(edit, s_word_left(edit, s_is_solid), edit->cursor);
}

static edit_result_t s_kill_word_left(edit_t *edit) {
    return s_kill(edit, s_word_left(edit, s_is_letter), edit->cursor);
}

static edit_result_t s_kill_word_right(edit_t *edit) {
    return s_kill(edit, edit->cursor, s_word_right(edit));
}

/* --- Keys that put in --- */

static edit_result_t s_yank(edit_t *edit) {
    return s_insert(edit, zr_span_of(edit->killed.data, edit->killed.len));
}

static edit_result_t s_new_line(edit_t *edit) {
    return s_insert(edit, zr_span("\n"));
}

/* The characters on both sides of the cursor change places; at the end of the text the last two. */
static edit_result_t s_swap(edit_t *edit) {
    zr_span_t text = edit_text(edit);
    size_t middle = edit->cursor == text.len ? s_left(edit) : edit->cursor;
    size_t begin = cells_before(text, middle), end = middle;
    if (begin == middle)
        return EDIT_MORE;
    cells_next(text, &end);
    zr_buffer_t swapped = {0};
    zr_buffer_append(&swapped, text.ptr + middle, end - middle);
    zr_buffer_append(&swapped, text.ptr + begin, middle - begin);
    s_remember(edit);
    s_splice(edit, begin, end, zr_span_of(swapped.data, swapped.len));
    zr_buffer_finish(&swapped);
    return EDIT_MORE;
}

static edit_result_t s_undo(edit_t *edit) {
    edit->typing = false;
    undo_pop(&edit->undo, &edit->text, &edit->cursor);
    return EDIT_MORE;
}

/* --- Earlier lines --- */

static edit_result_t s_recall(edit_t *edit, size_t back) {
    if (edit->back == 0 && !edit->searching) {
        zr_buffer_clear(&edit->draft);
        zr_buffer_append(&edit->draft, edit->text.data, edit->text.len);
    }
    edit->back = back;
    zr_span_t line = back ? zr_span(recall_at(&edit->recall, back)) : zr_span_of(edit->draft.data, edit->draft.len);
    edit_set(edit, line);
    return EDIT_MORE;
}

/* `offset` columns into the line that begins at `begin`, as far as it goes. */
static edit_result_t s_go_line(edit_t *edit, size_t begin, size_t offset) {
    edit->cursor = begin;
    size_t end = s_line_end(edit);
    for (size_t width = 0; edit->cursor < end && width < offset;)
        width += cells_next(edit_text(edit), &edit->cursor);
    return s_go(edit, edit->cursor);
}

static size_t s_offset(const edit_t *edit) {
    size_t begin = s_line_begin(edit);
    return cells_width(zr_span_of(edit->text.data + begin, edit->cursor - begin));
}

static edit_result_t s_up(edit_t *edit) {
    size_t begin = s_line_begin(edit), offset = s_offset(edit);
    if (begin > 0) {
        edit->cursor = begin - 1;
        return s_go_line(edit, s_line_begin(edit), offset);
    }
    return edit->back < edit->recall.count ? s_recall(edit, edit->back + 1) : EDIT_MORE;
}

static edit_result_t s_down(edit_t *edit) {
    size_t end = s_line_end(edit), offset = s_offset(edit);
    if (end < edit->text.len)
        return s_go_line(edit, end + 1, offset);
    return edit->back > 0 ? s_recall(edit, edit->back - 1) : EDIT_MORE;
}

/* --- The search --- */

static edit_result_t s_search(edit_t *edit) {
    zr_buffer_clear(&edit->draft);
    zr_buffer_append(&edit->draft, edit->text.data, edit->text.len);
    zr_buffer_clear(&edit->query);
    edit->searching = true;
    edit->back = edit->found = 0;
    return EDIT_MORE;
}

static void s_find(edit_t *edit, size_t from) {
    size_t found = recall_search(&edit->recall, zr_span_of(edit->query.data, edit->query.len), from ? from : 1);
    if (!found)
        return;
    edit->found = found;
    s_recall(edit, found);
}

static edit_result_t s_stop_search(edit_t *edit) {
    edit->searching = false;
    edit->back = 0;
    edit_set(edit, zr_span_of(edit->draft.data, edit->draft.len));
    return EDIT_MORE;
}

/* True: the key belongs to the search. */
static bool s_search_key(edit_t *edit, zr_span_t key) {
    if (zr_span_equal(key, zr_span("\x12"))) {
        s_find(edit, edit->found + 1);
        return true;
    }
    if (zr_span_equal(key, zr_span("\x07"))) {
        s_stop_search(edit);
        return true;
    }
    if (zr_span_equal(key, zr_span("\x7f")) || zr_span_equal(key, zr_span("\x08"))) {
        edit->query.len = cells_before(zr_span_of(edit->query.data, edit->query.len), edit->query.len);
        s_find(edit, 1);
        return true;
    }
    edit->searching = false;
    return false;
}

bool edit_label(const edit_t *edit, zr_buffer_t *out) {
    if (!edit->searching)
        return false;
    size_t len = edit->query.len;
    while (len > SEARCH_SHOWN)
        len = cells_before(zr_span_of(edit->query.data, edit->query.len), len);
    bool failed =
        edit->query.len > 0 && !recall_search(&edit->recall, zr_span_of(edit->query.data, edit->query.len), 1);
    zr_buffer_printf(
        out, "%ssearch: %.*s> ", failed ? "failed " : "", (int)len, len ? (const char *)edit->query.data : "");
    return true;
}

/* --- What the prompt calls --- */

/* A key changes the line, or is the caller's. */
static const struct {
    const char *key;
    edit_result_t (*act)(edit_t *edit); /* NULL: `result` is the caller's to act on */
    edit_result_t result;
} s_keys[] = {
    {"\r", NULL, EDIT_ENTER},
    {"\n", NULL, EDIT_ENTER},
    {"\033\r", s_new_line, 0},
    {"\033\n", s_new_line, 0}, /* Enter */
    {"\x02", s_go_left, 0},
    {"\033[D", s_go_left, 0},
    {"\x06", s_go_right, 0},
    {"\033[C", s_go_right, 0}, /* characters */
    {"\x01", s_go_home, 0},
    {"\033[H", s_go_home, 0},
    {"\x05", s_go_end, 0},
    {"\033[F", s_go_end, 0}, /* the line */
    {"\033b", s_go_word_left, 0},
    {"\033f", s_go_word_right, 0}, /* words */
    {"\x10", s_up, 0},
    {"\033[A", s_up, 0},
    {"\x0e", s_down, 0},
    {"\033[B", s_down, 0},
    {"\x12", s_search, 0}, /* earlier lines */
    {"\x7f", s_delete_left, 0},
    {"\x08", s_delete_left, 0},
    {"\033[3~", s_delete_right, 0},
    {"\x04", s_end_or_delete, 0},
    {"\x0b", s_kill_end, 0},
    {"\x15", s_kill_begin, 0},
    {"\x17", s_kill_blank_word, 0},
    {"\033\x7f", s_kill_word_left, 0},
    {"\033\x08", s_kill_word_left, 0},
    {"\033d", s_kill_word_right, 0},
    {"\x19", s_yank, 0},
    {"\x14", s_swap, 0},
    {"\x1f", s_undo, 0},
    {"\t", NULL, EDIT_COMPLETE},
    {"\033[Z", NULL, EDIT_BACK},
    {"\x0c", NULL, EDIT_CLEAR},
    {"\033[5~", NULL, EDIT_OLDER},
    {"\033n", NULL, EDIT_NEXT},
    {"\033a", NULL, EDIT_UNREAD},
    {"\033p", NULL, EDIT_PREVIOUS},
};

edit_result_t edit_key(edit_t *edit, zr_span_t key) {
    if (edit->searching && s_search_key(edit, key))
        return EDIT_MORE;
    edit->keys++;
    for (size_t i = 0; i < sizeof s_keys / sizeof *s_keys; i++)
        if (zr_span_equal(key, zr_span(s_keys[i].key)))
            return s_keys[i].act ? s_keys[i].act(edit) : s_keys[i].result;
    return EDIT_MORE;
}

edit_result_t edit_type(edit_t *edit, zr_span_t text) {
    edit->keys++;
    if (edit->searching) {
        if (s_fits(edit, edit->query.len + text.len))
            zr_buffer_append(&edit->query, text.ptr, text.len);
        s_find(edit, edit->found);
        return EDIT_MORE;
    }
    if (!s_fits(edit, text.len))
        return EDIT_TOO_LONG;
    if (!edit->typing)
        s_remember(edit);
    s_splice(edit, edit->cursor, edit->cursor, text);
    /* A word at a time is undone. */
    edit->typing = !s_is_space((uint8_t)text.ptr[text.len - 1]);
    return EDIT_MORE;
}

edit_result_t edit_paste(edit_t *edit, zr_span_t text) {
    edit->keys++;
    edit->searching = false;
    if (!s_fits(edit, text.len + 1))
        return EDIT_TOO_LONG;
    if (text.len == 0)
        return EDIT_MORE;
    s_remember(edit);
    if (edit->cursor == 0 && text.ptr[0] == '/')
        s_splice(edit, 0, 0, zr_span("/"));
    s_splice(edit, edit->cursor, edit->cursor, text);
    return EDIT_MORE;
}

edit_result_t edit_interrupt(edit_t *edit) {
    if (edit->searching)
        return s_stop_search(edit);
    if (edit->text.len == 0)
        return EDIT_END;
    edit->back = 0;
    edit_set(edit, zr_span(""));
    return EDIT_MORE;
}

bool edit_taken(edit_t *edit) {
    bool kept = recall_add(&edit->recall, edit_text(edit));
    undo_clear(&edit->undo);
    zr_buffer_clear(&edit->text);
    edit->cursor = edit->back = 0;
    edit->typing = false;
    edit->killed_at = 0;
    return kept;
}
