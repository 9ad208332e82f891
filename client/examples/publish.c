/* Publishes its arguments to a room and waits until each is stored: publish SERVER ROOM TEXT… */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zrelay.h>

int main(int argc, char **argv) {
    zrelay_t *relay = argc > 3 ? zrelay_new(argv[1]) : NULL;
    if (!relay) {
        fprintf(stderr, "usage: publish tcp://HOST:PORT ROOM TEXT...\n");
        return 1;
    }
    for (int i = 3; i < argc; i++) {
        int code = zrelay_publish(relay, argv[2], argv[i], strlen(argv[i]), NULL);
        if (code < 0)
            fprintf(stderr, "%s: %s\n", argv[i], zrelay_strerror(code));
    }
    zrelay_close(relay); /* no more to come: sends what is queued, waits for the acks */

    int refused = 0, closed = 0;
    const zrelay_event_t *event;
    while (!closed && ((event = zrelay_next(relay, 10000)) || errno == EINTR)) {
        if (!event)
            continue; /* a signal arrived */
        closed = event->type == ZRELAY_CLOSED;
        if (event->type == ZRELAY_ACKED)
            printf("stored up to message %llu\n", (unsigned long long)event->mid);
        if (event->type == ZRELAY_REFUSED || event->type == ZRELAY_DISCONNECTED)
            fprintf(stderr, "%s (%s)\n", event->text, event->code ? event->code : "lost");
        refused |= event->type == ZRELAY_REFUSED;
    }
    refused |= zrelay_unacked(relay) > 0;
    zrelay_destroy(relay);
    return refused;
}
