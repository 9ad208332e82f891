/* Publishes a message over an encrypted connection: encrypted SERVER SERVER-KEY FILE ROOM TEXT. FILE is the secret file
 * that 'zrelay keygen ann' made, ann_secret; SERVER-KEY has 40 characters of Z85. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zrelay.h>

int main(int argc, char **argv) {
    zrelay_t *relay = argc == 6 ? zrelay_new(argv[1]) : NULL;
    const char *why = NULL;
    int code = relay ? zrelay_set_curve_file(relay, argv[2], argv[3], &why) : ZRELAY_EINVAL;
    if (code == 0)
        code = zrelay_publish(relay, argv[4], argv[5], strlen(argv[5]), NULL);
    if (code < 0) {
        fprintf(stderr, "%s\nusage: encrypted tcp://HOST:PORT SERVER-KEY NAME_secret ROOM TEXT\n",
            why ? why : zrelay_strerror(code));
        zrelay_destroy(relay);
        return 1;
    }
    const zrelay_event_t *event;
    while (zrelay_unacked(relay) > 0 && ((event = zrelay_next(relay, 10000)) || errno == EINTR)) {
        if (!event)
            continue; /* a signal arrived */
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
