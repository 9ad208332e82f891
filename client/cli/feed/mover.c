/* See mover.h. */
#include "mover.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "conn.h"
#include "import_line.h"
#include "lines.h"
#include "signals.h"

enum { CHUNK = 1 << 16, LINE_MAX_BYTES = 64 << 20 };

typedef struct {
    conn_t session;
    const char *room; /* NULL: of each entry */
    lines_t lines;
    uint64_t moved, there, homes;
    char home[ZR_ROOM_MAX + 1]; /* that refused an entry last; empty: none did */
} mover_t;

/* Fills in what an entry keeps. */
static bool s_kept(const import_t *entry, zrelay_event_t *event, zr_error_t *error) {
    const json_t *seq = json_object_get(entry->object, "seq"), *time = json_object_get(entry->object, "time");
    const json_t *sender = json_object_get(entry->object, "sender");
    if (!json_is_integer(seq) || json_integer_value(seq) < 1 || !json_is_integer(time) ||
        json_integer_value(time) < 0 || !json_is_string(sender))
        return zr_fail(error, "\"seq\", \"time\" and \"sender\" are to be kept, and one is missing or wrong");
    *event = (zrelay_event_t){.room = entry->room,
        .key = entry->key,
        .ttl = entry->ttl,
        .body = entry->body.ptr,
        .body_len = entry->body.len,
        .deleted = entry->deleted,
        .seq = (uint64_t)json_integer_value(seq),
        .time = (uint64_t)json_integer_value(time),
        .sender = json_string_value(sender)};
    return true;
}

/* A user's home is for that user alone. */
static bool s_is_refused_home(mover_t *mover, const char *room, int code) {
    if (code == CLI_REFUSED && room[0] == '~' && strlen(room) <= ZR_ROOM_MAX)
        strcpy(mover->home, room);
    bool refused = room[0] == '~' && strcmp(mover->home, room) == 0;
    mover->homes += refused;
    return refused;
}

/* The entry of a line is stored; or the exit code after telling why not. */
static int s_move(mover_t *mover, zr_span_t line, bool cut) {
    import_t entry;
    zr_error_t error = {0};
    zrelay_event_t event, done = {.count = 0};
    uint64_t request;
    bool good = cut ? zr_fail(&error, "it is longer than %d bytes", (int)LINE_MAX_BYTES)
                    : import_parse(&entry, line, mover->room, &error);
    if (good && !entry.room)
        return 0;
    if (!good || !s_kept(&entry, &event, &error)) {
        cli_say("line %" PRIu64 ": %s", mover->lines.number, error.text);
        if (good)
            import_finish(&entry);
        return CLI_USAGE;
    }
    if (s_is_refused_home(mover, event.room, 0)) {
        import_finish(&entry);
        return 0;
    }
    int failed = zrelay_publish_kept(mover->session.relay, &event, &request), code = CLI_USAGE;
    if (failed == ZRELAY_ELARGE)
        cli_say("line %" PRIu64 ": the broker takes no control frame as large; raise limits/max-control there",
            mover->lines.number);
    else if (failed)
        cli_say("line %" PRIu64 ": %s", mover->lines.number, zrelay_strerror(failed));
    else
        code = conn_answer(&mover->session, request, NULL, NULL, &done);
    bool home = s_is_refused_home(mover, event.room, code);
    import_finish(&entry);
    if (home)
        return 0;
    mover->moved += code == 0 && done.count;
    mover->there += code == 0 && !done.count;
    if (code == CLI_REFUSED)
        cli_say("line %" PRIu64 " was refused", mover->lines.number);
    return code;
}

/* Reads on; the session is kept alive while nothing comes. false: that failed. */
static bool s_read(mover_t *mover, int fd) {
    size_t room;
    char *space = lines_space(&mover->lines, &room);
    struct pollfd input = {.fd = fd, .events = POLLIN};
    while (conn_take(&mover->session))
        ;
    conn_hold(&mover->session, &input, 1, -1);
    if (!input.revents)
        return true;
    ssize_t got = read(fd, space, room);
    if (got > 0)
        lines_fed(&mover->lines, (size_t)got);
    else if (got == 0)
        lines_end(&mover->lines);
    else if (errno != EINTR && errno != EAGAIN) {
        cli_say("cannot read the input: %s", strerror(errno));
        return false;
    }
    return true;
}

static int s_move_all(mover_t *mover, int fd) {
    int code = 0;
    while (code == 0) {
        zr_span_t line;
        lines_result_t found = lines_next(&mover->lines, &line);
        if (signals_stop())
            code = CLI_UNREACHABLE;
        else if (found != LINES_MORE)
            code = s_move(mover, line, found == LINES_LONG);
        else if (mover->lines.ended)
            break;
        else if (!s_read(mover, fd))
            code = CLI_USAGE;
    }
    return code;
}

int mover_run(config_t *config, int fd, const char *room) {
    mover_t mover = {.room = room};
    lines_init(&mover.lines, CHUNK, LINE_MAX_BYTES);
    int code = conn_open(&mover.session, config, CONN_NAMELESS);
    if (code == 0)
        code = s_move_all(&mover, fd);
    if (mover.moved + mover.there > 0)
        cli_say("%" PRIu64 " messages moved, %" PRIu64 " were there already%s", mover.moved, mover.there,
            code ? "; the same command goes on" : "");
    if (mover.homes > 0)
        cli_say("%" PRIu64 " messages of homes were refused: only its user may write in a home", mover.homes);
    if (code == 0 && mover.homes > 0)
        code = CLI_REFUSED;
    conn_close(&mover.session);
    lines_finish(&mover.lines);
    return code;
}
