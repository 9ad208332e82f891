/* Items in byte order of their names, so that listing a page costs its own length, whatever the count of all. It is a
 * treap whose priorities are hashes that no peer can foresee. Each operation takes a number of steps that grows with
 * the logarithm of the count. */
#ifndef NAME_ORDER_H
#define NAME_ORDER_H

#include <stdint.h>

#include "span.h"

/* Embedded in the thing. */
typedef struct name_order_node {
    struct name_order_node *left, *right;
    const char *name; /* the thing's; must not change while the node is in an order */
    uint32_t priority;
    uint32_t name_len;
} name_order_node_t;

typedef struct {
    name_order_node_t *top;
    size_t count;
} name_order_t;

/* The thing whose member is `node`; NULL of NULL. */
#define NAME_ORDER_ITEM(node, type, member) ((type *)name_order_item((node), offsetof(type, member)))

static inline void *name_order_item(const name_order_node_t *node, size_t offset) {
    return node ? (char *)node - offset : NULL;
}

/* No other node of that name may be in it. */
void name_order_add(name_order_t *order, name_order_node_t *node, zr_span_t name);

/* `node` must be in it. */
void name_order_remove(name_order_t *order, name_order_node_t *node);

/* The node of that name; NULL if no such entry exists. */
name_order_node_t *name_order_find(const name_order_t *order, zr_span_t name);

/* The first node whose name comes after `name`, or, if `from`, is `name` itself; NULL if no such entry exists. */
name_order_node_t *name_order_next(const name_order_t *order, zr_span_t name, bool from);

#endif
