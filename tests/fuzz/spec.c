/* See spec.h. Lines of the page are looked at one by one: headings and rows of tables, and then the errors. */
#include "spec.h"

#include <string.h>

#include "fuzz.h"
#include "span.h"

enum { PAGE_MAX = 1 << 20 };

typedef enum { TABLE_NONE, TABLE_ASKED, TABLE_ANSWER, TABLE_CODES, TABLE_REASONS, TABLE_OTHER } table_t;

static char s_page[PAGE_MAX];
static spec_t s_spec;
static spec_op_t s_publish; /* the errors of the binary PUBLISH: "- `bad-room`, …" in its section */

static void s_read_page(void) {
    FILE *file = fopen(ZR_PROTOCOL, "rb");
    size_t len = file ? fread(s_page, 1, sizeof s_page - 1, file) : 0;
    if (file)
        fclose(file);
    fuzz_require(len > 0 && len < sizeof s_page - 1);
}

static void s_take(spec_word_t to, zr_span_t word) {
    fuzz_require(word.len > 0 && word.len < SPEC_WORD_MAX);
    memcpy(to, word.ptr, word.len);
    to[word.len] = '\0';
}

/* The next `word` in backticks. */
static bool s_code_word(zr_span_t *text, zr_span_t *word) {
    zr_span_cut(text, '`');
    *word = zr_span_cut(text, '`');
    return word->len > 0 && word->len < SPEC_WORD_MAX;
}

static zr_span_t s_trim(zr_span_t text) {
    while (text.len > 0 && text.ptr[0] == ' ')
        text = zr_span_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    return text;
}

static zr_span_t s_cell(zr_span_t *row) {
    return s_trim(zr_span_cut(row, '|'));
}

static bool s_is_code(zr_span_t word) {
    for (size_t i = 0; i < s_spec.code_count; i++)
        if (zr_span_equal(zr_span(s_spec.codes[i]), word))
            return true;
    return false;
}

/* "### replay → delivery frames, then replayed": the last word is the answer. */
static spec_op_t *s_heading(zr_span_t line) {
    static const char arrow[] = " \xe2\x86\x92 ";
    zr_span_t rest = zr_span_of(line.ptr + 4, line.len - 4), name = zr_span_word(&rest), answer = {0}, word;
    if (!memmem(line.ptr, line.len, arrow, sizeof arrow - 1))
        return NULL;
    while ((word = zr_span_word(&rest)).len > 0)
        answer = word;
    fuzz_require(s_spec.op_count < SPEC_OPS_MAX);
    spec_op_t *op = &s_spec.ops[s_spec.op_count++];
    s_take(op->name, name);
    s_take(op->answer, answer);
    return op;
}

static void s_errors(spec_op_t *op, zr_span_t line) {
    zr_span_t word;
    while (s_code_word(&line, &word)) {
        if (!s_is_code(word))
            continue;
        fuzz_require(op->error_count < SPEC_ERRORS_MAX);
        s_take(op->errors[op->error_count++], word);
    }
}

static bool s_type(zr_span_t cell, json_type *type) {
    static const struct {
        const char *word;
        json_type type;
    } types[] = {{"integer", JSON_INTEGER}, {"string", JSON_STRING}, {"nick", JSON_STRING}, {"boolean", JSON_TRUE},
        {"object", JSON_OBJECT}, {"array", JSON_ARRAY}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (zr_span_starts(cell, zr_span(types[i].word))) {
            *type = types[i].type;
            return true;
        }
    return false;
}

/* "| `nick` | string, opt | the name |" */
static void s_member(spec_member_t *members, size_t *count, zr_span_t row) {
    zr_span_t names = s_cell(&row), cell = s_cell(&row), name;
    json_type type = JSON_NULL;
    if (!s_type(cell, &type))
        return;
    while (s_code_word(&names, &name)) {
        fuzz_require(*count < SPEC_MEMBERS_MAX);
        spec_member_t *member = &members[(*count)++];
        s_take(member->name, name);
        member->type = type;
        member->optional = memmem(cell.ptr, cell.len, "opt", 3) != NULL;
    }
}

/* The kind of the table that begins with this row. */
static table_t s_table(const spec_op_t *op, zr_span_t row) {
    zr_span_t cell = s_cell(&row), word = cell;
    if (zr_span_equal(cell, zr_span("code")))
        return TABLE_CODES;
    if (op && zr_span_equal(cell, zr_span("request")))
        return TABLE_ASKED;
    if (op && zr_span_equal(cell, zr_span("answer")))
        return TABLE_ANSWER;
    if (op && s_code_word(&word, &word) && zr_span_equal(word, zr_span(op->answer)))
        return TABLE_ANSWER;
    return zr_span_equal(cell, zr_span("reason")) ? TABLE_REASONS : TABLE_OTHER;
}

static void s_words(spec_word_t *words, size_t *count, size_t max, zr_span_t row) {
    zr_span_t cell = s_cell(&row), word;
    while (s_code_word(&cell, &word)) {
        fuzz_require(*count < max);
        s_take(words[(*count)++], word);
    }
}

static void s_row(spec_op_t *op, table_t table, zr_span_t row) {
    if (table == TABLE_ASKED)
        s_member(op->asked, &op->asked_count, row);
    else if (table == TABLE_ANSWER)
        s_member(op->members, &op->member_count, row);
    else if (table == TABLE_CODES)
        s_words(s_spec.codes, &s_spec.code_count, SPEC_CODES_MAX, row);
    else if (table == TABLE_REASONS)
        s_words(s_spec.reasons, &s_spec.reason_count, SPEC_ERRORS_MAX, row);
}

/* The section that begins with this line, if one does. */
static spec_op_t *s_section(spec_op_t *op, zr_span_t line) {
    if (zr_span_starts(line, zr_span("### ")))
        return s_heading(line);
    return zr_span_starts(line, zr_span("## ")) ? NULL : op;
}

static void s_read_tables(void) {
    table_t table = TABLE_NONE;
    spec_op_t *op = NULL;
    for (zr_span_t page = zr_span(s_page); page.len > 0;) {
        zr_span_t line = zr_span_cut(&page, '\n'), row = zr_span_of(line.ptr + 1, line.len ? line.len - 1 : 0);
        bool is_row = line.len > 0 && line.ptr[0] == '|';
        op = s_section(op, line);
        if (is_row && table == TABLE_NONE)
            table = s_table(op, row);
        else if (is_row)
            s_row(op, table, row);
        else
            table = TABLE_NONE;
    }
}

static spec_op_t *s_op_of(zr_span_t heading) {
    spec_op_t *op = NULL;
    zr_span_t name = zr_span_of(heading.ptr + 3, heading.len - 3);
    name = zr_span_word(&name);
    for (size_t i = 0; i < s_spec.op_count; i++)
        if (zr_span_equal(zr_span(s_spec.ops[i].name), name))
            op = &s_spec.ops[i];
    return zr_span_starts(heading, zr_span("### PUBLISH")) ? &s_publish : op;
}

/* Once the codes are known. */
static void s_read_errors(void) {
    spec_op_t *op = NULL, *like = NULL;
    for (zr_span_t page = zr_span(s_page); page.len > 0;) {
        zr_span_t line = zr_span_cut(&page, '\n');
        if (zr_span_starts(line, zr_span("##")))
            op = zr_span_starts(line, zr_span("### ")) ? s_op_of(line) : NULL;
        bool publish = op == &s_publish, errors = zr_span_starts(line, zr_span("Errors:"));
        if (op && !publish && errors && zr_span_starts(line, zr_span("Errors: those of [PUBLISH]")))
            like = op;
        else if (op && (publish ? zr_span_starts(line, zr_span("| ")) : errors))
            s_errors(op, line);
    }
    fuzz_require(like && s_publish.error_count > 0);
    memcpy(like->errors, s_publish.errors, sizeof s_publish.errors);
    like->error_count = s_publish.error_count;
}

const spec_t *spec(void) {
    if (s_spec.code_count == 0) {
        s_read_page();
        s_read_tables();
        s_read_errors();
        fuzz_require(s_spec.code_count > 0 && s_spec.op_count > 0 && s_spec.reason_count > 0);
    }
    return &s_spec;
}

const spec_op_t *spec_op(const char *name) {
    for (size_t i = 0; i < spec()->op_count; i++)
        if (strcmp(s_spec.ops[i].name, name) == 0)
            return &s_spec.ops[i];
    return NULL;
}

bool spec_may_fail(const spec_op_t *op, const char *code) {
    static const char *const any[] = {"no-session", "bad-member", "rate-limited"};
    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++)
        if (strcmp(any[i], code) == 0)
            return true;
    for (size_t i = 0; i < op->error_count; i++)
        if (strcmp(op->errors[i], code) == 0)
            return true;
    return false;
}

const char *spec_wrong_member(const spec_op_t *op, const json_t *object) {
    for (size_t i = 0; i < op->member_count; i++) {
        const spec_member_t *member = &op->members[i];
        const json_t *value = json_object_get(object, member->name);
        bool right = !value                      ? member->optional
                     : member->type == JSON_TRUE ? json_is_boolean(value)
                                                 : json_typeof(value) == member->type;
        if (!right)
            return member->name;
    }
    return NULL;
}

bool spec_says(const char *text) {
    spec();
    return strstr(s_page, text) != NULL;
}

static bool s_number(zr_span_t cell, unsigned long long *number) {
    bool found = false;
    *number = 0;
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] >= '0' && cell.ptr[i] <= '9') {
            *number = 10 * *number + (unsigned)(cell.ptr[i] - '0');
            found = true;
        } else if (cell.ptr[i] != ',') {
            break;
        }
    }
    return found;
}

unsigned long long spec_limit(const char *text) {
    unsigned long long number;
    spec();
    for (zr_span_t page = zr_span(s_page); page.len > 0;) {
        zr_span_t line = zr_span_cut(&page, '\n');
        if (line.len == 0 || line.ptr[0] != '|' || !memmem(line.ptr, line.len, text, strlen(text)))
            continue;
        for (zr_span_t row = line; row.len > 0;)
            if (s_number(s_cell(&row), &number))
                return number;
    }
    fprintf(stderr, "PROTOCOL.md has no row with a number that says: %s\n", text);
    abort();
}
