/* See options.h. getopt_long finds the options; their values and the errors are told here. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fatal.h"
#include "names.h"

/* --- Numbers --- */

/* Digits, at least one; moves `*text` behind them. */
static bool s_digits(const char **text, uint64_t *out) {
    const char *from = *text;
    uint64_t value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text)
        value = value > (UINT64_MAX - 9) / 10 ? UINT64_MAX : value * 10 + (uint64_t)(**text - '0');
    *out = value;
    return *text > from;
}

bool zr_number_parse(const char *text, uint64_t max, uint64_t *out) {
    uint64_t value;
    if (!s_digits(&text, &value) || *text || value > max)
        return false;
    *out = value;
    return true;
}

bool zr_seconds_parse(const char *text, uint64_t *out_ms) {
    uint64_t whole, micro = 0, unit = 1000000;
    bool digits = s_digits(&text, &whole);
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, digits = true) {
            unit /= 10;
            micro += (uint64_t)(*text - '0') * unit;
        }
    if (*text || !digits || whole > INT_MAX / 1000 || whole * 1000 + micro / 1000 > INT_MAX)
        return false;
    uint64_t ms = whole * 1000 + micro / 1000;
    *out_ms = ms == 0 && micro > 0 ? 1 : ms;
    return true;
}

const zr_unit_t zr_units_of_size[] = {{'k', 1 << 10}, {'K', 1 << 10}, {'M', 1 << 20}, {'G', 1 << 30}, {'\0', 1}};
const zr_unit_t zr_units_of_time[] = {
    {'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', 86400 * 1000}, {'\0', 1}};

bool zr_quantity_parse(const char *text, const zr_unit_t *unit, uint64_t *out) {
    uint64_t value;
    if (!s_digits(&text, &value))
        return false;
    while (unit->letter && unit->letter != *text)
        unit++;
    if (unit->letter ? text[1] : *text)
        return false;
    *out = value > UINT64_MAX / unit->factor ? UINT64_MAX : value * unit->factor;
    return true;
}

/* --- Options --- */

enum { OPTIONS_MAX = 64, FIRST = 256 }; /* getopt_long's value of the first option */

typedef struct {
    const zr_option_t *all[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 3];
} table_t;

static void s_build(table_t *table, const zr_option_list_t *lists, size_t list_count, bool stop) {
    size_t count = 0;
    char *letter = stpcpy(table->shorts, stop ? "+:" : ":");
    for (size_t i = 0; i < list_count; i++)
        for (size_t j = 0; j < lists[i].count; j++, count++) {
            const zr_option_t *option = &lists[i].options[j];
            bool value = option->kind != ZR_OPTION_FLAG;
            FATAL_UNLESS(count < OPTIONS_MAX);
            table->all[count] = option;
            table->longs[count] = (struct option){option->name, value, NULL, FIRST + (int)count};
            if (option->letter)
                *letter++ = option->letter;
            if (option->letter && value)
                *letter++ = ':';
        }
}

/* The option that getopt_long found. */
static const zr_option_t *s_option(const table_t *table, int found) {
    const zr_option_t *const *option = table->all;
    while (found < FIRST && (*option)->letter != found)
        option++;
    return found < FIRST ? *option : table->all[found - FIRST];
}

static bool s_store(const zr_option_t *option, const char *value, zr_error_t *error) {
    uint64_t max = option->max ? option->max : ZR_INT_MAX, number;
    zr_texts_t *texts = option->out;
    switch (option->kind) {
    case ZR_OPTION_FLAG:
        *(bool *)option->out = true;
        break;
    case ZR_OPTION_TEXT:
        *(const char **)option->out = value;
        break;
    case ZR_OPTION_TEXTS:
        texts->items = fatal_realloc(texts->items, (texts->count + 1) * sizeof *texts->items);
        texts->items[texts->count++] = value;
        break;
    case ZR_OPTION_NUMBER:
        if (!zr_number_parse(value, max, &number) || number < option->min)
            return zr_fail(error, "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'", option->name,
                option->min, max, value);
        *(uint64_t *)option->out = number;
        break;
    case ZR_OPTION_SECONDS:
        if (!zr_seconds_parse(value, option->out))
            return zr_fail(error, "--%s takes seconds, such as 2 or 0.5, not '%s'", option->name, value);
        break;
    }
    if (option->given)
        *option->given = true;
    return true;
}

/* Says in our words what getopt_long refused. */
static bool s_refused(const table_t *table, int found, const char *word, zr_error_t *error) {
    if (found == ':' && optopt < FIRST)
        return zr_fail(error, "-%c needs a value", optopt);
    if (found == ':')
        return zr_fail(error, "--%s needs a value", s_option(table, optopt)->name);
    if (optopt >= FIRST)
        return zr_fail(error, "--%s takes no value", s_option(table, optopt)->name);
    if (optopt)
        return zr_fail(error, "unknown option -%c; text that begins with a dash goes after --", optopt);
    return zr_fail(error, "unknown option %.*s", (int)strcspn(word, "="), word);
}

bool zr_options_parse(
    const zr_option_list_t *lists, size_t list_count, bool stop, int *argc, char **argv, zr_error_t *error) {
    table_t table = {0};
    s_build(&table, lists, list_count, stop);
    opterr = 0;
    optind = 0; /* glibc's way to begin anew */
    for (int found; (found = getopt_long(*argc + 1, argv - 1, table.shorts, table.longs, NULL)) != -1;) {
        const char *word = argv[optind - (optarg && optarg == argv[optind - 2] ? 3 : 2)];
        if (found == '?' || found == ':')
            return s_refused(&table, found, word, error);
        const zr_option_t *option = s_option(&table, found);
        /* A script with an abbreviation would break when there is another option that begins so. */
        if (found >= FIRST && strcspn(word + 2, "=") != strlen(option->name))
            return zr_fail(error, "unknown option %.*s", (int)strcspn(word, "="), word);
        if (!s_store(option, optarg, error))
            return false;
    }
    *argc -= optind - 1;
    memmove(argv, argv + optind - 1, (size_t)*argc * sizeof *argv);
    return true;
}

char *zr_words_join(int count, char **words) {
    zr_buffer_t text = {0};
    for (int i = 0; i < count; i++)
        zr_buffer_printf(&text, "%s%s", i ? " " : "", words[i]);
    zr_buffer_u8(&text, '\0');
    return (char *)text.data;
}

int zr_options_shown(const char *program) {
    zr_error_t error = {0};
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    zr_fail(&error, "cannot write to stdout: %s", strerror(errno));
    return zr_error_print(&error, program);
}

int zr_options_misused(const char *program, const zr_error_t *error) {
    zr_error_t whole = {0};
    zr_fail(&whole, "%s (see '%s --help')", error->text, program);
    return zr_error_print(&whole, program);
}
