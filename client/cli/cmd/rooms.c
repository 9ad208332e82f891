/* zrelay rooms: the rooms there are. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "format.h"
#include "names.h"
#include "output.h"
#include "typed.h"
#include "options.h"
#include "stats_ask.h"

typedef struct {
    output_t output;
    bool json;
    bool aligned; /* for people; else separated by tabs */
} rooms_t;

extern const command_t cmd_rooms;

static int s_room(const zrelay_event_t *event, void *ctx) {
    rooms_t *rooms = ctx;
    if (event->type != ZRELAY_ROOM)
        return 0;
    zr_buffer_t *out = &rooms->output.buffer;
    if (rooms->json) {
        format_json(out, json_pack("{sssIsIsb}", "room", event->room, "count", (json_int_t)event->count, "seq",
                             (json_int_t)event->seq, "kept", event->kept));
    } else {
        zr_buffer_t name = {0};
        char head[24] = "-"; /* of a room that is not kept: nothing can be read there */
        if (event->kept)
            snprintf(head, sizeof head, "%" PRIu64, event->seq);
        zr_escape(&name, zr_span(event->room));
        zr_buffer_u8(&name, '\0');
        zr_buffer_printf(out, rooms->aligned ? "%-32s %7" PRIu64 " %16s\n" : "%s\t%" PRIu64 "\t%s\n",
            (const char *)name.data, event->count, head);
        zr_buffer_finish(&name);
    }
    return output_added(&rooms->output) ? 0 : CLI_USAGE;
}

static int s_run(config_t *config, int argc, char **argv) {
    bool stats = false;
    const zr_option_t options[] = {{"stats", 0, ZR_OPTION_FLAG, &stats, NULL, 0, 0}};
    int code = cli_options(&cmd_rooms, config, options, 1, &argc, argv);
    if (code >= 0)
        return code;
    if (argc > 1)
        return cli_misuse(&cmd_rooms, "one prefix at a time");
    rooms_t rooms = {.json = config->json, .aligned = isatty(STDOUT_FILENO)};
    output_open(&rooms.output, STDOUT_FILENO, NULL, NULL);
    conn_t session;
    uint64_t request;
    code = conn_open(&session, config, CONN_NAMELESS);
    if (code == 0 && stats) {
        code = stats_print(&session, stats_table("rooms"), argc ? typed_name(argv[0]) : "", &rooms.output);
    } else if (code == 0) {
        if (rooms.aligned && !rooms.json)
            zr_buffer_printf(&rooms.output.buffer, "%-32s %7s %16s\n", "ROOM", "PRESENT", "HEAD");
        int failed = zrelay_rooms(session.relay, argc ? typed_name(argv[0]) : "", &request);
        code = failed ? conn_failed(&session, failed) : conn_answer(&session, request, s_room, &rooms, NULL);
    }
    code = output_close(&rooms.output, code);
    conn_close(&session);
    return code;
}

const command_t cmd_rooms = {
    .name = "rooms",
    .usage = "[PREFIX]",
    .summary = "print the rooms there are",
    .help = "Prints each room, or each whose name begins with PREFIX: its name, how many are present, and the\n"
            "position of its newest message ('-': they are not kept); separated by tabs when stdout is no\n"
            "terminal. With a broker that keeps others on disk, rooms kept in memory begin at a high position,\n"
            "so that none is ever given twice.\n"
            "\n"
            "Options:\n"
            "      --stats             for operators, who see all rooms: name, messages and bytes of the last second,\n"
            "                          messages since the room is in memory, members, users present, keys, groups,\n"
            "                          frames that wait for the log, bytes, the newest position, and the level. On a\n"
            "                          broker with users it needs the right 'stats' or 'admin'\n",
    .run = s_run,
};
