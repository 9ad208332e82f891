/* See zpl.h. zconfig itself is not used: it prints errors on stdout, keeps no line numbers, and ends a value at any #. */
#include "zpl.h"

#include <string.h>

enum { LINE_MAX_LEN = 1000, INDENT = 4 };

typedef struct {
    zr_zpl_item_fn *each;
    void *ctx;
    zr_error_t *error;
    char section[LINE_MAX_LEN + 2];
    bool begun;   /* there was a section */
    bool refused; /* it was wrong, so its members would be too */
} scan_t;

static char *s_skip(char *at) {
    while (zr_is_blank(*at))
        at++;
    return at;
}

/* A comment behind a value has a blank before its # and after it. A # between other characters belongs to the value,
 * such as a key. Any other # could be meant either way. Ends the value; NULL, or the fault. */
static const char *s_end_bare(char *value) {
    for (char *hash = value; (hash = strchr(hash, '#'));) {
        bool before = hash == value || zr_is_blank(hash[-1]);
        char *text = hash + strspn(hash, "#");
        bool after = *text == '\0' || zr_is_blank(*text);
        if (before && after)
            *hash = '\0';
        else if (before || (after && *text))
            return "a # that is part of the value needs quotes around it; a comment's has a blank on both sides";
        hash = text;
    }
    for (char *end = value + strlen(value); end > value && zr_is_blank(end[-1]);)
        *--end = '\0';
    return NULL;
}

/* Takes what stands after a name: nothing, a comment, or "= value". NULL, or the fault. */
static const char *s_take_value(char *rest, const char **value) {
    rest = s_skip(rest);
    *value = "";
    if (*rest == '\0' || *rest == '#')
        return NULL;
    if (*rest != '=')
        return "a name is followed by \"= value\" or by nothing";
    rest = s_skip(rest + 1);
    bool quoted = *rest == '"' || *rest == '\'';
    *value = rest + quoted;
    if (!quoted)
        return s_end_bare(rest);
    char *quote = strchr(rest + 1, *rest);
    if (!quote)
        return "the closing quote is missing";
    *quote = '\0';
    rest = s_skip(quote + 1);
    return *rest == '\0' || *rest == '#' ? NULL : "nothing but a comment may follow the closing quote";
}

/* Takes a line apart: `text` is what stands behind `indent` spaces. NULL, or the fault. */
static const char *s_split(const scan_t *scan, size_t indent, char *text, zr_zpl_item_t *item) {
    char *rest = text + strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    if (text[0] == '\t' || indent % INDENT != 0)
        return "indent members with exactly 4 spaces, sections with none";
    if (strlen(text) + indent > LINE_MAX_LEN)
        return "the line is longer than 1000 bytes";
    if (indent > INDENT || (indent > 0 && !scan->begun))
        return "indented too deep: a member stands 4 spaces below its section";
    if (rest == text)
        return "a line starts with a name, or with # for a comment";
    const char *wrong = s_take_value(rest, &item->value);
    *rest = '\0';
    item->name = text;
    return wrong;
}

/* One line of the file, without its line feed. */
static void s_line(scan_t *scan, unsigned number, zr_span_t line) {
    char text[LINE_MAX_LEN + 2];
    while (line.len > 0 && zr_is_blank(line.ptr[line.len - 1]))
        line.len--;
    size_t indent = 0;
    while (indent < line.len && line.ptr[indent] == ' ')
        indent++;
    size_t len = line.len - indent;
    if (len == 0 || line.ptr[indent] == '#')
        return;
    len = len < sizeof text ? len : sizeof text - 1; /* too long all the same */
    memcpy(text, line.ptr + indent, len);
    text[len] = '\0';
    zr_zpl_item_t item = {.line = number};
    bool section = indent == 0 && text[0] != '\t';
    const char *wrong = s_split(scan, indent, text, &item);
    bool passed_over = wrong || (!section && scan->refused);
    zr_error_at(scan->error, number, NULL, NULL);
    if (wrong)
        zr_fail(scan->error, "%s", wrong);
    if (section) {
        memcpy(scan->section, text, strlen(text) + 1);
        item.name = NULL;
        scan->begun = true;
    }
    if (!passed_over) {
        item.section = scan->section;
        zr_error_at(scan->error, number, item.section, item.name);
        passed_over = !scan->each(scan->ctx, &item, scan->error);
    }
    if (section)
        scan->refused = passed_over;
}

bool zr_zpl_parse(const char *path, zr_span_t text, zr_zpl_item_fn *each, void *ctx, zr_error_t *error) {
    unsigned before = error->count;
    scan_t scan = {.each = each, .ctx = ctx, .error = error};
    zr_span_t mark = zr_span("\xef\xbb\xbf");
    error->file = path;
    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        zr_fail(error, "this is no text file");
    } else {
        if (zr_span_starts(text, mark))
            text = zr_span_of(text.ptr + mark.len, text.len - mark.len);
        for (unsigned number = 1; text.len > 0; number++)
            s_line(&scan, number, zr_span_cut(&text, '\n'));
        each(ctx, NULL, zr_error_at(error, 0, NULL, NULL));
    }
    zr_error_at(error, 0, NULL, NULL)->file = NULL;
    return error->count == before;
}

zr_file_t zr_zpl_read(const char *path, zr_zpl_item_fn *each, void *ctx, zr_error_t *error) {
    zr_buffer_t text = {0};
    zr_file_t result = zr_file_read(path, &zr_file_config, &text, NULL, error);
    if (result == ZR_FILE_READ && !zr_zpl_parse(path, zr_span_of(text.data, text.len), each, ctx, error))
        result = ZR_FILE_REFUSED;
    zr_buffer_finish(&text);
    return result;
}
