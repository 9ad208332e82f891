/* A loop of one's own: lines of stdin go to the room, and what comes in the room is printed: poll SERVER ROOM */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include <zrelay.h>

int main(int argc, char **argv) {
    zrelay_t *relay = argc == 3 ? zrelay_new(argv[1]) : NULL;
    if (!relay || zrelay_join(relay, argv[2], ZRELAY_FROM_NOW, 0) < 0) {
        fprintf(stderr, "usage: poll tcp://HOST:PORT ROOM\n");
        zrelay_destroy(relay);
        return 1;
    }
    struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {zrelay_fd(relay), POLLIN, 0}};
    const zrelay_event_t *event = NULL;
    while (!event || event->type != ZRELAY_CLOSED) {
        if (poll(fds, 2, zrelay_timeout(relay)) < 0) {
            if (errno != EINTR)
                break;
            fds[0].revents = 0;
        }
        if (fds[0].revents) {
            char text[4096];
            ssize_t len = read(STDIN_FILENO, text, sizeof text);
            if (len > 0) {
                zrelay_publish(relay, argv[2], text, (size_t)len, NULL);
            } else {
                zrelay_close(relay);
                fds[0].fd = -1; /* poll leaves it out */
            }
        }
        while ((event = zrelay_next(relay, 0)) && event->type != ZRELAY_CLOSED) {
            if (event->type == ZRELAY_ENTRY)
                printf("%s: %.*s\n", event->sender, (int)event->body_len, (const char *)event->body);
            else if (event->type == ZRELAY_DISCONNECTED || event->type == ZRELAY_REFUSED)
                fprintf(stderr, "%s\n", event->text);
        }
        fflush(stdout);
    }
    zrelay_destroy(relay);
    return 0;
}
