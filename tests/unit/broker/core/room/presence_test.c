#include "presence.h"

#include "control.h"
#include "unit.h"

enum { NAMES = 1000 };

static presence_t s_presence;
static bool s_full;

static bool s_enter(const char *nick) {
    return presence_enter(&s_presence, zr_span(nick), zr_span(NULL));
}

static bool s_exit(const char *nick, const char *reason) {
    return presence_exit(&s_presence, zr_span(nick), reason, zr_span(NULL));
}

/* The next frame's JSON as text, "" when all is told. */
static const char *s_frame(void) {
    static char text[4096];
    zr_blob_t *frame = presence_frame(&s_presence, LIT("r"), NAMES, &s_full);
    if (!frame)
        return "";
    ck_assert_mem_eq(zr_blob_data(frame), "r\1", 2);
    json_t *object = json_loadb((char *)zr_blob_data(frame) + 2, zr_blob_len(frame) - 2, 0, NULL);
    ck_assert_int_eq(json_integer_value(json_object_get(object, "version")), (json_int_t)s_presence.version);
    json_object_del(object, "op");
    json_object_del(object, "room");
    char *sorted = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(text, sizeof text, "%s", sorted);
    free(sorted);
    json_decref(object);
    zr_blob_unref(frame);
    return text;
}

TEST(test_comes_and_goes) {
    ck_assert(s_enter("ann"));
    ck_assert_str_eq(s_frame(), "{\"count\":1,\"joined\":[{\"nick\":\"ann\"}],\"left\":[],\"version\":1}");
    ck_assert_str_eq(s_frame(), "");
    ck_assert(s_exit("ann", "bye"));
    ck_assert_str_eq(
        s_frame(), "{\"count\":0,\"joined\":[],\"left\":[{\"nick\":\"ann\",\"reason\":\"bye\"}],\"version\":2}");
    ck_assert_uint_eq(s_presence.occupants.count, 0);
    presence_finish(&s_presence);
}

TEST(test_coming_and_going_cancel_out) {
    s_enter("ann");
    s_exit("ann", "leave");
    ck_assert_str_eq(s_frame(), "");
    ck_assert_uint_eq(s_presence.version, 0);
    s_enter("ann");
    s_frame();
    s_exit("ann", "leave");
    s_enter("ann");
    ck_assert_str_eq(s_frame(), "");
    ck_assert_uint_eq(s_presence.version, 1);
    ck_assert_uint_eq(s_presence.count, 1);
    s_exit("ann", "expired");
    ck_assert_str_eq(
        s_frame(), "{\"count\":0,\"joined\":[],\"left\":[{\"nick\":\"ann\",\"reason\":\"expired\"}],\"version\":2}");
    presence_finish(&s_presence);
}

TEST(test_first_in_and_last_out) {
    ck_assert(s_enter("ann"));
    ck_assert(!s_enter("ann"));
    ck_assert_str_eq(s_frame(), "{\"count\":1,\"joined\":[{\"nick\":\"ann\"}],\"left\":[],\"version\":1}");
    ck_assert(!s_exit("ann", "bye"));
    ck_assert_str_eq(s_frame(), "");
    ck_assert(s_exit("ann", "leave"));
    ck_assert_str_eq(
        s_frame(), "{\"count\":0,\"joined\":[],\"left\":[{\"nick\":\"ann\",\"reason\":\"leave\"}],\"version\":2}");
    presence_finish(&s_presence);
}

TEST(test_renamed) {
    s_enter("ann");
    s_frame();
    presence_exit(&s_presence, LIT("ann"), "renamed", LIT("bob"));
    presence_enter(&s_presence, LIT("bob"), LIT("ann"));
    ck_assert_str_eq(s_frame(), "{\"count\":1,\"joined\":[{\"nick\":\"bob\",\"was\":\"ann\"}],"
                                "\"left\":[{\"nick\":\"ann\",\"reason\":\"renamed\",\"to\":\"bob\"}],\"version\":2}");
    s_exit("bob", "leave"); /* the other nick is not told again */
    ck_assert_str_eq(
        s_frame(), "{\"count\":0,\"joined\":[],\"left\":[{\"nick\":\"bob\",\"reason\":\"leave\"}],\"version\":3}");
    presence_finish(&s_presence);
}

TEST(test_renamed_and_back_is_silent) {
    s_enter("ann");
    s_frame();
    presence_exit(&s_presence, LIT("ann"), "renamed", LIT("bob"));
    presence_enter(&s_presence, LIT("bob"), LIT("ann"));
    presence_exit(&s_presence, LIT("bob"), "renamed", LIT("ann"));
    presence_enter(&s_presence, LIT("ann"), LIT("bob"));
    ck_assert_str_eq(s_frame(), "");
    ck_assert_uint_eq(s_presence.occupants.count, 1);
    presence_finish(&s_presence);
}

static void s_rename(const char *from, const char *to) {
    presence_exit(&s_presence, zr_span(from), "renamed", zr_span(to));
    presence_enter(&s_presence, zr_span(to), zr_span(from));
}

/* The other nick is told only if the frame has both: a reader may then show "ann is now bob". */
TEST(test_half_renamed) {
    s_enter("ann");
    s_frame();
    s_rename("ann", "bob"); /* a name that the room never sees */
    s_rename("bob", "cyd");
    ck_assert_str_eq(s_frame(), "{\"count\":1,\"joined\":[{\"nick\":\"cyd\"}],"
                                "\"left\":[{\"nick\":\"ann\",\"reason\":\"renamed\"}],\"version\":2}");
    s_rename("cyd", "dan"); /* and gone */
    s_exit("dan", "bye");
    ck_assert_str_eq(
        s_frame(), "{\"count\":0,\"joined\":[],\"left\":[{\"nick\":\"cyd\",\"reason\":\"renamed\"}],\"version\":3}");
    s_enter("eve"); /* as new as its other name */
    s_rename("eve", "fay");
    ck_assert_str_eq(s_frame(), "{\"count\":1,\"joined\":[{\"nick\":\"fay\"}],\"left\":[],\"version\":4}");
    s_rename("fay", "gus"); /* and somebody else is fay at once */
    s_enter("fay");
    ck_assert_str_eq(s_frame(), "{\"count\":2,\"joined\":[{\"nick\":\"gus\"}],\"left\":[],\"version\":5}");
    s_enter("hal"); /* gus takes a name that came and went */
    s_exit("hal", "bye");
    s_rename("gus", "hal");
    ck_assert_str_eq(s_frame(), "{\"count\":2,\"joined\":[{\"nick\":\"hal\",\"was\":\"gus\"}],"
                                "\"left\":[{\"nick\":\"gus\",\"reason\":\"renamed\",\"to\":\"hal\"}],\"version\":6}");
    ck_assert_str_eq(s_frame(), "");
    ck_assert_uint_eq(s_presence.occupants.count, 2);
    presence_finish(&s_presence);
}

/* Only the name that the room was told, and the one that it has by now, are kept. */
TEST(test_names_in_between_are_not_kept) {
    char from[16] = "n0", to[16];
    s_enter(from);
    s_frame();
    for (unsigned i = 1; i <= 1000; i++) {
        snprintf(to, sizeof to, "n%u", i);
        s_rename(from, to);
        ck_assert_uint_eq(s_presence.occupants.count, 2);
        memcpy(from, to, sizeof from);
    }
    ck_assert_str_eq(s_frame(), "{\"count\":1,\"joined\":[{\"nick\":\"n1000\"}],"
                                "\"left\":[{\"nick\":\"n0\",\"reason\":\"renamed\"}],\"version\":2}");
    presence_listed(&s_presence);
    s_rename("n1000", "ann");
    presence_listed(&s_presence); /* somebody knows of ann */
    s_rename("ann", "bob");
    ck_assert_uint_eq(s_presence.occupants.count, 3);
    s_exit("bob", "bye");
    ck_assert_uint_eq(s_presence.occupants.count, 2);
    ck_assert_str_eq(s_frame(), "{\"count\":0,\"joined\":[],\"left\":[{\"nick\":\"n1000\",\"reason\":\"renamed\"},"
                                "{\"nick\":\"ann\",\"reason\":\"renamed\"}],\"version\":3}");
    presence_finish(&s_presence);
}

TEST(test_a_frame_has_both_names) {
    char nick[16];
    s_enter("ann");
    s_frame();
    for (unsigned i = 0; i < PRESENCE_CHANGES - 1; i++) {
        snprintf(nick, sizeof nick, "n%u", i);
        s_enter(nick);
    }
    s_rename("ann", "bob");
    zr_blob_unref(presence_frame(&s_presence, LIT("r"), NAMES, &s_full));
    ck_assert_str_eq(s_frame(), "{\"count\":500,\"joined\":[{\"nick\":\"bob\",\"was\":\"ann\"}],"
                                "\"left\":[{\"nick\":\"ann\",\"reason\":\"renamed\",\"to\":\"bob\"}],\"version\":3}");
    presence_finish(&s_presence);
}

TEST(test_what_was_listed_is_told_even_if_undone) {
    s_enter("ann");
    s_frame();
    s_enter("bob");
    s_exit("ann", "leave");
    presence_listed(&s_presence); /* somebody knows now: bob and not ann, version 1 */
    s_exit("bob", "bye");
    s_enter("ann");
    ck_assert_str_eq(s_frame(), "{\"count\":1,\"joined\":[{\"nick\":\"ann\"}],"
                                "\"left\":[{\"nick\":\"bob\",\"reason\":\"bye\"}],\"version\":2}");
    s_exit("ann", "leave"); /* once */
    s_enter("ann");
    s_enter("eve");
    s_exit("eve", "bye");
    presence_listed(&s_presence); /* which shows what the room was told */
    ck_assert_str_eq(s_frame(), "");
    presence_finish(&s_presence);
}

TEST(test_changes_of_a_frame_are_bounded) {
    char nick[16];
    for (unsigned i = 0; i < 2 * PRESENCE_CHANGES; i++) {
        snprintf(nick, sizeof nick, "n%u", i);
        s_enter(nick);
    }
    for (uint64_t frame = 1; frame <= 2; frame++) {
        zr_blob_t *blob = presence_frame(&s_presence, LIT("r"), NAMES, &s_full);
        json_t *object = json_loadb((char *)zr_blob_data(blob) + 2, zr_blob_len(blob) - 2, 0, NULL);
        ck_assert_uint_eq(json_array_size(json_object_get(object, "joined")), PRESENCE_CHANGES);
        ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(object, "version")), frame);
        json_decref(object);
        zr_blob_unref(blob);
    }
    ck_assert_str_eq(s_frame(), "");
    presence_finish(&s_presence); /* with everybody still there */
}

/* The broker does only so much in one go, also when nothing comes of it. */
TEST(test_changes_that_are_undone_count) {
    char nick[16];
    for (unsigned i = 0; i < PRESENCE_CHANGES + 1; i++) {
        snprintf(nick, sizeof nick, "n%u", i);
        s_enter(nick);
    }
    s_frame();
    s_frame();
    for (unsigned i = 0; i < PRESENCE_CHANGES + 1; i++) {
        snprintf(nick, sizeof nick, "n%u", i);
        s_exit(nick, "leave");
        s_enter(nick);
    }
    s_enter("ann");
    ck_assert_str_eq(s_frame(), "");
    ck_assert(!presence_is_told(&s_presence));
    ck_assert_str_eq(s_frame(), "{\"count\":502,\"joined\":[{\"nick\":\"ann\"}],\"left\":[],\"version\":3}");
    ck_assert(presence_is_told(&s_presence));
    presence_finish(&s_presence);
}

/* With one user too many nobody is named, until there are half as many. Then every reader asks for the list. */
TEST(test_a_crowded_room) {
    char nick[16];
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(nick, sizeof nick, "n%u", i);
        s_enter(nick);
    }
    ck_assert(!presence_is_crowded(&s_presence, NAMES));
    for (zr_blob_t *frame; (frame = presence_frame(&s_presence, LIT("r"), NAMES, &s_full));)
        zr_blob_unref(frame);
    s_enter("ann");
    ck_assert(presence_is_crowded(&s_presence, NAMES));
    ck_assert_str_eq(s_frame(), "{\"count\":1001,\"crowded\":true,\"joined\":[],\"left\":[],\"version\":3}");
    ck_assert_str_eq(s_frame(), "");
    for (unsigned i = 0; i < NAMES / 2; i++) {
        snprintf(nick, sizeof nick, "n%u", i);
        s_exit(nick, "bye");
    }
    ck_assert_str_eq(s_frame(), "{\"count\":501,\"crowded\":true,\"joined\":[],\"left\":[],\"version\":4}");
    ck_assert_uint_eq(s_presence.occupants.count, 501);
    s_exit("ann", "bye");
    ck_assert_str_eq(s_frame(), "{\"count\":500,\"crowded\":false,\"joined\":[],\"left\":[],\"version\":5}");
    ck_assert(!presence_is_crowded(&s_presence, NAMES));
    s_enter("bob");
    ck_assert_str_eq(s_frame(), "{\"count\":501,\"joined\":[{\"nick\":\"bob\"}],\"left\":[],\"version\":6}");
    presence_finish(&s_presence);
}

TEST(test_a_crowded_room_is_counted_in_pieces) {
    char nick[16];
    for (unsigned i = 0; i < PRESENCE_COUNTED + 1; i++) {
        snprintf(nick, sizeof nick, "n%u", i);
        s_enter(nick);
    }
    ck_assert_str_eq(s_frame(), "{\"count\":5001,\"crowded\":true,\"joined\":[],\"left\":[],\"version\":1}");
    ck_assert(!presence_is_told(&s_presence));
    ck_assert_str_eq(s_frame(), "{\"count\":5001,\"crowded\":true,\"joined\":[],\"left\":[],\"version\":2}");
    ck_assert(presence_is_told(&s_presence));
    presence_finish(&s_presence);
}

TEST_ABORTS(test_exit_of_nobody_is_a_bug) {
    s_exit("ann", "bye");
}

static bool s_show(const char *nick, const char *meta) {
    zr_blob_t *blob = meta ? zr_blob_copy(meta, strlen(meta)) : NULL;
    bool news = presence_set_meta(&s_presence, zr_span(nick), blob);
    zr_blob_unref(blob);
    return news;
}

TEST(test_a_meta_comes_with_its_user_and_changes) {
    s_enter("ann");
    ck_assert(s_show("ann", "{\"a\":1}"));
    ck_assert_str_eq(
        s_frame(), "{\"count\":1,\"joined\":[{\"meta\":{\"a\":1},\"nick\":\"ann\"}],\"left\":[],\"version\":1}");
    ck_assert(s_show("ann", "{\"a\":2}"));
    ck_assert(s_show("ann", "{\"a\":3}")); /* the room hears of the last one */
    ck_assert_str_eq(s_frame(), "{\"changed\":[{\"meta\":{\"a\":3},\"nick\":\"ann\"}],\"count\":1,\"joined\":[],"
                                "\"left\":[],\"version\":2}");
    ck_assert(!s_show("ann", "{\"a\":3}")); /* the same */
    ck_assert_str_eq(s_frame(), "");
    ck_assert(s_show("ann", NULL));
    ck_assert_str_eq(s_frame(),
        "{\"changed\":[{\"meta\":{},\"nick\":\"ann\"}],\"count\":1,\"joined\":[],\"left\":[],\"version\":3}");
    ck_assert(!s_show("ann", NULL));
    ck_assert_ptr_null(presence_meta(&s_presence, LIT("bob")));
    presence_finish(&s_presence);
}

TEST(test_a_meta_goes_with_its_user) {
    s_enter("ann");
    s_show("ann", "{\"a\":1}");
    s_frame();
    s_exit("ann", "leave");
    s_enter("ann"); /* within the tick, and shows nothing any more */
    ck_assert_str_eq(s_frame(),
        "{\"changed\":[{\"meta\":{},\"nick\":\"ann\"}],\"count\":1,\"joined\":[],\"left\":[],\"version\":2}");
    s_show("ann", "{\"a\":2}");
    s_exit("ann", "leave");
    ck_assert_str_eq(
        s_frame(), "{\"count\":0,\"joined\":[],\"left\":[{\"nick\":\"ann\",\"reason\":\"leave\"}],\"version\":3}");
    s_enter("bob");
    s_show("bob", "{\"a\":1}");
    s_exit("bob", "leave");
    ck_assert_str_eq(s_frame(), "");
    presence_finish(&s_presence);
}

/* A crowded room hears of no metas: nobody is named there. */
TEST(test_a_crowd_hears_of_no_metas) {
    for (unsigned i = 0; i < NAMES + 1; i++) {
        char nick[16];
        snprintf(nick, sizeof nick, "n%u", i);
        s_enter(nick);
    }
    s_frame();
    ck_assert(s_show("n1", "{\"a\":1}"));
    ck_assert_str_eq(s_frame(), "");
    ck_assert(presence_is_told(&s_presence));
    presence_finish(&s_presence);
}

/* A frame holds about PRESENCE_META_BYTES of metas; the rest comes in the next one, none twice. */
TEST(test_metas_of_a_frame_are_bounded) {
    enum { COUNT = 100, BYTES = 1000 };
    char meta[BYTES + 1] = "{\"x\":\"";
    size_t told = 0, frames = 0;
    memset(meta + 6, 'x', BYTES - 8);
    strcpy(meta + BYTES - 2, "\"}");
    for (unsigned i = 0; i < COUNT; i++) {
        char nick[16];
        snprintf(nick, sizeof nick, "n%u", i);
        s_enter(nick);
        ck_assert(s_show(nick, meta));
    }
    while (!presence_is_told(&s_presence)) {
        zr_blob_t *frame = presence_frame(&s_presence, LIT("r"), NAMES, &s_full);
        json_t *object = json_loadb((char *)zr_blob_data(frame) + 2, zr_blob_len(frame) - 2, 0, NULL);
        size_t joined = json_array_size(json_object_get(object, "joined"));
        ck_assert_uint_le(zr_blob_len(frame), PRESENCE_META_BYTES + 10000);
        ck_assert_int_eq(s_full, joined * BYTES >= PRESENCE_META_BYTES);
        told += joined;
        frames++;
        json_decref(object);
        zr_blob_unref(frame);
    }
    ck_assert_uint_eq(told, COUNT);
    ck_assert_uint_eq(frames, COUNT * BYTES / PRESENCE_META_BYTES + 1);
    presence_finish(&s_presence);
}

UNIT_SUITE("broker.core.presence")
