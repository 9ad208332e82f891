/* Prints what comes in a room, from the first entry the broker still has: subscribe SERVER ROOM */
#include <errno.h>
#include <stdio.h>
#include <zrelay.h>

int main(int argc, char **argv) {
    zrelay_t *relay = argc == 3 ? zrelay_new(argv[1]) : NULL;
    if (!relay || zrelay_join(relay, argv[2], ZRELAY_FROM_AFTER, 0) < 0) {
        fprintf(stderr, "usage: subscribe tcp://HOST:PORT ROOM\n");
        zrelay_destroy(relay);
        return 1;
    }
    const zrelay_event_t *event;
    while ((event = zrelay_next(relay, -1)) || errno == EINTR) {
        if (!event)
            continue; /* a signal arrived */
        if (event->type == ZRELAY_ENTRY) {
            printf("%llu %s: %.*s\n", (unsigned long long)event->seq, event->sender, (int)event->body_len,
                (const char *)event->body);
            fflush(stdout);
        } else if (event->type == ZRELAY_LOST) {
            fprintf(stderr, "entries after %llu are gone\n", (unsigned long long)event->seq);
        } else if (event->type == ZRELAY_UNHEARD) {
            fprintf(stderr, "nothing comes from %s\n", event->name);
        } else if (event->type == ZRELAY_REFUSED || event->type == ZRELAY_DISCONNECTED) {
            fprintf(stderr, "%s\n", event->text);
        }
    }
    zrelay_destroy(relay);
    return 0;
}
