/* What a service needs of its process, for the broker and the gateway alike. */
#ifndef ZR_SERVICE_H
#define ZR_SERVICE_H

#include <stdint.h>

#include "errors.h"
#include "logger.h"

/* --- Before the first socket, in this order --- */

/* Opens /dev/null for each of 0, 1 and 2 that is closed. Else a socket would get the number, and lines meant for people
 * would go to a peer. */
void zr_service_fill_descriptors(void);

/* Blocks the signals that zr_service_open_signals reads, and ignores SIGPIPE. The kernel ends children wholly, since the
 * first process of a container gets orphans. Call it before any thread exists: threads inherit the mask. */
void zr_service_block_signals(void);

/* Raises the limit of file descriptors as far as the system allows, at most to 1,048,576. `*allowed` is the new limit.
 * false: fewer than `needed` are left, and `error` says what to do. `needed` is at most ZR_DESCRIPTORS_MOST. */
bool zr_service_raise_descriptors(size_t needed, uint64_t *allowed, zr_error_t *error);

/* Gives the hash tables their random key (hash.h). libsodium must be initialized. */
void zr_service_seed(void);

/* --- The running service --- */

/* Appends what goes to stderr, the log, to this file from now on, and makes it if need be. Call it again when it was
 * moved away. false: nothing changes, and `error` says why. */
bool zr_service_log_to(const char *path, zr_error_t *error);

/* The log as the settings want it. `path` empty: lines go to stderr. false: as of zr_service_log_to. */
bool zr_service_begin_log(zr_log_level_t level, bool json, const char *path, zr_error_t *error);

/* For SIGUSR2: opens the log's file anew, as it was moved away, and logs that. If it cannot be opened, the lines still go
 * where they went. `path`: of zr_service_begin_log. `setting` names it for the operator. */
void zr_service_log_anew(const char *path, const char *setting);

/* A descriptor that gives a struct signalfd_siginfo for each SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1 and SIGUSR2. The
 * caller closes it. -1: `error` says why. */
int zr_service_open_signals(zr_error_t *error);

/* The number of the next signal; 0: no more wait. */
unsigned zr_service_next_signal(int signals);

/* Writes the start line to stdout and frees it. The service works without a reader of this line. */
void zr_service_print_banner(char *banner);

/* Logs a warning when fewer descriptors are allowed than the service may need. `what` names the setting. */
void zr_service_warn_descriptors(uint64_t allowed, uint64_t needed, uint64_t count, const char *what);

/* Tells systemd, such as "READY=1" (sd_notify). Does nothing without systemd. */
void zr_service_notify(const char *state);

/* Tells systemd's watchdog (WatchdogSec=) that the loop still turns, when half of its time has passed. Call it at least
 * that often. `now` is in milliseconds, of any clock that does not go back. Returns the milliseconds until the next call
 * is due, or -1 without a watchdog. For one thread. */
int zr_service_watchdog(uint64_t now);

/* The program starts anew in this process, and its loop does not turn meanwhile: the watchdog waits for so many seconds
 * each time. 0: for as long as WatchdogSec= says, again. Does nothing without a watchdog. */
void zr_service_watchdog_wait(unsigned seconds);

#endif
