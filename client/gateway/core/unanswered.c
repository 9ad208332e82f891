/* See unanswered.h. */
#include "unanswered.h"

#include "fatal.h"

static unanswered_item_t *s_item(const unanswered_t *u, size_t i) {
    return &u->items[u->first + i];
}

static void s_free_if_empty(unanswered_t *u) {
    if (u->count > 0)
        return;
    free(u->items);
    u->items = NULL;
    u->first = u->size = 0;
}

static void s_take(unanswered_t *u, size_t bytes) {
    u->bytes += bytes;
    if (u->all)
        *u->all += bytes;
}

static void s_give_back(unanswered_t *u, size_t bytes) {
    u->bytes -= bytes;
    if (u->all)
        *u->all -= bytes;
}

static void s_forget(unanswered_t *u, unanswered_item_t *item) {
    s_give_back(u, item->frame ? zr_blob_len(item->frame) : 0);
    zr_blob_unref(item->frame);
    item->frame = NULL;
}

static void s_pop(unanswered_t *u) {
    s_forget(u, s_item(u, 0));
    u->first++;
    u->count--;
}

void unanswered_finish(unanswered_t *u) {
    unanswered_drop(u, UINT64_MAX);
}

zr_blob_t *unanswered_add(unanswered_t *u, zr_span_t room, zr_span_t body) {
    zr_buffer_t frame = {0};
    if (u->first > 0 && u->first + u->count == u->size) {
        memmove(u->items, u->items + u->first, u->count * sizeof *u->items);
        u->first = 0;
    }
    FATAL_GROW(u->items, u->first + u->count, u->size);
    zr_publish_begin(&frame, room);
    zr_publish_add(&frame, &(zr_publish_entry_t){.mid = ++u->mid, .body = body});
    zr_blob_t *blob = zr_blob_copy(frame.data, frame.len);
    *s_item(u, u->count++) = (unanswered_item_t){u->mid, blob};
    s_take(u, zr_blob_len(blob));
    zr_buffer_finish(&frame);
    return blob;
}

void unanswered_drop(unanswered_t *u, uint64_t upto) {
    while (u->count > 0 && (s_item(u, 0)->mid <= upto || !s_item(u, 0)->frame))
        s_pop(u);
    s_free_if_empty(u);
}

void unanswered_drop_one(unanswered_t *u, uint64_t mid) {
    if (u->count > 0 && mid >= s_item(u, 0)->mid && mid - s_item(u, 0)->mid < u->count)
        s_forget(u, s_item(u, mid - s_item(u, 0)->mid));
    unanswered_drop(u, 0);
}

void unanswered_send(const unanswered_t *u, channel_t *channel) {
    for (size_t i = 0; i < u->count; i++) {
        zr_blob_t *frame = s_item(u, i)->frame;
        if (frame)
            channel_send(channel, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    }
}

bool unanswered_is_full(const unanswered_t *u) {
    return u->count >= UNANSWERED_MAX || u->bytes >= UNANSWERED_BYTES_MAX || (u->all && *u->all >= UNANSWERED_ALL_MAX);
}
