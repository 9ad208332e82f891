/* Configuration files in ZPL. A text gives the same items whole and line by line, with other line ends, with a comment
 * behind each line, and written anew from its items. */
#include "buffer.h"
#include "fuzz.h"
#include "zpl.h"

enum { ITEMS_MAX = 64, TEXT_MAX = 1001, PROBES_MAX = 24 };

typedef struct {
    char section[TEXT_MAX], name[TEXT_MAX], value[TEXT_MAX];
    bool is_section;
    unsigned line;
} item_t;

/* What one parse gave. */
typedef struct {
    item_t items[ITEMS_MAX];
    size_t count, all; /* kept; and those for which there was no place */
    unsigned faults, ends;
    bool refuse; /* sections whose name begins with "x" */
} found_t;

static bool s_copy(char to[TEXT_MAX], const char *text) {
    size_t len = strlen(text);
    fuzz_require(len < TEXT_MAX);
    memcpy(to, text, len + 1);
    return true;
}

static bool s_each(void *ctx, const zr_zpl_item_t *item, zr_error_t *error) {
    found_t *found = ctx;
    if (!item) {
        found->ends++;
        return true;
    }
    fuzz_require(found->ends == 0 && item->line > 0 && item->section[0] != '\0');
    fuzz_require(item->name || found->all == 0 || item->line > found->items[0].line);
    if (found->refuse && !item->name && item->section[0] == 'x')
        return zr_fail(error, "refused");
    found->all++;
    if (found->count == ITEMS_MAX)
        return true;
    item_t *copy = &found->items[found->count++];
    copy->is_section = !item->name;
    copy->line = item->line;
    return s_copy(copy->section, item->section) && s_copy(copy->name, item->name ? item->name : "") &&
           s_copy(copy->value, item->value);
}

static void s_parse(found_t *found, zr_span_t text, bool refuse) {
    zr_error_t error = {0};
    found->count = found->all = 0;
    found->ends = 0;
    found->refuse = refuse;
    bool good = zr_zpl_parse("f", text, s_each, found, &error);
    found->faults = error.count;
    fuzz_require(good == (error.count == 0) && !error.file);
    unsigned lines = 0;
    for (const char *line = NULL; (line = zr_error_next(&error, line)); lines++)
        fuzz_require(!strchr(line, '\n') && strncmp(line, "f:", 2) == 0);
    fuzz_require((lines > 0) == (error.count > 0) && lines <= error.count);
}

static bool s_is_same(const item_t *a, const item_t *b) {
    return a->is_section == b->is_section && strcmp(a->section, b->section) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->value, b->value) == 0;
}

static void s_check_same(const found_t *a, const found_t *b, bool lines) {
    fuzz_require(a->all == b->all && a->count == b->count);
    for (size_t i = 0; i < a->count; i++)
        fuzz_require(s_is_same(&a->items[i], &b->items[i]) && (!lines || a->items[i].line == b->items[i].line));
}

/* --- Other texts that mean the same --- */

static zr_span_t s_written(const zr_buffer_t *out) {
    return zr_span_of(out->data, out->len);
}

static void s_put(zr_buffer_t *out, const char *text) {
    zr_buffer_append(out, text, strlen(text));
}

#define MARK "\xef\xbb\xbf" /* of the byte order */

static bool s_skip_mark(zr_span_t *text) {
    size_t len = zr_span_starts(*text, zr_span(MARK)) ? strlen(MARK) : 0;
    *text = zr_span_of(text->ptr + len, text->len - len);
    return len > 0;
}

/* The word, or the one before it when it is empty. */
static zr_span_t s_last(zr_span_t word, zr_span_t before) {
    return word.len > 0 ? word : before;
}

/* Each line with this behind it. Those stay that would be too long for it, hold nothing, or end in a # that would then
 * be a comment's. */
static void s_append_to_lines(zr_buffer_t *out, zr_span_t text, const char *end) {
    if (s_skip_mark(&text))
        s_put(out, MARK);
    while (text.len > 0) {
        zr_span_t line = zr_span_cut(&text, '\n'), rest = line, word = {0};
        zr_buffer_append(out, line.ptr, line.len);
        while (rest.len > 0)
            word = s_last(zr_span_word(&rest), word);
        if (line.len < 900 && word.len > 0 && word.ptr[word.len - 1] != '#')
            s_put(out, end);
        s_put(out, "\n");
    }
}

/* A value with both kinds of quotes came from a line without any around it. */
static void s_write_value(zr_buffer_t *out, const char *value) {
    const char *quote = !strchr(value, '"') ? "\"" : !strchr(value, '\'') ? "'" : "";
    s_put(out, " = ");
    s_put(out, quote);
    s_put(out, value);
    s_put(out, quote);
}

static bool s_write(zr_buffer_t *out, const found_t *found) {
    for (size_t i = 0; i < found->count; i++) {
        const item_t *item = &found->items[i];
        if (strlen(item->name) + strlen(item->value) > 900)
            return false;
        s_put(out, item->is_section ? "" : "    ");
        s_put(out, item->is_section ? item->section : item->name);
        if (item->value[0])
            s_write_value(out, item->value);
        s_put(out, "\n");
    }
    return true;
}

/* The members of a section that was refused are passed over; those of no other are. */
static void s_check_refused(const found_t *all, zr_span_t text) {
    static found_t some;
    size_t at = 0;
    s_parse(&some, text, true);
    if (all->all > ITEMS_MAX)
        return;
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].section[0] == 'x')
            continue;
        fuzz_require(at < some.count && s_is_same(&all->items[i], &some.items[at]));
        at++;
    }
    fuzz_require(at == some.count);
}

/* Each member alone, below its section. */
static void s_check_lines(const found_t *all, zr_span_t text) {
    static found_t alone;
    zr_buffer_t pair = {0};
    unsigned number = 0, probes = 0;
    s_skip_mark(&text);
    for (size_t i = 0; i < all->count && probes < PROBES_MAX; i++) {
        zr_span_t line = {0};
        while (number < all->items[i].line) {
            fuzz_require(text.len > 0);
            line = zr_span_cut(&text, '\n');
            number++;
        }
        if (all->items[i].is_section || !line.ptr)
            continue;
        probes++;
        zr_buffer_clear(&pair);
        s_put(&pair, all->items[i].section);
        s_put(&pair, "\n");
        zr_buffer_append(&pair, line.ptr, line.len);
        s_parse(&alone, s_written(&pair), false);
        fuzz_require(alone.count == 2 && alone.faults == 0 && s_is_same(&alone.items[1], &all->items[i]));
    }
    zr_buffer_finish(&pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static found_t all, again;
    static zr_buffer_t out;
    zr_span_t text = zr_span_of(data, size);
    s_parse(&all, text, false);
    fuzz_require(all.ends == (size > 0 && memchr(data, '\0', size) ? 0 : 1));
    if (all.ends == 0) {
        fuzz_require(all.all == 0 && all.faults == 1);
        return 0;
    }
    s_check_refused(&all, text);
    s_check_lines(&all, text);
    zr_buffer_clear(&out);
    s_append_to_lines(&out, text, " \t\r");
    s_parse(&again, s_written(&out), false);
    s_check_same(&all, &again, true);
    fuzz_require(again.faults == all.faults);
    if (all.faults > 0)
        return 0;
    zr_buffer_clear(&out);
    s_append_to_lines(&out, text, " # \"it's = a # comment\"");
    s_parse(&again, s_written(&out), false);
    s_check_same(&all, &again, true);
    fuzz_require(again.faults == 0);
    zr_buffer_clear(&out);
    if (!s_write(&out, &all))
        return 0;
    s_parse(&again, s_written(&out), false);
    if (all.all == all.count)
        s_check_same(&all, &again, false);
    fuzz_require(again.faults == 0);
    return 0;
}
