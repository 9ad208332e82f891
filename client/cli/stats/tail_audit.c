/* zrelay tail-audit: the broker's audit as a stream. */
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "format.h"
#include "names.h"
#include "output.h"
#include "signals.h"

#include <jansson.h>

extern const command_t cmd_tail_audit;

typedef struct {
    conn_t session;
    output_t output;
    uint64_t request; /* under way; 0: none */
    uint64_t number;  /* of the last line; 0: none came on this connection */
} tail_t;

static void s_line(tail_t *tail, const zrelay_event_t *event) {
    zr_buffer_t *out = &tail->output.buffer;
    if (tail->number && event->count > tail->number + 1)
        cli_say("%" PRIu64 " lines were lost", event->count - tail->number - 1);
    tail->number = event->count;
    if (tail->session.config->json) {
        format_json(out, json_pack("{sI sI ss}", "number", (json_int_t)event->count, "time", (json_int_t)event->time,
                             "text", event->text ? event->text : ""));
        return;
    }
    char when[32];
    time_t seconds = (time_t)(event->time / 1000000);
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
    zr_buffer_printf(out, "%s.%03dZ ", when, (int)(event->time / 1000 % 1000));
    zr_escape(out, zr_span(event->text ? event->text : ""));
    zr_buffer_u8(out, '\n');
}

static int s_ask(tail_t *tail) {
    int failed = zrelay_admin(tail->session.relay, "audit", NULL, NULL, &tail->request);
    return failed ? conn_failed(&tail->session, failed) : 0;
}

/* After each reconnect the broker is asked again: a session that was lost may be gone there. */
static int s_take(tail_t *tail, const zrelay_event_t *event) {
    if (event->type == ZRELAY_AUDIT) {
        s_line(tail, event);
        return output_flush(&tail->output) ? 0 : CLI_USAGE;
    }
    if (event->type == ZRELAY_CONNECTED) {
        tail->number = 0;
        conn_note(&tail->session, event);
        return s_ask(tail);
    }
    if (event->type == ZRELAY_DONE)
        return 0;
    conn_note(&tail->session, event);
    bool refused = event->type == ZRELAY_REFUSED && event->request == tail->request;
    return refused || conn_refused(&tail->session, event) ? CLI_REFUSED : 0;
}

static int s_run(config_t *config, int argc, char **argv) {
    int code = cli_options(&cmd_tail_audit, config, NULL, 0, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > 0)
        return cli_misuse(&cmd_tail_audit, "what is '%s'?", argv[0]);
    tail_t tail = {.request = 0};
    output_open(&tail.output, STDOUT_FILENO, NULL, NULL);
    code = conn_open(&tail.session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_ask(&tail);
    while (code == 0 && !signals_stop() && !output_lost(&tail.output)) {
        const zrelay_event_t *event = conn_next(&tail.session, -1);
        if (event)
            code = s_take(&tail, event);
    }
    code = output_close(&tail.output, code);
    conn_close(&tail.session);
    return code;
}

const command_t cmd_tail_audit = {
    .name = "tail-audit",
    .usage = "",
    .summary = "print the lines of a broker's audit as they come",
    .help = "Prints each line that the broker's audit gets from now on: logins that failed, users and rights that\n"
            "changed, kicks and bans, and by which operator; until it is interrupted. A line that came while the\n"
            "connection was lost is in the broker's log only. It is for users with the right 'admin'.\n",
    .run = s_run,
};
