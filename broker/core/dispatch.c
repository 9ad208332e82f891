/* Control frames: the gates before any command, the table of ops, and how commands answer. */
#include "dispatch.h"

#include "commands.h"
#include "control.h"
#include "flood.h"
#include "reply.h"
#include "state.h"

typedef struct {
    const char *op;
    command_fn *run;
    unsigned cost;  /* against rate-ops. Up to 1: it is never refused for that, as a refusal costs as much */
    bool about;     /* a room, which `room` names, */
    rights_t needs; /* and these rights there, whether or not it exists */
} op_t;

static const op_t s_ops[] = {
    {"admin", cmd_admin, .cost = 20},
    {"bye", cmd_bye, .cost = 1},
    {"close", cmd_close, .cost = 0}, /* a refusal of either costs 1 */
    {"direct", cmd_direct, .cost = DIRECT_COST},
    {"follow", cmd_follow, .cost = 5},
    {"group", cmd_group, .cost = 20, .about = true, .needs = RIGHT_READ | RIGHT_WORK},
    {"groups", cmd_groups, .cost = 40},
    {"hello", cmd_hello, .cost = 20},
    {"join", cmd_join, .cost = 5, .about = true, .needs = RIGHT_READ},
    {"kick", cmd_kick, .cost = 20, .about = true, .needs = RIGHT_KICK},
    {"leave", cmd_leave, .cost = 1, .about = true},
    {"open", cmd_open, .cost = 0},
    {"ping", cmd_ping, .cost = 1},
    {"publish", cmd_publish_text, .cost = 2, .about = true}, /* refused as an entry */
    {"replay", cmd_replay, .cost = 20, .about = true, .needs = RIGHT_READ},
    {"rooms", cmd_rooms, .cost = 40},
    {"state", cmd_state, .cost = 20, .about = true, .needs = RIGHT_READ},
    {"unfollow", cmd_unfollow, .cost = 1},
    {"unwork", cmd_unwork, .cost = 1},
    {"who", cmd_who, .cost = 20, .about = true, .needs = RIGHT_READ | RIGHT_PRESENCE},
    {"work", cmd_work, .cost = 20, .about = true, .needs = RIGHT_READ | RIGHT_WORK},
};

static const op_t *s_find(zr_span_t name) {
    for (size_t i = 0; i < sizeof s_ops / sizeof *s_ops; i++)
        if (zr_span_equal(name, zr_span(s_ops[i].op)))
            return &s_ops[i];
    return NULL;
}

/* The answer is the same whether or not there is such a room. */
static void s_forbid(relay_t *relay, request_t *request, rights_t missing) {
    const session_t *session = request->session;
    if (barred_is(session->barred, request->room, user_nick(session->user))) {
        fail(relay, request, ZR_FORBIDDEN, "an operator keeps this user out of the room for a time");
        return;
    }
    char text[100];
    snprintf(text, sizeof text, "this user lacks the right '%s' there; an operator can grant it", right_name(missing));
    fail(relay, request, ZR_FORBIDDEN, text);
}

/* Reads the member `room` and looks at the rights; on failure it has answered. */
static bool s_take_room(relay_t *relay, request_t *request, rights_t needs) {
    const char *wrong = NULL;
    rights_t missing;
    if (!zr_get_string(request->object, "room", 0, SIZE_MAX, &request->room, &wrong))
        fail_member(relay, request, wrong);
    else if (!zr_room_valid(request->room))
        fail(relay, request, ZR_BAD_ROOM, zr_room_fault(request->room));
    else if ((missing = needs & ~session_rights(request->session, request->room)))
        s_forbid(relay, request, missing);
    else
        return true;
    return false;
}

/* A session that used up its requests pays 1 for each frame: for a refusal, an error, or one of the ops that cost 1.
 * Without a session a refusal costs as much as the request: nobody needs many sessions at once. */
static bool s_pay(relay_t *relay, request_t *request, unsigned cost, bool spent) {
    if (!spent || cost == 0) {
        flood_allow(relay, request, (rate_cost_t){{[RATE_OPS] = cost}});
        return true;
    }
    rate_cost_t price = {{[RATE_OPS] = request->session ? 1 : cost}};
    if (!flood_take(relay, request->route, request->session, price, request->now))
        return false;
    if (cost > 1)
        flood_refuse(relay, request);
    return cost == 1;
}

/* Runs the request if the gates let it pass. */
static void s_run(relay_t *relay, request_t *request, bool spent) {
    const char *wrong = NULL;
    zr_span_t name = {0};
    if (!zr_get_id(request->object, &request->id))
        wrong = "id";
    zr_get_string(request->object, "op", 1, 64, &name, &wrong);
    const op_t *op = s_find(name);
    bool known = op && !wrong && (request->session || op->run == cmd_hello);

    if (!s_pay(relay, request, known ? op->cost : 1, spent))
        return;
    if (!request->session && !(op && op->run == cmd_hello))
        fail(relay, request, ZR_NO_SESSION, NULL);
    else if (wrong)
        fail_member(relay, request, wrong);
    else if (!op)
        fail(relay, request, ZR_UNKNOWN_OP, NULL);
    else if (!op->about || s_take_room(relay, request, op->needs))
        op->run(relay, request);
}

void dispatch_control(relay_t *relay, route_t route, session_t *session, zr_span_t frame, uint64_t now) {
    bool fits = frame.len <= relay->config.max_control;
    request_t request = {.route = route, .session = session, .size = fits ? frame.len : 0, .now = now};
    bool spent = flood_is_spent(relay, route, session, now);
    if (!flood_take(relay, route, session, (rate_cost_t){{[RATE_CONTROL] = request.size}}, now))
        return; /* before it is read, as that costs */
    json_t *object = NULL;
    zr_code_t code = fits ? zr_control_read_request(frame, &object) : ZR_TOO_LARGE;
    if (code == ZR_OK) {
        request.object = object;
        s_run(relay, &request, spent);
        json_decref(object);
    } else if (flood_take(relay, route, session, (rate_cost_t){{[RATE_OPS] = 1}}, now)) {
        fail(relay, &request, session ? code : ZR_NO_SESSION, NULL);
    }
}
