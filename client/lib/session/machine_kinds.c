/* See machine_kinds.h. */
#include "machine_kinds.h"

#include "machine_direct.h"
#include "machine_move.h"
#include "machine_prefix.h"
#include "machine_presence.h"
#include "machine_questions.h"
#include "machine_repair.h"
#include "machine_rooms.h"
#include "machine_work.h"

const request_does_t machine_kinds[REQUEST_KINDS] = {
    [REQUEST_HISTORY] = {"replay", "replayed", true, false, question_ask_history, question_answer_history,
        question_refuse},
    [REQUEST_STATE] = {"state", "ok", true, false, question_ask_state, question_answer_state, question_refuse},
    [REQUEST_WHO] = {"who", "who", false, false, question_ask_list, question_answer_who, question_refuse},
    [REQUEST_ROOMS] = {"rooms", "rooms", false, false, question_ask_list, question_answer_rooms, question_refuse},
    [REQUEST_DIRECT] = {"direct", "ok", false, false, direct_ask, direct_answered, question_refuse},
    [REQUEST_ASK_ROOM] = {"publish", "ack", false, false, direct_ask_room, direct_answered, question_refuse},
    [REQUEST_ANSWER] = {"direct", "ok", false, false, direct_ask_answer, direct_answered, question_refuse},
    [REQUEST_MOVE] = {"publish", "ack", false, false, move_ask, move_answered, question_refuse},
    [REQUEST_PING] = {"ping", "pong", false, false, question_ask_ping, question_answer_ping, question_refuse},
    [REQUEST_ADMIN] = {"admin", "ok", false, false, question_ask_admin, question_answer_admin, question_refuse},
    [REQUEST_STATS] = {"stats", "stats", false, false, question_ask_stats, question_answer_stats, question_refuse},
    [REQUEST_KICK] = {"kick", "ok", false, false, question_ask_kick, question_answer_ok, question_refuse},
    [REQUEST_GROUPS] = {"groups", "groups", false, false, work_ask_groups, work_on_groups, question_refuse},
    [REQUEST_GROUP] = {"group", "ok", false, false, work_ask_group, question_answer_ok, question_refuse},
    [REQUEST_WORK] = {"work", "working", false, true, work_ask, work_on_working, work_on_refused},
    [REQUEST_JOIN] = {"join", "joined", false, true, question_ask_join, rooms_on_joined, rooms_on_join_refused},
    [REQUEST_LEAVE] = {"leave", "ok", false, false, question_ask_nothing, question_answer_nothing,
        question_answer_nothing},
    [REQUEST_FOLLOW] = {"follow", "ok", false, true, question_ask_follow, prefix_on_followed, prefix_on_refused},
    [REQUEST_UNFOLLOW] = {"unfollow", "ok", false, false, question_ask_follow, question_answer_nothing,
        question_answer_nothing},
    [REQUEST_REPAIR] = {"replay", "replayed", true, true, question_ask_replay, repair_on_replayed, repair_on_refused},
    [REQUEST_LIST] = {"rooms", "rooms", false, true, question_ask_list, prefix_on_rooms, prefix_on_refused},
    [REQUEST_MEMBERS] = {"who", "who", false, true, question_ask_list, presence_on_who, presence_on_refused},
    [REQUEST_ABANDONED] = {"replay", "replayed", true, true, question_ask_nothing, question_answer_nothing,
        question_answer_nothing},
};
