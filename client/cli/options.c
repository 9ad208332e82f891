#include "options.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "names.h"

bool number_parse(const char *text, uint64_t max, uint64_t *out) {
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool seconds_parse(const char *text, uint64_t *out_ms) {
    uint64_t whole = 0;
    uint64_t micro = 0;
    uint64_t unit = 1000000;
    bool digits = false;
    for (; *text >= '0' && *text <= '9'; text++, digits = true) {
        whole = whole * 10 + (uint64_t)(*text - '0');
        if (whole > INT_MAX / 1000)
            return false;
    }
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, digits = true) {
            unit /= 10;
            micro += (uint64_t)(*text - '0') * unit;
        }
    if (*text || !digits)
        return false;
    uint64_t ms = whole * 1000 + micro / 1000;
    if (ms > INT_MAX)
        return false;
    *out_ms = ms == 0 && micro > 0 ? 1 : ms;
    return true;
}

/* The option of that name (`len` bytes) or letter. */
static const option_t *s_find(
    const option_list_t *lists, size_t list_count, const char *name, size_t len, char letter) {
    for (size_t i = 0; i < list_count; i++)
        for (size_t j = 0; j < lists[i].count; j++) {
            const option_t *option = &lists[i].options[j];
            if (name ? zr_span_equal(zr_span_of(name, len), zr_span(option->name)) : letter && option->letter == letter)
                return option;
        }
    return NULL;
}

static bool s_store(const option_t *option, const char *value, zr_error_t *error) {
    uint64_t max = option->max ? option->max : ZR_INT_MAX;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->out = true;
        break;
    case OPTION_TEXT:
        *(const char **)option->out = value;
        break;
    case OPTION_NUMBER: {
        uint64_t number;
        if (!number_parse(value, max, &number) || number < option->min)
            return zr_fail(error, "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'", option->name,
                option->min, max, value);
        *(uint64_t *)option->out = number;
        break;
    }
    case OPTION_SECONDS:
        if (!seconds_parse(value, option->out))
            return zr_fail(error, "--%s takes seconds, such as 2 or 0.5, not '%s'", option->name, value);
        break;
    }
    if (option->given)
        *option->given = true;
    return true;
}

/* argv[*at] is `--name`, `--name=value`; moves *at to the last word used. */
static bool s_long(const option_list_t *lists, size_t list_count, int argc, char **argv, int *at, zr_error_t *error) {
    const char *name = argv[*at] + 2;
    size_t len = strcspn(name, "=");
    const option_t *option = s_find(lists, list_count, name, len, 0);
    if (!option)
        return zr_fail(error, "unknown option --%.*s", (int)len, name);
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    if (option->kind == OPTION_FLAG) {
        if (value)
            return zr_fail(error, "--%s takes no value", option->name);
    } else if (!value) {
        if (*at + 1 >= argc)
            return zr_fail(error, "--%s needs a value", option->name);
        value = argv[++*at];
    }
    return s_store(option, value, error);
}

/* argv[*at] is `-x`, `-xyz` (flags together), `-x value` or `-xvalue`. */
static bool s_short(const option_list_t *lists, size_t list_count, int argc, char **argv, int *at, zr_error_t *error) {
    for (const char *letter = argv[*at] + 1; *letter; letter++) {
        const option_t *option = s_find(lists, list_count, NULL, 0, *letter);
        if (!option)
            return zr_fail(error, "unknown option %s; text that begins with a dash goes after --", argv[*at]);
        if (option->kind == OPTION_FLAG) {
            if (!s_store(option, NULL, error))
                return false;
            continue;
        }
        if (letter[1])
            return s_store(option, letter + 1, error);
        if (*at + 1 >= argc)
            return zr_fail(error, "-%c needs a value", option->letter);
        return s_store(option, argv[++*at], error);
    }
    return true;
}

bool options_parse(
    const option_list_t *lists, size_t list_count, bool stop, int *argc, char **argv, zr_error_t *error) {
    int kept = 0;
    int at = 0;
    for (; at < *argc; at++) {
        const char *word = argv[at];
        if (strcmp(word, "--") == 0) {
            at++;
            break;
        }
        if (word[0] != '-' || !word[1]) {
            if (stop)
                break;
            argv[kept++] = argv[at];
            continue;
        }
        bool done = word[1] == '-' ? s_long(lists, list_count, *argc, argv, &at, error)
                                   : s_short(lists, list_count, *argc, argv, &at, error);
        if (!done)
            return false;
    }
    while (at < *argc)
        argv[kept++] = argv[at++];
    *argc = kept;
    return true;
}
