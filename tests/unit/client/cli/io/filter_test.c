#include "filter.h"

#include "unit.h"

static zrelay_event_t s_entry(uint64_t time, const char *sender, const void *body, size_t len) {
    return (zrelay_event_t){
        .type = ZRELAY_ENTRY, .room = "r", .time = time, .sender = sender, .body = body, .body_len = len};
}

static bool s_matches(const char *pattern, const void *body, size_t len) {
    filter_t filter = {0};
    zr_error_t error = {0};
    zrelay_event_t entry = s_entry(1, "ann", body, len);
    ck_assert(filter_set_pattern(&filter, pattern, &error));
    bool wanted = filter_wants(&filter, &entry);
    filter_finish(&filter);
    return wanted;
}

TEST(test_nothing_set_wants_all) {
    filter_t filter = {0};
    zrelay_event_t entry = s_entry(0, NULL, NULL, 0);
    ck_assert(!filter_active(&filter));
    ck_assert(filter_wants(&filter, &entry));
    ck_assert(!filter_past(&filter, &entry));
}

TEST(test_times) {
    filter_t filter = {.since = 10, .until = 20, .newest = 21};
    static const struct {
        uint64_t time;
        bool wanted, past;
    } cases[] = {{9, false, false}, {10, true, false}, {19, true, false}, {20, false, true}, {21, false, true},
        {22, false, false}}; /* the last one is from a clock that was ahead */
    ck_assert(filter_active(&filter));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        zrelay_event_t entry = s_entry(cases[i].time, "ann", "x", 1);
        ck_assert(filter_wants(&filter, &entry) == cases[i].wanted);
        ck_assert(filter_past(&filter, &entry) == cases[i].past);
    }
}

TEST(test_sender) {
    filter_t filter = {.sender = "ann"};
    zrelay_event_t ann = s_entry(1, "ann", "x", 1), anna = s_entry(1, "anna", "x", 1), none = s_entry(1, NULL, "x", 1);
    ck_assert(filter_active(&filter));
    ck_assert(filter_wants(&filter, &ann));
    ck_assert(!filter_wants(&filter, &anna));
    ck_assert(!filter_wants(&filter, &none));
}

TEST(test_patterns) {
    ck_assert(s_matches("^err(or)?: [0-9]+$", "error: 42", 9));
    ck_assert(!s_matches("^err(or)?: [0-9]+$", "an error: 42", 12));
    ck_assert(s_matches("^two$", "one\ntwo\nthree", 13)); /* lines, as for grep */
    ck_assert(!s_matches("one.two", "one\ntwo", 7));
    ck_assert(s_matches("", NULL, 0));
    ck_assert(s_matches("^$", NULL, 0));
    ck_assert(!s_matches("x", NULL, 0));
    ck_assert(s_matches("after", "before\0after", 12));
    /* Not a byte beyond the body. */
    zr_span_t body = unit_at_edge(zr_span("needl"));
    ck_assert(!s_matches("needle", body.ptr, body.len));
    ck_assert(s_matches("needl$", body.ptr, body.len));
    ck_assert(s_matches("x", "\xff\xfex", 3));
}

TEST(test_patterns_that_are_none) {
    static const char *const bad[] = {"(", "[a", "a{2,1}", "*\\"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        filter_t filter = {0};
        zr_error_t error = {0};
        ck_assert_msg(!filter_set_pattern(&filter, bad[i], &error), "%s", bad[i]);
        ck_assert_uint_gt(error.len, 0);
        ck_assert(!filter_active(&filter));
        filter_finish(&filter);
    }
}

TEST(test_a_deletion_has_no_body_to_match) {
    filter_t filter = {0};
    zr_error_t error = {0};
    zrelay_event_t entry = s_entry(1, "ann", NULL, 0);
    entry.deleted = true;
    ck_assert(filter_wants(&filter, &entry));
    ck_assert(filter_set_pattern(&filter, "", &error));
    ck_assert(!filter_wants(&filter, &entry));
    filter_finish(&filter);
}

static void s_expect_last(uint64_t max, unsigned added) {
    tail_t tail = {.max = max};
    for (unsigned i = 1; i <= added; i++) {
        zr_buffer_t *text = tail_add(&tail);
        ck_assert_uint_eq(text->len, 0);
        zr_buffer_u8(text, (uint8_t)i);
    }
    ck_assert_uint_eq(tail.count, added < max ? added : max);
    for (size_t i = 0; i < tail.count; i++)
        ck_assert_uint_eq((uint8_t)tail_text(&tail, i).ptr[0], added - tail.count + 1 + i);
    tail_finish(&tail);
}

TEST(test_the_last_few) {
    for (unsigned added = 0; added < 70; added++) {
        s_expect_last(1, added);
        s_expect_last(3, added);
        s_expect_last(17, added);
        s_expect_last(UINT64_MAX, added);
    }
}

UNIT_SUITE("client.cli.filter")
