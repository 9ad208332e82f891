/* See irc_names.h. */
#include "irc_names.h"

#include <stdio.h>

static int s_hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The character that % and two digits at `at` stand for; 0: they stand for themselves. */
static char s_spelled(zr_span_t text, size_t at) {
    int high, low;
    if (at + 2 >= text.len || text.ptr[at] != '%' || (high = s_hex_digit(text.ptr[at + 1])) < 0 ||
        (low = s_hex_digit(text.ptr[at + 2])) < 0)
        return 0;
    int c = 16 * high + low;
    return c > ' ' && c < 0x7f ? (char)c : 0;
}

/* `forbidden`: characters that are spelled anywhere; `first`: at the beginning. False: it does not fit. */
static bool s_spell(zr_span_t name, const char *forbidden, const char *first, char *out, size_t size) {
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool spelled = !c || strchr(forbidden, c) || (i == 0 && strchr(first, c)) || s_spelled(name, i);
        if (len + (spelled ? 3 : 1) >= size)
            return false;
        if (spelled)
            len += (size_t)snprintf(out + len, 4, "%%%02X", (unsigned)(uint8_t)c);
        else
            out[len++] = c;
    }
    out[len] = '\0';
    return true;
}

/* False: it is longer than `max`. */
static bool s_read(zr_span_t text, char *out, size_t max) {
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = s_spelled(text, i);
        if (len == max)
            return false;
        out[len++] = c ? c : text.ptr[i];
        i += c ? 2 : 0;
    }
    out[len] = '\0';
    return true;
}

bool irc_is_channel(zr_span_t target) {
    return target.len > 0 && target.ptr[0] == '#';
}

bool irc_channel_of(zr_span_t room, irc_name_t *out) {
    out->text[0] = '#';
    return s_spell(room, ",", "", out->text + 1, sizeof out->text - 1);
}

void irc_nick_of(zr_span_t nick, irc_name_t *out) {
    if (!zr_nick_valid(nick) || !s_spell(nick, ",*?!@", "#&:$~%+", out->text, sizeof out->text))
        strcpy(out->text, "*");
}

bool irc_room_of(zr_span_t channel, char out[ZR_ROOM_MAX + 1], const char **fault) {
    const char *wrong = NULL;
    irc_name_t spelled;
    if (!irc_is_channel(channel))
        wrong = "a channel begins with #";
    else if (!s_read(zr_span_of(channel.ptr + 1, channel.len - 1), out, ZR_ROOM_MAX))
        wrong = "the name is longer than 128 bytes; choose a shorter one";
    else if (!(wrong = zr_room_fault(zr_span(out))) && !irc_channel_of(zr_span(out), &spelled))
        wrong = "the name is spelled with more than 200 bytes in IRC; choose a shorter one";
    if (fault)
        *fault = wrong;
    return !wrong;
}

bool irc_nick_from(zr_span_t spelled, char out[ZR_NICK_MAX + 1], const char **fault) {
    const char *wrong = NULL;
    irc_name_t again;
    if (!s_read(spelled, out, ZR_NICK_MAX))
        wrong = "the nick is longer than 32 bytes; choose a shorter one";
    else if (!(wrong = zr_nick_fault(zr_span(out)))) {
        irc_nick_of(zr_span(out), &again);
        if (!zr_span_equal(zr_span(again.text), spelled) && strpbrk(out, ",*?!@#&:$~+"))
            wrong = "the nick has a character that IRC cannot say; choose letters and digits";
    }
    if (fault)
        *fault = wrong;
    return !wrong;
}
