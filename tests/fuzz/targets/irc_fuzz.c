/* Lines of IRC, names, times and bodies: what can be read means the same when it is written anew. */
#include <string.h>

#include "fuzz.h"
#include "irc_body.h"
#include "irc_message.h"
#include "irc_names.h"
#include "irc_time.h"

enum { PIECE_MIN = 16, PIECE_MAX = 400 };

static void s_write(zr_buffer_t *out, const irc_message_t *message) {
    zr_buffer_append(out, message->command.ptr, message->command.len);
    for (size_t i = 0; i < message->count; i++)
        if (i + 1 == message->count)
            irc_put_trailing(out, message->params[i]);
        else
            irc_put_middle(out, message->params[i]);
}

static bool s_has_line_end(zr_span_t text) {
    return text.len && (memchr(text.ptr, '\r', text.len) || memchr(text.ptr, '\n', text.len));
}

static void s_check_message(zr_span_t line) {
    irc_message_t message, again;
    zr_buffer_t out = {0}, value = {0};
    if (irc_message_parse(&message, line) != IRC_MESSAGE_OK)
        return;
    fuzz_require(message.count <= IRC_PARAMS && zr_utf8_valid(line));
    irc_message_tag(&message, "label", &value);
    s_write(&out, &message);
    if (!s_has_line_end(line) && out.len + 2 <= IRC_LINE) {
        fuzz_require(irc_message_parse(&again, zr_span_of(out.data, out.len)) == IRC_MESSAGE_OK);
        fuzz_require(zr_span_equal(again.command, message.command) && again.count == message.count);
        for (size_t i = 0; i < message.count; i++)
            fuzz_require(zr_span_equal(again.params[i], message.params[i]));
    }
    fuzz_require(!s_has_line_end(zr_span_of(out.data, out.len)) || s_has_line_end(line));
    zr_buffer_finish(&value);
    zr_buffer_finish(&out);
}

static void s_check_names(zr_span_t text) {
    char room[ZR_ROOM_MAX + 1], nick[ZR_NICK_MAX + 1], again[ZR_ROOM_MAX + 1];
    irc_name_t spelled;
    const char *fault = NULL;
    if (irc_room_of(text, room, &fault)) {
        fuzz_require(zr_room_valid(zr_span(room)) && irc_channel_of(zr_span(room), &spelled));
        fuzz_require(irc_is_middle(zr_span(spelled.text)) && !strchr(spelled.text, ','));
        fuzz_require(irc_room_of(zr_span(spelled.text), again, NULL) && strcmp(room, again) == 0);
    } else
        fuzz_require(fault);
    if (irc_nick_from(text, nick, &fault)) {
        irc_nick_of(zr_span(nick), &spelled);
        fuzz_require(irc_is_middle(zr_span(spelled.text)) && !strpbrk(spelled.text, "!@,*? "));
        fuzz_require(irc_nick_from(zr_span(spelled.text), again, NULL) && strcmp(nick, again) == 0);
    }
    irc_nick_of(text, &spelled);
    fuzz_require(irc_is_middle(zr_span(spelled.text)));
}

static void s_check_time(zr_span_t text) {
    char written[IRC_TIME_TEXT];
    uint64_t us, again;
    if (!irc_time_read(text, &us))
        return;
    irc_time_write(written, us);
    fuzz_require(irc_time_read(zr_span(written), &again) && again / 1000 == us / 1000);
}

/* Pieces of a text are the text, without its line ends. */
static void s_check_body(zr_span_t bytes, size_t max) {
    irc_body_t body;
    zr_span_t piece;
    size_t pieces = 0;
    irc_body_begin(&body, bytes);
    while (irc_body_next(&body, max, &piece)) {
        fuzz_require(piece.len <= max && zr_utf8_valid(piece));
        fuzz_require(!s_has_line_end(piece));
        fuzz_require(++pieces <= IRC_PIECES_MAX + 1);
    }
    irc_body_finish(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    zr_span_t text = zr_span_of(data, size);
    if (size == 0)
        return 0;
    s_check_message(text);
    s_check_names(text);
    s_check_time(text);
    s_check_body(zr_span_of(text.ptr + 1, size - 1), PIECE_MIN + data[0] % (PIECE_MAX - PIECE_MIN));
    return 0;
}
