/* See audit_feed.h. */
#include "audit_feed.h"

#include <stdlib.h>

#include "audit.h"
#include "logger.h"

typedef struct {
    zr_mail_t mail;
    uint64_t number, time;
    size_t len;
    char text[];
} audit_line_t;

static void s_tell(void *ctx, uint64_t time, zr_span_t text) {
    audit_feed_t *feed = ctx;
    uint64_t number = atomic_fetch_add(&feed->number, 1) + 1;
    if (atomic_load(&feed->waiting) >= AUDIT_FEED_MAX)
        return;
    audit_line_t *line = fatal_calloc(sizeof *line + text.len);
    line->number = number;
    line->time = time;
    line->len = text.len;
    memcpy(line->text, text.ptr, text.len);
    atomic_fetch_add(&feed->waiting, 1);
    zr_mailbox_put(&feed->lines, &line->mail);
}

void audit_feed_begin(audit_feed_t *feed) {
    zr_mailbox_init(&feed->lines);
    zr_log_follow_audit(s_tell, feed);
}

int audit_feed_fd(const audit_feed_t *feed) {
    return feed->lines.fd;
}

void audit_feed_take(audit_feed_t *feed, relay_t *relay) {
    for (zr_mail_t *mail = zr_mailbox_take_all(&feed->lines), *next; mail; mail = next) {
        const audit_line_t *line = (audit_line_t *)mail;
        next = mail->next;
        atomic_fetch_sub(&feed->waiting, 1);
        if (relay)
            audit_tell(relay, line->number, line->time, zr_span_of(line->text, line->len));
        free(mail);
    }
}

void audit_feed_end(audit_feed_t *feed) {
    if (!feed->lines.end)
        return;
    zr_log_follow_audit(NULL, NULL);
    audit_feed_take(feed, NULL);
    zr_mailbox_finish(&feed->lines);
}
