#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sim.h"

#define FAIL(client, invariant, ...) world_fail(&(client)->sim->world, invariant, __VA_ARGS__)

ask_t *check_ask(client_t *client, uint64_t request) {
    for (size_t i = 0; i < client->ask_count; i++)
        if (client->asks[i].number == request)
            return &client->asks[i];
    return NULL;
}

static void s_forget(client_t *client, ask_t *ask) {
    check_wished(client);
    free(ask->seqs);
    *ask = client->asks[--client->ask_count];
}

/* --- An entry --- */

static void s_history_entry(client_t *client, ask_t *ask, const record_t *record) {
    bool first = ask->count == 0;
    if (first && !ask->last && record->seq <= ask->after)
        FAIL(client, "I1", "c%u: a history after %" PRIu64 " holds seq %" PRIu64, client->number, ask->after,
            record->seq);
    if (!first && record->seq <= ask->at)
        FAIL(client, "I1", "c%u: a history goes back", client->number);
    /* A hole is right only if the log has forgotten what was there; DONE must say so then. */
    if (!first && record->prev != ask->at)
        ask->first = UINT64_MAX;
    else if (first)
        ask->first = record->begins && ask->after == 0 ? 0 : record->prev;
    ask->at = record->seq;
    ask->count++;
}

static void s_state_entry(client_t *client, ask_t *ask, const record_t *record) {
    if (record->key < 0 || (record->flags & ZR_ENTRY_DELETE))
        FAIL(client, "state", "c%u: a snapshot of %s holds seq %" PRIu64 ", which is no value", client->number,
            room_text(ask->room), record->seq);
    if (ask->seq_count == ask->seq_size)
        ask->seqs = world_grow(ask->seqs, &ask->seq_size, sizeof *ask->seqs);
    ask->seqs[ask->seq_count++] = record->seq;
    ask->count++;
}

static void s_entry(client_t *client, ask_t *ask, const zrelay_event_t *event) {
    if (client->epoch < 0 || (ask->answered >= 0 && ask->answered != client->epoch)) {
        FAIL(client, "I9", "c%u: an answer is mixed from two epochs", client->number);
        return;
    }
    ask->answered = client->epoch;
    const model_room_t *room = &client->sim->model.epochs[client->epoch].rooms[ask->room];
    const record_t *record = model_record(room, event->seq);
    int key = model_key_number(zr_span(event->key));
    uint64_t tag = model_tag(client->sim, zr_span_of(event->body, event->body_len), event->deleted, key);
    if (strcmp(event->room, room_text(ask->room)) != 0 || !record ||
        !model_same(client->sim, record, tag, key, event->time, event->deleted))
        FAIL(client, "I1", "c%u: an answer holds as seq %" PRIu64 " of %s what the log does not", client->number,
            event->seq, event->room);
    else if (ask->kind == ASK_HISTORY)
        s_history_entry(client, ask, record);
    else
        s_state_entry(client, ask, record);
}

/* --- The end --- */

static void s_history_done(client_t *client, const ask_t *ask, const zrelay_event_t *event) {
    const model_room_t *room = &client->sim->model.epochs[client->epoch].rooms[ask->room];
    uint64_t wanted = ask->last ? ask->last : ask->limit;
    bool same = ask->epoch == client->epoch;
    /* Answers of a session that was lost may still arrive and be taken for this one's: then it is told to be
     * incomplete. */
    if (event->count != ask->count || (wanted && ask->count > wanted && event->complete))
        FAIL(client, "I2", "c%u: a history of %" PRIu64 " entries, told as %" PRIu64 ", wanted %" PRIu64,
            client->number, ask->count, event->count, wanted);
    if (!event->complete)
        return;
    if (ask->after && ask->known != client->epoch)
        FAIL(client, "I9", "c%u: a history after a position of another epoch is told to be complete", client->number);
    if (ask->count && ask->first == UINT64_MAX)
        FAIL(client, "I2", "c%u: a history with a hole is told to be complete", client->number);
    if (ask->count && !ask->last && ask->first != ask->after)
        FAIL(client, "I2", "c%u: a history begins after %" PRIu64 " instead of %" PRIu64 " and is told to be complete",
            client->number, ask->first, ask->after);
    bool anew = ask->after == 0 && room->oldest >= ask->head; /* it was forgotten meanwhile, perhaps */
    if (same && !wanted && !anew && ask->head > ask->after && (ask->count ? ask->at : ask->after) < ask->head)
        FAIL(client, "I2", "c%u: a history ends at %" PRIu64 " before the head %" PRIu64, client->number, ask->at,
            ask->head);
    if (same && ask->last && ask->count < ask->last && ask->count + room->first < model_upto(room, ask->head))
        FAIL(client, "I2", "c%u: the last %" PRIu64 " are only %" PRIu64 " and told to be complete", client->number,
            ask->last, ask->count);
}

static bool s_named(const ask_t *ask, uint64_t seq) {
    for (size_t i = 0; i < ask->seq_count; i++)
        if (ask->seqs[i] == seq)
            return true;
    return false;
}

/* Each value at the seq where the snapshot is valid is in it, or was written over later. */
static void s_state_done(client_t *client, const ask_t *ask, const zrelay_event_t *event) {
    const model_room_t *room = &client->sim->model.epochs[client->epoch].rooms[ask->room];
    size_t upto = model_upto(room, event->seq), keys = client->sim->model.key_count;
    uint64_t *values = world_calloc((keys + 1) * sizeof *values);
    if (!event->complete || (ask->answered >= 0 && ask->answered != client->epoch)) {
        free(values);
        return;
    }
    for (size_t i = room->first; i < room->count; i++) {
        const record_t *record = &room->records[i];
        if (record->key < 0 || (ask->key >= 0 && record->key != ask->key))
            continue;
        if (i < upto)
            values[record->key] = record->flags & ZR_ENTRY_DELETE ? 0 : record->seq;
        else
            values[record->key] = 0; /* changed since: either will do */
    }
    for (size_t key = 0; key < keys; key++)
        if (values[key] && !s_named(ask, values[key]))
            FAIL(client, "state", "c%u: the snapshot of %s at %" PRIu64 " lacks k%zu of seq %" PRIu64, client->number,
                room_text(ask->room), event->seq, key, values[key]);
    for (size_t i = 0; i < ask->seq_count; i++) {
        const record_t *record = model_record(room, ask->seqs[i]);
        if (record->seq <= event->seq && values[record->key] && values[record->key] != record->seq)
            FAIL(client, "state", "c%u: the snapshot of %s at %" PRIu64 " has an old value of k%d", client->number,
                room_text(ask->room), event->seq, record->key);
    }
    free(values);
}

void check_answer(client_t *client, ask_t *ask, const zrelay_event_t *event) {
    switch (event->type) {
    case ZRELAY_ENTRY:
        if (ask->kind != ASK_HISTORY && ask->kind != ASK_STATE)
            FAIL(client, "I2", "c%u: an entry answers request %" PRIu64, client->number, event->request);
        else
            s_entry(client, ask, event);
        break;
    case ZRELAY_USER:
        ask->count++;
        break;
    case ZRELAY_ROOM:
        break;
    case ZRELAY_DONE:
        if (ask->kind == ASK_HISTORY)
            s_history_done(client, ask, event);
        else if (ask->kind == ASK_STATE)
            s_state_done(client, ask, event);
        else if (ask->kind == ASK_WHO && event->complete && ask->count != event->count)
            FAIL(client, "presence", "c%u: the answer to who names %" PRIu64 " users and counts %" PRIu64,
                client->number, ask->count, event->count);
        s_forget(client, ask);
        break;
    case ZRELAY_REFUSED:
        if (ask->kind != ASK_DIRECT && !(client->sim->params.rights && strcmp(event->code, "forbidden") == 0))
            FAIL(client, "I2", "c%u: a question is refused: %s", client->number, event->code);
        s_forget(client, ask);
        break;
    default:
        break;
    }
}
