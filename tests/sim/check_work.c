/* See check_work.h. */
#include "check_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker.h"
#include "check.h"
#include "machine_worker.h"
#include "sim.h"

enum { TIME_MS = 5000 };

#define FAIL(client, ...) world_fail(&(client)->sim->world, "I10", __VA_ARGS__)

static rng_t *s_rng(client_t *client) {
    return &client->sim->work;
}

/* The record in the client's epoch; NULL: it has none. */
static record_t *s_record(const client_t *client, const char *room, uint64_t seq) {
    int number = room_number(zr_span(room));
    if (number < 0 || client->epoch < 0)
        return NULL;
    return (record_t *)model_record(&client->sim->model.epochs[client->epoch].rooms[number], seq);
}

static worker_t *s_worker(client_t *client, uint32_t number) {
    for (unsigned r = 0; r < ROOMS; r++)
        if (client->workers[r].number == number)
            return &client->workers[r];
    return NULL;
}

static const char *s_room(const client_t *client, const worker_t *worker) {
    return room_text((unsigned)(worker - client->workers));
}

/* --- What the program does --- */

/* The entry of an epoch is done, says the program. Of another epoch it has no effect. */
static void s_done(client_t *client, worker_t *worker, int epoch, uint64_t seq) {
    record_t *record = epoch == client->epoch ? s_record(client, s_room(client, worker), seq) : NULL;
    int code = machine_settle(client->driver.machine, worker->number, ZR_SETTLE_DONE, seq, 0);
    if (code == ZRELAY_EINVAL)
        return; /* it was dismissed, and will hear of it */
    if (code != 0)
        FAIL(client, "c%u may not say that an entry is done: %d", client->number, code);
    if (record) {
        if (!record->said)
            client->sim->progress = client->sim->world.now;
        record->said = true;
        record->holder = 0;
    }
}

static void s_finish_jobs(client_t *client, worker_t *worker) {
    while (worker->job_count > 0) {
        worker->job_count--;
        s_done(client, worker, worker->jobs[worker->job_count].epoch, worker->jobs[worker->job_count].seq);
    }
}

/* Its entries go to others. */
static void s_no_worker(client_t *client, worker_t *worker) {
    const char *room = s_room(client, worker);
    int number = room_number(zr_span(room));
    model_room_t *known = client->epoch < 0 ? NULL : &client->sim->model.epochs[client->epoch].rooms[number];
    for (size_t i = 0; known && i < known->count; i++)
        if (known->records[i].holder == client->number + 1)
            known->records[i].holder = 0;
    *worker = (worker_t){0};
}

void work_step(client_t *client) {
    static const char options[] = "{\"time\":5000,\"deliveries\":1000,\"backoff\":1,\"keep\":true}";
    rng_t *rng = s_rng(client);
    unsigned room = (unsigned)rng_below(rng, client->sim->params.rooms);
    worker_t *worker = &client->workers[room];
    uint64_t credit = rng_below(rng, 5);
    if (client->closing)
        return;
    if (!worker->number) {
        check_wished(client);
        int code = machine_work(client->driver.machine, room_text(room), "g", 1 + credit, options, &worker->number);
        if (code != 0)
            FAIL(client, "c%u may not work: %d", client->number, code);
    } else if (worker->job_count > 0) {
        s_finish_jobs(client, worker);
    } else if (rng_chance(rng, 1, 4)) {
        machine_unwork(client->driver.machine, worker->number);
        s_no_worker(client, worker);
    } else {
        check_wished(client);
        machine_credit(client->driver.machine, worker->number, 1 + credit);
    }
}

void work_hurry(client_t *client) {
    for (unsigned r = 0; r < ROOMS; r++)
        if (client->workers[r].number && client->workers[r].job_count > 0) {
            s_finish_jobs(client, &client->workers[r]);
            client_wake(client);
        }
}

/* --- What it is told --- */

static void s_keep(const client_t *client, worker_t *worker, uint64_t seq) {
    worker->jobs[worker->job_count].epoch = client->epoch;
    worker->jobs[worker->job_count++].seq = seq;
}

static void s_on_entry(client_t *client, worker_t *worker, const zrelay_event_t *event) {
    const record_t *record = s_record(client, event->room, event->seq);
    if (!record)
        FAIL(client, "c%u works on an entry that is not there", client->number);
    else if (!client->sim->quiet && worker->job_count < JOBS_MAX && rng_chance(s_rng(client), 1, 4))
        s_keep(client, worker, event->seq);
    else
        s_done(client, worker, client->epoch, event->seq);
}

/* The entry is done, and stored so. Of several entries in one SETTLE the event does not name each. */
static void s_confirm(client_t *client, const worker_t *worker, const zrelay_event_t *event) {
    record_t *record = event->seq == event->upto ? s_record(client, s_room(client, worker), event->seq) : NULL;
    if (record && record->said)
        record->worked = true;
}

bool work_event(client_t *client, const zrelay_event_t *event) {
    if (!event->worker)
        return false;
    worker_t *worker = s_worker(client, event->worker);
    if (!worker) {
        FAIL(client, "c%u: an event of worker %u, which it has not", client->number, event->worker);
        return true;
    }
    switch (event->type) {
    case ZRELAY_WORK:
        s_on_entry(client, worker, event);
        break;
    case ZRELAY_WORKING:
        worker->working = true;
        break;
    case ZRELAY_SETTLED:
        if (event->count == 1)
            s_confirm(client, worker, event);
        break;
    case ZRELAY_UNSETTLED:
        if (strcmp(event->code, "settled") == 0)
            s_confirm(client, worker, event);
        break;
    case ZRELAY_REFUSED:
    case ZRELAY_DISMISSED:
        s_no_worker(client, worker);
        break;
    case ZRELAY_GROUP_LOST: /* the log of all rooms is full */
        break;
    default:
        return false;
    }
    return true;
}

void work_trace_settle(const client_t *client, zr_span_t frame) {
    zr_settle_t settle;
    zr_range_t range;
    if (!zr_settle_read(&settle, frame))
        return;
    while (zr_settle_next(&settle, &range))
        world_trace(&client->sim->world,
            "c%u settles %" PRIu64 "..%" PRIu64 " of worker %u with verb %d, frame %" PRIu64, client->number,
            range.first, range.last, settle.worker, (int)settle.verb, settle.number);
}

/* --- What the broker sends --- */

/* The worker surely lives, and has the entry: nothing can have happened to its session since it was sent. */
static bool s_holds(const sim_t *sim, int room, const record_t *record) {
    const client_t *holder = record->holder ? sim->clients[record->holder - 1] : NULL;
    if (!holder || !holder->driver.machine || holder->workers[room].number != record->worker || holder->closing ||
        holder->driver.frozen || holder->froze >= record->held_at || sim->world.now - record->handed >= TIME_MS * MS)
        return false;
    const conn_t *conn = holder->driver.front.conn;
    return conn && conn->route == record->held_by && !conn->gateway && conn->client_open && conn->broker_open &&
           !conn->hole && conn->stalled < record->held_at;
}

static void s_check_entry(sim_t *sim, const conn_t *conn, uint32_t worker, int number, const zr_entry_t *entry) {
    model_room_t *room = &model_now(sim)->rooms[number];
    record_t *record = (record_t *)model_record(room, entry->seq);
    const client_t *client = conn->client;
    if (!record || entry->seq > model_head(room)) {
        FAIL(client, "c%u is to work on %" PRIu64 " of %s, which is not stored", client->number, entry->seq,
            room_text((unsigned)number));
        return;
    }
    world_trace(&sim->world, "c%u is to work on %" PRIu64 " of %s as worker %u", client->number, entry->seq,
        room_text((unsigned)number), worker);
    if (record->worked)
        FAIL(client, "c%u is to work on %" PRIu64 " of %s, which is done", client->number, entry->seq,
            room_text((unsigned)number));
    if (s_holds(sim, number, record) && record->holder != client->number + 1)
        FAIL(client, "c%u is to work on %" PRIu64 " of %s, which c%u has", client->number, entry->seq,
            room_text((unsigned)number), record->holder - 1);
    record->holder = client->number + 1;
    record->held_by = conn->route;
    record->held_at = sim->world.now;
    record->handed = broker_made(sim);
    record->worker = worker;
}

static void s_check_work(sim_t *sim, const conn_t *conn, uint32_t worker, zr_span_t inner) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    int number = zr_deliver_read(&reader, inner) ? room_number(reader.room) : -1;
    if (number < 0) {
        FAIL(conn->client, "c%u is sent a WORK frame that cannot be", conn->client->number);
        return;
    }
    if (!rights_may(sim, conn->client, (unsigned)number, RIGHT_READ | RIGHT_WORK))
        world_fail(&sim->world, "rights", "c%u is to work in %s, where %s may not", conn->client->number,
            room_text((unsigned)number), conn->client->user);
    while (zr_deliver_next(&reader, &entry))
        s_check_entry(sim, conn, worker, number, &entry);
}

/* The session ends, or its worker does: what the client has may go to others. */
static void s_release(sim_t *sim, const client_t *client) {
    for (unsigned r = 0; r < ROOMS; r++) {
        model_room_t *room = &model_now(sim)->rooms[r];
        for (size_t i = room->first; i < room->count; i++)
            if (room->records[i].holder == client->number + 1)
                room->records[i].holder = 0;
    }
}

static bool s_says(zr_span_t frame, const char *text) {
    return memmem(frame.ptr, frame.len, text, strlen(text));
}

bool work_sent(sim_t *sim, const conn_t *conn, zr_span_t frame) {
    uint32_t worker;
    uint16_t deliveries;
    zr_span_t inner;
    if (frame.ptr[0] == '{' &&
        (s_says(frame, "\"bye\"") || s_says(frame, "\"dismissed\"") || s_says(frame, "\"welcome\"")))
        s_release(sim, conn->client);
    if (frame.ptr[0] == ZR_TYPE_SETTLED)
        return true;
    if (!zr_work_read(frame, &worker, &deliveries, &inner))
        return false;
    s_check_work(sim, conn, worker, inner);
    return true;
}

void work_unsent(sim_t *sim, const client_t *client) {
    s_release(sim, client);
}

/* --- The end --- */

bool work_missing(const client_t *client, unsigned r, char *why, size_t size) {
    const model_room_t *room = &client->sim->model.epochs[client->epoch].rooms[r];
    if (!client->workers[r].working || !rights_may(client->sim, client, r, RIGHT_READ | RIGHT_WORK))
        return false;
    for (size_t i = room->first; i < room->stored; i++) {
        const record_t *record = &room->records[i];
        if (record->seq <= room->oldest || record->said)
            continue;
        snprintf(why, size, "c%u works in %s, and %" PRIu64 " is not done", client->number, room_text(r), record->seq);
        return true;
    }
    return false;
}
