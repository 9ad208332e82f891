#include "keys.h"

#include "unicode.h"

enum { ESCAPE = 033, INTERRUPT = 003, DELETE = 0177, SEQUENCE_MAX = 64 };

static const zr_span_t s_mark_begin = {"[200~", 5}, s_mark_end = {"\033[201~", 6};

/* What terminals send after Escape, and what an editor of lines knows. */
static const struct {
    const char *sent, *key;
} s_known[] = {
    {"[A", "\033[A"}, {"OA", "\033[A"}, {"[B", "\033[B"}, {"OB", "\033[B"},   /* up, down */
    {"[C", "\033[C"}, {"OC", "\033[C"}, {"[D", "\033[D"}, {"OD", "\033[D"},   /* right, left */
    {"[H", "\033[H"}, {"OH", "\033[H"}, {"[1~", "\033[H"}, {"[7~", "\033[H"}, /* Home */
    {"[F", "\033[F"}, {"OF", "\033[F"}, {"[4~", "\033[F"}, {"[8~", "\033[F"}, /* End */
    {"[3~", "\033[3~"}, {"OM", "\r"}, {"[5~", "\033[5~"}, {"[Z", "\033[Z"},   /* Delete, Enter, PageUp, Shift-Tab */
    {"[1;5C", "\033f"}, {"[1;3C", "\033f"}, {"Oc", "\033f"}, {"[1;5D", "\033b"}, {"[1;3D", "\033b"},
    {"Od", "\033b"}, /* words */
};

static zr_span_t s_left(const keys_t *keys) {
    return zr_span_of(keys->in.data + keys->at, keys->in.len - keys->at);
}

static bool s_is_control(uint8_t byte) {
    return byte < 0x20 || byte == DELETE;
}

/* --- Text --- */

/* Does `text` end within its first character? */
static bool s_is_begun(zr_span_t text) {
    uint8_t lead = (uint8_t)text.ptr[0];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (text.len >= wanted)
        return false;
    for (size_t i = 1; i < text.len; i++)
        if (((uint8_t)text.ptr[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* Appends the first character, if a person can type it. Returns the bytes taken; 0: the character is not complete. */
static size_t s_character(zr_span_t text, zr_buffer_t *out) {
    if (s_is_begun(text))
        return 0;
    size_t at = 0;
    int point = zr_utf8_next(text, &at);
    if (point >= 0xa0 || (point >= 0x20 && point < DELETE))
        zr_buffer_append(out, text.ptr, at);
    return at;
}

/* The bytes taken. */
static size_t s_text(zr_span_t left, zr_buffer_t *out) {
    size_t at = 0, more = 1;
    while (more && at < left.len && !s_is_control((uint8_t)left.ptr[at])) {
        more = s_character(zr_span_of(left.ptr + at, left.len - at), out);
        at += more;
    }
    return at;
}

/* --- Pastes --- */

static void s_paste_lines(keys_t *keys, zr_buffer_t *out) {
    for (; keys->lines > 0; keys->lines--)
        zr_buffer_u8(out, '\n');
}

static size_t s_paste_byte(keys_t *keys, zr_span_t left, zr_buffer_t *out) {
    uint8_t byte = (uint8_t)left.ptr[0];
    bool returned = keys->returned;
    keys->returned = byte == '\r';
    if (byte == '\r' || byte == '\n') {
        keys->lines += byte == '\r' || !returned;
        return 1;
    }
    if (byte != '\t' && s_is_control(byte))
        return 1;
    s_paste_lines(keys, out);
    if (byte != '\t')
        return s_character(left, out);
    zr_buffer_u8(out, byte);
    return 1;
}

/* The mark of the end is here. */
static keys_kind_t s_paste_end(keys_t *keys, zr_buffer_t *out) {
    keys->lines -= keys->lines > 0;
    s_paste_lines(keys, out);
    if (out->len > 0)
        return KEYS_PASTED; /* and the mark once more */
    keys->at += s_mark_end.len;
    keys->pasting = keys->returned = false;
    return KEYS_PASTE_END;
}

/* Up to the mark of the end, or what may be its beginning. */
static keys_kind_t s_paste(keys_t *keys, zr_buffer_t *out) {
    for (size_t more = 1; more && keys->at < keys->in.len; keys->at += more) {
        zr_span_t left = s_left(keys);
        if (zr_span_starts(left, s_mark_end))
            return out->len > 0 ? KEYS_PASTED : s_paste_end(keys, out);
        more = zr_span_starts(s_mark_end, left) ? 0 : s_paste_byte(keys, left, out);
    }
    return out->len > 0 ? KEYS_PASTED : KEYS_MORE;
}

/* --- Keys --- */

/* The length of ESC [ and what follows (ECMA-48, 5.4); 0: it is not complete. */
static size_t s_csi(zr_span_t left) {
    if (left.len > 2 && left.ptr[2] == '[') /* a function key of Linux's console */
        return left.len > 3 ? 4 : 0;
    for (size_t i = 2; i < left.len; i++) {
        uint8_t byte = (uint8_t)left.ptr[i];
        if (i == SEQUENCE_MAX || byte < 0x20 || byte >= DELETE)
            return i;
        if (byte >= 0x40 || byte == '$') /* '$': rxvt, with Shift */
            return i + 1;
    }
    return 0;
}

/* The length of the sequence that begins with Escape; 0: it is not complete. */
static size_t s_sequence(zr_span_t left) {
    if (left.len < 2)
        return 0;
    if (left.ptr[1] == ESCAPE)
        return 1;
    if (left.ptr[1] == '[')
        return s_csi(left);
    if (left.ptr[1] != 'O')
        return 2;
    size_t last = left.len > 2 && left.ptr[2] >= '0' && left.ptr[2] <= '9' ? 3 : 2; /* a digit: with Shift, Ctrl… */
    return left.len > last ? last + 1 : 0;
}

static const char *s_key(zr_span_t sequence) {
    for (size_t i = 0; i < sizeof s_known / sizeof *s_known; i++)
        if (zr_span_equal(sequence, zr_span(s_known[i].sent)))
            return s_known[i].key;
    return NULL;
}

static bool s_goes_with_alt(uint8_t byte) {
    return (byte > 0x20 && byte <= DELETE) || byte == '\r' || byte == '\n' || byte == '\b';
}

/* KEYS_MORE with `keys->at` moved: a key that nobody knows. */
static keys_kind_t s_escape(keys_t *keys, zr_buffer_t *out) {
    zr_span_t left = s_left(keys);
    size_t len = s_sequence(left);
    if (len == 0)
        return KEYS_MORE;
    keys->at += len;
    zr_span_t rest = zr_span_of(left.ptr + 1, len - 1);
    const char *key = s_key(rest);
    keys->pasting = zr_span_equal(rest, s_mark_begin);
    if (key)
        zr_buffer_append(out, key, strlen(key));
    else if (len == 2 && s_goes_with_alt((uint8_t)left.ptr[1]))
        zr_buffer_append(out, left.ptr, len);
    return out->len > 0 ? KEYS_KEY : KEYS_MORE;
}

static keys_kind_t s_take(keys_t *keys, zr_buffer_t *out) {
    zr_span_t left = s_left(keys);
    uint8_t byte = (uint8_t)left.ptr[0];
    if (keys->pasting)
        return s_paste(keys, out);
    if (byte == ESCAPE)
        return s_escape(keys, out);
    if (!s_is_control(byte)) {
        keys->at += s_text(left, out);
        return out->len > 0 ? KEYS_TEXT : KEYS_MORE;
    }
    keys->at++;
    if (byte == INTERRUPT)
        return KEYS_INTERRUPT;
    if (byte)
        zr_buffer_u8(out, byte);
    return byte ? KEYS_KEY : KEYS_MORE;
}

/* --- What the prompt calls --- */

keys_kind_t keys_next(keys_t *keys, zr_buffer_t *out) {
    zr_buffer_clear(out);
    while (keys->at < keys->in.len) {
        size_t before = keys->at;
        keys_kind_t kind = s_take(keys, out);
        if (kind != KEYS_MORE)
            return kind;
        if (keys->at == before)
            break;
    }
    return KEYS_MORE;
}

bool keys_waiting(const keys_t *keys) {
    keys_t probe = *keys;
    zr_buffer_t out = {0};
    bool waiting = keys_next(&probe, &out) != KEYS_MORE;
    zr_buffer_finish(&out);
    return waiting;
}

static void s_compact(keys_t *keys) {
    size_t left = keys->in.len - keys->at;
    if (left > 0)
        memmove(keys->in.data, keys->in.data + keys->at, left);
    keys->in.len = left;
    keys->at = 0;
}

void keys_fed(keys_t *keys, zr_span_t bytes, uint64_t now_ms) {
    bool paused = now_ms - keys->since_ms >= KEYS_ESCAPE_MS;
    s_compact(keys);
    if (paused && !keys->pasting && keys->in.len == 1 && keys->in.data[0] == ESCAPE)
        zr_buffer_clear(&keys->in);
    /* A terminal that left out the mark would else hold the person in the paste. */
    if (paused && keys->pasting && bytes.len == 1 && bytes.ptr[0] == INTERRUPT) {
        zr_buffer_clear(&keys->in);
        keys->pasting = keys->returned = false;
        keys->lines = 0;
    }
    zr_buffer_append(&keys->in, bytes.ptr, bytes.len);
    keys->since_ms = now_ms;
}

void keys_finish(keys_t *keys) {
    zr_buffer_finish(&keys->in);
    *keys = (keys_t){0};
}
