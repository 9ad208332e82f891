/* Joining and leaving, as the program wishes. Public: machine.h. */
#include "machine.h"

#include "machine_prefix.h"
#include "machine_rooms.h"

int machine_join(machine_t *m, const char *name, int from, uint64_t position, uint64_t now) {
    zr_span_t span = zr_span(name);
    int where = from & ~(ZRELAY_SILENT | ZRELAY_PRESENCE);
    bool prefix = span.len > 0 && span.len <= ZR_ROOM_MAX + 1 && span.ptr[span.len - 1] == '*';
    zr_span_t checked = prefix ? zr_span_of(span.ptr, span.len - 1) : span;
    if (!(prefix && checked.len == 0) && !zr_room_valid(checked))
        return ZRELAY_EINVAL;
    if (where < ZRELAY_FROM_NOW || where > ZRELAY_FROM_LAST || position > ZR_INT_MAX || rooms_find(m, span))
        return ZRELAY_EINVAL;
    if (m->closing || m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    if (m->room_count + m->prefix_count >= m->limit_rooms)
        return ZRELAY_EMANY;
    m->now = now;
    room_t *room = rooms_add(m, span, NULL);
    room->from = where;
    room->position = position;
    room->silent = prefix || (from & ZRELAY_SILENT);
    room->presence_wanted = from & ZRELAY_PRESENCE;
    m->sync_wanted = m->state == STATE_LIVE; /* several joins in a row share a sync */
    return 0;
}

int machine_leave(machine_t *m, const char *name, uint64_t now) {
    room_t *room = name ? rooms_find(m, zr_span(name)) : NULL;
    if (!room || room->parent)
        return ZRELAY_EINVAL;
    if (m->state == STATE_CLOSED)
        return ZRELAY_ESTATE;
    m->now = now;
    if (room->prefix)
        prefix_leave(m, room);
    rooms_leave(m, room);
    return 0;
}
