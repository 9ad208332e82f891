/* Counts a key of a room up by one, whoever else does so at the same time: state SERVER ROOM KEY */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zrelay.h>

int main(int argc, char **argv) {
    zrelay_t *relay = argc == 4 ? zrelay_new(argv[1]) : NULL;
    uint64_t request = 0, value = 0, seq = 0;
    char body[32];
    if (!relay || zrelay_state(relay, argv[2], argv[3], &request) < 0) {
        fprintf(stderr, "usage: state tcp://HOST:PORT ROOM KEY\n");
        zrelay_destroy(relay);
        return 1;
    }
    const zrelay_event_t *event;
    while (((event = zrelay_next(relay, 10000)) || errno == EINTR) && (!event || event->type != ZRELAY_CLOSED)) {
        if (!event)
            continue; /* a signal arrived */
        if (event->type == ZRELAY_ENTRY && event->request == request) {
            snprintf(body, sizeof body, "%.*s", (int)event->body_len, (const char *)event->body);
            value = strtoull(body, NULL, 10);
            seq = event->seq; /* where the value stands: it is replaced only if it still stands there */
        } else if (event->type == ZRELAY_DONE && event->request == request) {
            snprintf(body, sizeof body, "%" PRIu64, value + 1);
            zrelay_compare_and_set(relay, argv[2], argv[3], seq, body, strlen(body), NULL);
        } else if (event->type == ZRELAY_REFUSED && strcmp(event->code, "conflict") == 0) {
            value = seq = 0; /* somebody was faster: look again */
            zrelay_state(relay, argv[2], argv[3], &request);
        } else if (event->type == ZRELAY_ACKED) {
            printf("%s is %s\n", argv[3], body);
            zrelay_close(relay);
        } else if (event->type == ZRELAY_DISCONNECTED) {
            fprintf(stderr, "%s\n", event->text);
        }
    }
    zrelay_destroy(relay);
    return 0;
}
