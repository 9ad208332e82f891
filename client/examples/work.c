/* Works for a group: prints each message, and tells the broker that it is done.
 *
 *     ./work tcp://127.0.0.1:5570 mails senders
 */
#include <errno.h>
#include <stdio.h>

#include "zrelay.h"

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s SERVER ROOM GROUP\n", argv[0]);
        return 1;
    }
    zrelay_t *relay = zrelay_new(argv[1]);
    if (!relay || zrelay_work(relay, argv[2], argv[3], 10, NULL, NULL) != 0) {
        fprintf(stderr, "the server, the room or the group cannot be\n");
        zrelay_destroy(relay);
        return 1;
    }
    const zrelay_event_t *event;
    while ((event = zrelay_next(relay, -1)) || errno == EINTR) {
        if (!event)
            continue; /* a signal arrived */
        if (event->type == ZRELAY_WORK) {
            printf("%.*s\n", (int)event->body_len, (const char *)event->body);
            fflush(stdout);
            zrelay_done(relay, event->worker, event->seq);
        } else if (event->type == ZRELAY_REFUSED || event->type == ZRELAY_DISMISSED) {
            fprintf(stderr, "%s\n", event->code);
            break;
        } else if (event->type == ZRELAY_DISCONNECTED) {
            fprintf(stderr, "%s\n", event->text);
        }
    }
    zrelay_destroy(relay);
    return 1;
}
