/* group and groups: changes a group, and lists groups. */
#include "batch.h"
#include "commands.h"
#include "control.h"
#include "group_feed.h"
#include "group_json.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

enum { PAGE_GROUPS = 50, PAGE_ROOMS = 1000 };

/* --- group --- */

/* Each reads the rest of the request and does it; false: `*code` or `*wrong` says why not. */
typedef bool(do_fn)(relay_t *relay, request_t *request, room_group_t *group, zr_code_t *code, const char **wrong);

static bool s_set(relay_t *relay, request_t *request, room_group_t *each, zr_code_t *code, const char **wrong) {
    group_options_t options = each->group.options;
    bool ordered = options.ordered;
    if (!group_json_read(request, &options, wrong))
        return false;
    bool buries = !zr_span_equal(group_options_dead(&options), group_options_dead(&each->group.options));
    /* The entries that wait have no keys to order them by, or stand behind others. */
    if (options.ordered != ordered && each->group.items) {
        *wrong = "ordered";
        return false;
    }
    if (buries && (*code = group_json_check(relay, request, &options)) != ZR_OK)
        return false;
    group_set(&each->group, &options);
    return true;
}

static bool s_pause(relay_t *relay, request_t *request, room_group_t *each, zr_code_t *code, const char **wrong) {
    (void)relay, (void)request, (void)code, (void)wrong;
    each->group.paused = true;
    return true;
}

static bool s_resume(relay_t *relay, request_t *request, room_group_t *each, zr_code_t *code, const char **wrong) {
    (void)relay, (void)request, (void)code, (void)wrong;
    each->group.paused = false;
    return true;
}

static bool s_seek(relay_t *relay, request_t *request, room_group_t *each, zr_code_t *code, const char **wrong) {
    (void)code;
    uint64_t cursor;
    bool given;
    if (!group_json_position(relay, request, &cursor, &given, wrong))
        return false;
    if (!given) {
        *wrong = "after";
        return false;
    }
    group_feed_stop(relay, each);
    group_seek(&each->group, cursor);
    return true;
}

static bool s_delete(relay_t *relay, request_t *request, room_group_t *each, zr_code_t *code, const char **wrong) {
    (void)request, (void)code, (void)wrong;
    groups_delete(relay, each);
    return true;
}

static const struct {
    const char *name;
    do_fn *run;
} s_does[] = {{"delete", s_delete}, {"pause", s_pause}, {"resume", s_resume}, {"seek", s_seek}, {"set", s_set}};

static do_fn *s_find(zr_span_t name) {
    for (size_t i = 0; i < sizeof s_does / sizeof *s_does; i++)
        if (zr_span_equal(name, zr_span(s_does[i].name)))
            return s_does[i].run;
    return NULL;
}

void cmd_group(relay_t *relay, request_t *request) {
    zr_span_t name = {0}, what = {0};
    const char *wrong = NULL;
    zr_code_t code = ZR_OK;
    group_json_name(request, &name, &wrong);
    zr_get_string(request->object, "do", 1, 16, &what, &wrong);
    do_fn *run = s_find(what);
    if (!wrong && !run)
        wrong = "do";
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    const room_t *room = room_find(relay, request->room);
    room_group_t *group = room ? groups_find(room, name) : NULL;
    if (!group) {
        fail(relay, request, ZR_NO_GROUP, NULL);
        return;
    }
    if (!run(relay, request, group, &code, &wrong)) {
        if (wrong)
            fail_member(relay, request, wrong);
        else
            fail(relay, request, code, NULL);
        return;
    }
    groups_store(relay, group);
    json_t *answer =
        json_pack("{ss so so}", "op", "ok", "room", zr_json_string(request->room), "group", zr_json_string(name));
    if (request->id)
        json_object_set(answer, "re", request->id);
    batch_answer(relay, request->session, answer, 0, true);
}

/* --- groups --- */

static json_t *s_row(const room_group_t *each) {
    const group_t *group = &each->group;
    uint64_t held = group->counts[ITEM_HELD], items = HASH_COUNT(group->items) - group->counts[ITEM_BURIED];
    uint64_t head = each->room->stored, ahead = head > group->cursor ? head - group->cursor : 0;
    uint64_t backlog = ahead + items;
    uint64_t oldest = group_oldest(group);
    json_t *row = json_pack("{so so sI sI sI sI sI sI sI sI sI}", "room", zr_json_string(room_name(each->room)),
        "group", zr_json_string(group_name(group)), "seq", (json_int_t)group->cursor, "backlog", (json_int_t)backlog,
        "held", (json_int_t)held, "waiting", (json_int_t)(items - held), "workers", (json_int_t)group->worker_count,
        "done", (json_int_t)group->done, "retried", (json_int_t)group->retried, "died", (json_int_t)group->died, "lost",
        (json_int_t)group->lost);
    if (oldest)
        json_object_set_new(row, "oldest", json_integer((json_int_t)oldest));
    group_json_write(row, group);
    return row;
}

static void s_add_room(json_t *rows, session_t *session, const room_t *room) {
    if ((session_rights(session, room_name(room)) & (RIGHT_READ | RIGHT_WORK)) != (RIGHT_READ | RIGHT_WORK))
        return;
    for (const room_group_t *each = room->groups; each; each = each->hh.next)
        if (!each->going && !each->fresh)
            json_array_append_new(rows, s_row(each));
}

static room_t *s_next(const relay_t *relay, zr_span_t after) {
    return NAME_ORDER_ITEM(name_order_next(&relay->groups.rooms, after, false), room_t, by_groups);
}

static void s_list_room(relay_t *relay, request_t *request, zr_span_t name) {
    json_t *rows = json_array();
    const room_t *room = room_find(relay, name);
    if ((session_rights(request->session, name) & (RIGHT_READ | RIGHT_WORK)) != (RIGHT_READ | RIGHT_WORK)) {
        json_decref(rows);
        fail(relay, request, ZR_FORBIDDEN, NULL);
        return;
    }
    if (room)
        s_add_room(rows, request->session, room);
    reply(relay, request, json_pack("{ss so sb}", "op", "groups", "groups", rows, "more", false));
}

/* A page ends between two rooms. */
static void s_list_all(relay_t *relay, request_t *request, zr_span_t after) {
    json_t *rows = json_array();
    const room_t *room = s_next(relay, after), *last = NULL;
    for (size_t rooms = 0; room && rooms < PAGE_ROOMS && json_array_size(rows) < PAGE_GROUPS; rooms++) {
        s_add_room(rows, request->session, room);
        last = room;
        room = s_next(relay, room_name(room));
    }
    json_t *answer = json_pack("{ss so sb}", "op", "groups", "groups", rows, "more", room != NULL);
    if (room)
        json_object_set_new(answer, "next", zr_json_string(room_name(last)));
    reply(relay, request, answer);
}

void cmd_groups(relay_t *relay, request_t *request) {
    zr_span_t name = {0}, after = {0};
    const char *wrong = NULL;
    zr_get_string_opt(request->object, "room", SIZE_MAX, &name, &wrong);
    zr_get_string_opt(request->object, "after", SIZE_MAX, &after, &wrong);
    if (wrong)
        fail_member(relay, request, wrong);
    else if (name.len ? !zr_room_valid(name) : after.len && !zr_room_valid(after))
        fail(relay, request, ZR_BAD_ROOM, zr_room_fault(name.len ? name : after));
    else if (name.len)
        s_list_room(relay, request, name);
    else
        s_list_all(relay, request, after);
}
