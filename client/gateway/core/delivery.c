/* See delivery.h. */
#include "delivery.h"

#include "json_text.h"
#include "names.h"
#include "ws_frame.h"

static bool s_read_entries(delivery_t *d) {
    zr_deliver_reader_t reader;
    uint64_t seq;
    if (!zr_deliver_read(&reader, d->frame))
        return false;
    d->flags = reader.flags;
    d->epoch = reader.epoch;
    d->prev = reader.prev;
    d->first = 0;
    while (zr_deliver_skip(&reader, &seq)) {
        d->first = d->first ? d->first : seq;
        d->last = seq;
    }
    return !reader.failed && d->first > 0;
}

bool delivery_begin(delivery_t *d, zr_span_t frame) {
    *d = (delivery_t){.frame = frame};
    d->kind = zr_back_read(frame, &d->room, &d->json);
    if (d->kind == ZR_BACK_PRESENCE)
        return zr_utf8_valid(d->json);
    return d->kind == ZR_BACK_ENTRIES && s_read_entries(d);
}

void delivery_finish(delivery_t *d) {
    for (int form = 0; form < FORMS; form++)
        zr_blob_unref(d->forms[form]);
    for (int i = 0; i < DELIVERY_OTHERS; i++)
        zr_blob_unref(d->others[i]);
}

/* --- One message with all entries --- */

static void s_body_json(zr_buffer_t *out, zr_span_t body, const char *text, const char *base64) {
    bool utf8 = zr_utf8_valid(body);
    json_text_put(out, ",\"");
    json_text_put(out, utf8 ? text : base64);
    json_text_put(out, "\":");
    if (utf8) {
        json_text_string(out, body);
        return;
    }
    zr_buffer_u8(out, '"');
    json_text_base64(out, body);
    zr_buffer_u8(out, '"');
}

/* The members that both JSON forms have after their beginnings. */
static void s_entry_json(zr_buffer_t *out, const zr_entry_t *entry, const char *text, const char *base64) {
    json_text_put(out, "\"seq\":");
    json_text_number(out, entry->seq);
    json_text_put(out, ",\"time\":");
    json_text_number(out, entry->time);
    json_text_put(out, ",\"sender\":");
    json_text_name(out, entry->sender);
    if (entry->key.len > 0) {
        json_text_put(out, ",\"key\":");
        json_text_name(out, entry->key);
    }
    if (entry->flags & ZR_ENTRY_TTL) {
        json_text_put(out, ",\"ttl\":");
        json_text_number(out, entry->ttl);
    }
    if (entry->flags & ZR_ENTRY_DELETE)
        json_text_put(out, ",\"deleted\":true");
    else
        s_body_json(out, entry->body, text, base64);
    zr_buffer_u8(out, '}');
}

static void s_head_json(zr_buffer_t *out, const delivery_t *d, uint64_t prev) {
    json_text_put(out, "{\"op\":\"entries\",\"room\":");
    json_text_name(out, d->room);
    zr_buffer_printf(
        out, ",\"epoch\":\"%016llx\",\"prev\":%llu", (unsigned long long)d->epoch, (unsigned long long)prev);
    if (d->flags & ZR_FRAME_REPLAY)
        json_text_put(out, ",\"replay\":true");
    if (d->flags & ZR_FRAME_STATE)
        json_text_put(out, ",\"state\":true");
    json_text_put(out, ",\"entries\":[");
}

static zr_blob_t *s_one_json(const delivery_t *d, uint64_t after) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_buffer_t out = {0};
    size_t count = 0;
    zr_deliver_read(&reader, d->frame);
    s_head_json(&out, d, after > d->prev ? after : d->prev);
    while (zr_deliver_next(&reader, &entry)) {
        if (entry.seq <= after)
            continue;
        json_text_put(&out, count++ ? ",{" : "{");
        s_entry_json(&out, &entry, "text", "base64");
    }
    json_text_put(&out, "]}");
    zr_blob_t *blob = count ? ws_blob(WS_TEXT, zr_span_of(out.data, out.len)) : NULL;
    zr_buffer_finish(&out);
    return blob;
}

static zr_blob_t *s_binary(const delivery_t *d, uint64_t after) {
    size_t count;
    uint64_t last;
    if (after < d->first)
        return ws_blob(WS_BINARY, d->frame);
    zr_blob_t *cut = zr_deliver_cut(d->frame, d->flags, after, UINT64_MAX, SIZE_MAX, &count, &last);
    zr_blob_t *blob = cut ? ws_blob(WS_BINARY, zr_span_of(zr_blob_data(cut), zr_blob_len(cut))) : NULL;
    zr_blob_unref(cut);
    return blob;
}

/* --- A message for each entry --- */

static void s_put_text(zr_buffer_t *out, zr_span_t text) {
    ws_append(out, zr_utf8_valid(text) ? WS_TEXT : WS_BINARY, text);
}

static void s_put_nick(zr_buffer_t *out, zr_buffer_t *line, const zr_entry_t *entry) {
    zr_buffer_clear(line);
    zr_buffer_append(line, entry->sender.ptr, entry->sender.len);
    zr_buffer_append(line, ": ", 2);
    zr_buffer_append(line, entry->body.ptr, entry->body.len);
    s_put_text(out, zr_span_of(line->data, line->len));
}

static void s_put_line(zr_buffer_t *out, zr_buffer_t *line, const delivery_t *d, const zr_entry_t *entry) {
    zr_buffer_clear(line);
    json_text_put(line, "{\"room\":");
    json_text_name(line, d->room);
    zr_buffer_u8(line, ',');
    s_entry_json(line, entry, "body", "body_base64");
    s_put_text(out, zr_span_of(line->data, line->len));
}

static void s_put_message(
    zr_buffer_t *out, zr_buffer_t *line, const delivery_t *d, form_t form, const zr_entry_t *entry) {
    if (form == FORM_LINES)
        s_put_line(out, line, d, entry);
    else if (entry->flags & ZR_ENTRY_DELETE)
        return;
    else if (form == FORM_NICK)
        s_put_nick(out, line, entry);
    else
        s_put_text(out, entry->body);
}

static zr_blob_t *s_each(const delivery_t *d, form_t form, uint64_t after) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_buffer_t out = {0}, line = {0};
    zr_deliver_read(&reader, d->frame);
    while (zr_deliver_next(&reader, &entry))
        if (entry.seq > after)
            s_put_message(&out, &line, d, form, &entry);
    zr_blob_t *blob = out.len ? zr_blob_copy(out.data, out.len) : NULL;
    zr_buffer_finish(&line);
    zr_buffer_finish(&out);
    return blob;
}

zr_blob_t *delivery_after(const delivery_t *d, form_t form, uint64_t seq) {
    if (d->kind == ZR_BACK_PRESENCE)
        return form == FORM_BINARY || form == FORM_JSON ? ws_blob(WS_TEXT, d->json) : NULL;
    if (form == FORM_BINARY)
        return s_binary(d, seq);
    return form == FORM_JSON ? s_one_json(d, seq) : s_each(d, form, seq);
}

zr_blob_t *delivery_form(delivery_t *d, form_t form) {
    if (!d->forms[form])
        d->forms[form] = delivery_after(d, form, 0);
    return d->forms[form];
}
