/* zrelay chat: people in rooms, at a terminal; without one a filter. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chat.h"
#include "chat_complete.h"
#include "chat_home.h"
#include "chat_read.h"
#include "chat_send.h"
#include "edit.h"
#include "fatal.h"
#include "lines.h"
#include "signals.h"

#define CHUNK 65536
#define LINE_MAX_BYTES (64 * 1024 * 1024)
#define NOTIFY_JOBS 4  /* of --notify at once; a further message starts none */
#define EVENTS_MAX 256 /* taken before the keys are looked at */
#define DEFAULT_ROOM "general"

extern const command_t cmd_chat;

/* --- At a terminal --- */

static size_t s_complete(zr_span_t line, size_t cursor, zr_buffer_t *out, void *ctx) {
    chat_t *chat = ctx;
    const chat_room_t *room = chat_current(chat);
    const char *rooms[CHAT_ROOMS_MAX];
    const people_t *others[CHAT_ROOMS_MAX];
    complete_t complete = {.people = room && !room->person ? &room->people : NULL,
        .nick = chat->session.nick,
        .rooms = rooms,
        .others = others};
    for (size_t i = 0; i < chat->room_count; i++) {
        if (chat->rooms[i].person)
            continue;
        rooms[complete.room_count++] = chat->rooms[i].name;
        if (room != &chat->rooms[i])
            others[complete.other_count++] = &chat->rooms[i].people;
    }
    return complete_word(&complete, line, cursor, out);
}

static void s_show(chat_t *chat) {
    zr_buffer_t *lines = &chat->output.buffer;
    if (lines->len > 0)
        prompt_print(chat->prompt, zr_span_of(lines->data, lines->len));
    zr_buffer_clear(lines);
}

static void s_terminal_signals(chat_t *chat) {
    if (signals_took_resize()) {
        prompt_resized(chat->prompt);
        chat_apply(chat);
    }
    if (signals_took_suspend())
        prompt_suspend(chat->prompt);
    if (signals_took_child())
        jobs_reap(&chat->jobs);
}

static void s_next_room(chat_t *chat, size_t steps) {
    if (chat->room_count > 1)
        chat_switch(chat, (chat->current + steps) % chat->room_count);
}

static void s_unread_room(chat_t *chat) {
    size_t index = chat_next_unread(chat);
    if (index < chat->room_count)
        chat_switch(chat, index);
}

static void s_typed(chat_t *chat, prompt_result_t result, zr_span_t line) {
    if (result == PROMPT_END)
        chat->ended = true;
    else if (result == PROMPT_TOO_LONG)
        chat_notice(chat, "left out: a line has at most %d bytes", EDIT_MAX);
    else if (result == PROMPT_LINE && !chat_typed(chat, line))
        chat_notice(chat, "too much is waiting to be sent: not sent: %.*s", (int)line.len, line.ptr);
    else if (result == PROMPT_OLDER)
        chat_read_older(chat, CHAT_PAGE);
    else if (result == PROMPT_NEXT)
        s_next_room(chat, 1);
    else if (result == PROMPT_UNREAD)
        s_unread_room(chat);
    else if (result == PROMPT_PREVIOUS)
        s_next_room(chat, chat->room_count - 1);
}

static void s_wait(chat_t *chat, struct pollfd *files) {
    nfds_t count = jobs_files(&chat->jobs, files + 1);
    conn_wait(&chat->session, files, count + 1, prompt_waiting(chat->prompt) ? 0 : chat_due(chat));
    jobs_move(&chat->jobs, files + 1, count);
}

static void s_terminal(chat_t *chat) {
    while (!chat->ended && !signals_stop()) {
        const zrelay_event_t *event;
        for (int i = 0; !chat->ended && i < EVENTS_MAX && (event = conn_take(&chat->session)); i++)
            chat_event(chat, event);
        chat_due(chat);
        s_show(chat);
        if (chat->ended)
            break;
        struct pollfd files[JOBS_FILES + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
        s_wait(chat, files);
        s_terminal_signals(chat);
        zr_span_t line = {0};
        s_typed(chat, prompt_read(chat->prompt, &line), line);
    }
    chat_tell_moves(chat);
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

/* The settings and marks that were saved; a fault in them is told, and the chat goes on without. */
static void s_begin_terminal(chat_t *chat) {
    zr_error_t error = {0};
    char *settings = config_path("zrelay/chat.conf"), *marks = config_path("zrelay/chat-read"),
         *typed = config_path("zrelay/chat-typed");
    signals_want_terminal();
    chat->prompt = prompt_new(s_complete, chat);
    if (chat->prompt && settings && !settings_read(&chat->settings, settings, &error))
        chat_notice(chat, "%s", error.text);
    if (chat->prompt && marks)
        marks_read(&chat->marks, marks);
    if (chat->prompt && typed) {
        config_make_folder(typed);
        prompt_keep(chat->prompt, typed);
    }
    free(settings);
    free(marks);
    free(typed);
    chat_apply(chat);
}

static void s_greet(chat_t *chat) {
    if (chat->session.greeting)
        chat_notice(chat, "%s", chat->session.greeting);
    if (chat->prompt)
        chat_notice(chat, "you are %s; /help tells what can be done", chat->session.nick);
    if (wish_is_open(&chat->session.wish))
        chat_notice(chat, "%s is in use; you get it when it is free", chat->session.wish.nick);
}

static void s_keep_marks(chat_t *chat) {
    zr_error_t error = {0};
    char *path = config_path("zrelay/chat-read");
    chat_home_keep(chat);
    if (path && chat->marks.count > 0)
        marks_save(&chat->marks, path, &error); /* without them the next chat cannot say what is new */
    free(path);
}

static int s_chat(chat_t *chat, int count, char **rooms) {
    chat->connected = true;
    if (s_able() && !chat->json)
        s_begin_terminal(chat);
    s_greet(chat);
    if (chat->prompt)
        chat_home_begin(chat);
    const char *room = DEFAULT_ROOM;
    if (count == 0)
        chat_enter(chat, zr_span(room));
    for (int i = 0; i < count; i++)
        if (!chat_enter(chat, zr_span(rooms[i])))
            chat->code = CLI_USAGE;
    if (chat->prompt) {
        s_terminal(chat);
        s_keep_marks(chat);
    } else {
        s_filter(chat);
    }
    prompt_destroy(chat->prompt);
    chat->prompt = NULL;
    return s_leave(chat);
}

static void s_finish(chat_t *chat) {
    chat_read_end(chat);
    chat_home_end(chat);
    chat_send_end(chat);
    chat_rooms_finish(chat);
    jobs_finish(&chat->jobs);
    settings_finish(&chat->settings);
    marks_finish(&chat->marks);
    chat_status_finish(&chat->shown);
    zr_buffer_finish(&chat->answer);
    free(chat->away);
    free(chat->status);
    free(chat);
}

/* The command for mentions, which must not write to the terminal; NULL: none. */
static char *s_quiet(const char *command) {
    char *quiet = NULL;
    if (command && asprintf(&quiet, "{ %s\n} >/dev/null 2>&1 || :", command) < 0)
        return fatal_check(NULL);
    return quiet;
}

static int s_run(config_t *config, int argc, char **argv) {
    const char *log = NULL, *notify = NULL;
    const zr_option_t options[] = {
        {"log", 0, ZR_OPTION_TEXT, &log, NULL, 0, 0},
        {"notify", 0, ZR_OPTION_TEXT, &notify, NULL, 0, 0},
    };
    int code = cli_options(&cmd_chat, config, options, sizeof options / sizeof *options, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > CHAT_ROOMS_MAX)
        return cli_misuse(&cmd_chat, "at most %d rooms", CHAT_ROOMS_MAX);
    if (!cli_rooms(argc, argv, false))
        return CLI_USAGE;
    if (log && access(log, W_OK | X_OK) != 0) {
        cli_say("--log %s: %s", log, strerror(errno));
        return CLI_USAGE;
    }
    chat_t *chat = fatal_calloc(sizeof *chat);
    chat->log = log;
    chat->json = config->json;
    settings_init(&chat->settings);
    char *command = s_quiet(notify);
    jobs_init(&chat->jobs, command, command ? NOTIFY_JOBS : 0);
    if (command)
        signals_want_child();
    output_open(&chat->output, STDOUT_FILENO, s_wait_output, chat);
    code = conn_open(&chat->session, config, CONN_PERSON);
    if (code == 0)
        code = s_chat(chat, argc, argv);
    code = output_close(&chat->output, code);
    conn_close(&chat->session);
    s_finish(chat);
    free(command);
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
        "The room that you are in is in view. The prompt counts what comes in the others; Alt-a goes there.\n"
        "Tab completes commands, nicks and rooms; PageUp shows older messages; Ctrl-R searches what you typed;\n"
        "Alt-Enter begins another line of the message.\n"
        "/set lists the settings, and /save keeps them in zrelay/chat.conf beside the configuration file. Colours\n"
        "are left out when NO_COLOR is set.\n"
        "The next chat shows where you stopped reading. A user's marks are at the broker, in the room ~USER/read, so\n"
        "that all the user's chats agree; a guest's are in zrelay/chat-read beside the configuration file.\n"
        "\n"
        "Options:\n"
        "      --log DIR           append what is said to DIR/ROOM.YYYY-MM-DD.log\n"
        "      --notify COMMAND    run COMMAND by the shell when somebody names you or writes to you alone: the\n"
        "                          message is on its stdin, ZRELAY_ROOM and ZRELAY_SENDER are in its environment\n"
        "\n"
        "When stdin or stdout is no terminal, or with --json, it is a filter: each line of stdin is a message (there "
        "are no\n"
        "commands), each message a line 'HH:MM nick: text' of stdout, until stdin ends. Messages of another day\n"
        "than today begin with their date: 'YYYY-MM-DD HH:MM nick: text'. With --json each message is an object\n"
        "as 'zrelay sub --json' gives it; one to you alone has \"from\" in place of \"room\".\n",
    .run = s_run,
};
