/* See machine_kept.h. */
#include "machine_kept.h"

#include <stdlib.h>

#include "machine_actions.h"

static void s_append(kept_list_t *list, zr_blob_t *frame) {
    kept_t *kept = machine_alloc(sizeof *kept);
    kept->frame = zr_blob_ref(frame);
    *(list->first ? &list->last->next : &list->first) = kept;
    list->last = kept;
}

bool kept_add(kept_total_t *total, kept_list_t *list, zr_blob_t *frame) {
    size_t len = zr_blob_len(frame);
    if (total->frames >= total->max_frames || len > total->max_bytes - total->bytes)
        return false;
    total->frames++;
    total->bytes += len;
    list->total = total;
    s_append(list, frame);
    return true;
}

void kept_drop(kept_list_t *list) {
    kept_t *kept = list->first;
    list->total->frames--;
    list->total->bytes -= zr_blob_len(kept->frame);
    list->first = kept->next;
    zr_blob_unref(kept->frame);
    free(kept);
}

void kept_clear(kept_list_t *list) {
    while (list->first)
        kept_drop(list);
}
