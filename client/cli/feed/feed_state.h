/* What the files of feed.h share: an input that is being published. */
#ifndef FEED_STATE_H
#define FEED_STATE_H

#include "feed.h"
#include "input.h"
#include "output.h"
#include "report.h"

#define FEED_NONE UINT64_MAX
#define FEED_SAVE_MS 1000 /* between two writes of the progress file */

/* Messages are numbered as they stand in input.todo, from 0: `index`. The id of each is first_mid + index. */
typedef struct {
    conn_t session;
    const feed_job_t *job;
    input_t input;
    output_t output; /* acks, with --json */
    progress_t progress;
    bool ended;   /* no more input is wanted */
    bool unread;  /* and there may be some */
    bool full;    /* the queue is */
    bool closing; /* zrelay_close was called */
    bool stuck;   /* the progress file cannot be written */
    int code;
    uint64_t first_mid;
    uint64_t old_top;     /* progress.top of the run before */
    uint64_t ahead;       /* ids that are noted at a time */
    uint64_t messages;    /* taken by the library */
    uint64_t last;        /* index of the last one */
    uint64_t acked;       /* indexes below are answered */
    uint64_t refused;     /* the lowest index that was refused; FEED_NONE */
    uint64_t saved;       /* indexes below are behind the saved progress */
    uint64_t mark_index;  /* of the message at `mark`; FEED_NONE */
    progress_mark_t mark; /* the next that will be progress.mark */
    ranges_t again;       /* lines that were refused, and that another run may try again */
    report_t report;
    zrelay_level_t level; /* the lowest that an ack named */
    uint64_t start_ms, shown_ms, saved_ms, announced_ms, heard_ms;
    bool shows, shown;
} feed_t;

/* Takes no more input; queued messages are still sent. */
static inline void feed_stop(feed_t *feed, int code) {
    feed->unread |= !feed->ended;
    feed->ended = true;
    if (feed->code == 0)
        feed->code = code;
}

static inline bool feed_has_lines(const feed_t *feed) {
    return !feed->input.lines.whole;
}

#endif
