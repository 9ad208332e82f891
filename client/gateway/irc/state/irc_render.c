/* See irc_render.h. */
#include "irc_render.h"

#include <stdio.h>

#include "irc_message.h"
#include "irc_out.h"
#include "irc_time.h"

#define TOPIC_KEY "topic"

irc_view_t irc_view_of(const irc_t *irc, zr_span_t target, uint64_t epoch) {
    return (irc_view_t){.caps = irc->caps, .people = irc->host->people, .target = target, .epoch = epoch};
}

static bool s_has(const irc_view_t *view, unsigned caps) {
    return (view->caps & caps) == caps;
}

/* --- Tags --- */

static void s_tag(zr_buffer_t *out, size_t begin, const char *name, zr_span_t value) {
    zr_buffer_printf(out, "%s%s", out->len > begin ? ";" : "@", name);
    if (value.len == 0)
        return;
    zr_buffer_u8(out, '=');
    irc_put_escaped(out, value);
}

static void s_id_tag(zr_buffer_t *out, size_t begin, const irc_view_t *view, uint64_t seq) {
    char id[64];
    snprintf(id, sizeof id, "%016llx:%llu", (unsigned long long)view->epoch, (unsigned long long)seq);
    s_tag(out, begin, "msgid", zr_span(id));
}

/* The tags that a message has as a whole. */
static void s_tags(zr_buffer_t *out, const irc_view_t *view, zr_span_t nick, uint64_t us, uint64_t seq, bool first) {
    size_t begin = out->len;
    char time[IRC_TIME_TEXT];
    if (view->batch)
        s_tag(out, begin, "batch", zr_span(view->batch));
    irc_time_write(time, us);
    if (s_has(view, IRC_SERVER_TIME))
        s_tag(out, begin, "time", zr_span(time));
    if (s_has(view, IRC_MESSAGE_TAGS) && seq && first)
        s_id_tag(out, begin, view, seq);
    if (s_has(view, IRC_ACCOUNT_TAG) && irc_people_is_user(view->people, nick))
        s_tag(out, begin, "account", nick);
    if (out->len > begin)
        zr_buffer_u8(out, ' ');
}

/* --- Messages --- */

static size_t s_room_for_text(zr_span_t nick, zr_span_t target, const char *verb) {
    irc_name_t shown;
    irc_nick_of(nick, &shown);
    size_t head = 1 + strlen(shown.text) + strlen("!~u@" IRC_USER_HOST " ") + strlen(verb) + 1 + target.len + 2;
    return head + 2 + IRC_TEXT_MIN < IRC_LINE ? IRC_LINE - 2 - head : IRC_TEXT_MIN;
}

static void s_line(zr_buffer_t *out, zr_span_t nick, const char *verb, zr_span_t target, zr_span_t text) {
    zr_buffer_u8(out, ':');
    irc_put_mask(out, nick);
    zr_buffer_printf(out, " %s", verb);
    irc_put_middle(out, target);
    irc_put_trailing(out, text);
    zr_buffer_append(out, "\r\n", 2);
}

static bool s_is_one(zr_span_t bytes, size_t max) {
    irc_body_t body;
    zr_span_t piece;
    irc_body_begin(&body, bytes);
    irc_body_next(&body, max, &piece);
    bool one = body.done;
    irc_body_finish(&body);
    return one;
}

static void s_open_multiline(
    zr_buffer_t *out, const irc_view_t *view, const char *reference, zr_span_t nick, uint64_t us, uint64_t seq) {
    s_tags(out, view, nick, us, seq, true);
    zr_buffer_u8(out, ':');
    irc_put_mask(out, nick);
    zr_buffer_printf(out, " BATCH +%s draft/multiline", reference);
    irc_put_middle(out, view->target);
    zr_buffer_append(out, "\r\n", 2);
}

void irc_render_message(
    zr_buffer_t *out, const irc_view_t *view, zr_span_t nick, zr_span_t bytes, uint64_t us, uint64_t seq) {
    char reference[48];
    irc_body_t body;
    zr_span_t piece;
    irc_body_begin(&body, bytes);
    const char *verb = irc_verb_name(body.verb);
    size_t max = s_room_for_text(nick, view->target, verb);
    bool whole = s_has(view, IRC_MULTILINE | IRC_BATCH) && !body.action && !s_is_one(bytes, max);
    snprintf(reference, sizeof reference, "m%llx-%llx", (unsigned long long)seq, (unsigned long long)us);
    if (whole)
        s_open_multiline(out, view, reference, nick, us, seq);
    for (bool first = true; irc_body_next(&body, max, &piece); first = false) {
        if (whole)
            zr_buffer_printf(out, "@batch=%s%s ", reference, body.concat ? ";draft/multiline-concat" : "");
        else
            s_tags(out, view, nick, us, seq, first);
        s_line(out, nick, verb, view->target, piece);
    }
    if (whole)
        zr_buffer_printf(out, ":" IRC_SERVER " BATCH -%s\r\n", reference);
    irc_body_finish(&body);
}

/* --- Entries --- */

bool irc_entry_is_topic(const zr_entry_t *entry) {
    return zr_span_equal(entry->key, zr_span(TOPIC_KEY));
}

bool irc_entry_is_message(const zr_entry_t *entry) {
    return entry->key.len == 0;
}

/* Whole characters. */
static zr_span_t s_cut(zr_span_t text, size_t max) {
    if (text.len <= max)
        return text;
    text.len = max;
    while (text.len > 0 && ((uint8_t)text.ptr[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

zr_span_t irc_topic_shown(zr_span_t body) {
    return zr_utf8_valid(body) ? s_cut(body, IRC_TOPIC_MAX) : zr_span("[no UTF-8 text]");
}

/* With long names, less than IRC_TOPIC_MAX fits into a line. */
static void s_topic(zr_buffer_t *out, const irc_view_t *view, const zr_entry_t *entry) {
    static const char verb[] = "TOPIC";
    size_t max = s_room_for_text(entry->sender, view->target, verb);
    s_tags(out, view, entry->sender, entry->time, entry->seq, true);
    s_line(out, entry->sender, verb, view->target, s_cut(irc_topic_shown(entry->body), max));
}

bool irc_render_entry(zr_buffer_t *out, const irc_view_t *view, const zr_entry_t *entry) {
    if (irc_entry_is_topic(entry))
        s_topic(out, view, entry);
    else if (irc_entry_is_message(entry))
        irc_render_message(out, view, entry->sender, entry->body, entry->time, entry->seq);
    else
        return false;
    return true;
}

/* --- Shared --- */

/* The capabilities that make a difference, as a number. */
static unsigned s_class(const irc_view_t *view) {
    return (s_has(view, IRC_SERVER_TIME) ? 1 : 0) | (s_has(view, IRC_MESSAGE_TAGS) ? 2 : 0) |
           (s_has(view, IRC_ACCOUNT_TAG) ? 4 : 0) | (s_has(view, IRC_MULTILINE | IRC_BATCH) ? 8 : 0);
}

zr_blob_t *irc_render_shared(delivery_t *delivery, const irc_view_t *view) {
    zr_blob_t **place = &delivery->others[s_class(view)];
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_buffer_t out = {0};
    if (*place)
        return zr_blob_len(*place) ? *place : NULL;
    zr_deliver_read(&reader, delivery->frame);
    while (zr_deliver_next(&reader, &entry))
        irc_render_entry(&out, view, &entry);
    *place = zr_blob_copy(out.len ? (const void *)out.data : "", out.len);
    zr_buffer_finish(&out);
    return zr_blob_len(*place) ? *place : NULL;
}
