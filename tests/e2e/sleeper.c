/* A reader with a small receive queue (in bytes) that sleeps while others publish: after it is live it does nothing until a line
 * comes on stdin, then prints every entry. Usage: sleeper SERVER ROOM QUEUE COUNT */
#include <stdio.h>
#include <stdlib.h>

#include <zrelay.h>

int main(int argc, char **argv) {
    if (argc != 5)
        return 1;
    zrelay_t *relay = zrelay_new(argv[1]);
    zrelay_set_receive_queue(relay, strtoul(argv[3], NULL, 10));
    zrelay_join(relay, argv[2], ZRELAY_FROM_NOW | ZRELAY_SILENT, 0);
    long left = atol(argv[4]), gaps = 0;
    int code = 2;
    const zrelay_event_t *event;
    while (left > 0 && (event = zrelay_next(relay, -1))) {
        if (event->type == ZRELAY_JOINED) {
            puts("live");
            fflush(stdout);
            getchar();
        } else if (event->type == ZRELAY_ENTRY) {
            printf("%.*s\n", (int)event->body_len, (const char *)event->body);
            left--;
        } else if (event->type == ZRELAY_GAP) {
            gaps++;
        } else if (event->type == ZRELAY_LOST) {
            fprintf(stderr, "lost after %llu\n", (unsigned long long)event->seq);
            goto out;
        }
    }
    code = left ? 3 : 0;
out:
    fprintf(stderr, "gaps: %ld\n", gaps);
    zrelay_destroy(relay);
    return code;
}
