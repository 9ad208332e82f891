#include "bench_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "conn.h"

enum { SHOW_EVERY_MS = 200 };

void bench_progress_begin(bench_progress_t *progress, uint64_t messages, uint64_t quiet_ms) {
    uint64_t now = zr_mono_ms();
    *progress = (bench_progress_t){.messages = messages, .quiet_ms = quiet_ms};
    progress->start_ms = progress->shown_ms = progress->moved_ms = now;
    progress->terminal = isatty(STDERR_FILENO);
}

/* Notes the figures; whether it is time to show them. */
static bool s_note(bench_progress_t *progress, uint64_t now, uint64_t acked, uint64_t delivered) {
    /* Not what is published: that goes on without a broker for as long as the queue has room. */
    if (acked != progress->acked || delivered != progress->delivered)
        progress->moved_ms = now;
    progress->acked = acked;
    progress->delivered = delivered;
    if (!progress->terminal || now - progress->shown_ms < SHOW_EVERY_MS)
        return false;
    progress->shown_ms = now;
    return progress->shown = true;
}

bool bench_progress_look(bench_progress_t *progress, uint64_t published, uint64_t acked, uint64_t delivered) {
    uint64_t now = zr_mono_ms(), ms = now - progress->start_ms, most = progress->messages;
    if (s_note(progress, now, acked, delivered))
        fprintf(stderr,
            "\r%3" PRIu64 " %%  %" PRIu64 " published, %" PRIu64 " acked, %" PRIu64 " delivered, %" PRIu64 "/s\033[K",
            most ? published * 100 / most : 0, published, acked, delivered,
            ms ? (delivered ? delivered : acked) * 1000 / ms : 0);
    return now - progress->moved_ms < progress->quiet_ms;
}

bool bench_progress_clients(bench_progress_t *progress, uint64_t clients, uint64_t ready, uint64_t done) {
    uint64_t now = zr_mono_ms();
    if (s_note(progress, now, ready, done))
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " clients connected, %" PRIu64 " have read\033[K", ready, clients,
            done);
    return now - progress->moved_ms < progress->quiet_ms;
}

void bench_progress_end(bench_progress_t *progress) {
    if (progress->shown)
        fputs("\r\033[K", stderr);
}
