/* zrelay reply: answers requests with a text, or with what a command prints. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <utlist.h>

#include "conn.h"
#include "fatal.h"
#include "group_worker.h"
#include "jobs.h"
#include "options.h"
#include "signals.h"

enum { LEAVE_MS = 1000 };

/* An answer that the broker has not taken yet. */
typedef struct sent {
    uint64_t request;
    uint32_t worker; /* of a group; 0: none */
    uint64_t seq;
    struct sent *prev, *next;
} sent_t;

typedef struct {
    conn_t session;
    jobs_t jobs;
    group_worker_t group;
    const char *command;
    const char *text; /* NULL, without a command: answers with the request itself */
    uint64_t jobs_max, count;
    bool jobs_given, count_given;
    sent_t *sent;
    uint64_t answered;
    bool ended;
    int code;
} reply_t;

extern const command_t cmd_reply;

static void s_end(reply_t *reply, int code) {
    reply->ended = true;
    if (reply->code == 0)
        reply->code = code;
}

/* --- Answers --- */

/* Sends the answer; a message of a group is done once the broker has taken it. */
static void s_send(reply_t *reply, const job_t *job, bool failed, const char *text) {
    uint64_t request;
    int code = zrelay_answer(reply->session.relay, job->sender, job->ask, failed, text, &request);
    if (code == ZRELAY_ELARGE)
        code = zrelay_answer(reply->session.relay, job->sender, job->ask, true, "the answer is too long", &request);
    if (code == ZRELAY_EINVAL)
        code = zrelay_answer(reply->session.relay, job->sender, job->ask, true, "the answer is no UTF-8", &request);
    if (code) {
        cli_say("%s: %s", job->sender, zrelay_strerror(code));
        group_worker_settle(&reply->group, job->worker, job->seq, false);
        return;
    }
    sent_t *sent = fatal_check(malloc(sizeof *sent));
    *sent = (sent_t){.request = request, .worker = job->worker, .seq = job->seq};
    DL_APPEND(reply->sent, sent);
}

/* The broker took the answer, or refused it: then its reader is gone, and nobody waits for another one. */
static void s_sent(reply_t *reply, const zrelay_event_t *event) {
    sent_t *sent = reply->sent;
    while (sent && sent->request != event->request)
        sent = sent->next;
    if (!sent)
        return;
    group_worker_settle(&reply->group, sent->worker, sent->seq, true);
    if (event->type == ZRELAY_REFUSED)
        conn_note(&reply->session, event);
    DL_DELETE(reply->sent, sent);
    free(sent);
    if (++reply->answered >= reply->count && reply->count_given)
        s_end(reply, CLI_DONE);
}

/* A command has ended. What it printed is the answer, without the last newline. */
static void s_ended(void *ctx, const job_t *job, int status) {
    reply_t *reply = ctx;
    bool ran = status >= 0 && WIFEXITED(status);
    zr_buffer_t text = {0};
    if (job->worker && ran && WEXITSTATUS(status) == EX_TEMPFAIL) {
        group_worker_settle(&reply->group, job->worker, job->seq, false);
        return;
    }
    zr_buffer_append(&text, job->answer.data, job->answer.len);
    if (text.len && text.data[text.len - 1] == '\n')
        text.len--;
    if (!text.len && status)
        status < 0 ? zr_buffer_printf(&text, "the command cannot be run") : (void)jobs_outcome(&text, status);
    bool zero = text.len && memchr(text.data, '\0', text.len);
    zr_buffer_u8(&text, '\0');
    s_send(reply, job, status || zero, zero ? "the answer is no text" : (const char *)text.data);
    zr_buffer_finish(&text);
}

/* --- Requests --- */

/* A direct message that asks, or an entry of a room: both as an event with `sender` and `ask`. */
static void s_request(reply_t *reply, const zrelay_event_t *event) {
    zrelay_event_t request = *event;
    char place[160];
    if (event->type == ZRELAY_DIRECT) {
        request.sender = event->name;
        request.room = NULL;
    } else {
        snprintf(place, sizeof place, "%s %" PRIu64, event->room, event->seq);
        request.ask = place;
    }
    if (reply->command) {
        jobs_start(&reply->jobs, &request);
        return;
    }
    job_t job = {
        .sender = (char *)request.sender, .ask = (char *)request.ask, .worker = event->worker, .seq = event->seq};
    char *body = fatal_check(strndup(event->body ? event->body : "", event->body_len));
    bool text = strlen(body) == event->body_len;
    s_send(reply, &job, !text, !text ? "the request is no text" : reply->text ? reply->text : body);
    free(body);
}

static bool s_asks(const zrelay_event_t *event) {
    if (event->type == ZRELAY_DIRECT)
        return event->ask;
    return (event->type == ZRELAY_ENTRY || event->type == ZRELAY_WORK) && !event->deleted;
}

static void s_event(reply_t *reply, const zrelay_event_t *event) {
    bool end = false;
    if (s_asks(event)) {
        s_request(reply, event);
    } else if (event->worker && event->type == ZRELAY_WORK) {
        group_worker_settle(&reply->group, event->worker, event->seq, true); /* a deleted key asks nothing */
    } else if (group_worker_event(&reply->group, event, &end)) {
        if (end)
            s_end(reply, CLI_REFUSED);
    } else if (event->request && (event->type == ZRELAY_DONE || event->type == ZRELAY_REFUSED)) {
        s_sent(reply, event);
    } else if (event->type != ZRELAY_DIRECT && event->type != ZRELAY_ENTRY) {
        conn_note(&reply->session, event);
        if (event->type == ZRELAY_REFUSED || conn_refused(&reply->session, event))
            s_end(reply, CLI_REFUSED);
        else if (event->type == ZRELAY_CLOSED)
            s_end(reply, CLI_UNREACHABLE);
    }
}

static void s_wait(reply_t *reply, bool take) {
    struct pollfd files[JOBS_FILES];
    nfds_t pipes = jobs_files(&reply->jobs, files);
    int extend = group_worker_go_on(&reply->group);
    if (take)
        conn_wait(&reply->session, files, pipes, extend);
    else
        conn_hold(&reply->session, files, pipes, extend);
    jobs_move(&reply->jobs, files, pipes);
}

/* Waits a moment until the broker has taken the last answers: what a group is told of them comes after that. */
static void s_leave(reply_t *reply) {
    uint64_t now = zr_mono_ms(), end = now + LEAVE_MS;
    for (; reply->sent && now < end && signals_stop() < 2; now = zr_mono_ms()) {
        const zrelay_event_t *event = conn_take(&reply->session);
        if (event && (event->type == ZRELAY_DONE || event->type == ZRELAY_REFUSED))
            s_sent(reply, event);
        else if (!event)
            conn_wait(&reply->session, NULL, 0, (int)(end - now));
    }
}

static void s_loop(reply_t *reply) {
    while (!reply->ended && !signals_stop()) {
        const zrelay_event_t *event = NULL;
        bool take = !reply->command || !jobs_full(&reply->jobs);
        if (take && (event = conn_take(&reply->session)))
            s_event(reply, event);
        else
            s_wait(reply, take);
        if (signals_took_child())
            jobs_reap(&reply->jobs);
    }
    /* The commands that run may finish, and answer; a second signal ends them too. */
    while (reply->jobs.running > 0 && signals_stop() < 2) {
        s_wait(reply, false);
        if (signals_took_child())
            jobs_reap(&reply->jobs);
    }
    jobs_finish(&reply->jobs);
    s_leave(reply);
    if (reply->jobs.failed > 0)
        s_end(reply, CLI_FAILED);
}

/* --- The command --- */

static int s_begin(reply_t *reply, int count, char **rooms) {
    if (reply->group.name) {
        reply->group.session = &reply->session;
        reply->group.jobs = &reply->jobs;
        return group_worker_begin(&reply->group, count, rooms, reply->jobs_max);
    }
    for (int i = 0; i < count; i++) {
        int failed = zrelay_join(reply->session.relay, rooms[i], ZRELAY_FROM_NOW | ZRELAY_SILENT, 0);
        if (failed) {
            cli_say("%s: %s", rooms[i], zrelay_strerror(failed));
            return CLI_USAGE;
        }
    }
    return 0;
}

static int s_check(const reply_t *reply, int argc, char **argv) {
    if (reply->command && reply->text)
        return cli_misuse(&cmd_reply, "--exec excludes --text");
    if (reply->jobs_given && !reply->command)
        return cli_misuse(&cmd_reply, "--jobs goes with --exec");
    if (reply->group.name && argc == 0)
        return cli_misuse(&cmd_reply, "--group goes with a room");
    return cli_rooms(argc, argv, false) ? 0 : CLI_USAGE;
}

static int s_run(config_t *config, int argc, char **argv) {
    reply_t reply = {.jobs_max = 1};
    const zr_option_t options[] = {
        {"exec", 0, ZR_OPTION_TEXT, &reply.command, NULL, 0, 0},
        {"text", 0, ZR_OPTION_TEXT, &reply.text, NULL, 0, 0},
        {"jobs", 'j', ZR_OPTION_NUMBER, &reply.jobs_max, &reply.jobs_given, 1, JOBS_MAX},
        {"group", 'g', ZR_OPTION_TEXT, &reply.group.name, NULL, 0, 0},
        {"count", 'c', ZR_OPTION_NUMBER, &reply.count, &reply.count_given, 1, 0},
    };
    int code = cli_options(&cmd_reply, config, options, sizeof options / sizeof *options, &argc, argv);
    if (code < 0)
        code = s_check(&reply, argc, argv);
    if (code || config->help || config->version)
        return code;
    signals_want_child();
    jobs_init(&reply.jobs, reply.command, reply.jobs_max);
    reply.jobs.answers = true;
    reply.jobs.ended = s_ended;
    reply.jobs.ctx = &reply;
    code = conn_open(&reply.session, config, CONN_NAMED);
    if (code == 0)
        code = s_begin(&reply, argc, argv);
    if (code == 0) {
        cli_say("%s answers requests", reply.session.nick);
        s_loop(&reply);
        code = reply.code;
    }
    conn_close(&reply.session);
    group_worker_finish(&reply.group);
    for (sent_t *sent = reply.sent, *next; sent; sent = next) {
        next = sent->next;
        free(sent);
    }
    return code;
}

const command_t cmd_reply = {
    .name = "reply",
    .usage = "[ROOM…]",
    .summary = "answer requests, with a text or by a command",
    .help = "Answers the requests that 'zrelay request' sends to this nick, and to each ROOM. Without an option it\n"
            "answers with the request itself. Several readers of a room all answer; with --group one of them does.\n"
            "\n"
            "Options:\n"
            "      --text TEXT         answer with TEXT\n"
            "      --exec COMMAND      run 'sh -c COMMAND' for each request, which gets it on stdin. What it prints\n"
            "                          is the answer. It finds the nick that asks in ZRELAY_SENDER, and of a room\n"
            "                          ZRELAY_ROOM and _SEQ. When it fails, the answer says so, and the exit code\n"
            "                          is 4\n"
            "  -j, --jobs N            run up to N commands at once (1)\n"
            "  -g, --group GROUP       share the requests of ROOM with the other workers of this group. When a\n"
            "                          worker dies before it answered, another one gets the request; so it is after\n"
            "                          exit code 75\n"
            "  -c, --count N           end after N answers\n",
    .run = s_run,
};
