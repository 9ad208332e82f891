/* See group_json.h. */
#include "group_json.h"

#include "control.h"
#include "rooms.h"
#include "state.h"

static bool s_read_number(
    const json_t *object, group_options_t *options, const group_number_t *number, const char **wrong) {
    uint64_t value = *group_number(options, number);
    if (!zr_get_uint_opt(object, number->name, number->least, &value, wrong))
        return false;
    if (value > number->most) {
        *wrong = *wrong ? *wrong : number->name;
        return false;
    }
    *group_number(options, number) = value;
    return true;
}

bool group_json_read(const request_t *request, group_options_t *options, const char **wrong) {
    const json_t *object = request->object;
    for (size_t i = 0; i < GROUP_NUMBERS; i++)
        if (!s_read_number(object, options, &group_numbers[i], wrong))
            return false;
    zr_span_t dead = group_options_dead(options);
    if (!zr_get_bool_opt(object, "ordered", &options->ordered, wrong) ||
        !zr_get_bool_opt(object, "keep", &options->keep, wrong) ||
        !zr_get_string_opt(object, "dead", ZR_ROOM_MAX, &dead, wrong))
        return false;
    /* A group that buries its dead in its own room would hand them out again for ever. */
    if (dead.len && (!zr_room_valid(dead) || zr_span_equal(dead, request->room))) {
        *wrong = "dead";
        return false;
    }
    if (dead.len)
        memmove(options->dead, dead.ptr, dead.len);
    options->dead_len = dead.len;
    return true;
}

zr_code_t group_json_check(relay_t *relay, const request_t *request, const group_options_t *options) {
    zr_span_t dead = group_options_dead(options);
    const rights_t needed = RIGHT_WRITE | RIGHT_CREATE; /* the broker makes the room when the first entry is dead */
    if (!dead.len)
        return ZR_OK;
    if ((session_rights(request->session, dead) & needed) != needed)
        return ZR_FORBIDDEN;
    return room_level(relay, dead) == ZR_LEVEL_NONE ? ZR_NOT_KEPT : ZR_OK;
}

bool group_json_position(relay_t *relay, const request_t *request, uint64_t *cursor, bool *given, const char **wrong) {
    bool all = false, now = false, after = zr_has(request->object, "after");
    uint64_t seq = 0, head = room_head(relay, request->room);
    if (!zr_get_bool_opt(request->object, "all", &all, wrong) ||
        !zr_get_bool_opt(request->object, "now", &now, wrong) ||
        !zr_get_uint_opt(request->object, "after", 0, &seq, wrong))
        return false;
    if (all + now + after > 1) {
        *wrong = now ? "now" : "after";
        return false;
    }
    *given = all || now || after;
    const room_t *room = room_find(relay, request->room);
    uint64_t oldest = room ? room_bounds(relay, room).oldest : head;
    *cursor = now ? head : after ? seq : oldest;
    if (*cursor > head)
        *cursor = head;
    if (*cursor < oldest)
        *cursor = oldest;
    return true;
}

bool group_json_name(const request_t *request, zr_span_t *name, const char **wrong) {
    if (!zr_get_string(request->object, "group", 1, ZR_NICK_MAX, name, wrong))
        return false;
    if (zr_nick_valid(*name))
        return true;
    *wrong = "group";
    return false;
}

void group_json_write(json_t *answer, const group_t *group) {
    group_options_t options = group->options;
    for (size_t i = 0; i < GROUP_NUMBERS; i++)
        json_object_set_new(
            answer, group_numbers[i].name, json_integer((json_int_t)*group_number(&options, &group_numbers[i])));
    json_object_set_new(answer, "dead", zr_json_string(group_options_dead(&options)));
    json_object_set_new(answer, "ordered", json_boolean(options.ordered));
    json_object_set_new(answer, "keep", json_boolean(options.keep));
    if (group->paused)
        json_object_set_new(answer, "paused", json_true());
}
