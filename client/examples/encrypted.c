/* Publishes a message over an encrypted connection: encrypted SERVER SERVER-KEY PUBLIC-KEY ROOM TEXT < file with the
 * secret key. Keys are 40 characters of Z85; 'zrelay keygen' makes a pair. */
#include <stdio.h>
#include <string.h>
#include <zrelay.h>

int main(int argc, char **argv) {
    char secret[64] = "";
    zrelay_t *relay = argc == 6 && fgets(secret, sizeof secret, stdin) ? zrelay_new(argv[1]) : NULL;
    secret[strcspn(secret, "\n")] = '\0';
    if (!relay || zrelay_set_curve(relay, argv[2], argv[3], secret) < 0 ||
        zrelay_publish(relay, argv[4], argv[5], strlen(argv[5]), NULL) < 0) {
        fprintf(stderr, "usage: encrypted tcp://HOST:PORT SERVER-KEY PUBLIC-KEY ROOM TEXT < SECRET-KEY\n");
        zrelay_destroy(relay);
        return 1;
    }
    const zrelay_event_t *event;
    while (zrelay_unacked(relay) > 0 && (event = zrelay_next(relay, 10000))) {
        if (event->type == ZRELAY_CONNECTED)
            printf("connected as %s\n", event->name);
        else if (event->type == ZRELAY_REFUSED || event->type == ZRELAY_DISCONNECTED)
            fprintf(stderr, "%s\n", event->text);
        if (event->type == ZRELAY_DISCONNECTED && event->code && strcmp(event->code, "refused") == 0)
            break; /* it would go on trying: the operator may enter the key */
    }
    int left = (int)zrelay_unacked(relay);
    zrelay_destroy(relay);
    return left > 0;
}
