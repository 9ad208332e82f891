/* Publishes messages one by one, for counting system calls: the next one goes once the last one came back and was acked.
 * So each is alone in broker and library, however busy the machine is. Usage: lockstep SERVER MESSAGES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zrelay.h"

enum { BODY = 100, PATIENCE_MS = 20000 };

#define ROOM "lockstep"

static void s_fail(const char *what) {
    fprintf(stderr, "lockstep: %s\n", what);
    exit(EXIT_FAILURE);
}

/* The next event that is of one of two types. */
static zrelay_event_type_t s_await(zrelay_t *relay, zrelay_event_type_t one, zrelay_event_type_t other) {
    const zrelay_event_t *event;
    while ((event = zrelay_next(relay, PATIENCE_MS))) {
        if (event->type == ZRELAY_REFUSED || event->type == ZRELAY_DISCONNECTED)
            s_fail(event->text);
        if (event->type == one || event->type == other)
            return event->type;
    }
    s_fail("the broker is silent");
    return one;
}

int main(int argc, char **argv) {
    if (argc != 3)
        s_fail("usage: lockstep SERVER MESSAGES");
    zrelay_t *relay = zrelay_new(argv[1]);
    if (!relay || zrelay_join(relay, ROOM, ZRELAY_FROM_NOW | ZRELAY_SILENT, 0) != 0)
        s_fail("no session");
    s_await(relay, ZRELAY_JOINED, ZRELAY_JOINED);
    char body[BODY];
    memset(body, 'x', sizeof body);
    for (long messages = strtol(argv[2], NULL, 10); messages > 0; messages--) {
        if (zrelay_publish(relay, ROOM, body, sizeof body, NULL) != 0)
            s_fail("a message was not taken");
        zrelay_event_type_t first = s_await(relay, ZRELAY_ENTRY, ZRELAY_ACKED);
        zrelay_event_type_t second = first == ZRELAY_ENTRY ? ZRELAY_ACKED : ZRELAY_ENTRY;
        s_await(relay, second, second);
    }
    zrelay_close(relay);
    s_await(relay, ZRELAY_CLOSED, ZRELAY_CLOSED);
    zrelay_destroy(relay);
    return EXIT_SUCCESS;
}
