/* Questions about groups: lists and changes of them. */
#include <stdlib.h>

#include "machine_actions.h"
#include "machine_ask.h"
#include "machine_events.h"
#include "machine_questions.h"
#include "machine_requests.h"
#include "machine_work.h"
#include "machine_worker.h"

void work_ask_groups(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    if (request->name[0])
        return;
    json_object_del(object, "room");
    if (request->page[0])
        json_object_set_new(object, "after", json_string(request->page));
}

void work_on_groups(machine_t *m, request_t *request, json_t *object) {
    json_t *list = json_object_get(object, "groups");
    const char *next = json_string_value(json_object_get(object, "next"));
    events_list(m, ITEM_GROUPS, object, list, &(zrelay_event_t){.type = ZRELAY_GROUP, .request = request->number});
    request->count += json_array_size(list);
    bool more = json_is_true(json_object_get(object, "more")) && next && strlen(next) < sizeof request->page &&
                strcmp(next, request->page) > 0;
    if (more) {
        strcpy(request->page, next);
        request_go_on(m, request);
        return;
    }
    request_done(m, request);
}

void work_ask_group(machine_t *m, request_t *request, json_t *object) {
    (void)m;
    json_t *options = request->text ? json_loads(request->text, 0, NULL) : NULL;
    if (options)
        json_object_update_missing(object, options);
    json_decref(options);
    json_object_set_new(object, "group", json_string(request->key));
    json_object_set_new(object, "do", json_string(request->page));
}

int machine_groups(machine_t *m, const char *room, uint64_t *number) {
    request_t *request;
    if (room && !zr_room_valid(zr_span(room)))
        return ZRELAY_EINVAL;
    return machine_question(m, REQUEST_GROUPS, zr_span(room ? room : ""), number, &request);
}

int machine_group(
    machine_t *m, const char *room, const char *group, const char *what, const char *options, uint64_t *number) {
    static const char *const deeds[] = {"delete", "pause", "resume", "seek", "set"};
    size_t deed = 0;
    while (deed < sizeof deeds / sizeof *deeds && (!what || strcmp(deeds[deed], what) != 0))
        deed++;
    json_t *object = options ? json_loads(options, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool good = !options || json_is_object(object);
    json_decref(object);
    if (!room || !group || !zr_room_valid(zr_span(room)) || !zr_nick_valid(zr_span(group)) || !good ||
        deed == sizeof deeds / sizeof *deeds)
        return ZRELAY_EINVAL;
    request_t *request;
    int code = machine_question(m, REQUEST_GROUP, zr_span(room), number, &request);
    if (code)
        return code;
    strcpy(request->key, group);
    strcpy(request->page, what);
    if (options)
        strcpy(request->text = machine_alloc(strlen(options) + 1), options);
    return 0;
}
