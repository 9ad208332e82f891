/* See machine_work.h. A worker is asked for anew in each session. What the program said is sent again until it is
 * answered. After a session was resumed, entries whose frames were lost are given back. */
#include "machine_work.h"

#include <stdlib.h>
#include <utlist.h>

#include "machine_actions.h"
#include "machine_ask.h"
#include "machine_events.h"
#include "machine_requests.h"
#include "machine_worker.h"

enum { SETTLES_MAX = 65536, AGAIN_MS = 1000, WORKERS_MAX = 1000 };

/* Positions, rising. */
typedef struct {
    uint64_t *seqs;
    size_t count, size;
} seqs_t;

struct worker {
    uint32_t number;
    char room[ZR_ROOM_MAX + 1], group[ZR_NICK_MAX + 1];
    json_t *options;       /* of the group, should it be made; NULL: none */
    uint64_t credit, told; /* that the program gives; that the broker was told last */
    bool asked, working;
    bool again;  /* it worked before, in another session or on another connection */
    bool dry;    /* asks for no credit, until what got lost is given back: new entries would go back with it */
    seqs_t held; /* that the program has */
    seqs_t gone; /* that it has of a lost log; not those where it took an entry of the new log */
    UT_hash_handle hh;
};
typedef struct worker worker_t;

/* A SETTLE, which the program may add to until it is sent. */
struct settle {
    uint64_t number;
    uint32_t worker;
    zr_verb_t verb;
    uint32_t ms;
    char *reason; /* of a reject; NULL: none */
    bool sent;    /* on this connection */
    bool quiet;   /* the program did not ask for it */
    zr_range_t *ranges;
    size_t count, size;
    struct settle *prev, *next;
};
typedef struct settle settle_t;

/* --- Entries that the program has --- */

static size_t s_place(const seqs_t *set, uint64_t seq) {
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->seqs[middle] < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool s_has(const seqs_t *set, uint64_t seq) {
    size_t at = s_place(set, seq);
    return at < set->count && set->seqs[at] == seq;
}

static void s_put(seqs_t *set, uint64_t seq) {
    size_t at = s_place(set, seq);
    if (at < set->count && set->seqs[at] == seq)
        return;
    if (set->count == set->size) {
        set->size = set->size ? 2 * set->size : 64;
        set->seqs = machine_realloc(set->seqs, set->size * sizeof *set->seqs);
    }
    memmove(set->seqs + at + 1, set->seqs + at, (set->count++ - at) * sizeof *set->seqs);
    set->seqs[at] = seq;
}

static void s_take_out(seqs_t *set, uint64_t seq) {
    size_t at = s_place(set, seq);
    if (at < set->count && set->seqs[at] == seq)
        memmove(set->seqs + at, set->seqs + at + 1, (--set->count - at) * sizeof *set->seqs);
}

static void s_add_range(settle_t *settle, zr_range_t range) {
    if (settle->count == settle->size) {
        settle->size = settle->size ? 2 * settle->size : 8;
        settle->ranges = machine_realloc(settle->ranges, settle->size * sizeof *settle->ranges);
    }
    settle->ranges[settle->count++] = range;
}

/* --- Workers --- */

static worker_t *s_find(const machine_t *m, uint32_t number) {
    worker_t *worker;
    HASH_FIND(hh, m->work.workers, &number, sizeof number, worker);
    return worker;
}

static void s_free_settle(machine_t *m, settle_t *settle) {
    DL_DELETE(m->work.settles, settle);
    m->work.settle_count--;
    free(settle->reason);
    free(settle->ranges);
    free(settle);
}

static void s_free(machine_t *m, worker_t *worker) {
    settle_t *settle, *next;
    DL_FOREACH_SAFE(m->work.settles, settle, next)
    if (settle->worker == worker->number)
        s_free_settle(m, settle);
    HASH_DEL(m->work.workers, worker);
    json_decref(worker->options);
    free(worker->held.seqs);
    free(worker->gone.seqs);
    free(worker);
}

static void s_want(machine_t *m, worker_t *worker) {
    if (worker->asked)
        return;
    worker->asked = true;
    request_new(m, REQUEST_WORK, zr_span(worker->room))->after = worker->number;
}

void work_ask(machine_t *m, request_t *request, json_t *object) {
    worker_t *worker = s_find(m, (uint32_t)request->after);
    if (!worker)
        return; /* the program ended it meanwhile; the broker refuses this, and nobody asks again */
    worker->told = worker->dry ? 0 : worker->credit;
    if (worker->options)
        json_object_update_missing(object, worker->options);
    json_object_set_new(object, "group", json_string(worker->group));
    json_object_set_new(object, "worker", json_integer(worker->number));
    json_object_set_new(object, "credit", json_integer((json_int_t)worker->told));
}

/* A SETTLE that the program did not ask for: the program never had the entries. */
static settle_t *s_new_quiet(machine_t *m, const worker_t *worker) {
    settle_t *settle = machine_alloc(sizeof *settle);
    *settle =
        (settle_t){.number = ++m->work.last_number, .worker = worker->number, .verb = ZR_SETTLE_RETURN, .quiet = true};
    m->work.unsent = true;
    DL_APPEND(m->work.settles, settle);
    m->work.settle_count++;
    return settle;
}

/* What the broker takes for handed out, and the program does not have: all but these. */
static void s_give_back(machine_t *m, const worker_t *worker) {
    settle_t *settle = s_new_quiet(m, worker);
    uint64_t from = 1;
    for (size_t i = 0; i <= worker->held.count; i++) {
        uint64_t end = i < worker->held.count ? worker->held.seqs[i] - 1 : ZR_INT_MAX;
        if (settle->count == ZR_SETTLE_RANGES)
            settle = s_new_quiet(m, worker);
        if (end >= from)
            s_add_range(settle, (zr_range_t){from, end});
        from = end + 2;
    }
}

static void s_send_unwork(machine_t *m, uint32_t number) {
    machine_send(m, json_pack("{s:s, s:I}", "op", "unwork", "worker", (json_int_t)number));
}

void work_on_working(machine_t *m, request_t *request, json_t *object) {
    uint32_t number = (uint32_t)request->after;
    worker_t *worker = s_find(m, number);
    uint64_t held = 0;
    const char *wrong = NULL;
    request_free(m, request);
    if (!worker) { /* the program ended it meanwhile */
        s_send_unwork(m, number);
        return;
    }
    zr_get_uint_opt(object, "held", 0, &held, &wrong);
    worker->asked = false;
    if (held > 0 && worker->again && !worker->working)
        s_give_back(m, worker); /* behind what the program said */
    worker->working = true;
    worker->dry = false;
    if (worker->told != worker->credit) { /* also if the program changed it since the request */
        work_schedule(m);                 /* what is given back goes before */
        s_want(m, worker);
    }
    bool first = !worker->again;
    worker->again = true;
    if (!first)
        return;
    char *text = json_dumps(object, JSON_COMPACT);
    events_post(m, &(zrelay_event_t){.type = ZRELAY_WORKING,
                       .worker = worker->number,
                       .room = worker->room,
                       .name = worker->group,
                       .text = text && strlen(text) <= TEXT_MAX ? text : NULL});
    free(text);
}

void work_on_refused(machine_t *m, request_t *request, json_t *error) {
    worker_t *worker = s_find(m, (uint32_t)request->after);
    request_free(m, request);
    if (!worker)
        return;
    events_error(m, error, &(zrelay_event_t){.worker = worker->number, .room = worker->room, .name = worker->group});
    s_free(m, worker);
}

/* The worker that the broker's frame is about; NULL: the program has no such worker. */
static worker_t *s_named(const machine_t *m, const json_t *object) {
    uint64_t number = 0;
    const char *wrong = NULL;
    zr_get_uint_opt(object, "worker", 0, &number, &wrong);
    return m->state == STATE_LIVE && number <= UINT32_MAX ? s_find(m, (uint32_t)number) : NULL;
}

void work_on_lost(machine_t *m, json_t *object) {
    uint64_t count = 0;
    const char *wrong = NULL;
    const worker_t *worker = s_named(m, object);
    if (worker && zr_get_uint(object, "count", 1, &count, &wrong))
        events_post(m, &(zrelay_event_t){.type = ZRELAY_GROUP_LOST,
                           .worker = worker->number,
                           .room = worker->room,
                           .name = worker->group,
                           .count = count});
}

void work_on_dismissed(machine_t *m, json_t *object) {
    const char *reason = json_string_value(json_object_get(object, "reason"));
    worker_t *worker = s_named(m, object);
    if (!worker)
        return;
    events_post(m, &(zrelay_event_t){.type = ZRELAY_DISMISSED,
                       .worker = worker->number,
                       .room = worker->room,
                       .name = worker->group,
                       .code = reason && strlen(reason) <= TEXT_MAX ? reason : ""});
    s_free(m, worker);
}

/* --- Frames --- */

static bool s_read(zr_span_t inner, zr_deliver_reader_t *reader, size_t *count) {
    uint64_t seq;
    if (!zr_deliver_read(reader, inner))
        return false;
    zr_deliver_reader_t copy = *reader;
    while (zr_deliver_skip(&copy, &seq))
        ++*count;
    return !copy.failed && *count > 0;
}

void work_on_frame(machine_t *m, zr_blob_t *frame) {
    uint32_t number;
    uint16_t deliveries;
    zr_span_t inner;
    scan_t scan = {.count = 0};
    uint64_t seq;
    if (!zr_work_read(zr_span_of(zr_blob_data(frame), zr_blob_len(frame)), &number, &deliveries, &inner) ||
        !s_read(inner, &scan.from, &scan.count)) {
        m->malformed++;
        return;
    }
    worker_t *worker = s_find(m, number);
    if (!worker || m->state != STATE_LIVE || scan.from.epoch != m->epoch_number)
        return;
    for (zr_deliver_reader_t reader = scan.from; zr_deliver_skip(&reader, &seq);)
        s_put(&worker->held, seq);
    events_work(m, frame, &scan, number, deliveries);
}

void work_taken(machine_t *m, uint64_t epoch, uint32_t number, uint64_t seq) {
    worker_t *worker = s_find(m, number);
    if (worker && worker->gone.count && epoch == m->epoch_number)
        s_take_out(&worker->gone, seq);
}

static settle_t *s_settle_of(const machine_t *m, uint64_t number) {
    settle_t *settle = m->work.settles;
    while (settle && settle->number != number)
        settle = settle->next;
    return settle;
}

static void s_tell_left(machine_t *m, const settle_t *settle, zr_became_t became, zr_range_t range) {
    static const char *const codes[] = {"", "settled", "waiting", "taken", "ahead"};
    if (!settle->quiet)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_UNSETTLED,
                           .worker = settle->worker,
                           .seq = range.first,
                           .upto = range.last,
                           .code = became < sizeof codes / sizeof *codes ? codes[became] : "unknown"});
}

void work_on_settled(machine_t *m, zr_blob_t *frame) {
    zr_settled_t settled;
    zr_became_t became;
    zr_range_t range;
    settle_t *settle = NULL;
    if (zr_settled_read(&settled, zr_span_of(zr_blob_data(frame), zr_blob_len(frame))))
        settle = s_settle_of(m, settled.number);
    if (!settle || settle->worker != settled.worker)
        return;
    while (zr_settled_next(&settled, &became, &range))
        s_tell_left(m, settle, became, range);
    if (!settle->quiet)
        events_post(m,
            &(zrelay_event_t){.type = ZRELAY_SETTLED,
                .worker = settle->worker,
                .count = settled.count,
                .seq = settle->ranges[0].first,
                .upto = settle->ranges[settle->count - 1].last,
                .level = (zrelay_level_t)(settled.level <= ZR_LEVEL_REPLICATED ? settled.level : ZR_LEVEL_REPLICATED)});
    s_free_settle(m, settle);
}

bool work_on_error(machine_t *m, const json_t *error) {
    uint64_t number = 0;
    const char *wrong = NULL, *code = json_string_value(json_object_get(error, "code"));
    if (!zr_has(error, "settle")) /* an unwork crossed the broker's `dismissed` */
        return code && strcmp(code, zr_code_name(ZR_NO_GROUP)) == 0;
    if (!zr_get_uint_opt(error, "settle", 0, &number, &wrong))
        return false;
    settle_t *settle = s_settle_of(m, number);
    if (!settle)
        return true;
    if (code && strcmp(code, zr_code_name(ZR_STORE_FAILED)) == 0) {
        settle->sent = false;
        m->work.unsent = true;
        m->work.pause = m->now + AGAIN_MS;
        return true;
    }
    for (size_t i = 0; i < settle->count && !settle->quiet; i++)
        events_post(m, &(zrelay_event_t){.type = ZRELAY_UNSETTLED,
                           .worker = settle->worker,
                           .seq = settle->ranges[i].first,
                           .upto = settle->ranges[i].last,
                           .code = code ? code : ""});
    s_free_settle(m, settle);
    return true;
}

/* --- The session --- */

void work_lost(machine_t *m) {
    for (worker_t *worker = m->work.workers; worker; worker = worker->hh.next)
        worker->asked = worker->working = false;
    settle_t *settle, *next;
    DL_FOREACH_SAFE(m->work.settles, settle, next) {
        settle->sent = false;
        m->work.unsent = true;
        if (settle->quiet)
            s_free_settle(m, settle);
    }
}

void work_welcome(machine_t *m, bool new_epoch, bool resumed) {
    for (worker_t *worker = m->work.workers, *next; worker; worker = next) {
        next = worker->hh.next;
        for (size_t i = 0; new_epoch && i < worker->held.count; i++)
            s_put(&worker->gone, worker->held.seqs[i]);
        if (new_epoch)
            worker->held.count = 0;
        worker->dry = worker->again && resumed && !new_epoch;
        s_want(m, worker);
    }
    while (new_epoch && m->work.settles)
        s_free_settle(m, m->work.settles);
}

static void s_send(machine_t *m, settle_t *settle) {
    zr_buffer_t frame = {0};
    zr_settle_begin(&frame, settle->worker, settle->number, settle->verb, settle->ms);
    for (size_t i = 0; i < settle->count; i++)
        zr_settle_add(&frame, settle->ranges[i]);
    if (settle->reason)
        zr_settle_because(&frame, zr_span(settle->reason));
    zr_blob_t *blob = zr_buffer_to_blob(&frame);
    zr_buffer_finish(&frame);
    action_t *action = machine_do(m, ACTION_SEND);
    action->frame = zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
    action->owner = blob;
    settle->sent = true;
}

void work_schedule(machine_t *m) {
    if (m->now < m->work.pause || !m->work.unsent)
        return;
    settle_t *settle;
    m->work.unsent = false;
    DL_FOREACH(m->work.settles, settle) {
        const worker_t *worker = settle->sent ? NULL : s_find(m, settle->worker);
        if (worker && worker->working)
            s_send(m, settle);
        m->work.unsent |= !settle->sent;
    }
}

uint64_t work_due(const machine_t *m) {
    return m->work.pause > m->now && m->work.settles ? m->work.pause : NEVER;
}

bool work_closing(const machine_t *m) {
    return m->work.settles;
}

void work_leave(machine_t *m) {
    for (const worker_t *worker = m->work.workers; worker; worker = worker->hh.next)
        if (worker->working)
            s_send_unwork(m, worker->number);
}

void work_finish(machine_t *m) {
    worker_t *worker, *next;
    HASH_ITER(hh, m->work.workers, worker, next)
    s_free(m, worker);
    while (m->work.settles)
        s_free_settle(m, m->work.settles);
}

/* --- The program's wishes --- */

static bool s_is_options(const char *text, json_t **options) {
    *options = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!text || json_is_object(*options))
        return true;
    json_decref(*options);
    *options = NULL;
    return false;
}

int machine_work(
    machine_t *m, const char *room, const char *group, uint64_t credit, const char *text, uint32_t *number) {
    json_t *options;
    if (!room || !group || !zr_room_valid(zr_span(room)) || !zr_nick_valid(zr_span(group)) || credit > ZR_INT_MAX ||
        !s_is_options(text, &options))
        return ZRELAY_EINVAL;
    if (m->closing || m->state == STATE_CLOSED || HASH_COUNT(m->work.workers) >= WORKERS_MAX) {
        json_decref(options);
        return m->closing || m->state == STATE_CLOSED ? ZRELAY_ESTATE : ZRELAY_EMANY;
    }
    worker_t *worker = machine_alloc(sizeof *worker);
    worker->number = ++m->work.last_worker;
    strcpy(worker->room, room);
    strcpy(worker->group, group);
    worker->options = options;
    worker->credit = credit;
    HASH_ADD(hh, m->work.workers, number, sizeof worker->number, worker);
    s_want(m, worker);
    if (number)
        *number = worker->number;
    return 0;
}

int machine_unwork(machine_t *m, uint32_t number) {
    worker_t *worker = s_find(m, number);
    if (!worker)
        return ZRELAY_EINVAL;
    if (worker->working && m->state == STATE_LIVE) {
        work_schedule(m); /* what the program said goes before */
        s_send_unwork(m, number);
    }
    s_free(m, worker);
    return 0;
}

int machine_credit(machine_t *m, uint32_t number, uint64_t credit) {
    worker_t *worker = s_find(m, number);
    if (!worker || credit > ZR_INT_MAX)
        return ZRELAY_EINVAL;
    worker->credit = credit;
    s_want(m, worker);
    return 0;
}

/* The SETTLE that the entry joins; NULL: a new one. */
static settle_t *s_open(const machine_t *m, const settle_t *wanted) {
    settle_t *last = m->work.settles ? m->work.settles->prev : NULL;
    bool fits = last && !last->sent && !last->quiet && last->worker == wanted->worker && last->verb == wanted->verb &&
                last->ms == wanted->ms && last->count < ZR_SETTLE_RANGES &&
                zr_span_equal(zr_span(last->reason), zr_span(wanted->reason));
    return fits ? last : NULL;
}

static void s_add(settle_t *settle, uint64_t seq) {
    if (settle->count && settle->ranges[settle->count - 1].last + 1 == seq) {
        settle->ranges[settle->count - 1].last = seq;
        return;
    }
    s_add_range(settle, (zr_range_t){seq, seq});
}

/* `wanted`: what the program says of the entry. Its reason is copied. */
static int s_say(machine_t *m, const settle_t *wanted, uint64_t seq) {
    worker_t *worker = s_find(m, wanted->worker);
    if (!worker || seq > ZR_INT_MAX)
        return ZRELAY_EINVAL;
    if (s_has(&worker->gone, seq)) { /* the entry is gone, as the program hears or heard by ZRELAY_EPOCH */
        if (wanted->verb != ZR_SETTLE_EXTEND)
            s_take_out(&worker->gone, seq);
        return 0;
    }
    settle_t *settle = s_open(m, wanted);
    if (!settle && m->work.settle_count >= SETTLES_MAX)
        return ZRELAY_EFULL;
    if (!settle) {
        settle = machine_alloc(sizeof *settle);
        *settle = *wanted;
        settle->number = ++m->work.last_number;
        if (wanted->reason)
            strcpy(settle->reason = machine_alloc(strlen(wanted->reason) + 1), wanted->reason);
        DL_APPEND(m->work.settles, settle);
        m->work.settle_count++;
    }
    m->work.unsent = true;
    s_add(settle, seq);
    if (wanted->verb != ZR_SETTLE_EXTEND)
        s_take_out(&worker->held, seq);
    return 0;
}

int machine_settle(machine_t *m, uint32_t worker, zr_verb_t verb, uint64_t seq, uint64_t ms) {
    if (ms > ZR_SETTLE_MS_MAX)
        return ZRELAY_EINVAL;
    return s_say(m, &(settle_t){.worker = worker, .verb = verb, .ms = (uint32_t)ms}, seq);
}

int machine_reject(machine_t *m, uint32_t worker, uint64_t seq, const char *reason) {
    if (reason && (strlen(reason) > ZR_SETTLE_REASON_MAX || !zr_utf8_valid(zr_span(reason))))
        return ZRELAY_EINVAL;
    return s_say(m, &(settle_t){.worker = worker, .verb = ZR_SETTLE_REJECT, .reason = (char *)reason}, seq);
}
