/* The running broker: one zloop with the sockets, the timers and the signals around the relay. */
#ifndef SERVER_H
#define SERVER_H

#include "reload.h"

typedef struct server server_t;

/* Binds and gets ready; nothing runs yet. NULL: `error` is one line that says what to do. `settings` must live as long
 * as the server, which changes them on SIGHUP to what `source` reads. SIGTERM and SIGINT must be blocked, so that no thread takes them. */
server_t *server_new(settings_t *settings, const reload_source_t *source, zr_error_t *error);

/* The line that says what listens where, for stdout. The caller frees it. */
char *server_banner(const server_t *server);

/* Runs until SIGTERM or SIGINT, then says bye to everybody. Returns the program's exit code. */
int server_run(server_t *server);

/* Waits until queued messages are sent, a second at most. NULL is accepted. libzmq may take minutes to close: SIGALRM
 * comes after 4 s, unless the caller calls alarm(0) before. */
void server_destroy(server_t *server);

/* After server_run: the program is to start anew, with another part in its cluster. */
bool server_goes_on(const server_t *server);

#endif
