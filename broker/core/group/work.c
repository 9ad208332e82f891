/* work and unwork: a session becomes a worker of a group, or ends it. */
#include "batch.h"
#include "commands.h"
#include "control.h"
#include "group_json.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

typedef struct {
    zr_span_t name;
    uint64_t number, credit, cursor;
    bool make;
    group_options_t options;
} asked_t;

static bool s_read(relay_t *relay, const request_t *request, asked_t *asked, const char **wrong) {
    bool given;
    *asked = (asked_t){.make = true};
    group_options_default(&asked->options);
    if (!group_json_name(request, &asked->name, wrong) ||
        !zr_get_uint(request->object, "worker", 1, &asked->number, wrong) ||
        !zr_get_uint(request->object, "credit", 0, &asked->credit, wrong) ||
        !zr_get_bool_opt(request->object, "make", &asked->make, wrong) ||
        !group_json_read(request, &asked->options, wrong) ||
        !group_json_position(relay, request, &asked->cursor, &given, wrong))
        return false;
    if (asked->number > UINT32_MAX)
        *wrong = "worker";
    return !*wrong;
}

/* The room's group, made if need be. `*made`: it was. */
static zr_code_t s_enter(
    relay_t *relay, const request_t *request, const asked_t *asked, room_t **room, room_group_t **group, bool *made) {
    zr_code_t code = ZR_OK;
    *room = room_find(relay, request->room);
    *group = *room ? groups_find(*room, asked->name) : NULL;
    if (*group)
        return (*group)->group.worker_count < relay->config.max_group_workers ? ZR_OK : ZR_TOO_MANY_WORKERS;
    if (!asked->make)
        return ZR_NO_GROUP;
    if (room_level(relay, request->room) == ZR_LEVEL_NONE)
        return ZR_NOT_KEPT;
    if ((code = group_json_check(relay, request, &asked->options)) == ZR_OK)
        code = room_enter(relay, request->session, request->room, false, room);
    if (code == ZR_OK)
        code = groups_make(relay, *room, request->session->maker, asked->name, &asked->options, asked->cursor, group);
    *made = code == ZR_OK;
    return code;
}

static void s_answer(relay_t *relay, const request_t *request, const group_worker_t *worker, bool made) {
    room_group_t *each = groups_of(worker);
    const group_t *group = worker->group;
    json_t *answer = json_pack("{ss so so sI sb sI sI sI}", "op", "working", "room", zr_json_string(request->room),
        "group", zr_json_string(group_name(group)), "worker", (json_int_t)worker->number, "created", made, "credit",
        (json_int_t)worker->credit, "seq", (json_int_t)group->cursor, "held", (json_int_t)worker->held_count);
    group_json_write(answer, group);
    if (!each->fresh) {
        reply(relay, request, answer);
        return;
    }
    if (request->id)
        json_object_set(answer, "re", request->id);
    groups_store(relay, each);
    batch_answer(relay, request->session, answer, 0, true); /* once the group is stored */
}

/* The session's worker of that number; NULL: the number is free. `*wrong`: it is taken by another group's worker. */
static group_worker_t *s_worker(const request_t *request, const asked_t *asked, const char **wrong) {
    group_worker_t *worker = groups_worker(request->session, (uint32_t)asked->number);
    if (worker && (!zr_span_equal(group_name(worker->group), asked->name) ||
                      !zr_span_equal(room_name(groups_of(worker)->room), request->room)))
        *wrong = "worker";
    return worker;
}

void cmd_work(relay_t *relay, request_t *request) {
    asked_t asked;
    const char *wrong = NULL;
    room_t *room = NULL;
    room_group_t *group = NULL;
    bool made = false;
    group_worker_t *worker = s_read(relay, request, &asked, &wrong) ? s_worker(request, &asked, &wrong) : NULL;
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    if (!worker) {
        zr_code_t code = ZR_TOO_MANY_JOINS;
        if (session_joins(request->session) < relay->config.max_joins)
            code = s_enter(relay, request, &asked, &room, &group, &made);
        if (code != ZR_OK) {
            fail(relay, request, code, NULL);
            if (room) /* which may be new */
                room_forget_unused(relay, room);
            return;
        }
        worker = groups_worker_add(relay, request->session, group, (uint32_t)asked.number);
    }
    uint64_t most = worker->group->options.each;
    group_worker_credit(worker, asked.credit < most ? asked.credit : most);
    groups_touch(relay, groups_of(worker), false);
    s_answer(relay, request, worker, made);
}

void cmd_unwork(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    uint64_t number = 0;
    zr_get_uint(request->object, "worker", 1, &number, &wrong);
    if (!wrong && number > UINT32_MAX)
        wrong = "worker";
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    group_worker_t *worker = groups_worker(request->session, (uint32_t)number);
    if (!worker) {
        fail(relay, request, ZR_NO_GROUP, NULL);
        return;
    }
    groups_worker_end(relay, request->session, worker, false, NULL);
    reply(relay, request, json_pack("{ss}", "op", "ok"));
}
