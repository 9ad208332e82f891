#include "chat_status.h"

#include <jansson.h>

#include "fatal.h"
#include "unicode.h"

static zr_span_t s_short(const json_t *text) {
    zr_span_t all = zr_span_of(json_string_value(text), json_string_length(text));
    size_t end = 0;
    for (size_t at = 0; at < all.len && at <= CHAT_STATUS_MAX;) {
        end = at;
        zr_utf8_next(all, &at);
        if (at <= CHAT_STATUS_MAX)
            end = at;
    }
    return zr_span_of(all.ptr, end);
}

/* The words for a meta, and whether they mean that the user is away. */
static bool s_words(zr_buffer_t *out, const char *meta) {
    json_t *object = meta ? json_loads(meta, 0, NULL) : NULL;
    const json_t *away = json_object_get(object, "away"), *text = json_object_get(object, "status");
    const json_t *shown = json_is_string(away) ? away : json_is_string(text) ? text : NULL;
    zr_span_t words = shown ? s_short(shown) : zr_span("");
    bool is_away = shown && shown == away;
    if (is_away)
        zr_buffer_printf(out, words.len ? "away: " : "away");
    zr_buffer_append(out, words.ptr, words.len);
    json_decref(object);
    return is_away;
}

void chat_status_who(zr_buffer_t *out, const char *meta) {
    zr_buffer_t words = {0};
    s_words(&words, meta);
    if (words.len > 0)
        zr_buffer_printf(out, " (%.*s)", (int)words.len, (const char *)words.data);
    zr_buffer_finish(&words);
}

/* --- Changes --- */

static void s_forget(chat_status_t *status, size_t i) {
    free(status->known[i].nick);
    free(status->known[i].words);
}

void chat_status_finish(chat_status_t *status) {
    for (size_t i = 0; i < CHAT_STATUS_NICKS; i++)
        s_forget(status, i);
    *status = (chat_status_t){0};
}

const char *chat_status_words(const chat_status_t *status, const char *nick) {
    for (size_t i = 0; i < CHAT_STATUS_NICKS; i++)
        if (status->known[i].nick && strcmp(status->known[i].nick, nick) == 0)
            return status->known[i].words[0] ? status->known[i].words : NULL;
    return NULL;
}

/* The nick's place, a new one if the nick has no place yet. */
static size_t s_place(chat_status_t *status, const char *nick) {
    for (size_t i = 0; i < CHAT_STATUS_NICKS; i++)
        if (status->known[i].nick && strcmp(status->known[i].nick, nick) == 0)
            return i;
    size_t i = status->next++ % CHAT_STATUS_NICKS;
    s_forget(status, i);
    status->known[i].nick = fatal_check(strdup(nick));
    status->known[i].words = fatal_check(strdup(""));
    status->known[i].away = false;
    return i;
}

static void s_tell(zr_buffer_t *out, const char *nick, const char *words, bool away, bool was_away) {
    if (away)
        zr_buffer_printf(out, "%s is %s", nick, words);
    else if (*words)
        zr_buffer_printf(out, "%s%s: %s", nick, was_away ? " is back" : "", words);
    else
        zr_buffer_printf(out, "%s %s", nick, was_away ? "is back" : "shows no status any more");
}

bool chat_status_changed(chat_status_t *status, const char *nick, const char *meta, zr_buffer_t *out) {
    zr_buffer_t words = {0};
    bool away = s_words(&words, meta);
    zr_buffer_u8(&words, '\0');
    size_t i = s_place(status, nick);
    bool changed = away != status->known[i].away || strcmp((char *)words.data, status->known[i].words) != 0;
    if (changed)
        s_tell(out, nick, (char *)words.data, away, status->known[i].away);
    free(status->known[i].words);
    status->known[i].words = fatal_check(strdup((char *)words.data));
    status->known[i].away = away;
    zr_buffer_finish(&words);
    return changed;
}

char *chat_status_meta(const char *away, const char *text) {
    json_t *object = json_object();
    if (away)
        json_object_set_new(object, "away", json_string(away));
    if (text)
        json_object_set_new(object, "status", json_string(text));
    char *meta = fatal_check(json_dumps(object, JSON_COMPACT));
    json_decref(object);
    return meta;
}
