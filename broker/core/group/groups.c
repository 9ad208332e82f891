/* See groups.h. */
#include "groups.h"

#include <utlist.h>

#include "batch.h"
#include "control.h"
#include "fatal.h"
#include "group_pack.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

enum { BURY_AGAIN_US = 1000000 };

/* Tells the log what the groups of the room need, if that changed. */
static void s_keep(relay_t *relay, room_t *room) {
    uint64_t kept = UINT64_MAX;
    for (const room_group_t *each = room->groups; each; each = each->hh.next)
        if (each->group.options.keep && each->kept < kept)
            kept = each->kept;
    if (kept == room->kept || !relay->log->engine->keep)
        return;
    room->kept = kept;
    log_keep_t keep = {.after = kept, .bytes = kept == UINT64_MAX ? 0 : relay->config.max_group_keep};
    relay->log->engine->keep(relay->log, room_name(room), &keep);
}

/* --- Finding and making --- */

room_group_t *groups_find(const room_t *room, zr_span_t name) {
    room_group_t *group;
    HASH_FIND(hh, room->groups, name.ptr, name.len, group);
    return group && !group->going ? group : NULL;
}

static room_group_t *s_add(relay_t *relay, room_t *room, zr_span_t name, const group_options_t *options) {
    room_group_t *group = fatal_calloc(sizeof *group);
    group_init(&group->group, &relay->groups.pool, name, options);
    group->room = room;
    if (!room->groups)
        name_order_add(&relay->groups.rooms, &room->by_groups, room_name(room));
    HASH_ADD(hh, room->groups, group.name, name.len, group);
    relay->groups.count++;
    return group;
}

static void s_forget_read(relay_t *relay, room_group_t *group) {
    if (group->read.ticket)
        HASH_DELETE(by_ticket, relay->groups.by_ticket, group);
    group->read.ticket = 0;
}

static void s_free(relay_t *relay, room_group_t *group) {
    room_t *room = group->room;
    s_forget_read(relay, group);
    if (group->busy)
        DL_DELETE(relay->groups.busy, group);
    if (group->parked)
        LL_DELETE2(relay->groups.parked, group, next_parked);
    HASH_DELETE(hh, room->groups, group);
    maker_group_gone(&relay->makers, group->maker);
    if (!room->groups)
        name_order_remove(&relay->groups.rooms, &room->by_groups);
    relay->groups.count--;
    group_finish(&group->group);
    free(group);
    s_keep(relay, room);
}

zr_code_t groups_make(relay_t *relay, room_t *room, maker_t *maker, zr_span_t name, const group_options_t *options,
    uint64_t cursor, room_group_t **made) {
    room_group_t *going;
    HASH_FIND(hh, room->groups, name.ptr, name.len, going);
    if (going || relay->groups.count >= relay->config.max_groups ||
        HASH_COUNT(room->groups) >= relay->config.max_room_groups ||
        (maker && maker->groups >= relay->config.max_user_groups))
        return ZR_TOO_MANY_GROUPS;
    room_group_t *group = s_add(relay, room, name, options);
    group->group.cursor = group->kept = cursor;
    group->fresh = true;
    group->maker = maker_group_made(maker);
    groups_store(relay, group);
    *made = group;
    return ZR_OK;
}

void groups_restore(relay_t *relay, zr_span_t room_name, zr_span_t name, zr_span_t bytes) {
    room_t *room = zr_room_valid(room_name) ? room_find(relay, room_name) : NULL;
    if (!room && zr_room_valid(room_name))
        room = room_add(relay, room_name);
    if (!room || !zr_nick_valid(name) || groups_find(room, name)) {
        zr_log(ZR_LOG_WARN, "the log holds a group whose name cannot be; it is left out");
        return;
    }
    group_options_t options;
    group_options_default(&options);
    room_group_t *group = s_add(relay, room, name, &options);
    if (group_unpack(&group->group, bytes)) {
        group->kept = group_finished(&group->group);
        group->lost.told = group->group.lost;
        s_keep(relay, room);
        groups_touch(relay, group, false);
        return;
    }
    zr_log(ZR_LOG_WARN, "the log holds the group %.*s of %.*s, which cannot be read; it is left out", (int)name.len,
        name.ptr, (int)room_name.len, room_name.ptr);
    s_free(relay, group);
}

void groups_finish(relay_t *relay) {
    room_t *room, *next_room;
    HASH_ITER(hh, relay->rooms, room, next_room) {
        room_group_t *group, *next;
        HASH_ITER(hh, room->groups, group, next)
        s_free(relay, group);
    }
    group_pool_finish(&relay->groups.pool);
    zr_buffer_finish(&relay->groups.frame);
}

/* --- Changes --- */

void groups_touch(relay_t *relay, room_group_t *group, bool changed) {
    group->dirty |= changed;
    if (group->busy)
        return;
    group->busy = true;
    DL_APPEND(relay->groups.busy, group);
}

void groups_store(relay_t *relay, room_group_t *group) {
    group->dirty = false;
    batch_group(relay, group);
    groups_touch(relay, group, false);
}

uint64_t groups_commit(relay_t *relay, room_group_t *group) {
    uint64_t finished = group_finished(&group->group);
    if (finished < group->kept) /* it went back */
        group->kept = finished;
    s_keep(relay, group->room);
    return finished;
}

/* The log may forget what the group has finished, now that this is stored. */
static void s_let_go(relay_t *relay, room_group_t *group, uint64_t finished) {
    uint64_t now = group_finished(&group->group);
    group->kept = finished < now ? finished : now;
    s_keep(relay, group->room);
}

void groups_stored(relay_t *relay, room_group_t *group, uint64_t pass, uint64_t finished, bool ok) {
    group->passes--;
    group_buried(&group->group, pass, ok, relay->groups.rising + BURY_AGAIN_US);
    if (group->passes == 0 && (ok ? group->going : group->fresh)) {
        room_t *room = group->room;
        while (group->group.workers)
            groups_worker_end(relay, session_by_id(&relay->sessions, group->group.workers->session),
                group->group.workers, false, "deleted");
        s_free(relay, group);
        room_forget_unused(relay, room);
        return;
    }
    if (ok) {
        group->fresh = false;
        s_let_go(relay, group, finished);
    } else {
        group->going = false;
        group->dirty = true;
        groups_park(relay, group); /* at once would fail again, and again */
        return;
    }
    groups_touch(relay, group, false);
}

void groups_delete(relay_t *relay, room_group_t *group) {
    while (group->group.workers)
        groups_worker_end(relay, session_by_id(&relay->sessions, group->group.workers->session), group->group.workers,
            false, "deleted");
    s_forget_read(relay, group);
    group->going = true;
    groups_store(relay, group);
}

void groups_park(relay_t *relay, room_group_t *group) {
    if (group->parked)
        return;
    group->parked = true;
    LL_PREPEND2(relay->groups.parked, group, next_parked);
}

void groups_tick(relay_t *relay) {
    for (room_group_t *group; (group = relay->groups.parked);) {
        LL_DELETE2(relay->groups.parked, group, next_parked);
        group->parked = false;
        if (relay->groups.pool.frame_bytes >= relay->config.max_group_bytes)
            group_release(&group->group);
        groups_touch(relay, group, false);
    }
}

/* --- Workers --- */

group_worker_t *groups_worker(const session_t *session, uint32_t number) {
    group_worker_t *worker;
    HASH_FIND(hh, session->workers, &number, sizeof number, worker);
    return worker;
}

group_worker_t *groups_worker_add(relay_t *relay, session_t *session, room_group_t *group, uint32_t number) {
    group_worker_t *worker = fatal_calloc(sizeof *worker);
    *worker = (group_worker_t){.group = &group->group, .session = session->id, .number = number};
    HASH_ADD(hh, session->workers, number, sizeof worker->number, worker);
    group_worker_add(&group->group, worker);
    groups_touch(relay, group, false);
    return worker;
}

static void s_tell(relay_t *relay, const session_t *session, const group_worker_t *worker, const char *reason) {
    send_frame(relay, session->route,
        zr_control_write(json_pack("{ss sI so so ss}", "op", "dismissed", "worker", (json_int_t)worker->number, "room",
            zr_json_string(room_name(groups_of(worker)->room)), "group", zr_json_string(group_name(worker->group)),
            "reason", reason)));
}

void groups_worker_end(relay_t *relay, session_t *session, group_worker_t *worker, bool counts, const char *reason) {
    room_group_t *group = groups_of(worker);
    if (reason)
        s_tell(relay, session, worker, reason);
    bool changed = worker->held_count > 0;
    group_worker_remove(worker, counts);
    HASH_DEL(session->workers, worker);
    free(worker);
    groups_touch(relay, group, changed);
}

void groups_session_end(relay_t *relay, session_t *session) {
    group_worker_t *worker, *next;
    HASH_ITER(hh, session->workers, worker, next)
    groups_worker_end(relay, session, worker, true, NULL);
}

void groups_rights(relay_t *relay, session_t *session) {
    const rights_t needed = RIGHT_READ | RIGHT_WORK;
    group_worker_t *worker, *next;
    HASH_ITER(hh, session->workers, worker, next) {
        rights_t rights = session_rights(session, room_name(groups_of(worker)->room));
        if ((rights & needed) != needed)
            groups_worker_end(relay, session, worker, false, "revoked");
    }
}
