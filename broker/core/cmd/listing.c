/* See listing.h. */
#include "listing.h"

#include <utlist.h>

#include "commands.h"
#include "control.h"
#include "fatal.h"
#include "reply.h"
#include "state.h"

typedef struct listing {
    listing_fn *answer;
    json_t *id;       /* of the request; NULL: it has no id */
    uint64_t resumed; /* the session's: a client asks again on its next connection */
    page_t page;      /* its spans point into `text` */
    struct listing *prev, *next;
    char text[];
} listing_t;

bool listing_read(relay_t *relay, const request_t *request, size_t most, page_t *page) {
    const char *wrong = NULL;
    uint64_t limit = PAGE_MAX;
    zr_get_string_opt(request->object, "after", most, &page->after, &wrong);
    zr_get_uint_opt(request->object, "limit", 1, &limit, &wrong);
    page->limit = limit < PAGE_MAX ? (size_t)limit : PAGE_MAX;
    if (wrong)
        fail_member(relay, request, wrong);
    return !wrong;
}

static zr_span_t s_copy(char *to, zr_span_t span) {
    if (span.len)
        memcpy(to, span.ptr, span.len);
    return zr_span_of(to, span.len);
}

void listing_add(relay_t *relay, const request_t *request, const page_t *page, listing_fn *answer) {
    session_t *session = request->session;
    if (session->list_count >= relay->config.max_lists) {
        fail_wait(relay, request, BUSY_WAIT_MS);
        return;
    }
    listing_t *listing = fatal_calloc(sizeof *listing + page->name.len + page->after.len);
    listing->answer = answer;
    listing->id = json_incref(request->id);
    listing->resumed = session->resumed;
    listing->page = *page;
    listing->page.name = s_copy(listing->text, page->name);
    listing->page.after = s_copy(listing->text + page->name.len, page->after);
    if (!session->lists)
        DL_APPEND2(relay->listers, session, prev_lister, next_lister);
    DL_APPEND(session->lists, listing);
    session->list_count++;
}

/* Takes the session's first. */
static void s_free(session_t *session) {
    listing_t *listing = session->lists;
    DL_DELETE(session->lists, listing);
    session->list_count--;
    json_decref(listing->id);
    free(listing);
}

bool listing_is_due(const relay_t *relay) {
    return relay->listers;
}

void listing_answer(relay_t *relay) {
    session_t *session = relay->listers;
    const listing_t *listing = session->lists;
    DL_DELETE2(relay->listers, session, prev_lister, next_lister);
    if (session->route && session->resumed == listing->resumed) {
        const request_t request = {.route = session->route, .session = session, .id = listing->id, .now = relay->now};
        listing->answer(relay, &request, &listing->page);
    }
    s_free(session);
    if (session->lists)
        DL_APPEND2(relay->listers, session, prev_lister, next_lister);
}

void listing_forget(relay_t *relay, session_t *session) {
    if (session->lists)
        DL_DELETE2(relay->listers, session, prev_lister, next_lister);
    while (session->lists)
        s_free(session);
}
