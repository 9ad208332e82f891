/* See zpl.h. The text is scanned line by line before zconfig sees it, as zconfig prints errors on stdout and keeps no
 * line numbers. So it gets only lines that it accepts: one for each item, in the order of its tree. */
#include "zpl.h"

#include <czmq.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffer.h"
#include "private_file.h"

enum { FILE_MAX = 1 << 20, LINE_MAX_LEN = 1000, INDENT = 4, DEPTH = 2 };

typedef struct {
    const char *path;
    zr_buffer_t text;     /* the items' lines, comments and empty lines left out */
    zr_buffer_t lines;    /* an unsigned for each of them: its number in the file */
    zr_buffer_t sections; /* a size_t for each section: where it begins in `text` */
    size_t items;
    size_t depth; /* of the last item: what the next one may be below */
    char *error;
} scan_t;

/* --- The file --- */

/* The content decides which peers may come in. */
static bool s_load(const char *path, zr_buffer_t *text, char *error) {
    const zr_file_rules_t rules = {.forbidden = ZR_FILE_OTHERS_WRITE, .max = FILE_MAX, .pipes = true};
    char why[ZR_FILE_WHY];
    if (zr_file_read(path, &rules, text, NULL, why) == ZR_FILE_READ)
        return true;
    snprintf(error, ZPL_ERROR_SIZE, "%s: cannot read the configuration: %s", path, why);
    return false;
}

/* --- The scan --- */

static bool s_wrong(const scan_t *scan, unsigned number, const char *sentence) {
    snprintf(scan->error, ZPL_ERROR_SIZE, "%s:%u: %s", scan->path, number, sentence);
    return false;
}

static bool s_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* zconfig ends a value without quotes at any #, so a part of the value, such as a rule's room, would be lost without a
 * word. So a comment after it must have a blank before its # and after it. NULL: it is right. */
static const char *s_check_bare(const char *value, const char *end) {
    const char *hash = memchr(value, '#', (size_t)(end - value));
    if (!hash || hash == value)
        return NULL;
    const char *text = hash;
    while (text < end && *text == '#')
        text++;
    bool comment = s_is_blank(hash[-1]) && (text == end || s_is_blank(*text));
    return comment ? NULL
                   : "a # that is part of the value needs quotes around it; a comment's has a blank on both sides";
}

/* Checks the text after a name: nothing, a comment, or "= value". NULL: it is right. */
static const char *s_check_rest(const char *rest, const char *end) {
    while (rest < end && s_is_blank(*rest))
        rest++;
    if (rest == end || *rest == '#')
        return NULL;
    if (*rest != '=')
        return "a name is followed by \"= value\" or by nothing";
    for (rest++; rest < end && s_is_blank(*rest); rest++)
        continue;
    if (rest == end || (*rest != '"' && *rest != '\''))
        return s_check_bare(rest, end);
    const char *quote = memchr(rest + 1, *rest, (size_t)(end - rest - 1));
    if (!quote)
        return "the closing quote is missing";
    for (quote++; quote < end && s_is_blank(*quote); quote++)
        continue;
    return quote == end || *quote == '#' ? NULL : "nothing but a comment may follow the closing quote";
}

static bool s_is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* One line of the file, without its line feed. */
static bool s_scan_line(scan_t *scan, unsigned number, const char *line, size_t len) {
    while (len > 0 && s_is_blank(line[len - 1]))
        len--;
    const char *end = line + len, *name = line;
    while (name < end && *name == ' ')
        name++;
    if (name == end || *name == '#')
        return true;
    size_t indent = (size_t)(name - line);
    if (*name == '\t' || indent % INDENT != 0)
        return s_wrong(scan, number, "indent members with exactly 4 spaces, sections with none");
    if (len > LINE_MAX_LEN)
        return s_wrong(scan, number, "the line is longer than 1000 bytes");
    if (indent / INDENT >= DEPTH || (scan->items == 0 ? indent > 0 : indent / INDENT > scan->depth + 1))
        return s_wrong(scan, number, "indented too deep: a member stands 4 spaces below its section");
    const char *rest = name;
    while (rest < end && s_is_name(*rest))
        rest++;
    if (rest == name)
        return s_wrong(scan, number, "a line starts with a name, or with # for a comment");
    const char *sentence = s_check_rest(rest, end);
    if (sentence)
        return s_wrong(scan, number, sentence);
    scan->depth = indent / INDENT;
    if (indent == 0)
        zr_buffer_append(&scan->sections, &scan->text.len, sizeof scan->text.len);
    scan->items++;
    zr_buffer_append(&scan->text, line, len);
    zr_buffer_append(&scan->text, "\n", 1);
    zr_buffer_append(&scan->lines, &number, sizeof number);
    return true;
}

static bool s_scan(scan_t *scan, zr_span_t text) {
    const char *at = text.ptr, *end = at + text.len;
    for (unsigned number = 1; at < end; number++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed ? feed : end;
        if (!s_scan_line(scan, number, at, (size_t)(stop - at)))
            return false;
        at = feed ? feed + 1 : end;
    }
    return true;
}

/* --- The tree --- */

/* `*line` moves on with the items. */
static bool s_walk(const scan_t *scan, zconfig_t *root, const unsigned **line, zpl_item_fn *each, void *ctx) {
    for (zconfig_t *section = zconfig_child(root); section; section = zconfig_next(section)) {
        zpl_item_t item = {zconfig_name(section), NULL, zconfig_value(section), *(*line)++};
        if (!each(ctx, &item, scan->error))
            return false;
        for (zconfig_t *member = zconfig_child(section); member; member = zconfig_next(member)) {
            item = (zpl_item_t){zconfig_name(section), zconfig_name(member), zconfig_value(member), *(*line)++};
            if (!each(ctx, &item, scan->error))
                return false;
        }
    }
    return true;
}

/* Section by section: zconfig takes time that grows with the square of their number. */
static bool s_walk_sections(const scan_t *scan, zpl_item_fn *each, void *ctx) {
    const unsigned *line = (const unsigned *)scan->lines.data;
    const size_t *begins = (const size_t *)scan->sections.data;
    size_t count = scan->sections.len / sizeof *begins;
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        size_t end = i + 1 < count ? begins[i + 1] : scan->text.len;
        zchunk_t *chunk = zchunk_new(scan->text.data + begins[i], end - begins[i]);
        zconfig_t *root = chunk ? zconfig_chunk_load(chunk) : NULL;
        ok = root ? s_walk(scan, root, &line, each, ctx) : s_wrong(scan, *line, "zconfig cannot read this");
        zconfig_destroy(&root);
        zchunk_destroy(&chunk);
    }
    return ok;
}

bool zpl_parse(const char *path, zr_span_t text, zpl_item_fn *each, void *ctx, char error[ZPL_ERROR_SIZE]) {
    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        snprintf(error, ZPL_ERROR_SIZE, "%s: this is no text file", path);
        return false;
    }
    scan_t scan = {.path = path, .error = error};
    bool ok = text.len == 0 || (s_scan(&scan, text) && s_walk_sections(&scan, each, ctx));
    zr_buffer_finish(&scan.sections);
    zr_buffer_finish(&scan.lines);
    zr_buffer_finish(&scan.text);
    return ok;
}

bool zpl_read(const char *path, zpl_item_fn *each, void *ctx, char error[ZPL_ERROR_SIZE]) {
    zr_buffer_t text = {0};
    bool ok = s_load(path, &text, error) && zpl_parse(path, zr_span_of(text.data, text.len), each, ctx, error);
    zr_buffer_finish(&text);
    return ok;
}
