/* A table with lists, and with a section that is repeated. */
#include <stddef.h>
#include <stdio.h>

#include "fixture_dir.h"
#include "setting.h"

enum { DOORS_MAX = 2, WORDS_MAX = 3, TEXT = 15 };

typedef struct {
    char name[TEXT + 1];
    uint64_t width;
} door_t;

typedef struct {
    uint64_t height;
    bool open;
    char words[WORDS_MAX][TEXT + 1];
    size_t word_count;
    door_t doors[DOORS_MAX];
    size_t door_count;
} house_t;

static bool s_add_word(const zr_setting_value_t *value, void *member, zr_error_t *error) {
    house_t *house = member;
    if (house->word_count == WORDS_MAX)
        return zr_fail(error, "more than %d words", WORDS_MAX);
    snprintf(house->words[house->word_count++], sizeof house->words[0], "%s", value->text);
    return true;
}

static void s_clear_words(void *member) {
    ((house_t *)member)->word_count = 0;
}

static void *s_add_door(void *settings, zr_error_t *error) {
    house_t *house = settings;
    if (house->door_count < DOORS_MAX)
        return &house->doors[house->door_count++];
    zr_fail(error, "more than %d doors", DOORS_MAX);
    return NULL;
}

static const zr_setting_kind_t s_words = {.read = s_add_word, .clear = s_clear_words};
static const zr_setting_list_t s_doors = {
    .section = "door", .key = "name", .missing = "the name is missing", .add = s_add_door};
static const zr_setting_t s_rows[] = {
    {"walls", "height", &zr_kind_u64, offsetof(house_t, height), 1, 9},
    {"walls", "word", &s_words, 0, 0, 0},
    {"roof", "open", &zr_kind_bool, offsetof(house_t, open), 0, 1},
    {"door", "name", &zr_kind_text, offsetof(door_t, name), 1, TEXT},
    {"door", "width", &zr_kind_u64, offsetof(door_t, width), 1, 9},
};
static const zr_setting_table_t s_table = {"house.conf", s_rows, sizeof s_rows / sizeof s_rows[0], &s_doors};

static house_t s_house;
static zr_error_t s_error;

static void s_begin(void) {
    dir_begin();
    s_house = (house_t){.height = 3};
    s_error = (zr_error_t){0};
}

static bool s_parse(const char *text) {
    bool ok = zr_settings_parse(&s_table, &s_house, "f", zr_span(text), &s_error);
    ck_assert_int_eq(ok, s_error.count == 0);
    return ok;
}

static void s_refused(const char *text, const char *part) {
    ck_assert_msg(!s_parse(text), "accepted: %s", text);
    dir_assert_error(&s_error, part);
}

TEST(test_a_file_sets_what_it_names) {
    ck_assert(s_parse("walls\n    word = a\n    word = b\nroof\n    open = 1\n"));
    ck_assert_uint_eq(s_house.height, 3); /* as it was */
    ck_assert_uint_eq(s_house.word_count, 2);
    ck_assert_str_eq(s_house.words[1], "b");
    ck_assert(s_house.open);
}

TEST(test_faults_name_the_place) {
    s_refused("wals\n", "f:1: wals: no such section; there are \"walls\", \"roof\" and \"door\"");
    s_refused("walls = 1\n", "f:1: walls: a section has no value");
    s_refused("height = 1\n", "f:1: height: belongs under \"walls\", indented by 4 spaces");
    s_refused("walls\n    hight = 1\n", "f:2: walls/hight: no such setting; the annotated house.conf lists them");
    s_refused("roof\n    height = 1\n", "f:2: roof/height: no such setting");
    s_refused("walls\n    height = 1\n    height = 2\n", "f:3: walls/height: already set in line 2");
    s_refused("walls\n    height =\n", "f:2: walls/height: the value is missing");
    s_refused("walls\n    height = 0\n", "f:2: walls/height: 0 is out of range");
    s_refused("walls\n    word = a\n    word = b\n    word = c\n    word = d\n", "f:5: walls/word: more than 3 words");
}

TEST(test_all_faults_are_told) {
    ck_assert(!s_parse("walls\n    height = 0\nroof\n    open = maybe\nwindow\n"));
    ck_assert_uint_eq(s_error.count, 3);
}

TEST(test_a_repeated_section_is_an_item_of_a_list) {
    ck_assert(s_parse(
        "door\n    name = front\n    width = 2\nwalls\n    height = 4\ndoor\n    width = 1\n    name = back\n"));
    ck_assert_uint_eq(s_house.door_count, 2);
    ck_assert_str_eq(s_house.doors[0].name, "front");
    ck_assert_uint_eq(s_house.doors[0].width, 2);
    ck_assert_str_eq(s_house.doors[1].name, "back");
    ck_assert_uint_eq(s_house.height, 4);
}

TEST(test_an_item_needs_its_key) {
    s_refused("\ndoor\n    width = 1\n", "f:2: door: the name is missing");
    s_house.door_count = 0;
    s_refused("door\nwalls\n    height = 1\n", "f:1: door: the name is missing");
    s_house.door_count = 0;
    s_refused("door\n    name = longer than the text\n", "longer than 15 bytes"); /* and nothing else */
    s_house.door_count = 0;
    s_refused("door\n    name = a\n    name = b\n", "f:3: door/name: already set in line 2");
    s_house.door_count = 0;
    s_refused("door\n    name = a\ndoor\n    name = b\ndoor\n    name = c\n", "f:5: door: more than 2 doors");
}

TEST(test_options_come_before_the_file) {
    const char *heights[] = {"5", "6"}, *words[] = {"x"};
    zr_setting_option_t options[] = {{"height", "walls", "height", {heights, 2}}, {"word", "walls", "word", {words, 1}},
        {"open", "roof", "open", {NULL, 0}}};
    ck_assert(s_parse("walls\n    word = a\n    word = b\nroof\n    open = 1\n"));
    ck_assert(zr_setting_options_given(options, 3));
    ck_assert(!zr_setting_options_given(options + 2, 1));
    ck_assert(zr_settings_apply(&s_table, &s_house, options, 3, &s_error));
    ck_assert_uint_eq(s_house.height, 6);     /* the last value */
    ck_assert_uint_eq(s_house.word_count, 1); /* the list is replaced */
    ck_assert_str_eq(s_house.words[0], "x");
    ck_assert(s_house.open); /* no option: as in the file */
}

TEST(test_faults_of_options_name_the_option) {
    const char *low[] = {"0"}, *empty[] = {""};
    zr_setting_option_t options[] = {{"tall", "walls", "height", {low, 1}}, {"open", "roof", "open", {empty, 1}}};
    ck_assert(!zr_settings_apply(&s_table, &s_house, options, 1, &s_error));
    dir_assert_error(&s_error, "--tall: 0 is out of range");
    ck_assert(!zr_settings_apply(&s_table, &s_house, options + 1, 1, &s_error));
    dir_assert_error(&s_error, "--open: the value is empty");
    ck_assert(!zr_settings_apply(&s_table, &s_house, options, 2, &s_error));
    ck_assert_uint_eq(s_error.count, 2);
}

TEST(test_options_are_taken_from_the_command_line) {
    zr_setting_option_t options[] = {{"height", "walls", "height", {NULL, 0}}, {"word", "walls", "word", {NULL, 0}}};
    zr_option_t table[2];
    zr_setting_options(options, 2, table);
    const zr_option_list_t list = {table, 2};
    char *words[] = {"zrelay", "--word", "a", "--word=b", "--height", "7", NULL};
    int count = 5;
    ck_assert(zr_options_parse(&list, 1, false, &count, words + 1, &s_error));
    ck_assert(zr_settings_apply(&s_table, &s_house, options, 2, &s_error));
    ck_assert_uint_eq(s_house.height, 7);
    ck_assert_uint_eq(s_house.word_count, 2);
    zr_setting_options_finish(options, 2);
    ck_assert(!zr_setting_options_given(options, 2));
}

/* At most a mebibyte of text. */
TEST(test_files_that_cannot_be_read) {
    char *large = malloc((1 << 20) + 2);
    memset(large, '\n', (1 << 20) + 1);
    large[(1 << 20) + 1] = '\0';
    ck_assert(!zr_settings_read(&s_table, &s_house, dir_path("none"), &s_error));
    dir_assert_error(&s_error, "No such file");
    ck_assert(!zr_settings_read(&s_table, &s_house, dir_path("."), &s_error));
    dir_assert_error(&s_error, "directory");
    ck_assert(!zr_settings_read(&s_table, &s_house, dir_write("f", large, 0600), &s_error));
    dir_assert_error(&s_error, "larger than");
    ck_assert(zr_settings_read(&s_table, &s_house, dir_write("f", large + 1, 0600), &s_error));
    free(large);
}

UNIT_SUITE_WITH("common.setting_table", s_begin, dir_end)
