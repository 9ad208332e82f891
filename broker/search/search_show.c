/* The texts of a search: what of a body is indexed, and how hits look. Pure. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "names.h"
#include "search.h"
#include "unicode.h"

enum { SNIPPET_BYTES = 400 }; /* of the text that is shown of one entry: a word may be as long as a body */

void search_text(zr_buffer_t *out, zr_span_t body) {
    zr_buffer_clear(out);
    if (body.len == 0 || memchr(body.ptr, '\0', body.len))
        return;
    size_t from = 0, at = 0;
    bool valid = zr_utf8_valid(body);
    while (!valid && at < body.len) {
        size_t begin = at;
        if (zr_utf8_next(body, &at) >= 0)
            continue;
        zr_buffer_append(out, body.ptr + from, begin - from);
        zr_buffer_append(out, "\xEF\xBF\xBD", 3); /* U+FFFD, which is in no word */
        from = at;
    }
    zr_buffer_append(out, body.ptr + from, body.len - from);
}

/* The first SNIPPET_BYTES, no code point cut; whether that is all. */
static zr_span_t s_begin(zr_span_t text, bool *all) {
    *all = text.len <= SNIPPET_BYTES;
    if (*all)
        return text;
    size_t len = SNIPPET_BYTES;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return zr_span_of(text.ptr, len);
}

static void s_time(char *out, size_t size, uint64_t time) {
    time_t seconds = (time_t)(time / 1000000);
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void s_add(zr_buffer_t *out, const char *text) {
    zr_buffer_append(out, text, strlen(text));
}

void search_show_line(zr_buffer_t *out, const search_hit_t *hit) {
    char time[48], place[80];
    bool all;
    zr_span_t snippet = s_begin(hit->snippet, &all);
    s_time(time, sizeof time, hit->time);
    snprintf(place, sizeof place, " %llu %s ", (unsigned long long)hit->seq, time);
    zr_escape(out, hit->room);
    s_add(out, place);
    zr_escape(out, hit->sender.len ? hit->sender : zr_span("-"));
    s_add(out, " ");
    zr_escape(out, hit->key);
    if (hit->key.len > 0 && !hit->deleted)
        s_add(out, "=");
    zr_escape(out, snippet);
    s_add(out, all ? "\n" : "…\n");
}

/* Texts of the index are UTF-8, but its file may have been damaged. */
static json_t *s_string(zr_span_t text) {
    json_t *string = text.len ? json_stringn(text.ptr, text.len) : NULL;
    return string ? string : json_string("");
}

static int s_dump(const char *text, size_t len, void *out) {
    zr_buffer_append(out, text, len);
    return 0;
}

void search_show_json(zr_buffer_t *out, const search_hit_t *hit) {
    bool all;
    json_t *object = json_object();
    json_object_set_new(object, "room", s_string(hit->room));
    json_object_set_new(object, "seq", json_integer((json_int_t)hit->seq));
    json_object_set_new(object, "time", json_integer((json_int_t)hit->time));
    json_object_set_new(object, "sender", s_string(hit->sender));
    if (hit->key.len > 0)
        json_object_set_new(object, "key", s_string(hit->key));
    if (hit->deleted)
        json_object_set_new(object, "deleted", json_true());
    else
        json_object_set_new(object, "snippet", s_string(s_begin(hit->snippet, &all)));
    if (!object || json_dump_callback(object, s_dump, out, JSON_COMPACT | JSON_ENSURE_ASCII) != 0)
        abort(); /* only memory can be missing */
    zr_buffer_u8(out, '\n');
    json_decref(object);
}
