#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_work.h"
#include "sim.h"

#define FAIL(client, invariant, ...) world_fail(&(client)->sim->world, invariant, __VA_ARGS__)

static model_room_t *s_room(const client_t *client, unsigned room) {
    return &client->sim->model.epochs[client->epoch].rooms[room];
}

/* --- Epochs (I9) --- */

static void s_connected(client_t *client, const zrelay_event_t *event) {
    int epoch = model_epoch_find(&client->sim->model, event->epoch);
    client->connected = true;
    client->naming = false;
    snprintf(client->nick, sizeof client->nick, "%s", event->name);
    client_named(client, client->nick);
    if (epoch < 0)
        FAIL(client, "I9", "c%u is connected to an epoch that never was", client->number);
    else if (client->epoch < 0)
        client->epoch = epoch;
    else if (epoch < client->epoch)
        FAIL(client, "I9", "c%u goes back to an older epoch", client->number);
    else if (epoch > client->epoch)
        client->next_epoch = epoch;
}

static void s_epoch(client_t *client, const zrelay_event_t *event) {
    int epoch = model_epoch_find(&client->sim->model, event->epoch);
    if (epoch < 0 || epoch != client->next_epoch) {
        FAIL(client, "I9", "c%u is told of an epoch that does not begin now", client->number);
        return;
    }
    client->epoch = epoch;
    client->next_epoch = -1;
    for (unsigned r = 0; r < ROOMS; r++) {
        reader_t *reader = &client->readers[r];
        reader->gap = false;
        reader->last = 0;
        reader->position = reader->from == ZRELAY_FROM_AFTER ? 0 : reader->position;
    }
}

/* --- Reading (I1, I2) --- */

/* A room that comes up need not be new: its position may have been given up before. It is read from its next entry on. */
static bool s_reads_on(const client_t *client) {
    return client->partly && client->prefix_listed;
}

static void s_joined(client_t *client, const zrelay_event_t *event) {
    int number = room_number(zr_span(event->room));
    if (number < 0) { /* of the prefix itself */
        client->prefix_listed = true;
        return;
    }
    reader_t *reader = &client->readers[number];
    if (!reader->wanted && client->prefix && zr_span_starts(zr_span(event->room), zr_span("r")))
        *reader = (reader_t){.wanted = true,
            .prefixed = true,
            .from = s_reads_on(client) ? ZRELAY_FROM_NOW : client->prefix_from,
            .position = client->prefix_position,
            .silent = true,
            .watches = client->prefix_watches};
    if (!reader->wanted || (reader->live && !reader->prefixed)) {
        FAIL(client, "I2", "c%u joins %s, which it did not ask for", client->number, event->room);
        return;
    }
    reader->live = true;
    reader->forgotten = false;
    reader->count = event->count;
    if (reader->placed)
        return;
    /* Rooms of a prefix are read from their beginning if they are newer than the prefix. */
    reader->choice = reader->prefixed && reader->from != ZRELAY_FROM_AFTER;
    reader->placed = reader->from != ZRELAY_FROM_LAST || reader->position == 0;
    reader->last = reader->from == ZRELAY_FROM_AFTER ? reader->position : event->seq;
}

/* The first entry of a reader says where it begins, unless that is known. */
static void s_place(client_t *client, unsigned room, reader_t *reader, const record_t *record) {
    if (reader->choice && record->begins)
        reader->last = 0;
    reader->choice = false;
    if (!reader->placed && (reader->live || reader->forgotten))
        reader->last = record->prev;
    reader->forgotten = false;
    if (!reader->wanted && client->prefix && (record->begins || s_reads_on(client)))
        *reader = (reader_t){.wanted = true,
            .prefixed = true,
            .last = s_reads_on(client) ? record->prev : 0,
            .from = client->prefix_from,
            .silent = true,
            .watches = client->prefix_watches};
    if (!reader->live && !reader->prefixed)
        FAIL(client, "I2", "c%u gets an entry of %s before it has joined", client->number, room_text(room));
    reader->placed = true;
}

static void s_entry(client_t *client, const zrelay_event_t *event) {
    int number = room_number(zr_span(event->room));
    if (client->epoch < 0 || client->next_epoch >= 0 || number < 0) {
        FAIL(client, "I9", "c%u gets an entry of %s and does not know the epoch", client->number, event->room);
        return;
    }
    unsigned room = (unsigned)number;
    reader_t *reader = &client->readers[room];
    const record_t *record = model_record(s_room(client, room), event->seq);
    int key = model_key_number(zr_span(event->key));
    uint64_t tag = model_tag(client->sim, zr_span_of(event->body, event->body_len), event->deleted, key);
    if (!record || !model_same(client->sim, record, tag, key, event->time, event->deleted) ||
        strcmp(event->sender, record->sender) != 0) {
        FAIL(client, "I1", "c%u gets as seq %" PRIu64 " of %s what the log of epoch %s does not have there",
            client->number, event->seq, event->room, client->sim->model.epochs[client->epoch].text);
        return;
    }
    if (!reader->wanted && !client->prefix) {
        FAIL(client, "I2", "c%u gets an entry of %s, which it does not read", client->number, event->room);
        return;
    }
    s_place(client, room, reader, record);
    if (event->seq <= reader->last)
        FAIL(client, "I1", "c%u gets seq %" PRIu64 " of %s after seq %" PRIu64, client->number, event->seq, event->room,
            reader->last);
    else if (record->prev != reader->last && !(record->begins && reader->last == 0))
        FAIL(client, "I2",
            "c%u gets seq %" PRIu64 " of %s after seq %" PRIu64 ", and was not told that %" PRIu64 " is missing",
            client->number, event->seq, event->room, reader->last, record->prev);
    reader->last = event->seq;
    reader->entries++;
}

/* It reads the room anew from its next entry on, whenever that comes. */
static void s_forgotten(client_t *client, const zrelay_event_t *event) {
    int number = room_number(zr_span(event->room));
    if (client->sim->params.prefix_rooms == 0 || !client->prefix || number < 0)
        FAIL(client, "I2", "c%u forgets %s, though it need not", client->number, event->room);
    client->partly = true;
    if (number < 0 || !client->readers[number].wanted)
        return;
    reader_t before = client->readers[number];
    client_no_reader(client, (unsigned)number);
    client->readers[number] = (reader_t){.wanted = true,
        .prefixed = true,
        .forgotten = true,
        .from = ZRELAY_FROM_NOW,
        .silent = true,
        .watches = before.watches};
}

/* A reader without entries of a room is at the room's beginning; no event tells that. */
static void s_begin_there(const sim_t *sim, const model_room_t *room, reader_t *reader, uint64_t seq) {
    uint64_t begun = model_fresh(sim, room) ? room->oldest : room->base;
    if (reader->placed && reader->last == 0 && seq <= begun)
        reader->last = seq;
}

/* Loss is told only when the log has forgotten. Of a forgotten room the log knows nothing but a position that it is not
 * above, and that position may rise: a reader in the empty room is told of a loss then. */
static void s_lost(client_t *client, const zrelay_event_t *event) {
    int number = room_number(zr_span(event->room));
    reader_t *reader = number < 0 ? NULL : &client->readers[number];
    if (reader && client->epoch >= 0)
        s_begin_there(client->sim, s_room(client, (unsigned)number), reader, event->seq);
    if (!reader || !reader->wanted || client->epoch < 0)
        FAIL(client, "I2", "c%u is told of a loss in %s, which it does not read", client->number, event->room);
    else if (!reader->live)
        FAIL(client, "I2", "c%u is told of a loss in %s before it has joined", client->number, event->room);
    else if ((reader->placed && event->seq != reader->last && !reader->choice) || event->upto <= event->seq)
        FAIL(client, "I2", "c%u is told that %s lost %" PRIu64 "..%" PRIu64 " and is at %" PRIu64, client->number,
            event->room, event->seq, event->upto, reader->last);
    else if (event->upto > s_room(client, (unsigned)number)->oldest &&
             !model_fresh(client->sim, s_room(client, (unsigned)number)) &&
             event->upto > rights_missed(client->sim, client, (unsigned)number))
        FAIL(client, "I2", "c%u is told that %s lost up to %" PRIu64 ", but the log has what is after %" PRIu64,
            client->number, event->room, event->upto, s_room(client, (unsigned)number)->oldest);
    else {
        /* "The last so many" of an empty room begin where it was empty. */
        reader->placed = true;
        reader->last = event->upto;
        reader->choice = false;
    }
}

static void s_gap(client_t *client, const zrelay_event_t *event, bool gap) {
    int number = room_number(zr_span(event->room));
    reader_t *reader = number < 0 ? NULL : &client->readers[number];
    if (reader && client->epoch >= 0)
        s_begin_there(client->sim, s_room(client, (unsigned)number), reader, event->seq);
    if (!reader || !reader->wanted || reader->gap == gap)
        FAIL(client, "I2", "c%u: a gap in %s is told %s", client->number, event->room,
            gap ? "twice" : "to be repaired, and there was none");
    else if (reader->placed && !reader->choice && event->seq != reader->last)
        FAIL(client, "I2", "c%u: a gap in %s is told to be after %" PRIu64 ", but it is at %" PRIu64, client->number,
            event->room, event->seq, reader->last);
    else
        reader->gap = gap;
}

/* --- Publishing (I5) --- */

static void s_tell(client_t *client, size_t index, bool refused, const char *code) {
    sim_t *sim = client->sim;
    message_t *message = &sim->model.messages[client->sent[index].tag];
    uint64_t mid = client->sent[index].mid;
    if (message->told != TOLD_NOTHING) {
        if (refused)
            FAIL(client, "I5", "c%u: mid %" PRIu64 " is refused after it was answered", client->number, mid);
        return;
    }
    message->told = refused ? TOLD_REFUSED : TOLD_STORED;
    client->told_count++;
    if (refused && strcmp(code, "outcome-unknown") != 0 && !message->was_refused)
        FAIL(client, "I5", "c%u: mid %" PRIu64 " is refused by nobody", client->number, mid);
    if (!refused && message->stored == 0)
        FAIL(client, "I5", "c%u: mid %" PRIu64 " is acked and was never stored", client->number, mid);
}

static void s_told(client_t *client, uint64_t first, uint64_t last, bool refused, const char *code) {
    sim_t *sim = client->sim;
    if (client->sent_count == 0 || last > client->sent[client->sent_count - 1].mid || first > last)
        FAIL(client, "I5", "c%u: an answer to mid %" PRIu64 ", which it never sent", client->number, last);
    for (size_t i = first ? client_sent_from(client, first) : client->told;
         i < client->sent_count && client->sent[i].mid <= last; i++)
        s_tell(client, i, refused, code);
    while (
        client->told < client->sent_count && sim->model.messages[client->sent[client->told].tag].told != TOLD_NOTHING)
        client->told++;
}

static void s_acked(client_t *client, const zrelay_event_t *event) {
    sim_t *sim = client->sim;
    s_told(client, 0, event->mid, false, NULL);
    size_t at = client_sent_from(client, event->mid);
    if (sim->world.failed || at == client->sent_count || client->sent[at].mid != event->mid)
        return;
    const sent_t *sent = &client->sent[at];
    const message_t *message = &sim->model.messages[sent->tag];
    if ((int)event->level != (int)model_level(sim, message->room))
        FAIL(client, "I4", "c%u: an ack of level %d from %s of level %d", client->number, event->level,
            room_text(message->room), model_level(sim, message->room));
    if (event->seq == 0)
        return;
    const record_t *record = model_record(s_room(client, message->room), event->seq);
    if (!record || record->tag != sent->tag)
        FAIL(client, "I5", "c%u: mid %" PRIu64 " is acked at seq %" PRIu64 ", where it is not", client->number,
            event->mid, event->seq);
}

static void s_refused(client_t *client, const zrelay_event_t *event) {
    ask_t *ask = event->request ? check_ask(client, event->request) : NULL;
    if (event->mid) {
        s_told(client, event->mid, event->upto, true, event->code);
    } else if (event->request) {
        if (!ask)
            FAIL(client, "I2", "c%u: request %" PRIu64 " is answered twice", client->number, event->request);
        else
            check_answer(client, ask, event);
    } else if (event->room) {
        int number = room_number(zr_span(event->room));
        if (number >= 0)
            client_no_reader(client, (unsigned)number);
        else
            client->prefix = false;
    } else if (strcmp(event->code, "nick-in-use") == 0) {
        client->naming = !client->connected;
    } else if (!client->sim->params.rights || strcmp(event->code, "forbidden") != 0) { /* as it is banned */
        FAIL(client, "sim", "c%u is refused: %s", client->number, event->code);
    }
}

/* --- Presence --- */

/* What the reader was told of that nick. */
static seen_t *s_seen(reader_t *reader, const char *nick, bool *is_new) {
    size_t at = 0;
    while (at < reader->seen_count && strcmp(reader->seen[at].nick, nick) != 0)
        at++;
    *is_new = at == reader->seen_count;
    if (*is_new) {
        if (reader->seen_count == reader->seen_size)
            reader->seen = world_grow(reader->seen, &reader->seen_size, sizeof *reader->seen);
        reader->seen[at] = (seen_t){0};
        snprintf(reader->seen[at].nick, sizeof reader->seen[at].nick, "%s", nick);
        reader->seen_count++;
    }
    return &reader->seen[at];
}

static void s_presence(client_t *client, const zrelay_event_t *event) {
    int number = room_number(zr_span(event->room));
    reader_t *reader = number < 0 ? NULL : &client->readers[number];
    if (!reader || !reader->watches) {
        FAIL(client, "presence", "c%u is told of presence in %s, which it does not watch", client->number, event->room);
        return;
    }
    reader->count = event->count;
    if (!event->name)
        return;
    bool is_new;
    seen_t *seen = s_seen(reader, event->name, &is_new);
    if (!is_new && seen->here == event->joined)
        FAIL(client, "presence", "c%u is told twice that %s %s %s", client->number, event->name,
            event->joined ? "joined" : "left", event->room);
    seen->here = event->joined;
    seen->meta = 0; /* another event tells of one */
}

static void s_meta(client_t *client, const zrelay_event_t *event) {
    int number = room_number(zr_span(event->room));
    reader_t *reader = number < 0 ? NULL : &client->readers[number];
    bool is_new;
    if (!reader || !reader->watches) {
        FAIL(client, "presence", "c%u is told of a meta in %s, which it does not watch", client->number, event->room);
        return;
    }
    seen_t *seen = s_seen(reader, event->name, &is_new);
    if (!is_new && !seen->here)
        FAIL(
            client, "presence", "c%u is told of a meta of %s, which left %s", client->number, event->name, event->room);
    seen->here = true;
    if (sscanf(event->text, "{\"n\":%u}", &seen->meta) != 1)
        seen->meta = 0;
}

/* --- Direct --- */

/* Its text is the nick that it was sent to. */
static void s_direct(client_t *client, const zrelay_event_t *event) {
    char to[ZR_NICK_MAX + 1];
    snprintf(to, sizeof to, "%.*s", (int)event->body_len, (const char *)event->body);
    if (!client_is_named(client, to))
        FAIL(client, "direct", "c%u gets a text for %s", client->number, to);
}

/* --- All of them --- */

static void s_trace(const client_t *client, const zrelay_event_t *event) {
    static const char *const names[] = {"CONNECTED", "DISCONNECTED", "EPOCH", "JOINED", "ENTRY", "GAP", "REPAIRED",
        "LOST", "FORGOTTEN", "ACKED", "REFUSED", "PRESENCE", "DIRECT", "NICK", "USER", "ROOM", "DONE", "QUEUED",
        "UNHEARD", "CLOSED", "META", "WORK", "WORKING", "SETTLED", "UNSETTLED", "DISMISSED", "GROUP_LOST", "GROUP"};
    world_trace(&client->sim->world,
        "c%u %s %s %s %s seq %" PRIu64 " upto %" PRIu64 " mid %" PRIu64 " re %" PRIu64 " count %" PRIu64 "%s%s",
        client->number, names[event->type], event->room ? event->room : "-", event->name ? event->name : "-",
        event->code   ? event->code
        : event->text ? event->text
                      : "-",
        event->seq, event->upto, event->mid, event->request, event->count, event->complete ? " complete" : "",
        event->joined ? " joined" : "");
}

static void s_closed(client_t *client) {
    client->closed = true;
    if (!client->closing)
        FAIL(client, "I2", "c%u was closed and did not want to be", client->number);
    else if (!client->naming && client->told_count != client->sent_count)
        FAIL(client, "I5", "c%u was closed before all was answered", client->number);
}

static void s_answer(client_t *client, const zrelay_event_t *event) {
    ask_t *ask = check_ask(client, event->request);
    if (ask)
        check_answer(client, ask, event);
    else
        FAIL(client, "I2", "c%u: an answer to request %" PRIu64 ", which is not open", client->number, event->request);
}

void check_event(client_t *client, const zrelay_event_t *event) {
    s_trace(client, event);
    if (event->type == ZRELAY_ENTRY)
        client->sim->progress = client->sim->world.now;
    if (client->next_epoch >= 0 && event->type != ZRELAY_EPOCH)
        FAIL(client, "I9", "c%u is not told that the epoch has changed", client->number);
    if (client->closed)
        FAIL(client, "I2", "c%u gets an event after the last", client->number);
    if (work_event(client, event))
        return;
    switch (event->type) {
    case ZRELAY_CONNECTED:
        s_connected(client, event);
        break;
    case ZRELAY_DISCONNECTED:
        client->connected = false;
        break;
    case ZRELAY_EPOCH:
        s_epoch(client, event);
        break;
    case ZRELAY_JOINED:
        s_joined(client, event);
        break;
    case ZRELAY_ENTRY:
        if (event->request)
            s_answer(client, event);
        else
            s_entry(client, event);
        break;
    case ZRELAY_QUEUED:
        if (client->connected || !client->sim->params.tokens)
            FAIL(client, "I2", "c%u hears that it is queued, and nothing is", client->number);
        break;
    case ZRELAY_GAP:
    case ZRELAY_REPAIRED:
        s_gap(client, event, event->type == ZRELAY_GAP);
        break;
    case ZRELAY_LOST:
        s_lost(client, event);
        break;
    case ZRELAY_FORGOTTEN:
        s_forgotten(client, event);
        break;
    case ZRELAY_ACKED:
        s_acked(client, event);
        break;
    case ZRELAY_REFUSED:
        s_refused(client, event);
        break;
    case ZRELAY_PRESENCE_CHANGED:
        s_presence(client, event);
        break;
    case ZRELAY_NICK:
        snprintf(client->nick, sizeof client->nick, "%s", event->name);
        client_named(client, client->nick);
        break;
    case ZRELAY_WORK:
    case ZRELAY_WORKING:
    case ZRELAY_SETTLED:
    case ZRELAY_UNSETTLED:
    case ZRELAY_DISMISSED:
    case ZRELAY_GROUP_LOST:
    case ZRELAY_GROUP:
        FAIL(client, "I10", "c%u: an event of a group that it did not ask for", client->number);
        break;
    case ZRELAY_USER:
    case ZRELAY_ROOM:
    case ZRELAY_DONE:
        s_answer(client, event);
        break;
    case ZRELAY_DIRECT:
        s_direct(client, event);
        break;
    case ZRELAY_META:
        s_meta(client, event);
        break;
    case ZRELAY_UNHEARD:
        break;
    case ZRELAY_CLOSED:
        s_closed(client);
        break;
    }
}
