/* The queue of events. */
#include "fixture_machine.h"
#include "machine_ask.h"

static void s_direct(int number) {
    fixture_json("{'op':'direct','from':'ann','text':'%d','time':5}", number);
}

/* Events that come meanwhile make the queue grow. */
TEST(test_an_event_stays_until_the_next_is_taken) {
    s_direct(0);
    const zrelay_event_t *event = machine_event(b.machine);
    ck_assert_int_eq((int)event->type, ZRELAY_DIRECT);
    for (int i = 1; i < 1000; i++)
        s_direct(i);
    ck_assert_int_eq((int)event->type, ZRELAY_DIRECT);
    ck_assert_str_eq(event->name, "ann");
    ck_assert_span_eq(zr_span_of(event->body, event->body_len), zr_span("0"));
    for (int i = 1; i < 1000; i++) {
        char text[16];
        sprintf(text, "%d", i);
        event = machine_event(b.machine);
        ck_assert_span_eq(zr_span_of(event->body, event->body_len), zr_span(text));
        ck_assert_uint_eq(event->time, 5);
    }
    ck_assert_ptr_null(machine_event(b.machine));
}

/* What an event says is not left over from the event before. */
TEST(test_events_share_nothing) {
    s_direct(1);
    ck_assert_int_eq(machine_who(b.machine, "a", NULL), 0);
    SENT("who room=a");
    fixture_json(
        "{'op':'who','re':%d,'room':'a','users':[{'nick':'ann'},{'nick':'bob'}],'count':2,'more':false}", fixture_id());
    ck_assert_uint_eq(machine_event(b.machine)->time, 5);
    const zrelay_event_t *event = machine_event(b.machine);
    ck_assert_int_eq((int)event->type, ZRELAY_USER);
    ck_assert_str_eq(event->name, "ann");
    ck_assert_ptr_null(event->body);
    ck_assert_uint_eq(event->time, 0);
    ck_assert_str_eq(machine_event(b.machine)->name, "bob");
    ck_assert_ptr_null(machine_event(b.machine)->name);
}

static void s_begin(void) {
    fixture_init();
    fixture_welcome();
}

UNIT_SUITE_WITH("client.lib.machine_events", s_begin, fixture_finish)
