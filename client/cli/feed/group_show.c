/* See group_show.h. */
#include "group_show.h"

#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

enum { EVERY_MS = 1000 };

void group_show_begin(group_show_t *show, conn_t *session, const char *group, size_t count, char **rooms) {
    *show = (group_show_t){.session = session, .group = group, .rooms = rooms, .room_count = count};
    show->shows = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    show->due_ms = zr_mono_ms() + EVERY_MS;
}

static void s_ask(group_show_t *show) {
    show->done = show->backlog = show->first = 0;
    for (size_t i = 0; i < show->room_count; i++)
        if (zrelay_groups(show->session->relay, show->rooms[i], &show->last) != 0)
            return; /* of those that were asked the last is still to be answered, or none was */
        else if (i == 0)
            show->first = show->last;
}

static void s_show(group_show_t *show) {
    uint64_t now = zr_mono_ms(), passed = now - show->before_ms;
    zr_buffer_t text = {0};
    zr_buffer_printf(&text, "%s: %" PRIu64 " done", show->group, show->done);
    if (show->before_ms && show->done >= show->done_before && passed)
        zr_buffer_printf(&text, ", %" PRIu64 "/s", (show->done - show->done_before) * 1000 / passed);
    zr_buffer_printf(&text, "; backlog %" PRIu64, show->backlog);
    cli_status(zr_span_of(text.data, text.len));
    zr_buffer_finish(&text);
    show->done_before = show->done;
    show->before_ms = now;
}

static void s_add(group_show_t *show, const zrelay_event_t *event) {
    if (!event->text || strcmp(event->name, show->group) != 0)
        return;
    json_t *row = json_loads(event->text, 0, NULL);
    show->done += (uint64_t)json_integer_value(json_object_get(row, "done"));
    show->backlog += (uint64_t)json_integer_value(json_object_get(row, "backlog"));
    json_decref(row);
}

bool group_show_event(group_show_t *show, const zrelay_event_t *event) {
    if (!show->first || event->request < show->first || event->request > show->last)
        return false;
    if (event->type == ZRELAY_GROUP) {
        s_add(show, event);
    } else if (event->request == show->last) {
        show->first = 0;
        s_show(show);
    }
    return true;
}

int group_show_go_on(group_show_t *show) {
    if (!show->shows)
        return -1;
    uint64_t now = zr_mono_ms();
    if (now >= show->due_ms) {
        if (!show->first)
            s_ask(show);
        show->due_ms = now + EVERY_MS;
    }
    return (int)(show->due_ms - now);
}

void group_show_end(group_show_t *show) {
    if (show->shows)
        cli_status(zr_span(NULL));
}
