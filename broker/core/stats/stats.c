/* stats: what operators see of a running broker. */
#include "stats.h"

#include <utlist.h>

#include "commands.h"
#include "control.h"
#include "fatal.h"
#include "listing.h"
#include "reply.h"
#include "state.h"
#include "stats_kind.h"

/* A ranking under way. */
typedef struct stats_job {
    uint64_t session, link; /* whose, and of which connection (session.h) */
    json_t *id;             /* of the request; NULL: none */
    const stats_kind_t *kind;
    const stats_column_t *column;
    char prefix[ZR_ROOM_MAX];
    size_t prefix_len;
    bool begun;
    stats_key_t at; /* looked at last */
    ranking_t ranking;
    struct stats_job *prev, *next;
    ranked_t items[];
} stats_job_t;

metrics_t stats_measure(const relay_t *relay) {
    metrics_t metrics = {.relay = relay_stats(relay), .log = log_stats(relay->log)};
    if (relay->config.measure)
        relay->config.measure(relay->config.measure_ctx, &metrics.edge);
    return metrics;
}

static zr_span_t s_name(const stats_key_t *key) {
    return zr_span_of(key->name, key->name_len);
}

static void s_set_name(stats_key_t *key, zr_span_t name) {
    if (name.len)
        memcpy(key->name, name.ptr, name.len);
    key->name_len = name.len;
}

/* The next thing behind `key`, whose name has the prefix; NULL: no such thing follows. */
static void *s_next(const relay_t *relay, const stats_kind_t *kind, zr_span_t prefix, stats_key_t *key, bool from) {
    void *thing = kind->next(relay, key, from);
    if (thing)
        kind->key(thing, key);
    return thing && zr_span_starts(s_name(key), prefix) ? thing : NULL;
}

static void s_answer(relay_t *relay, const request_t *request, const stats_kind_t *kind, json_t *rows, bool more,
    const stats_key_t *last) {
    json_t *answer = json_pack("{ss sI ss so sb}", "op", "stats", "time", (json_int_t)request->now, "of", kind->name,
        kind->name, rows, "more", more);
    if (more) {
        json_object_set_new(answer, "after", zr_json_string(s_name(last)));
        json_object_set_new(answer, "session", json_integer((json_int_t)last->id));
    }
    reply(relay, request, answer);
}

/* --- Pages --- */

static void s_page(relay_t *relay, const request_t *request, const page_t *page) {
    stats_key_t key = {.id = page->id}, last = {0};
    json_t *rows = json_array();
    bool first = zr_span_compare(page->after, page->name) < 0;
    bool more = false;
    s_set_name(&key, first ? page->name : page->after);
    void *thing = s_next(relay, page->kind, page->name, &key, first || !page->after.len);
    for (; thing; thing = s_next(relay, page->kind, page->name, &key, false)) {
        more = json_array_size(rows) == page->limit;
        if (more)
            break;
        json_array_append_new(rows, stats_row(page->kind, relay, thing));
        last = key;
    }
    s_answer(relay, request, page->kind, rows, more, &last);
}

/* --- Rankings --- */

static void s_free(relay_t *relay, stats_job_t *job) {
    DL_DELETE(relay->stats_jobs, job);
    relay->stats_job_count--;
    json_decref(job->id);
    free(job);
}

void stats_forget_all(relay_t *relay) {
    while (relay->stats_jobs)
        s_free(relay, relay->stats_jobs);
}

static void s_rank(relay_t *relay, const request_t *request, const page_t *page, const stats_column_t *column) {
    size_t most = page->limit < STATS_RANKED ? page->limit : STATS_RANKED;
    if (relay->stats_job_count >= STATS_JOBS) {
        fail_wait(relay, request, BUSY_WAIT_MS);
        return;
    }
    stats_job_t *job = fatal_calloc(sizeof *job + most * sizeof *job->items);
    job->session = request->session->id;
    job->link = request->session->link;
    job->id = json_incref(request->id);
    job->kind = page->kind;
    job->column = column;
    if (page->name.len)
        memcpy(job->prefix, page->name.ptr, page->name.len);
    job->prefix_len = page->name.len;
    s_set_name(&job->at, page->name);
    job->ranking = (ranking_t){.most = most, .items = job->items};
    DL_APPEND(relay->stats_jobs, job);
    relay->stats_job_count++;
}

/* Looks at the next things; true: all were looked at. */
static bool s_look(const relay_t *relay, stats_job_t *job) {
    zr_span_t prefix = zr_span_of(job->prefix, job->prefix_len);
    for (size_t i = 0; i < STATS_PIECE; i++) {
        const void *thing = s_next(relay, job->kind, prefix, &job->at, !job->begun);
        if (!thing)
            return true;
        job->begun = true;
        ranking_add(&job->ranking, job->column->of(relay, thing), &job->at);
    }
    return false;
}

/* Things that are gone meanwhile are left out. */
static void s_tell(relay_t *relay, stats_job_t *job, const session_t *session) {
    const request_t request = {.route = session->route, .id = job->id, .now = relay->now};
    json_t *rows = json_array();
    ranking_sort(&job->ranking);
    for (size_t i = 0; i < job->ranking.count; i++) {
        stats_key_t found, *wanted = &job->ranking.items[i].key;
        const void *thing = job->kind->next(relay, wanted, true);
        if (!thing)
            continue;
        job->kind->key(thing, &found);
        if (found.id == wanted->id && zr_span_equal(s_name(&found), s_name(wanted)))
            json_array_append_new(rows, stats_row(job->kind, relay, thing));
    }
    s_answer(relay, &request, job->kind, rows, false, NULL);
}

bool stats_is_due(const relay_t *relay) {
    return relay->stats_jobs;
}

void stats_work(relay_t *relay) {
    stats_job_t *job = relay->stats_jobs;
    const session_t *session = session_by_id(&relay->sessions, job->session);
    bool waits = session && session->link == job->link && session->route;
    bool done = !waits || s_look(relay, job);
    if (waits && done)
        s_tell(relay, job, session);
    DL_DELETE(relay->stats_jobs, job);
    DL_APPEND(relay->stats_jobs, job); /* the others have their turn */
    if (done)
        s_free(relay, job);
}

/* --- The op --- */

/* Everybody may do everything in open mode. */
static bool s_may(const relay_t *relay, const session_t *session) {
    return access_is_open_mode(relay->access) || access_sees_stats(session->access);
}

static bool s_is_cluster(zr_span_t of) {
    return zr_span_equal(of, zr_span("cluster"));
}

static void s_cluster(relay_t *relay, const request_t *request) {
    json_t *answer = json_pack("{ss sI ss}", "op", "stats", "time", (json_int_t)request->now, "of", "cluster");
    json_t *rows = relay->config.cluster ? relay->config.cluster(relay->config.cluster_ctx) : NULL;
    if (rows)
        json_object_update(answer, rows);
    else
        json_object_set_new(answer, "cluster", json_array());
    json_object_set_new(answer, "more", json_false());
    json_decref(rows);
    reply(relay, request, answer);
}

static void s_list(relay_t *relay, request_t *request, zr_span_t of, zr_span_t by, page_t *page) {
    const char *wrong = NULL;
    zr_get_string_opt(request->object, "prefix", ZR_ROOM_MAX, &page->name, &wrong);
    zr_get_uint_opt(request->object, "session", 0, &page->id, &wrong);
    page->kind = stats_kind(of);
    size_t column = page->kind && by.len ? stats_column(page->kind, by) : 0;
    if (!wrong && !page->kind)
        wrong = "of";
    if (!wrong && column == page->kind->column_count)
        wrong = "by";
    if (wrong) {
        fail_member(relay, request, wrong);
        return;
    }
    if (!listing_read(relay, request, ZR_ROOM_MAX, page))
        return;
    page->limit = page->limit < STATS_PAGE ? page->limit : STATS_PAGE;
    if (by.len)
        s_rank(relay, request, page, &page->kind->columns[column]);
    else
        listing_add(relay, request, page, s_page);
}

void cmd_stats(relay_t *relay, request_t *request) {
    const char *wrong = NULL;
    zr_span_t of = {0}, by = {0};
    page_t page = {0};
    zr_get_string_opt(request->object, "of", ZR_ID_MAX, &of, &wrong);
    zr_get_string_opt(request->object, "by", ZR_ID_MAX, &by, &wrong);
    if (!s_may(relay, request->session)) {
        fail(relay, request, ZR_FORBIDDEN, "this user may not see that (\"stats : *\" in the users file)");
    } else if (wrong) {
        fail_member(relay, request, wrong);
    } else if (s_is_cluster(of)) {
        s_cluster(relay, request);
    } else if (zr_has(request->object, "of")) {
        s_list(relay, request, of, by, &page);
    } else {
        metrics_t metrics = stats_measure(relay);
        reply(relay, request,
            json_pack(
                "{ss sI so}", "op", "stats", "time", (json_int_t)request->now, "metrics", metrics_json(&metrics)));
    }
}
