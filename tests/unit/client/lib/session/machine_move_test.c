/* Entries that an operator moves from another log. */
#include "machine_move.h"

#include "fixture_machine.h"

static void s_begin(void) {
    fixture_init();
    fixture_welcome();
}

static zrelay_event_t s_entry(void) {
    return (zrelay_event_t){.room = "r", .sender = "ann", .seq = 7, .time = 5, .body = "text", .body_len = 4};
}

TEST(test_it_is_asked_and_answered) {
    uint64_t number;
    zrelay_event_t entry = s_entry();
    ck_assert_int_eq(machine_publish_kept(b.machine, &entry, &number), 0);
    SENT("publish room=r kept=object text=text");
    fixture_json("{'op':'ack','re':%d,'room':'r','seq':7,'level':'disk'}", fixture_id());
    EVENT("done 1 count=1 seq=7 complete");
    entry.key = "k";
    entry.body = "a\0b";
    entry.body_len = 3;
    ck_assert_int_eq(machine_publish_kept(b.machine, &entry, &number), 0);
    SENT("publish room=r kept=object key=k base64=YQBi");
    fixture_json("{'op':'ack','re':%d,'room':'r','seq':7,'level':'disk','there':true}", fixture_id());
    EVENT("done 2 count=0 seq=7 complete");
    entry.ttl = 10000;
    ck_assert_int_eq(machine_publish_kept(b.machine, &entry, &number), 0);
    SENT("publish room=r kept=object key=k ttl=10000 base64=YQBi");
    fixture_json("{'op':'ack','re':%d,'room':'r','seq':7,'level':'disk'}", fixture_id());
    EVENT("done 3 count=1 seq=7 complete");
    entry.body_len = 0;
    entry.deleted = true;
    ck_assert_int_eq(machine_publish_kept(b.machine, &entry, &number), ZRELAY_EINVAL);
    entry.ttl = 0;
    ck_assert_int_eq(machine_publish_kept(b.machine, &entry, &number), 0);
    SENT("publish room=r kept=object key=k delete=true");
    fixture_json("{'op':'error','re':%d,'code':'forbidden','text':'no'}", fixture_id());
    ck_assert_int_eq(strncmp(fixture_event(), "refused", 7), 0);
}

TEST(test_what_is_no_entry) {
    zrelay_event_t wrong[8];
    for (size_t i = 0; i < 8; i++)
        wrong[i] = s_entry();
    wrong[0].room = "a*";
    wrong[1].sender = NULL;
    wrong[2].seq = 0;
    wrong[3].seq = 1ULL << 53;
    wrong[4].deleted = true;
    wrong[5].key = "a b";
    wrong[6].time = 1ULL << 53;
    wrong[7].ttl = 5; /* without a key */
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(machine_publish_kept(b.machine, &wrong[i], NULL), ZRELAY_EINVAL);
    ck_assert_int_eq(machine_publish_kept(b.machine, NULL, NULL), ZRELAY_EINVAL);
    zrelay_event_t large = s_entry();
    static char body[70000];
    memset(body, 'x', sizeof body);
    large.body = body;
    large.body_len = sizeof body;
    ck_assert_int_eq(machine_publish_kept(b.machine, &large, NULL), ZRELAY_ELARGE);
    NOTHING_SENT();
}

UNIT_SUITE_WITH("client.lib.machine_move", s_begin, fixture_finish)
