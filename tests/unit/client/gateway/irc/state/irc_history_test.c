#include <stdio.h>

#include "fixture_irc.h"
#include "irc_isupport.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_a_slice_that_the_broker_cut_is_read_on) {
    scene_register(&s_scene, "draft/chathistory");
    scene_play(&s_scene, "C: CHATHISTORY AFTER #r msgid=00000000000000e1:2 3\nB: 'last':1\n"
                         "A: {'op':'replayed','re':2,'room':'r','seq':9,'count':1,'complete':true,'more':false}\n"
                         "B: 'after':2,'limit':3\nR: r 2 3 bob three\n"
                         "A: {'op':'replayed','re':3,'room':'r','seq':3,'count':1,'complete':true,'more':true}\n"
                         "B: 'after':3,'limit':2\nR: r 3 4 bob four\nR: r 4 5 bob five\n"
                         "A: {'op':'replayed','re':4,'room':'r','seq':5,'count':2,'complete':true,'more':true}\n"
                         "S: :bob!~u@zrelay PRIVMSG #r :three\nS: :bob!~u@zrelay PRIVMSG #r :four\n"
                         "S: :bob!~u@zrelay PRIVMSG #r :five\nZ:\n");
}
END_TEST

TEST(test_an_empty_room_has_an_empty_batch) {
    scene_register(&s_scene, "batch draft/chathistory");
    scene_play(&s_scene, "C: CHATHISTORY BEFORE #r timestamp=2023-11-14T22:13:25.123Z 3\nB: 'last':1\n"
                         "A: {'op':'replayed','re':2,'room':'r','seq':0,'count':0,'complete':true,'more':false}\n"
                         "S: :irc.zrelay BATCH +b1 chathistory #r\nS: :irc.zrelay BATCH -b1\nZ:\n");
}
END_TEST

TEST(test_a_client_in_no_room_has_no_targets) {
    scene_register(&s_scene, "batch draft/chathistory");
    scene_play(&s_scene, "C: CHATHISTORY TARGETS timestamp=2023-11-14T00:00:00Z timestamp=2023-11-15T00:00:00Z 10\n"
                         "S: :irc.zrelay BATCH +b1 draft/chathistory-targets\nS: :irc.zrelay BATCH -b1\nZ:\n");
}
END_TEST

/* Entries 2 to 100, each of 3,900 bytes. The client got the last line of this one. */
static bool s_got(unsigned number) {
    char end[32];
    snprintf(end, sizeof end, "x %u.\r\n", number);
    return memmem(s_scene.heard.data, s_scene.heard.len, end, strlen(end));
}

static void s_read_long_messages(const char *command) {
    char script[4096], body[3901];
    memset(body, 'x', 3900);
    body[3900] = '\0';
    scene_register(&s_scene, "draft/chathistory");
    snprintf(script, sizeof script,
        "C: CHATHISTORY %s\nB: 'last':1\n"
        "A: {'op':'replayed','re':2,'room':'r','seq':100,'count':1,'complete':true,'more':false}\nB: 'replay'\n",
        command);
    scene_play(&s_scene, script);
    for (unsigned i = 2; i <= 100; i++) {
        snprintf(script, sizeof script, "R: r %u %u bob %s %u.\n", i - 1, i, body, i);
        scene_play(&s_scene, script);
    }
    scene_play(&s_scene, "A: {'op':'replayed','re':3,'room':'r','seq':100,'count':99,'complete':true,'more':false}\n");
    ck_assert_uint_le(s_scene.heard.len, IRC_HISTORY_BYTES);
    ck_assert_uint_gt(s_scene.heard.len, IRC_HISTORY_BYTES - 5000);
}

TEST(test_of_too_many_bytes_the_newest_messages_are_given) {
    s_read_long_messages("LATEST #r * 100");
    ck_assert(!s_got(2));
    ck_assert(s_got(99));
    ck_assert(s_got(100));
}
END_TEST

TEST(test_of_too_many_bytes_after_a_message_the_next_ones_are_given) {
    s_read_long_messages("AFTER #r msgid=00000000000000e1:1 100");
    ck_assert(s_got(2));
    ck_assert(s_got(3));
    ck_assert(!s_got(100));
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_history", s_begin, s_end)
