#include "order.h"

#include "hash.h"

static zr_span_t s_name(const order_node_t *node) {
    return zr_span_of(node->name, node->name_len);
}

/* Shares out `tree`: names before `name`, and the others. */
static void s_split(order_node_t *tree, zr_span_t name, order_node_t **before, order_node_t **others) {
    while (tree) {
        if (zr_span_compare(s_name(tree), name) < 0) {
            *before = tree;
            before = &tree->right;
            tree = tree->right;
        } else {
            *others = tree;
            others = &tree->left;
            tree = tree->left;
        }
    }
    *before = *others = NULL;
}

void order_add(order_t *order, order_node_t *node, zr_span_t name) {
    order_node_t **place = &order->top;
    node->name = name.ptr;
    node->name_len = (uint32_t)name.len;
    node->priority = zr_hash(name.ptr, name.len);
    while (*place && (*place)->priority >= node->priority)
        place = zr_span_compare(s_name(*place), name) < 0 ? &(*place)->right : &(*place)->left;
    s_split(*place, name, &node->left, &node->right);
    *place = node;
    order->count++;
}

void order_remove(order_t *order, order_node_t *node) {
    order_node_t **place = &order->top, *before = node->left, *after = node->right;
    while (*place != node)
        place = zr_span_compare(s_name(*place), s_name(node)) < 0 ? &(*place)->right : &(*place)->left;
    while (before && after) {
        if (before->priority >= after->priority) {
            *place = before;
            place = &before->right;
            before = before->right;
        } else {
            *place = after;
            place = &after->left;
            after = after->left;
        }
    }
    *place = before ? before : after;
    order->count--;
}

order_node_t *order_find(const order_t *order, zr_span_t name) {
    order_node_t *node = order->top;
    while (node) {
        int order_of_names = zr_span_compare(s_name(node), name);
        if (order_of_names == 0)
            return node;
        node = order_of_names < 0 ? node->right : node->left;
    }
    return NULL;
}

order_node_t *order_next(const order_t *order, zr_span_t name, bool from) {
    order_node_t *found = NULL;
    for (order_node_t *node = order->top; node;) {
        int order_of_names = zr_span_compare(s_name(node), name);
        if (order_of_names > 0 || (from && order_of_names == 0)) {
            found = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}
