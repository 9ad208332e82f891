/* What operators see of a running broker: its counters, and lists in pages. */
#include <stdlib.h>

#include "machine_actions.h"
#include "machine_ask.h"
#include "machine_events.h"
#include "machine_questions.h"
#include "machine_requests.h"

void question_ask_stats(machine_t *m, request_t *request, json_t *object) {
    json_t *options = request->text ? json_loads(request->text, 0, NULL) : NULL;
    (void)m;
    json_object_del(object, "room");
    if (options)
        json_object_update_missing(object, options);
    json_decref(options);
    if (!request->page[0])
        return;
    json_object_set_new(object, "after", json_string(request->page));
    json_object_set_new(object, "session", json_integer((json_int_t)request->after));
}

/* The next page begins behind the last one, or a broker could let us ask without end. */
static bool s_goes_on(const request_t *request, const char *after, uint64_t session) {
    if (!after || strlen(after) >= sizeof request->page)
        return false;
    int order = strcmp(after, request->page);
    return order > 0 || (order == 0 && session > request->after);
}

void question_answer_stats(machine_t *m, request_t *request, json_t *object) {
    const char *after = json_string_value(json_object_get(object, "after"));
    const char *wrong = NULL;
    uint64_t session = 0;
    bool more = false;
    if (!zr_get_bool_opt(object, "more", &more, &wrong) || !zr_get_uint_opt(object, "session", 0, &session, &wrong))
        m->malformed++;
    char *text = json_dumps(object, JSON_COMPACT);
    events_post(m, &(zrelay_event_t){.type = ZRELAY_STATS, .request = request->number, .text = text});
    free(text);
    request->count++;
    if (more && s_goes_on(request, after, session)) {
        strcpy(request->page, after);
        request->after = session;
        request_go_on(m, request);
        return;
    }
    request->complete = !more;
    request_done(m, request);
}

int machine_stats(machine_t *m, const char *options, uint64_t *number) {
    request_t *request;
    json_t *object = options ? json_loads(options, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool good = !options || json_is_object(object);
    json_decref(object);
    if (!good)
        return ZRELAY_EINVAL;
    int code = machine_question(m, REQUEST_STATS, zr_span(""), number, &request);
    if (code == 0 && options)
        strcpy(request->text = machine_alloc(strlen(options) + 1), options);
    return code;
}
