/* zrelay chat: people in rooms, at a terminal; without one a filter. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "chat.h"
#include "edit.h"
#include "fatal.h"
#include "lines.h"
#include "signals.h"

#define CHUNK 65536
#define LINE_MAX_BYTES (64 * 1024 * 1024)
#define DEFAULT_ROOM "general"

extern const command_t cmd_chat;

/* --- At a terminal --- */

static size_t s_complete(zr_span_t line, size_t cursor, zr_buffer_t *out, void *ctx) {
    (void)line;
    (void)out;
    (void)ctx;
    return cursor;
}

static void s_show(chat_t *chat) {
    zr_buffer_t *lines = &chat->output.buffer;
    if (lines->len > 0)
        prompt_print(chat->prompt, zr_span_of(lines->data, lines->len));
    zr_buffer_clear(lines);
}

static void s_terminal_signals(chat_t *chat) {
    if (signals_took_resize())
        prompt_resized(chat->prompt);
    if (signals_took_suspend())
        prompt_suspend(chat->prompt);
}

static void s_terminal(chat_t *chat) {
    while (!chat->ended && !signals_stop()) {
        const zrelay_event_t *event;
        while (!chat->ended && (event = conn_take(&chat->session)))
            chat_event(chat, event);
        int timeout = chat_mark(chat);
        s_show(chat);
        if (chat->ended)
            break;
        struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
        conn_wait(&chat->session, &keys, 1, prompt_waiting(chat->prompt) ? 0 : timeout);
        s_terminal_signals(chat);
        zr_span_t line;
        prompt_result_t result = prompt_read(chat->prompt, &line);
        if (result == PROMPT_END)
            chat->ended = true;
        else if (result == PROMPT_TOO_LONG)
            chat_notice(chat, "left out: a line has at most %d bytes", EDIT_MAX);
        else if (result == PROMPT_LINE && !chat_typed(chat, line))
            chat_notice(chat, "too much is waiting to be sent: not sent: %.*s", (int)line.len, line.ptr);
    }
    s_show(chat);
}

/* --- As a filter --- */

static bool s_wait_output(struct pollfd *file, void *ctx) {
    chat_t *chat = ctx;
    conn_hold(&chat->session, file, 1, -1);
    return signals_stop() == 0;
}

static void s_fill(chat_t *chat, lines_t *lines) {
    size_t room;
    char *to = lines_space(lines, &room);
    ssize_t len = read(STDIN_FILENO, to, room);
    if (len > 0)
        lines_fed(lines, (size_t)len);
    else if (len == 0)
        lines_end(lines);
    else if (errno != EINTR && errno != EAGAIN) {
        chat_notice(chat, "cannot read stdin: %s", strerror(errno));
        chat->code = CLI_USAGE;
        lines_end(lines);
    }
}

/* Takes the lines there are; true: more are wanted from stdin. Where one finds the queue full, it is kept in `line`. */
static bool s_take_lines(chat_t *chat, lines_t *lines, zr_span_t *line, bool *kept) {
    for (;;) {
        if (!*kept) {
            lines_result_t result = lines_next(lines, line);
            if (result == LINES_LONG) {
                chat_notice(chat, "line %llu is longer than any message may be", (unsigned long long)lines->number);
                chat->code = CLI_USAGE;
                lines->ended = true;
                return false;
            }
            if (result == LINES_MORE)
                return !lines->ended;
        }
        *kept = line->len > 0 && !chat_send(chat, *line);
        if (*kept)
            return false;
    }
}

/* stdin has ended. Milliseconds until the session may end too; -1: not before an event comes. All messages must be
 * acked, and the last one should come back, so that the output has it. */
static int s_rest(chat_t *chat, uint64_t *acked_ms) {
    if (zrelay_unacked(chat->session.relay) > 0)
        return -1;
    uint64_t now = zr_mono_ms();
    if (*acked_ms == 0)
        *acked_ms = now;
    if (chat->seen_seq >= chat->acked_seq || now - *acked_ms >= CHAT_ECHO_MS)
        return 0;
    return (int)(CHAT_ECHO_MS - (now - *acked_ms));
}

static void s_take_events(chat_t *chat) {
    const zrelay_event_t *event;
    while (!chat->ended && (event = conn_take(&chat->session))) {
        chat_event(chat, event);
        if (!output_added(&chat->output))
            chat->ended = true;
    }
}

/* Are all rooms live? Before that, a sent message is shown only if it is in the history shown on joining. */
static bool s_live(const chat_t *chat) {
    for (size_t i = 0; i < chat->room_count; i++)
        if (!chat->rooms[i].live)
            return false;
    return true;
}

static void s_filter(chat_t *chat) {
    lines_t lines;
    zr_span_t line = {0};
    bool kept = false;
    uint64_t acked_ms = 0;
    lines_init(&lines, CHUNK, LINE_MAX_BYTES);
    while (!chat->ended && !signals_stop()) {
        s_take_events(chat);
        bool reads = s_live(chat) && s_take_lines(chat, &lines, &line, &kept);
        if (!output_flush(&chat->output) || chat->ended)
            break;
        int rest = lines.ended && !kept ? s_rest(chat, &acked_ms) : -1;
        if (rest == 0)
            break;
        struct pollfd files[2] = {
            {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN}, {.fd = chat->output.pipe ? chat->output.fd : -1}};
        conn_wait(&chat->session, files, 2, rest);
        if (files[1].revents && output_lost(&chat->output))
            break;
        if (files[0].revents)
            s_fill(chat, &lines);
    }
    lines_finish(&lines);
}

/* --- The command --- */

static bool s_able(void) {
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static bool s_coloured(void) {
    const char *no = getenv("NO_COLOR");
    return !no || !*no;
}

/* Waits for the last messages, which may still be on their way. */
static int s_leave(chat_t *chat) {
    zrelay_t *relay = chat->session.relay;
    if (chat->session.closed || zrelay_unacked(relay) == 0)
        return chat->code;
    zrelay_close(relay);
    uint64_t end = zr_mono_ms() + (chat->refused ? 0 : chat->session.config->connect_ms);
    for (uint64_t now = zr_mono_ms(); now < end && zrelay_unacked(relay) > 0 && signals_stop() < 2; now = zr_mono_ms())
        zrelay_next(relay, (int)(end - now));
    if (zrelay_unacked(relay) == 0)
        return chat->code;
    cli_say("messages not sent: %zu", zrelay_unacked(relay));
    return chat->refused ? CLI_REFUSED : CLI_UNREACHABLE;
}

static int s_chat(chat_t *chat, int count, char **rooms) {
    chat->connected = true;
    if (s_able()) {
        signals_want_terminal();
        chat->style.colour = s_coloured();
        chat->prompt = prompt_new(s_complete, chat);
        chat->style.lines = chat->prompt;
    }
    if (chat->session.greeting)
        chat_notice(chat, "%s", chat->session.greeting);
    if (chat->prompt)
        chat_notice(chat, "you are %s; /help tells what can be done", chat->session.nick);
    if (wish_is_open(&chat->session.wish))
        chat_notice(chat, "%s is in use; you get it when it is free", chat->session.wish.nick);
    const char *room = DEFAULT_ROOM;
    if (count == 0)
        chat_enter(chat, zr_span(room));
    for (int i = 0; i < count; i++)
        if (!chat_enter(chat, zr_span(rooms[i])))
            chat->code = CLI_USAGE;
    if (chat->prompt)
        s_terminal(chat);
    else
        s_filter(chat);
    prompt_destroy(chat->prompt);
    chat->prompt = NULL;
    return s_leave(chat);
}

static int s_run(config_t *config, int argc, char **argv) {
    int code = cli_options(&cmd_chat, config, NULL, 0, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > CHAT_ROOMS_MAX)
        return cli_misuse(&cmd_chat, "at most %d rooms", CHAT_ROOMS_MAX);
    if (!cli_rooms(argc, argv, false))
        return CLI_USAGE;
    chat_t *chat = fatal_calloc(sizeof *chat);
    output_open(&chat->output, STDOUT_FILENO, s_wait_output, chat);
    code = conn_open(&chat->session, config, CONN_PERSON);
    if (code == 0)
        code = s_chat(chat, argc, argv);
    code = output_close(&chat->output, code);
    conn_close(&chat->session);
    chat_finish(chat);
    free(chat);
    return code;
}

const command_t cmd_chat = {
    .name = "chat",
    .usage = "[ROOM…]",
    .summary = "talk in rooms",
    .help =
        "Enters each ROOM (" DEFAULT_ROOM " when none is named), shows what was said last and what is said, and\n"
        "sends what is typed to the last one named; /join switches, /help tells the rest, Ctrl-D leaves.\n"
        "Ctrl-C clears the line, and leaves when it is empty. A paste is text, with all its lines; Enter sends it.\n"
        "With a certificate or a token your nick is the user's name. Otherwise it is that of --nick or of the\n"
        "configuration file, or $USER, with '_' behind while somebody has it. Ends with 3 when the broker lets\n"
        "you in no more.\n"
        "Colours are left out when NO_COLOR is set.\n"
        "\n"
        "When stdin or stdout is no terminal it is a filter: each line of stdin is a message (there are no\n"
        "commands), each message a line 'HH:MM nick: text' of stdout, until stdin ends. Messages of another day\n"
        "than today begin with their date: 'YYYY-MM-DD HH:MM nick: text'.\n",
    .run = s_run,
};
