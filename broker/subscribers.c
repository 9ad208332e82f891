#include "subscribers.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

void subscribers_finish(subscribers_t *subscribers) {
    free(subscribers->items);
    *subscribers = (subscribers_t){0};
}

static void s_grow(subscribers_t *subscribers, size_t index) {
    size_t size = subscribers->size ? subscribers->size : 64;
    while (size <= index)
        size *= 2;
    subscribers->items = fatal_realloc(subscribers->items, size * sizeof *subscribers->items);
    memset(subscribers->items + subscribers->size, 0, (size - subscribers->size) * sizeof *subscribers->items);
    subscribers->size = size;
}

bool subscribers_note(subscribers_t *subscribers, int fd, uint64_t socket, bool subscribed, size_t len) {
    size_t index = (size_t)fd;
    if (index >= subscribers->size)
        s_grow(subscribers, index);
    subscriber_t *one = &subscribers->items[index];
    if (one->socket != socket)
        *one = (subscriber_t){.socket = socket};
    if (subscribed)
        one->bytes += len;
    else
        one->bytes -= len < one->bytes ? len : one->bytes;
    return one->bytes <= SUBSCRIBERS_BYTES_MAX;
}
