/* zrelay top: what goes on in a broker, live. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"
#include "signals.h"
#include "stats_ask.h"
#include "top_view.h"

enum { ROWS_MAX = 100, WIDTH = 80, LINES = 24, KEYS_LINES = 1, HEAD_LINE = 1 };

typedef struct {
    conn_t session;
    output_t output;
    const stats_table_t *table;
    size_t by; /* a cell of it */
    uint64_t rows, interval_ms;
    bool once, live;
    int width, lines; /* of the terminal */
    top_sample_t now, before;
} top_t;

extern const command_t cmd_top;

/* --- The terminal: keys come at once, and are not shown --- */

static struct termios s_modes;
static bool s_changed;

static void s_say(const char *text) {
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        return; /* the terminal is gone */
}

static void s_restore(void) {
    if (!s_changed)
        return;
    s_changed = false;
    s_say("\033[?25h\033[?1049l");
    tcsetattr(STDIN_FILENO, TCSADRAIN, &s_modes);
}

static bool s_change(void) {
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &s_modes) != 0)
        return false;
    struct termios modes = s_modes;
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    modes.c_cc[VSUSP] = _POSIX_VDISABLE; /* else the shell would get this screen */
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &modes) != 0)
        return false;
    s_changed = true;
    atexit(s_restore);
    s_say("\033[?1049h\033[?25l");
    return true;
}

static void s_measure(top_t *top) {
    struct winsize size = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    top->width = known ? size.ws_col : WIDTH;
    top->lines = known && top->live ? size.ws_row : LINES;
}

/* --- One picture --- */

static size_t s_rows_wanted(const top_t *top) {
    int fit = top->lines - TOP_HEAD_LINES - HEAD_LINE - KEYS_LINES;
    size_t wanted = top->rows ? (size_t)top->rows : fit > 1 ? (size_t)fit : 1;
    return wanted < ROWS_MAX ? wanted : ROWS_MAX;
}

static void s_write_json(top_t *top, json_t *rows) {
    format_json(&top->output.buffer,
        json_pack("{sI sO ss ss sO}", "time", (json_int_t)top->now.time, "metrics", top->now.values, "of",
            top->table->name, "by", top->table->cells[top->by].member, "rows", rows));
}

static void s_write(top_t *top, json_t *rows, zr_buffer_t *out) {
    top_head(&top->now, &top->before, top->session.config->server, top->width, out);
    stats_table_head(top->table, top->by, top->width, out);
    for (size_t i = 0; i < json_array_size(rows); i++)
        stats_table_row(top->table, json_array_get(rows, i), top->now.time, top->width, out);
}

/* Over the picture before: each line is cleared behind its end. */
static void s_paint(top_t *top, json_t *rows) {
    zr_buffer_t text = {0}, *out = &top->output.buffer;
    s_write(top, rows, &text);
    zr_buffer_printf(out, "\033[H");
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\n')
            zr_buffer_printf(out, "\033[K\r");
        zr_buffer_u8(out, text.data[i]);
    }
    zr_buffer_printf(out, "\033[J\033[%d;1Hq quit  r rooms  s sessions  g groups  < > sort by", top->lines);
    zr_buffer_finish(&text);
}

static int s_ask(top_t *top, json_t **rows) {
    json_t *answer;
    int code = stats_ask_metrics(&top->session, &answer);
    if (code)
        return code;
    top_sample_finish(&top->before);
    top->before = top->now;
    top_sample_read(&top->now, answer);
    json_decref(answer);
    return stats_ask_top(&top->session, top->table, top->by, s_rows_wanted(top), rows);
}

static int s_show(top_t *top) {
    json_t *rows = NULL;
    s_measure(top);
    int code = s_ask(top, &rows);
    if (code == 0 && top->session.config->json)
        s_write_json(top, rows);
    else if (code == 0 && top->live)
        s_paint(top, rows);
    else if (code == 0)
        s_write(top, rows, &top->output.buffer);
    json_decref(rows);
    return code ? code : output_flush(&top->output) ? 0 : CLI_USAGE;
}

/* --- Keys --- */

static void s_take_table(top_t *top, const char *name) {
    top->table = stats_table(name);
    top->by = stats_table_cell(top->table, top->table->by);
}

/* The next cell in that direction that is a number. */
static void s_step(top_t *top, size_t step) {
    do
        top->by = (top->by + step) % top->table->count;
    while (top->table->cells[top->by].kind == CELL_NAME);
}

/* false: it is the key that ends the program. */
static bool s_take_key(top_t *top, char key) {
    switch (key) {
    case 'q':
        return false;
    case 'r':
        s_take_table(top, "rooms");
        break;
    case 's':
        s_take_table(top, "sessions");
        break;
    case 'g':
        s_take_table(top, "groups");
        break;
    case '<':
        s_step(top, top->table->count - 1);
        break;
    case '>':
        s_step(top, 1);
        break;
    default:
        break;
    }
    return true;
}

/* Lets the session live until it is time for the next picture, or a key came. false: the program ends. */
static bool s_pause(top_t *top, uint64_t until) {
    struct pollfd keys = {.fd = top->live ? STDIN_FILENO : -1, .events = POLLIN};
    while (!signals_stop() && zr_mono_ms() < until) {
        const zrelay_event_t *event = conn_take(&top->session);
        char key;
        if (event) {
            conn_note(&top->session, event);
            continue;
        }
        conn_wait(&top->session, &keys, 1, (int)(until - zr_mono_ms()) + 1);
        if (keys.revents && read(STDIN_FILENO, &key, 1) != 1)
            return false; /* the terminal is gone */
        if (keys.revents)
            return s_take_key(top, key);
    }
    return !signals_stop();
}

static int s_top(top_t *top) {
    int code;
    uint64_t due;
    do {
        due = zr_mono_ms() + top->interval_ms;
        code = s_show(top);
    } while (code == 0 && !top->once && s_pause(top, due));
    return code;
}

/* --- The command --- */

static int s_check(top_t *top, const char *by, int argc, char **argv) {
    if (argc > 1)
        return cli_misuse(&cmd_top, "what is '%s'?", argv[1]);
    top->table = stats_table(argc ? argv[0] : "rooms");
    if (!top->table)
        return cli_misuse(&cmd_top, "there is no '%s'; there are rooms, sessions, groups", argv[0]);
    top->by = stats_table_cell(top->table, by ? by : top->table->by);
    if (top->by == top->table->count)
        return cli_misuse(&cmd_top, "%s have no '%s'; the help names what they have", top->table->name, by);
    if (top->interval_ms < 100)
        return cli_misuse(&cmd_top, "--interval is at least 0.1 s");
    return 0;
}

static int s_run(config_t *config, int argc, char **argv) {
    top_t top = {.interval_ms = 2000};
    const char *by = NULL;
    const zr_option_t options[] = {
        {"by", 0, ZR_OPTION_TEXT, &by, NULL, 0, 0},
        {"interval", 0, ZR_OPTION_SECONDS, &top.interval_ms, NULL, 0, 0},
        {"once", 0, ZR_OPTION_FLAG, &top.once, NULL, 0, 0},
        {"rows", 0, ZR_OPTION_NUMBER, &top.rows, NULL, 1, ROWS_MAX},
    };
    int code = cli_options(&cmd_top, config, options, sizeof options / sizeof *options, &argc, argv);
    if (code < 0)
        code = s_check(&top, by, argc, argv);
    if (code || config->help || config->version)
        return code;
    output_open(&top.output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&top.session, config, CONN_NAMELESS);
    top.live = code == 0 && !top.once && !config->json && s_change();
    if (code == 0)
        code = s_top(&top);
    s_restore();
    code = output_close(&top.output, code);
    conn_close(&top.session);
    top_sample_finish(&top.before);
    top_sample_finish(&top.now);
    return code;
}

const command_t cmd_top = {
    .name = "top",
    .usage = "[rooms | sessions | groups]",
    .summary = "show what goes on in a broker, live",
    .help =
        "Shows the broker's counters, and below them the rooms (by default), sessions or groups that have most\n"
        "of something, every two seconds. '*' marks what they are sorted by. On a broker with users it needs the\n"
        "right 'stats' or 'admin'; groups are those that the user may work for.\n"
        "\n"
        "Keys: q quits; r, s and g show rooms, sessions and groups; < and > sort by something else.\n"
        "\n"
        "Options:\n"
        "      --by WHAT           of rooms: rate, rate-bytes (of the last second), entries, bytes, members, present,\n"
        "                          keys, groups, unstored, seq. Of sessions: rate, rate-bytes, queued, rooms, limited\n"
        "                          (told to wait), lost (its queue was full), since, entries, bytes, workers,\n"
        "                          channels. Of groups: backlog, held, waiting, workers, retried, died, lost, done\n"
        "      --interval S        seconds between two pictures (2)\n"
        "      --once              one picture, with counts of the whole broker in place of rates\n"
        "      --rows N            so many rows (as the terminal has; 18)\n",
    .run = s_run,
};
