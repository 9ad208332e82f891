/* The zrelay command. */
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "signals.h"

/* A program started with a closed stdin, stdout or stderr would get sockets under these numbers and write data into
 * them. The files opened in their place fail on use, so that a closed stdout is told and not taken for success. */
static void s_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            abort();
}

int main(int argc, char **argv) {
    s_standard_streams();
    /* The editor needs to know how characters are encoded; nothing else here may depend on the locale. Peers speak
     * UTF-8. */
    setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    if (!signals_open()) {
        cli_say("no file descriptors left; raise the limit (ulimit -n)");
        return CLI_USAGE;
    }
    return cli_run(argc, argv);
}
