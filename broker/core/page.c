#include "page.h"

#include <stdlib.h>

static int s_compare(const void *a, const void *b) {
    return zr_span_compare(((const page_item_t *)a)->name, ((const page_item_t *)b)->name);
}

/* Lets the item at `index` sink to its place. */
static void s_sink(page_t *page, size_t index) {
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= page->count)
            return;
        if (child + 1 < page->count && s_compare(&page->items[child], &page->items[child + 1]) < 0)
            child++;
        if (s_compare(&page->items[index], &page->items[child]) >= 0)
            return;
        page_item_t swap = page->items[index];
        page->items[index] = page->items[child];
        page->items[child] = swap;
        index = child;
    }
}

void page_begin(page_t *page, zr_span_t after, size_t limit) {
    page->after = after;
    page->limit = limit < PAGE_MAX ? limit : PAGE_MAX;
    page->count = 0;
    page->more = page->heap = false;
}

void page_offer(page_t *page, zr_span_t name, const void *item) {
    if (page->after.len && zr_span_compare(name, page->after) <= 0)
        return;
    if (page->count < page->limit) {
        page->items[page->count++] = (page_item_t){name, item};
        return;
    }
    page->more = true;
    if (!page->heap) {
        for (size_t i = page->count / 2; i-- > 0;)
            s_sink(page, i);
        page->heap = true;
    }
    if (zr_span_compare(name, page->items[0].name) < 0) {
        page->items[0] = (page_item_t){name, item};
        s_sink(page, 0);
    }
}

void page_end(page_t *page) {
    qsort(page->items, page->count, sizeof *page->items, s_compare);
}
