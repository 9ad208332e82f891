#include "order.h"

/* Shares out `tree`: names before `name`, and the others. */
static void s_split(room_t *tree, zr_span_t name, room_t **before, room_t **others) {
    while (tree) {
        if (zr_span_compare(room_name(tree), name) < 0) {
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

void order_add(order_t *order, room_t *room) {
    zr_span_t name = room_name(room);
    room_t **place = &order->top;
    room->priority = zr_hash(name.ptr, name.len);
    while (*place && (*place)->priority >= room->priority)
        place = zr_span_compare(room_name(*place), name) < 0 ? &(*place)->right : &(*place)->left;
    s_split(*place, name, &room->left, &room->right);
    *place = room;
}

void order_remove(order_t *order, room_t *room) {
    room_t **place = &order->top, *before = room->left, *after = room->right;
    while (*place != room)
        place = zr_span_compare(room_name(*place), room_name(room)) < 0 ? &(*place)->right : &(*place)->left;
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
}

room_t *order_next(const order_t *order, zr_span_t name, bool from) {
    room_t *found = NULL;
    for (room_t *room = order->top; room;) {
        int order_of_names = zr_span_compare(room_name(room), name);
        if (order_of_names > 0 || (from && order_of_names == 0)) {
            found = room;
            room = room->left;
        } else {
            room = room->right;
        }
    }
    return found;
}
