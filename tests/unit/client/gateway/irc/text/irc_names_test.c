#include "irc_names.h"

#include "unit.h"

static const struct {
    const char *name, *channel;
} s_rooms[] = {
    {"lobby", "#lobby"},
    {"metrics/cpu", "#metrics/cpu"},
    {"#r", "##r"},
    {"caf\xc3\xa9", "#caf\xc3\xa9"},
    {"a,b", "#a%2Cb"},
    {"50%", "#50%"},
    {"%zz", "#%zz"},
    {"%2C", "#%252C"},
    {"%,", "#%%2C"},
    {"%%25", "#%%2525"},
    {":x", "#:x"},
};

TEST_TIMES(test_rooms_are_spelled_and_read_back, sizeof s_rooms / sizeof s_rooms[0]) {
    char room[ZR_ROOM_MAX + 1];
    irc_name_t channel;
    ck_assert(irc_channel_of(zr_span(s_rooms[_i].name), &channel));
    ck_assert_str_eq(channel.text, s_rooms[_i].channel);
    ck_assert(irc_room_of(zr_span(channel.text), room, NULL));
    ck_assert_str_eq(room, s_rooms[_i].name);
}
END_TEST

static const struct {
    const char *nick, *shown;
} s_nicks[] = {
    {"ann", "ann"},
    {"j\xc3\xbcrgen", "j\xc3\xbcrgen"},
    {"guest-1", "guest-1"},
    {"a!b@c", "a%21b%40c"},
    {"#x", "%23x"},
    {"x#", "x#"},
    {"@op", "%40op"},
    {"+v", "%2Bv"},
    {":s", "%3As"},
    {"a*?,b", "a%2A%3F%2Cb"},
    {"50%21", "50%2521"},
};

TEST_TIMES(test_nicks_are_spelled_and_read_back, sizeof s_nicks / sizeof s_nicks[0]) {
    char nick[ZR_NICK_MAX + 1];
    irc_name_t shown;
    irc_nick_of(zr_span(s_nicks[_i].nick), &shown);
    ck_assert_str_eq(shown.text, s_nicks[_i].shown);
    ck_assert(irc_nick_from(zr_span(shown.text), nick, NULL));
    ck_assert_str_eq(nick, s_nicks[_i].nick);
}
END_TEST

TEST(test_every_byte_of_ascii_is_read_back) {
    for (int c = 0x21; c < 0x7f; c++) {
        char name[] = {'a', (char)c, '2', '1', 0}, room[ZR_ROOM_MAX + 1], nick[ZR_NICK_MAX + 1];
        irc_name_t spelled;
        if (zr_room_valid(zr_span(name))) {
            ck_assert(irc_channel_of(zr_span(name), &spelled));
            ck_assert(irc_room_of(zr_span(spelled.text), room, NULL));
            ck_assert_str_eq(room, name);
        }
        irc_nick_of(zr_span(name), &spelled);
        ck_assert(irc_nick_from(zr_span(spelled.text), nick, NULL));
        ck_assert_str_eq(nick, name);
    }
}
END_TEST

static const char *const s_wrong_rooms[] = {"lobby", "#", "", "#a*", "#{x", "#\xff", "#e\xcc\x81"};

TEST_TIMES(test_channels_that_name_no_room_are_refused, sizeof s_wrong_rooms / sizeof s_wrong_rooms[0]) {
    char room[ZR_ROOM_MAX + 1];
    const char *fault = NULL;
    ck_assert(!irc_room_of(zr_span(s_wrong_rooms[_i]), room, &fault));
    ck_assert_ptr_nonnull(fault);
}
END_TEST

TEST(test_the_longest_room_and_one_beyond_it) {
    char room[ZR_ROOM_MAX + 1], channel[ZR_ROOM_MAX + 3] = "#";
    memset(channel + 1, 'x', ZR_ROOM_MAX);
    ck_assert(irc_room_of(zr_span(channel), room, NULL));
    channel[ZR_ROOM_MAX + 1] = 'x';
    ck_assert(!irc_room_of(zr_span(channel), room, NULL));
}
END_TEST

TEST(test_a_room_whose_spelling_is_too_long_cannot_be_used) {
    irc_name_t channel;
    zr_span_t fits = unit_fill(',', (IRC_CHANNEL_MAX - 1) / 3), beyond = unit_fill(',', (IRC_CHANNEL_MAX - 1) / 3 + 1);
    ck_assert(irc_channel_of(fits, &channel));
    ck_assert(!irc_channel_of(beyond, &channel));
}
END_TEST

static const char *const s_wrong_nicks[] = {"a!b", "a,b", "#x", "a b", "", "\xff", "123456789012345678901234567890123"};

TEST_TIMES(test_nicks_that_cannot_be_are_refused, sizeof s_wrong_nicks / sizeof s_wrong_nicks[0]) {
    char nick[ZR_NICK_MAX + 1];
    const char *fault = NULL;
    ck_assert(!irc_nick_from(zr_span(s_wrong_nicks[_i]), nick, &fault));
    ck_assert_ptr_nonnull(fault);
}
END_TEST

TEST(test_the_longest_nick_fits_however_it_is_spelled) {
    irc_name_t shown;
    irc_nick_of(unit_fill('!', ZR_NICK_MAX), &shown);
    ck_assert_uint_eq(strlen(shown.text), IRC_NICK_MAX);
}
END_TEST

UNIT_SUITE("client.gateway.irc.text.irc_names")
