/* The two forms of publish: the same entries have the same outcome, whether they come in a binary PUBLISH or by the op.
 */
#include "fixture.h"

/* One entry; NULL members are left out. */
typedef struct {
    const char *room, *key, *body;
    uint64_t mid;
    int64_t expect; /* -1: none */
} entry_t;

static void s_binary(const entry_t *entry) {
    fx_pub(entry->room);
    if (!entry->key)
        fx_add(entry->mid, entry->body);
    else if (!entry->body)
        fx_add_delete(entry->mid, entry->key);
    else if (entry->expect >= 0)
        fx_add_expect(entry->mid, entry->key, (uint64_t)entry->expect, entry->body);
    else
        fx_add_key(entry->mid, entry->key, entry->body);
    fx_send(A);
    fx_run();
}

static void s_op(const entry_t *entry) {
    char key[64] = "", expect[64] = "", body[64] = ",'delete':true";
    if (entry->key)
        snprintf(key, sizeof key, ",'key':'%s'", entry->key);
    if (entry->expect >= 0)
        snprintf(expect, sizeof expect, ",'expect':%d", (int)entry->expect);
    if (entry->body)
        snprintf(body, sizeof body, ",'text':'%s'", entry->body);
    fx_ask(A, "{'op':'publish','room':'%s','mid':%d,'id':'x'%s%s%s}", entry->room, (int)entry->mid, key, expect, body);
}

/* "CODE-OR-ok MID SEQ LEVEL", of whichever form. */
static void s_outcome(char *out, size_t size) {
    const char *text = fx_text(A);
    unsigned upto, seq;
    char level[16];
    if (sscanf(text, "ack %u @%u %15s", &upto, &seq, level) == 3) {
        snprintf(out, size, "ok %u %u %s", upto, seq, level);
        return;
    }
    json_t *object = json_loads(text, 0, NULL);
    ck_assert_msg(object, "%s", text);
    const char *code = json_string_value(json_object_get(object, "code"));
    const char *given = json_string_value(json_object_get(object, "level"));
    snprintf(out, size, "%s %d %d %s", code ? code : "ok", (int)json_integer_value(json_object_get(object, "mid")),
        (int)json_integer_value(json_object_get(object, "seq")), given ? given : "");
    json_decref(object);
}

static const entry_t s_entries[] = {
    {"r", NULL, "x", 1, -1}, {"r", NULL, "x", 1, -1},                     /* again */
    {"r", "k", "x", 2, -1}, {"r", "k", "y", 3, 2}, {"r", "k", "z", 4, 2}, /* another value stands */
    {"r", "k", "z", 4, 2},                                                /* it stays refused */
    {"r", "l", "x", 5, 0},                                                /* one key too many */
    {"r", "k", NULL, 6, -1},                                              /* deleted */
    {"r", "k", NULL, 6, -1},                                              /* again */
    {"s", NULL, "x", 7, -1},                                              /* another room */
    {"t", NULL, "x", 8, -1},                                              /* one too many */
    {"t", NULL, "x", 8, -1},                                              /* it stays refused */
    {"deaf", "k", "x", 9, 0},                                             /* comparing takes the right to read */
    {"deaf", NULL, "x", 10, -1},                                          /* and so does a position */
    {"mute", NULL, "x", 11, -1},                                          /* no right to write */
    {"mute", NULL, "x", 11, -1}, {"r", NULL, "x", 20, -1},                /* ids need not be dense */
    {"r", NULL, "x", 15, -1},                                             /* an earlier one passes for sent again */
};
enum { ENTRIES = sizeof s_entries / sizeof *s_entries };

static void s_run(void (*publish)(const entry_t *entry), char outcomes[ENTRIES][64]) {
    fx_begin();
    fx.rights = "anonymous: crwsp *, !r deaf, !w mute";
    fx.private = true;
    fx.config.max_rooms = 3;
    fx.config.max_keys = 1;
    fx_start();
    fx_hello(A, "ann");
    fx_ask(A, "{'op':'publish','room':'deaf'}"); /* it exists */
    fx_expect(A, "{'op':'ack'}");
    for (size_t i = 0; i < ENTRIES; i++) {
        publish(&s_entries[i]);
        s_outcome(outcomes[i], sizeof outcomes[i]);
        fx_expect_silence(A);
    }
    fx_finish();
}

TEST(test_both_forms_have_the_same_outcome) {
    static char binary[ENTRIES][64], op[ENTRIES][64];
    s_run(s_binary, binary);
    s_run(s_op, op);
    for (size_t i = 0; i < ENTRIES; i++)
        ck_assert_msg(strcmp(binary[i], op[i]) == 0, "entry %zu: %s, and %s by the op", i, binary[i], op[i]);
    ck_assert_str_eq(op[0], "ok 1 1 memory");
    ck_assert_str_eq(op[1], "ok 1 0 memory");
    ck_assert_str_eq(op[3], "ok 3 3 memory");
    ck_assert_str_eq(op[4], "conflict 4 3 ");
    ck_assert_str_eq(op[5], "conflict 4 3 ");
    ck_assert_str_eq(op[6], "too-many-keys 5 0 ");
    ck_assert_str_eq(op[11], "too-many-rooms 8 0 ");
    ck_assert_str_eq(op[12], "forbidden 9 0 ");
    ck_assert_str_eq(op[13], "ok 10 0 memory");
    ck_assert_str_eq(op[15], "forbidden 11 0 ");
}

UNIT_SUITE("broker.core.cmd_publish_forms")
