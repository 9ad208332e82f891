/* A client of libzrelay for the kit: "lines pub SERVER ROOM" publishes the lines of stdin, "lines sub SERVER ROOM" prints entries. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zrelay.h>

/* Prints what happened. false: the session is over. */
static bool s_event(const zrelay_event_t *event, int *status) {
    switch (event->type) {
    case ZRELAY_ENTRY:
        printf("%.*s\n", (int)event->body_len, (const char *)event->body);
        break;
    case ZRELAY_LOST:
        printf("lost: entries after %llu\n", (unsigned long long)event->seq);
        break;
    case ZRELAY_EPOCH:
        printf("another epoch: what was not read is gone\n");
        break;
    case ZRELAY_DISCONNECTED:
        printf("disconnected: %s\n", event->code ? event->code : "");
        break;
    case ZRELAY_REFUSED:
        printf("refused: %s\n", event->code);
        if (strcmp(event->code, "too-many-sessions") == 0)
            break; /* the library tries again */
        *status = 1;
        return event->mid != 0; /* else it is the session or the room */
    case ZRELAY_CLOSED:
        return false;
    default:
        break;
    }
    fflush(stdout);
    return true;
}

/* Publishes the lines of what was read; returns the bytes that are left. */
static size_t s_publish(zrelay_t *relay, const char *room, char *text, size_t len, int *status) {
    char *line = text, *end;
    while ((end = memchr(line, '\n', len - (size_t)(line - text)))) {
        if (zrelay_publish(relay, room, line, (size_t)(end - line), NULL) < 0)
            *status = 1;
        line = end + 1;
    }
    len -= (size_t)(line - text);
    memmove(text, line, len);
    return len;
}

int main(int argc, char **argv) {
    zrelay_t *relay = argc == 4 ? zrelay_new(argv[2]) : NULL;
    bool publishes = argc == 4 && strcmp(argv[1], "pub") == 0;
    if (!relay || (!publishes && zrelay_join(relay, argv[3], ZRELAY_FROM_NOW, 0) < 0)) {
        fprintf(stderr, "usage: lines pub|sub SERVER ROOM\n");
        zrelay_destroy(relay);
        return 1;
    }
    struct pollfd fds[] = {{publishes ? STDIN_FILENO : -1, POLLIN, 0}, {zrelay_fd(relay), POLLIN, 0}};
    char text[65536];
    size_t len = 0;
    int status = 0;
    for (bool open = true; open;) {
        if (poll(fds, 2, zrelay_timeout(relay)) < 0)
            return 1;
        if (fds[0].revents) {
            ssize_t got = read(STDIN_FILENO, text + len, sizeof text - len);
            if (got > 0) {
                len = s_publish(relay, argv[3], text, len + (size_t)got, &status);
            } else {
                zrelay_close(relay);
                fds[0].fd = -1;
            }
        }
        const zrelay_event_t *event;
        while (open && (event = zrelay_next(relay, 0)))
            open = s_event(event, &status);
    }
    zrelay_destroy(relay);
    return status;
}
