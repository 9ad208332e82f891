#include "page.h"

#include <stdio.h>

#include "unit.h"

enum { NAMES = 2000 };
static char s_names[NAMES][16];

/* Names in an order that is neither sorted nor the other way round. */
static void s_offer(page_t *page, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        unsigned number = (unsigned)((i * 7919ULL) % count);
        snprintf(s_names[i], sizeof s_names[i], "n%04u", number);
        page_offer(page, zr_span(s_names[i]), s_names[i]);
    }
    page_end(page);
}

static void s_expect(const page_t *page, unsigned first, unsigned count, bool more) {
    ck_assert_uint_eq(page->count, count);
    ck_assert_int_eq(page->more, more);
    char name[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "n%04u", first + i);
        ck_assert_span_eq(page->items[i].name, zr_span(name));
        ck_assert_ptr_eq(page->items[i].item, page->items[i].name.ptr);
    }
}

START_TEST(test_empty) {
    page_t page;
    page_begin(&page, zr_span(NULL), 10);
    page_end(&page);
    s_expect(&page, 0, 0, false);
}
END_TEST

START_TEST(test_first_page_is_the_smallest_names) {
    page_t page;
    for (size_t limit = 1; limit <= 33; limit++) {
        page_begin(&page, zr_span(NULL), limit);
        s_offer(&page, 33);
        s_expect(&page, 0, (unsigned)limit, limit < 33);
    }
}
END_TEST

START_TEST(test_pages_follow_each_other) {
    page_t page;
    char after[16] = "";
    for (unsigned first = 0; first < 101; first += 10) {
        page_begin(&page, zr_span(after), 10);
        s_offer(&page, 101);
        unsigned count = first == 100 ? 1 : 10;
        s_expect(&page, first, count, first < 100);
        snprintf(after, sizeof after, "n%04u", first + count - 1);
    }
    page_begin(&page, LIT("n0100"), 10);
    s_offer(&page, 101);
    s_expect(&page, 0, 0, false);
}
END_TEST

START_TEST(test_a_page_is_bounded) {
    page_t page;
    page_begin(&page, zr_span(NULL), SIZE_MAX);
    s_offer(&page, NAMES - 1);
    s_expect(&page, 0, PAGE_MAX, true);
    page_begin(&page, zr_span(NULL), PAGE_MAX);
    s_offer(&page, PAGE_MAX);
    s_expect(&page, 0, PAGE_MAX, false);
}
END_TEST

UNIT_MAIN("broker.core.page", test_empty, test_first_page_is_the_smallest_names, test_pages_follow_each_other,
    test_a_page_is_bounded)
