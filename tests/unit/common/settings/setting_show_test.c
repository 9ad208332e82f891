/* Settings as text, and how two sets of them differ. */
#include "setting_show.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "logger.h"
#include "unit.h"

enum { WORDS_MAX = 3, DOORS_MAX = 3, TEXT = 15 };

typedef struct {
    char name[TEXT + 1];
    uint64_t width;
} door_t;

typedef struct {
    size_t height;
    uint64_t age;
    bool open, json;
    zr_log_level_t level;
    char owner[TEXT + 1], words[WORDS_MAX][TEXT + 1], hidden[TEXT + 1];
    size_t word_count;
    door_t doors[DOORS_MAX];
    size_t door_count;
} house_t;

static bool s_add_word(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    house_t *house = member;
    (void)error;
    snprintf(house->words[house->word_count++], sizeof house->words[0], "%s", value->text);
    return true;
}

static void s_clear_words(void *member) {
    ((house_t *)member)->word_count = 0;
}

static bool s_show_word(const zr_setting_t *row, const void *member, size_t i, zr_buffer_t *out) {
    const house_t *house = member;
    (void)row;
    if (i >= house->word_count)
        return false;
    zr_buffer_printf(out, "%s", house->words[i]);
    return true;
}

static void *s_add_door(void *settings, zr_error_t *error) {
    house_t *house = settings;
    (void)error;
    return &house->doors[house->door_count++];
}

static void *s_door(void *settings, size_t i) {
    house_t *house = settings;
    return i < house->door_count ? &house->doors[i] : NULL;
}

static bool s_read_hidden(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    return zr_kind_text.read(value, member, error);
}

static const zr_setting_kind_t s_words = {s_add_word, s_clear_words, s_show_word};
static const zr_setting_kind_t s_hidden = {.read = s_read_hidden};
static const zr_setting_list_t s_doors = {"door", "name", "the name is missing", s_add_door, s_door};
static const zr_setting_t s_rows[] = {
    {"walls", "height", &zr_kind_size, offsetof(house_t, height), 1, 1 << 30},
    {"walls", "age", &zr_kind_time, offsetof(house_t, age), 0, 1ULL << 40},
    {"walls", "word", &s_words, 0, 0, 0},
    {"roof", "open", &zr_kind_bool, offsetof(house_t, open), 0, 1},
    {"roof", "format", &zr_kind_log_format, offsetof(house_t, json), 0, 0},
    {"roof", "level", &zr_kind_log_level, offsetof(house_t, level), 0, 0},
    {"roof", "owner", &zr_kind_text, offsetof(house_t, owner), 0, TEXT},
    {"roof", "hidden", &s_hidden, offsetof(house_t, hidden), 0, TEXT},
    {"door", "name", &zr_kind_text, offsetof(door_t, name), 1, TEXT},
    {"door", "width", &zr_kind_u64, offsetof(door_t, width), 1, 1 << 20},
};
static const zr_setting_table_t s_table = {"house.conf", s_rows, sizeof s_rows / sizeof s_rows[0], &s_doors};

static house_t s_parsed(const char *text) {
    house_t house = {.level = ZR_LOG_INFO};
    zr_error_t error = {0};
    ck_assert_msg(zr_settings_parse(&s_table, &house, "f", zr_span(text), &error), "%s", error.text);
    return house;
}

static const char *s_written(house_t *house) {
    static char text[2000];
    zr_buffer_t out = {0};
    zr_settings_write(&s_table, house, &out);
    snprintf(text, sizeof text, "%.*s", (int)out.len, (const char *)out.data);
    zr_buffer_finish(&out);
    return text;
}

/* In the largest unit; what has no value, and a kind that shows none, is left out. */
TEST(test_it_is_written_as_it_is_read) {
    static const char text[] = "walls\n    height = 3\n    age = 90s\n    word = a\n    word = \"b # c\"\n"
                               "roof\n    open = 1\n    format = json\n    level = debug\n    owner = '\"ann\" # 1'\n"
                               "door\n    name = front\ndoor\n    name = back\n    width = 2k\n";
    house_t house = s_parsed(text);
    ck_assert_str_eq(s_written(&house), text);
    house = (house_t){.hidden = "x", .level = ZR_LOG_INFO};
    ck_assert_str_eq(
        s_written(&house), "walls\n    age = 0\nroof\n    open = 0\n    format = text\n    level = info\n");
    house = s_parsed("walls\n    height = 1048576\n    age = 172800000\n");
    ck_assert_ptr_nonnull(strstr(s_written(&house), "height = 1M\n    age = 2d\n"));
    house = s_parsed("walls\n    height = 1025\n    age = 1001\n");
    ck_assert_ptr_nonnull(strstr(s_written(&house), "height = 1025\n    age = 1001\n"));
    house = s_parsed("roof\n    owner = ' ann'\n");
    ck_assert_ptr_nonnull(strstr(s_written(&house), "owner = \" ann\"\n"));
}

static char s_differences[1000];

static void s_note(void *ctx, const char *name, const char *before, const char *after) {
    size_t len = strlen(s_differences);
    ck_assert_ptr_eq(ctx, s_differences);
    snprintf(s_differences + len, sizeof s_differences - len, "%s: %s -> %s; ", name, before, after);
}

static void s_differ(const char *before, const char *after, const char *expected) {
    house_t houses[2] = {s_parsed(before), s_parsed(after)};
    size_t count = 0;
    s_differences[0] = '\0';
    for (const char *at = expected; (at = strstr(at, "; ")); at++)
        count++;
    ck_assert_uint_eq(zr_settings_compare(&s_table, &houses[0], &houses[1], s_note, s_differences), count);
    ck_assert_str_eq(s_differences, expected);
}

TEST(test_differences) {
    s_differ("walls\n    height = 3\n", "walls\n    height = 3\n", "");
    s_differ("walls\n    height = 3\n    word = a\n    word = b\n", "roof\n    owner = ann\nwalls\n    word = b\n",
        "walls/height: 3 -> ; walls/word: a and b -> b; roof/owner:  -> ann; ");
    s_differ("roof\n    hidden = a\n", "roof\n    hidden = b\n", "");
}

TEST(test_differences_of_items) {
#define FRONT "door\n    name = front\n    width = 1\n"
#define BACK "door\n    name = back\n"
#define SIDE "door\n    name = side\n"
    s_differ(FRONT BACK, FRONT BACK, "");
    s_differ(FRONT, "door\n    name = front\n    width = 2\n", "door front/width: 1 -> 2; ");
    s_differ("", FRONT, "door front/name:  -> front; door front/width:  -> 1; ");
    s_differ(FRONT BACK, BACK, "door front/name: front -> ; door front/width: 1 -> ; ");
    s_differ(FRONT BACK, BACK FRONT, "door (order): front, back -> back, front; ");
    s_differ(FRONT BACK, BACK SIDE, "door front/name: front -> ; door front/width: 1 -> ; door side/name:  -> side; ");
}

UNIT_SUITE("common.setting_show")
