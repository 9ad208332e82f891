/* The heap of deadlines: the next one is at the top, whatever was added and removed. */
#include "deadlines.h"

#include "unit.h"

enum { COUNT = 500 };

typedef struct {
    int other;
    deadline_t due;
    bool in;
} thing_t;

static thing_t s_things[COUNT];
static deadlines_t s_deadlines;

static uint32_t s_random(void) {
    static uint32_t state = 4711;
    return state = state * 1664525 + 1013904223;
}

static void s_check(void) {
    uint64_t first = UINT64_MAX;
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        count += s_things[i].in;
        if (s_things[i].in && s_things[i].due.at < first)
            first = s_things[i].due.at;
    }
    const deadline_t *next = deadlines_next(&s_deadlines);
    ck_assert_uint_eq(s_deadlines.count, count);
    ck_assert_int_eq(next != NULL, count > 0);
    if (next)
        ck_assert_uint_eq(next->at, first);
}

TEST(test_any_order) {
    for (unsigned round = 0; round < 20000; round++) {
        thing_t *thing = &s_things[s_random() / 7 % COUNT];
        if (thing->in) {
            deadlines_remove(&s_deadlines, &thing->due);
        } else {
            thing->due.at = s_random() % 100; /* many are the same */
            deadlines_add(&s_deadlines, &thing->due);
        }
        thing->in = !thing->in;
        s_check();
    }
    for (deadline_t *next; (next = deadlines_next(&s_deadlines));) {
        DEADLINE_ITEM(next, thing_t, due)->in = false;
        deadlines_remove(&s_deadlines, next);
        s_check();
    }
    deadlines_finish(&s_deadlines);
}

TEST_ABORTS(test_one_that_is_not_in_it) {
    deadlines_add(&s_deadlines, &s_things[0].due);
    deadlines_remove(&s_deadlines, &s_things[1].due);
}

UNIT_SUITE("broker.core.session.deadlines")
