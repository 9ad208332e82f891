#include <stdio.h>

#include "fixture_irc.h"
#include "unit.h"

static scene_t s_scene;

static void s_begin(void) {
    scene_begin(&s_scene, true);
}

static void s_end(void) {
    scene_end(&s_scene);
}

TEST(test_what_many_get_is_written_once_for_each_kind_of_client) {
    scene_register(&s_scene, "account-tag message-tags server-time");
    scene_join(&s_scene, "r", 2);
    irc_people_come(s_scene.host.people, zr_span("bob"), true);
    scene_play(&s_scene,
        "E: r 10 11 bob hi\n"
        "S: @time=2023-11-14T22:13:31.123Z;msgid=" SCENE_EPOCH ":11;account=bob :bob!~u@zrelay PRIVMSG #r :hi\n"
        "K: r 11 12 bob topic new\n"
        "S: @time=2023-11-14T22:13:32.123Z;msgid=" SCENE_EPOCH ":12;account=bob :bob!~u@zrelay TOPIC #r :new\n"
        "K: r 12 13 bob topic \\xff\n"
        "S: @time=2023-11-14T22:13:33.123Z;msgid=" SCENE_EPOCH ":13;account=bob :bob!~u@zrelay TOPIC #r "
        ":[no UTF-8 text]\n"
        "C: TOPIC #r\nS: @time=" SCENE_TIME " :irc.zrelay 332 ann #r :[no UTF-8 text]\n");
    irc_people_go(s_scene.host.people, zr_span("bob"), true);
}
END_TEST

TEST(test_the_longest_names_leave_room_for_text) {
    char script[3000], room[140], body[700];
    memset(room, 'r', 128);
    room[128] = '\0';
    memset(body, 'x', 600);
    body[600] = '\0';
    scene_register(&s_scene, NULL);
    scene_join(&s_scene, room, 2);
    snprintf(script, sizeof script, "E: %s 10 11 !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!! %s\n", room, body);
    scene_play(&s_scene, script);
    snprintf(script, sizeof script, "K: %s 11 12 !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!! topic %s\n", room, body);
    scene_play(&s_scene, script);
    ck_assert_ptr_nonnull(memmem(s_scene.heard.data, s_scene.heard.len, " TOPIC #", 8));
    for (zr_span_t rest = zr_span_of(s_scene.heard.data, s_scene.heard.len); rest.len > 0;)
        ck_assert_uint_le(zr_span_cut(&rest, '\n').len + 1, 512);
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_render", s_begin, s_end)
