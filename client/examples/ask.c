/* Asks a user, and prints the first answer that comes within ten seconds. `zrelay --nick echo reply` answers.
 *
 *     ./ask tcp://127.0.0.1:5570 echo 'are you there?'
 */
#include <stdio.h>
#include <string.h>

#include "zrelay.h"

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s SERVER NICK TEXT\n", argv[0]);
        return 1;
    }
    zrelay_t *relay = zrelay_new(argv[1]);
    if (!relay || zrelay_ask(relay, argv[2], NULL, argv[3], NULL) != 0) {
        fprintf(stderr, "the server, the nick or the text cannot be\n");
        zrelay_destroy(relay);
        return 1;
    }
    char ask[200] = "";
    const zrelay_event_t *event;
    while ((event = zrelay_next(relay, 10000))) {
        if (event->type == ZRELAY_DONE) {
            snprintf(ask, sizeof ask, "%s", event->ask); /* what its answers name */
        } else if (event->type == ZRELAY_DIRECT && event->answer && strcmp(event->answer, ask) == 0) {
            printf("%s: %.*s\n", event->name, (int)event->body_len, (const char *)event->body);
            break;
        } else if (event->type == ZRELAY_REFUSED) {
            fprintf(stderr, "%s\n", event->text);
            break;
        }
    }
    zrelay_destroy(relay);
    return event && event->type == ZRELAY_DIRECT ? 0 : 1;
}
