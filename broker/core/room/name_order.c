#include "name_order.h"

#include "hash.h"

static zr_span_t s_name(const name_order_node_t *node) {
    return zr_span_of(node->name, node->name_len);
}

/* Shares out `tree`: names before `name`, and the others. */
static void s_split(name_order_node_t *tree, zr_span_t name, name_order_node_t **before, name_order_node_t **others) {
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

void name_order_add(name_order_t *order, name_order_node_t *node, zr_span_t name) {
    name_order_node_t **place = &order->top;
    node->name = name.ptr;
    node->name_len = (uint32_t)name.len;
    node->priority = zr_hash(name.ptr, name.len);
    while (*place && (*place)->priority >= node->priority)
        place = zr_span_compare(s_name(*place), name) < 0 ? &(*place)->right : &(*place)->left;
    s_split(*place, name, &node->left, &node->right);
    *place = node;
    order->count++;
}

void name_order_remove(name_order_t *order, name_order_node_t *node) {
    name_order_node_t **place = &order->top, *before = node->left, *after = node->right;
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

name_order_node_t *name_order_find(const name_order_t *order, zr_span_t name) {
    name_order_node_t *node = order->top;
    while (node) {
        int order_of_names = zr_span_compare(s_name(node), name);
        if (order_of_names == 0)
            return node;
        node = order_of_names < 0 ? node->right : node->left;
    }
    return NULL;
}

name_order_node_t *name_order_next(const name_order_t *order, zr_span_t name, bool from) {
    name_order_node_t *found = NULL;
    for (name_order_node_t *node = order->top; node;) {
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
