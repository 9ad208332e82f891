/* Signals as flags to look at and a file descriptor to poll (a pipe that handlers write to). So no signal is missed
 * between a look and a wait. Process-wide. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

/* SIGINT, SIGTERM, SIGQUIT and SIGHUP ask to end; SIGPIPE is ignored (writing tells), and SIGUSR1 and SIGUSR2 do nothing.
 * Call once, before anything waits. false: no descriptors are left. */
bool signals_open(void);

/* Also tells of children that ended, or of the terminal's resizing and being suspended. */
void signals_want_child(void);
void signals_want_terminal(void);

/* Readable once a signal came; signals_drain makes it quiet again. */
int signals_fd(void);
void signals_drain(void);

/* How often the program was asked to end. */
int signals_stop(void);

/* Whether the signal came since the last call. */
bool signals_took_child(void);
bool signals_took_resize(void);
bool signals_took_suspend(void);

#endif
