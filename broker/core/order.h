/* Things in byte order of their names, so that a page of them costs what stands on it, not what there is: a treap,
 * whose priorities are hashes that no peer can foresee. Each operation takes a number of steps that grows with the
 * logarithm of the count. */
#ifndef ORDER_H
#define ORDER_H

#include <stdint.h>

#include "span.h"

/* Embedded in the thing. */
typedef struct order_node {
    struct order_node *left, *right;
    const char *name; /* the thing's; must not change while the node is in an order */
    uint32_t priority;
    uint32_t name_len;
} order_node_t;

typedef struct {
    order_node_t *top;
    size_t count;
} order_t;

/* The thing whose member is `node`; NULL of NULL. */
#define ORDER_ITEM(node, type, member) ((type *)order_item((node), offsetof(type, member)))

static inline void *order_item(const order_node_t *node, size_t offset) {
    return node ? (char *)node - offset : NULL;
}

/* No other node of that name may be in it. */
void order_add(order_t *order, order_node_t *node, zr_span_t name);

/* `node` must be in it. */
void order_remove(order_t *order, order_node_t *node);

/* The node of that name; NULL if no such entry exists. */
order_node_t *order_find(const order_t *order, zr_span_t name);

/* The first node whose name comes after `name`, or, if `from`, is `name` itself; NULL if no such entry exists. */
order_node_t *order_next(const order_t *order, zr_span_t name, bool from);

#endif
