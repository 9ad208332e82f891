/* See feed_saved.h. */
#include "feed_saved.h"

#include <stdio.h>

#include "feed_show.h"

/* Nothing is under way, of the run before neither. */
static bool s_is_settled(const feed_t *feed) {
    return zrelay_unacked(feed->session.relay) == 0 && feed->input.taken >= feed->input.unsure;
}

/* What is left out now is left out again, as long as lines behind it are under way. */
static void s_note_skip(feed_t *feed) {
    const feed_job_t *job = feed->job;
    uint64_t most = zrelay_body_max(feed->session.relay, job->room, job->key);
    uint64_t now = feed->input.oversize == OVERSIZE_SKIP ? most : ZR_INT_MAX;
    bool both = feed->input.taken < feed->input.unsure && feed->input.skip < now;
    feed->progress.skip = both ? feed->input.skip : now;
}

/* What the next run has to do. Once all is settled, that is what was refused and what was not read, under ids that no
 * run has used. Before, it is all from the first message on that is not acked, under the same ids as now. */
static void s_note(feed_t *feed) {
    progress_t *progress = &feed->progress;
    const input_t *input = &feed->input;
    uint64_t from = feed->acked < feed->refused ? feed->acked : feed->refused;
    ranges_finish(&progress->todo);
    if (s_is_settled(feed)) {
        from = input->taken;
        ranges_slice(&progress->todo, &feed->again, 0, UINT64_MAX);
        if (feed->again.count == 0 && input->lines.number < input->wanted)
            progress->mark = (progress_mark_t){input->lines.number, input->hash};
        progress->top = feed->first_mid + from > feed->old_top ? feed->first_mid + from : feed->old_top;
        progress->next = progress->top;
    } else {
        progress->next = feed->first_mid + from;
    }
    ranges_slice(&progress->todo, &input->todo, from, UINT64_MAX);
    s_note_skip(feed);
    snprintf(progress->epoch, sizeof progress->epoch, "%s", feed->session.epoch);
    feed->saved = from;
}

bool feed_save(feed_t *feed, uint64_t ahead) {
    zr_error_t error = {0};
    if (!feed->job->options.progress_file || feed->stuck)
        return !feed->stuck;
    s_note(feed);
    if (ahead)
        feed->progress.top = feed->first_mid + feed->input.taken + ahead;
    feed->saved_ms = zr_mono_ms();
    if (progress_save(&feed->progress, &error))
        return true;
    feed_hide_progress(feed);
    cli_say("%s", error.text);
    feed->stuck = true;
    feed_stop(feed, CLI_USAGE);
    return false;
}

int feed_save_due(const feed_t *feed) {
    if (!feed->job->options.progress_file || feed->stuck || feed->messages == 0)
        return -1;
    if (s_is_settled(feed) ? feed->progress.top == feed->progress.next && feed->saved == feed->input.taken
                           : feed->saved >= feed->acked || feed->saved >= feed->refused)
        return -1;
    uint64_t passed = zr_mono_ms() - feed->saved_ms;
    return passed < FEED_SAVE_MS ? (int)(FEED_SAVE_MS - passed) : 0;
}

void feed_advance(feed_t *feed, uint64_t index) {
    feed->acked = index + 1;
    if (feed->mark_index > index || feed->mark_index >= feed->refused)
        return;
    feed->progress.mark = feed->mark;
    feed->mark_index = FEED_NONE;
}
