/* One page of a long list: the first so many names after a given one, in byte order, out of a table that has no order.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdint.h>

#include "span.h"

enum { PAGE_MAX = 500 };

typedef struct {
    zr_span_t name;
    const void *item;
} page_item_t;

typedef struct {
    zr_span_t after; /* only names after this one; empty: from the beginning */
    size_t limit;    /* 1 … PAGE_MAX */
    page_item_t items[PAGE_MAX];
    size_t count;
    bool more; /* there were names that did not fit */
    bool heap; /* items are a heap with the greatest on top, as it is while full */
} page_t;

void page_begin(page_t *page, zr_span_t after, size_t limit);

/* Offers a name, each once. The view must live as long as the page. */
void page_offer(page_t *page, zr_span_t name, const void *item);

/* Sorts what is on the page. */
void page_end(page_t *page);

#endif
