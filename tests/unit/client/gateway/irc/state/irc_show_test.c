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

TEST(test_many_names_take_several_lines) {
    char answer[3000] = "A: {'op':'who','re':2,'room':'r','version':7,'users':[";
    for (int i = 0; i < 60; i++)
        snprintf(answer + strlen(answer), 60, "%s{'nick':'somebody-%02d'}", i ? "," : "", i);
    strcat(answer, "],'count':60,'more':false}\nS: :irc.zrelay 353 ann = #r :somebody-00 *\nS: :irc.zrelay 353 *\n"
                   "S: :irc.zrelay 366 ann #r :End of NAMES list\nZ:\n");
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, "C: NAMES #r\nB: 'op':'who'\n");
    scene_play(&s_scene, answer);
}
END_TEST

/* Each of these nicks is spelled with 96 bytes, and the channel with 200. */
TEST(test_long_names_are_whole) {
    static const char spelled[] = "!*?@,";
    char script[2000] = "C: NAMES #", nick[33];
    size_t names = 0;
    memset(nick, '!', 32);
    nick[32] = '\0';
    for (int i = 0; i < 36; i++)
        strcat(script, "%2C");
    memset(script + strlen(script), 'r', 91);
    strcat(script, "\nB: 'op':'who'\nA: {'op':'who','re':2,'users':[");
    for (int i = 0; i < 10; i++) {
        nick[30] = spelled[i / 5];
        nick[31] = spelled[i % 5];
        snprintf(script + strlen(script), 60, "%s{'nick':'%s'}", i ? "," : "", nick);
    }
    strcat(script, "],'more':false}\n");
    scene_register(&s_scene, NULL);
    scene_play(&s_scene, script);
    for (zr_span_t rest = zr_span_of(s_scene.heard.data, s_scene.heard.len); rest.len > 0;) {
        zr_span_t line = zr_span_cut(&rest, '\n'), words = zr_span_of(line.ptr, line.len - 1);
        ck_assert_uint_le(line.len + 1, 512);
        while (words.len > 0) {
            zr_span_t word = zr_span_cut(&words, ' ');
            names += word.len - (word.ptr[0] == ':') == 96;
        }
    }
    ck_assert_uint_eq(names, 10);
}
END_TEST

UNIT_SUITE_WITH("client.gateway.irc.state.irc_show", s_begin, s_end)
