/* Publishes a message over an encrypted connection: encrypted SERVER SERVER-KEY ROOM TEXT < ann_secret, the file with
 * both keys that 'zrelay keygen ann' made. Keys are 40 characters of Z85. */
#include <stdio.h>
#include <string.h>
#include <zrelay.h>

/* Finds the lines `public-key = "…"` and `secret-key = "…"`; a key that is not there stays empty. */
static void read_keys(FILE *file, char public_key[41], char secret_key[41]) {
    char line[256];
    while (fgets(line, sizeof line, file)) {
        sscanf(line, " public-key = \"%40[^\"]", public_key);
        sscanf(line, " secret-key = \"%40[^\"]", secret_key);
    }
}

int main(int argc, char **argv) {
    char public_key[41] = "", secret_key[41] = "";
    zrelay_t *relay = argc == 5 ? zrelay_new(argv[1]) : NULL;
    if (relay)
        read_keys(stdin, public_key, secret_key);
    if (!relay || zrelay_set_curve(relay, argv[2], public_key, secret_key) < 0 ||
        zrelay_publish(relay, argv[3], argv[4], strlen(argv[4]), NULL) < 0) {
        fprintf(stderr, "usage: encrypted tcp://HOST:PORT SERVER-KEY ROOM TEXT < NAME_secret\n");
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
