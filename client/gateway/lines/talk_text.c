/* See talk_text.h. */
#include "talk_text.h"

#include "control.h"
#include "names.h"

static void s_end(zr_buffer_t *out, talk_look_t look) {
    zr_buffer_append(out, look.crlf ? "\r\n" : "\n", look.crlf ? 2 : 1);
}

static bool s_is_shown(const zr_entry_t *entry, uint64_t seq) {
    return entry->seq > seq && !(entry->flags & ZR_ENTRY_DELETE);
}

static void s_entry(zr_buffer_t *out, talk_look_t look, const zr_entry_t *entry) {
    if (look.nick) {
        zr_escape(out, entry->sender);
        zr_buffer_append(out, ": ", 2);
    }
    zr_escape(out, entry->body);
    s_end(out, look);
}

static zr_blob_t *s_blob(zr_buffer_t *out) {
    zr_blob_t *blob = out->len ? zr_blob_copy(out->data, out->len) : NULL;
    zr_buffer_finish(out);
    return blob;
}

zr_blob_t *talk_text_after(const delivery_t *delivery, talk_look_t look, uint64_t seq) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_buffer_t out = {0};
    zr_deliver_read(&reader, delivery->frame);
    while (zr_deliver_next(&reader, &entry))
        if (s_is_shown(&entry, seq))
            s_entry(&out, look, &entry);
    return s_blob(&out);
}

zr_blob_t *talk_text_form(delivery_t *delivery, talk_look_t look) {
    static const form_t forms[2][2] = {{FORM_TEXT_BODY, FORM_TEXT_BODY_CRLF}, {FORM_TEXT_NICK, FORM_TEXT_NICK_CRLF}};
    zr_blob_t **form = &delivery->forms[forms[look.nick][look.crlf]];
    if (!*form)
        *form = talk_text_after(delivery, look, 0);
    return *form;
}

size_t talk_text_count(const delivery_t *delivery, uint64_t seq) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    size_t count = 0;
    zr_deliver_read(&reader, delivery->frame);
    while (zr_deliver_next(&reader, &entry))
        count += s_is_shown(&entry, seq);
    return count;
}

void talk_text_notice(zr_buffer_t *out, talk_look_t look, zr_span_t text) {
    zr_buffer_append(out, "* ", 2);
    zr_escape(out, text);
    s_end(out, look);
}

void talk_text_direct(zr_buffer_t *out, talk_look_t look, zr_span_t nick, zr_span_t text) {
    zr_buffer_u8(out, '*');
    zr_escape(out, nick);
    zr_buffer_append(out, "* ", 2);
    zr_escape(out, text);
    s_end(out, look);
}

static zr_span_t s_string(const json_t *object, const char *name) {
    return zr_span(json_string_value(json_object_get(object, name)));
}

static void s_change(zr_buffer_t *out, talk_look_t look, zr_span_t nick, const char *what, zr_span_t to) {
    zr_buffer_append(out, "* ", 2);
    zr_escape(out, nick);
    zr_buffer_append(out, what, strlen(what));
    zr_escape(out, to);
    s_end(out, look);
}

/* A new name stands in both lists; the old one tells of it. */
static zr_blob_t *s_presence(const json_t *presence, talk_look_t look, zr_span_t own) {
    const json_t *user;
    size_t i;
    zr_buffer_t out = {0};
    json_array_foreach(json_object_get(presence, "left"), i, user) {
        zr_span_t nick = s_string(user, "nick"), to = s_string(user, "to");
        if (nick.len && !zr_span_equal(nick, own) && !zr_span_equal(to, own))
            s_change(&out, look, nick, to.len ? " is now " : " left", to);
    }
    json_array_foreach(json_object_get(presence, "joined"), i, user) {
        zr_span_t nick = s_string(user, "nick");
        if (nick.len && !s_string(user, "was").len && !zr_span_equal(nick, own))
            s_change(&out, look, nick, " joined", zr_span(""));
    }
    return s_blob(&out);
}

zr_blob_t *talk_text_presence(delivery_t *delivery, talk_look_t look, zr_span_t own) {
    bool named = own.len > 0 && memmem(delivery->json.ptr, delivery->json.len, own.ptr, own.len);
    zr_blob_t **shared = &delivery->forms[look.crlf ? FORM_TEXT_NICK_CRLF : FORM_TEXT_NICK];
    json_t *presence = NULL;
    if (!named && *shared)
        return zr_blob_ref(*shared);
    if (zr_control_read(delivery->json, &presence) != ZR_OK)
        return NULL;
    zr_blob_t *blob = s_presence(presence, look, own);
    json_decref(presence);
    if (!named && blob)
        *shared = zr_blob_ref(blob);
    return blob;
}
