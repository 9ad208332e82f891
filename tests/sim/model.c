#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "client.h"
#include "control.h"
#include "sim.h"

static const char *const s_rooms[ROOMS] = {"r", "r/a", "s", "r/ab"};

const char *room_text(unsigned room) {
    return s_rooms[room];
}

int room_number(zr_span_t name) {
    for (int i = 0; i < ROOMS; i++)
        if (zr_span_equal(name, zr_span(s_rooms[i])))
            return i;
    return -1;
}

void model_init(model_t *model) {
    *model = (model_t){.epochs = world_calloc(EPOCHS_MAX * sizeof *model->epochs)};
    model->messages = world_grow(NULL, &model->message_size, sizeof *model->messages);
    model->message_count = 1; /* tag 0 is no message */
}

void model_finish(model_t *model) {
    for (unsigned i = 0; i < model->epoch_count; i++)
        for (unsigned r = 0; r < ROOMS; r++) {
            free(model->epochs[i].rooms[r].records);
            free(model->epochs[i].rooms[r].values);
        }
    free(model->epochs);
    free(model->messages);
    free(model->keys);
    free(model->commits);
}

void model_epoch(sim_t *sim, const char *text, zr_level_t level) {
    model_t *model = &sim->model;
    epoch_t *epoch = &model->epochs[model->epoch_count++];
    snprintf(epoch->text, sizeof epoch->text, "%s", text);
    model->commit_count = 0;
    model->gathering = (commit_t){0};
    model->level = level;
}

epoch_t *model_now(sim_t *sim) {
    return &sim->model.epochs[sim->model.epoch_count - 1];
}

static uint64_t s_bit(const sim_t *sim) {
    return 1ULL << (sim->model.epoch_count - 1);
}

int model_epoch_find(const model_t *model, const char *text) {
    for (unsigned i = model->epoch_count; i-- > 0;)
        if (strcmp(model->epochs[i].text, text) == 0)
            return (int)i;
    return -1;
}

uint64_t model_message(sim_t *sim, const message_t *message) {
    model_t *model = &sim->model;
    if (model->message_count == model->message_size)
        model->messages = world_grow(model->messages, &model->message_size, sizeof *model->messages);
    model->messages[model->message_count] = *message;
    return model->message_count++;
}

int model_key(sim_t *sim, unsigned room) {
    model_t *model = &sim->model;
    if (model->key_count == model->key_size)
        model->keys = world_grow(model->keys, &model->key_size, sizeof *model->keys);
    model->keys[model->key_count] = (shared_key_t){.room = room};
    return (int)model->key_count++;
}

/* --- Decoding --- */

int model_key_number(zr_span_t key) {
    if (key.len == 0)
        return NO_KEY;
    if (key.ptr[0] != 'k' || key.len > 9)
        return -2;
    int number = 0;
    for (size_t i = 1; i < key.len; i++)
        number = 10 * number + (key.ptr[i] - '0');
    return number;
}

uint64_t model_tag(const sim_t *sim, zr_span_t body, bool deleted, int key) {
    const model_t *model = &sim->model;
    if (deleted)
        return key >= 0 && (size_t)key < model->key_count ? model->keys[key].deletion : 0;
    uint64_t tag = 0;
    for (size_t i = 0; i < body.len && body.ptr[i] != ':'; i++)
        tag = 10 * tag + (uint64_t)(body.ptr[i] - '0');
    return tag < model->message_count ? tag : 0;
}

size_t model_upto(const model_room_t *room, uint64_t seq) {
    size_t low = 0, high = room->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (room->records[middle].seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const record_t *model_record(const model_room_t *room, uint64_t seq) {
    size_t upto = model_upto(room, seq);
    return upto > 0 && room->records[upto - 1].seq == seq ? &room->records[upto - 1] : NULL;
}

/* Of the first `count` records. */
static uint64_t s_head(const model_room_t *room, size_t count) {
    return count > room->first ? room->records[count - 1].seq : room->base;
}

uint64_t model_head(const model_room_t *room) {
    return s_head(room, room->stored);
}

bool model_same(const sim_t *sim, const record_t *record, uint64_t tag, int key, uint64_t time, bool deleted) {
    (void)sim;
    return record->tag == tag && record->key == key && record->time == time &&
           ((record->flags & ZR_ENTRY_DELETE) != 0) == deleted;
}

/* --- What goes to the log --- */

static uint64_t *s_value(model_room_t *room, int key) {
    if ((size_t)key >= room->value_count) {
        size_t count = (size_t)key + 16;
        room->values = realloc(room->values, count * sizeof *room->values);
        memset(room->values + room->value_count, 0, (count - room->value_count) * sizeof *room->values);
        room->value_count = count;
    }
    return &room->values[key];
}

/* Of rooms of a lower level the broker does not know what there was before it began. */
static bool s_known_begin(sim_t *sim, unsigned number, uint64_t prev) {
    return prev == 0 || model_level(sim, number) == sim->model.level || broker_log(sim)->base == 0;
}

static void s_append_entry(sim_t *sim, unsigned number, const zr_entry_t *entry, uint64_t prev) {
    world_t *world = &sim->world;
    model_room_t *room = &model_now(sim)->rooms[number];
    bool begins = room->count == room->first && s_known_begin(sim, number, prev);
    bool deleted = entry->flags & ZR_ENTRY_DELETE;
    int key = model_key_number(entry->key);
    uint64_t tag = model_tag(sim, entry->body, deleted, key);
    uint64_t last_time = room->count ? room->records[room->count - 1].time : 0;
    message_t *message = &sim->model.messages[tag];
    if (tag == 0 || message->room != number || message->key != key || message->deletes != deleted)
        world_fail(world, "I5", "an entry was stored in %s that nobody published: seq %llu", s_rooms[number],
            (unsigned long long)entry->seq);
    else if (message->appended & s_bit(sim))
        world_fail(world, "I5", "message %llu of %s%u (mid %llu) was stored twice in one epoch, now at seq %llu",
            (unsigned long long)tag, message->client ? "c" : "HTTP",
            message->client ? client_number(message->client) : 0, (unsigned long long)message->mid,
            (unsigned long long)entry->seq);
    else if (message->client && message->refused & s_bit(sim)) /* a request is sent again by another session */
        world_fail(world, "I5", "message %llu was refused and then stored", (unsigned long long)tag);
    else if (message->compares && *s_value(room, key) != message->expect)
        world_fail(world, "I5", "compare-and-set %llu expected seq %llu but the value of k%d stood at %llu",
            (unsigned long long)tag, (unsigned long long)message->expect, key, (unsigned long long)*s_value(room, key));
    else if (entry->seq <= prev || entry->time < last_time)
        world_fail(world, "I1", "seq or time does not rise in %s at seq %llu", s_rooms[number],
            (unsigned long long)entry->seq);
    message->appended |= s_bit(sim);
    if (key >= 0)
        *s_value(room, key) = deleted ? 0 : entry->seq;
    if (room->count == room->size)
        room->records = world_grow(room->records, &room->size, sizeof *room->records);
    record_t *record = &room->records[room->count++];
    *record = (record_t){.begins = begins,
        .seq = entry->seq,
        .prev = prev,
        .time = entry->time,
        .tag = tag,
        .flags = entry->flags,
        .key = key};
    memcpy(record->sender, entry->sender.ptr, entry->sender.len);
}

/* Takes in the entries of a frame; `append` describes it, NULL: nobody does. */
static void s_take_in(sim_t *sim, zr_span_t frame, const log_append_t *append) {
    world_t *world = &sim->world;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame) || room_number(reader.room) < 0) {
        world_fail(world, "I1", "an append that cannot be read");
        return;
    }
    unsigned number = (unsigned)room_number(reader.room);
    model_room_t *room = &model_now(sim)->rooms[number];
    uint64_t head = s_head(room, room->count), prev = reader.prev, first = 0;
    size_t count = 0;
    bool keyed = false;
    uint64_t time = 0;
    if (sim->params.forget_after_ms && room->count == room->first && prev > head)
        head = room->base = room->oldest = prev; /* above all rooms that were forgotten */
    if (prev != head)
        world_fail(world, "I2", "%s: an append names prev %llu after seq %llu", s_rooms[number],
            (unsigned long long)prev, (unsigned long long)head);
    while (zr_deliver_next(&reader, &entry)) {
        s_append_entry(sim, number, &entry, prev);
        prev = entry.seq;
        first = first ? first : entry.seq;
        keyed |= entry.key.len > 0;
        time = entry.time;
        count++;
    }
    if (append && (reader.failed || count != append->count || first != append->first || prev != append->last ||
                      head != append->prev || !zr_span_equal(append->room, zr_span(s_rooms[number])) ||
                      keyed != append->keyed || time != append->time || append->level != model_level(sim, number)))
        world_fail(world, "I1", "an append that does not describe its frame");
    world_trace(world, "broker append %s %llu..%llu after %llu", s_rooms[number], (unsigned long long)first,
        (unsigned long long)prev, (unsigned long long)head);
}

void model_append(sim_t *sim, const log_append_t *append) {
    s_take_in(sim, zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame)), append);
}

/* A frame of a room that is relayed only: it is known when it is seen, and gone. */
static void s_relayed(sim_t *sim, unsigned number, zr_span_t frame) {
    s_take_in(sim, frame, NULL);
    model_room_t *room = &model_now(sim)->rooms[number];
    for (; room->stored < room->count; room->stored++)
        sim->model.messages[room->records[room->stored].tag].stored |= s_bit(sim);
    room->oldest = s_head(room, room->count);
}

/* The broker wants to forget a room: may it? */
void model_forget(sim_t *sim, const log_forget_t *forget, uint64_t now) {
    world_t *world = &sim->world;
    int number = room_number(zr_span_of(forget->room, forget->room_len));
    model_room_t *room = number < 0 ? NULL : &model_now(sim)->rooms[number];
    if (!room || !sim->params.forget_after_ms) {
        world_fail(world, "forget", "a room is forgotten that cannot be");
        return;
    }
    world_trace(world, "broker forgets %s at %llu", s_rooms[number], (unsigned long long)forget->head);
    const record_t *last = room->count > room->first ? &room->records[room->count - 1] : NULL;
    for (size_t key = 0; key < room->value_count; key++)
        if (room->values[key])
            world_fail(world, "forget", "%s is forgotten and k%zu has a value", s_rooms[number], key);
    if (!last)
        return; /* it is not known to have anything */
    bool old = sim->params.max_age && now - last->time > sim->params.max_age;
    if (room->stored < room->count || last->seq != forget->head)
        world_fail(world, "forget", "%s is forgotten at %llu and stands at %llu", s_rooms[number],
            (unsigned long long)forget->head, (unsigned long long)last->seq);
    else if (now - last->time <= sim->params.forget_after_ms * MS)
        world_fail(world, "forget", "%s is forgotten too early", s_rooms[number]);
    else if (!old && room->oldest < last->seq)
        world_fail(world, "forget", "%s is forgotten and has entries to be kept", s_rooms[number]);
    sim->model.gathering.forgets[number] = true;
    sim->model.gathering.forgotten[number] = room->count;
}

/* The room is forgotten: its old entries are gone, and those appended since begin the room. */
static void s_forgotten(sim_t *sim, unsigned number, size_t records) {
    model_room_t *room = &model_now(sim)->rooms[number];
    uint64_t head = s_head(room, records);
    room->first = records;
    room->base = head;
    if (room->oldest < head)
        room->oldest = head;
    if (room->count > records)
        room->records[records].begins = s_known_begin(sim, number, head);
}

bool model_fresh(const sim_t *sim, const model_room_t *room) {
    return sim->params.forget_after_ms && room->stored == room->first;
}

void model_commit(sim_t *sim, uint64_t pass) {
    model_t *model = &sim->model;
    if (model->commit_count == model->commit_size)
        model->commits = world_grow(model->commits, &model->commit_size, sizeof *model->commits);
    commit_t *commit = &model->commits[model->commit_count++];
    *commit = model->gathering;
    model->gathering = (commit_t){0};
    commit->number = pass;
    for (unsigned r = 0; r < ROOMS; r++)
        commit->counts[r] = model_now(sim)->rooms[r].count;
}

void model_stored(sim_t *sim, uint64_t pass) {
    model_t *model = &sim->model;
    if (model->commit_count == 0 || model->commits[0].number != pass) {
        world_fail(&sim->world, "sim", "the log stored pass %llu out of order", (unsigned long long)pass);
        return;
    }
    for (unsigned r = 0; r < ROOMS; r++) {
        model_room_t *room = &model_now(sim)->rooms[r];
        for (; room->stored < model->commits[0].counts[r]; room->stored++)
            model->messages[room->records[room->stored].tag].stored |= s_bit(sim);
        if (model->commits[0].forgets[r])
            s_forgotten(sim, r, model->commits[0].forgotten[r]);
    }
    memmove(model->commits, model->commits + 1, --model->commit_count * sizeof *model->commits);
}

/* --- What goes to peers --- */

/* Entries `from` on of `room` are what the frame holds, all of them stored. Returns how many. */
static size_t s_check_entries(sim_t *sim, zr_deliver_reader_t *reader, bool run) {
    int number = room_number(reader->room);
    model_room_t *room = number < 0 ? NULL : &model_now(sim)->rooms[number];
    uint64_t prev = reader->prev;
    zr_entry_t entry;
    size_t count = 0;
    char epoch[17];
    snprintf(epoch, sizeof epoch, "%016" PRIx64, reader->epoch);
    if (strcmp(epoch, model_now(sim)->text) != 0)
        world_fail(&sim->world, "I9", "a frame of epoch %s leaves the broker of %s", epoch, model_now(sim)->text);
    for (; room && zr_deliver_next(reader, &entry); count++) {
        const record_t *record = model_record(room, entry.seq);
        int key = model_key_number(entry.key);
        bool deleted = entry.flags & ZR_ENTRY_DELETE;
        if (!record || !model_same(sim, record, model_tag(sim, entry.body, deleted, key), key, entry.time, deleted))
            world_fail(&sim->world, "I1", "%s: seq %llu leaves the broker as what the log does not have",
                s_rooms[number], (unsigned long long)entry.seq);
        else if (entry.seq > model_head(room))
            world_fail(&sim->world, "I4", "%s: seq %llu leaves the broker before it is stored", s_rooms[number],
                (unsigned long long)entry.seq);
        else if (run && record->prev != prev)
            world_fail(&sim->world, "I2", "%s: a frame names prev %llu for seq %llu, the truth is %llu",
                s_rooms[number], (unsigned long long)prev, (unsigned long long)entry.seq,
                (unsigned long long)record->prev);
        prev = entry.seq;
    }
    if (!room || reader->failed || count == 0)
        world_fail(&sim->world, "I1", "a delivery that cannot be read leaves the broker");
    return count;
}

void model_publish(sim_t *sim, zr_span_t frame) {
    zr_span_t name, json;
    zr_deliver_reader_t reader;
    if (zr_back_read(frame, &name, &json) != ZR_BACK_ENTRIES || !zr_deliver_read(&reader, frame))
        return;
    uint64_t prev = reader.prev;
    if (room_number(name) >= 0 && model_level(sim, (unsigned)room_number(name)) == ZR_LEVEL_NONE)
        s_relayed(sim, (unsigned)room_number(name), frame);
    size_t count = s_check_entries(sim, &reader, true);
    if (sim->world.failed)
        return;
    model_room_t *room = &model_now(sim)->rooms[room_number(name)];
    if (sim->params.rights) /* while it was private others were not on the back */
        room->published = model_upto(room, prev);
    uint64_t before = s_head(room, room->published);
    if (prev != before)
        world_fail(&sim->world, "I1", "%.*s: published after seq %llu instead of %llu", (int)name.len, name.ptr,
            (unsigned long long)prev, (unsigned long long)before);
    room->published += count;
}

static void s_check_ack(sim_t *sim, const client_t *client, const zr_ack_t *ack) {
    size_t at = client_sent_from(client, ack->upto);
    if (at < client->sent_count && client->sent[at].mid == ack->upto) {
        unsigned room = sim->model.messages[client->sent[at].tag].room;
        if (ack->level != model_level(sim, room))
            world_fail(&sim->world, "I4", "an ack at level %d from %s of level %d", ack->level, s_rooms[room],
                model_level(sim, room));
    }
    for (size_t i = client->told; i < client->sent_count && client->sent[i].mid <= ack->upto; i++) {
        const message_t *message = &sim->model.messages[client->sent[i].tag];
        if (message->told == TOLD_NOTHING && !((message->stored | message->refused) & s_bit(sim)))
            world_fail(&sim->world, "I5", "c%u: mid %llu is acked and neither stored nor refused", client->number,
                (unsigned long long)client->sent[i].mid);
    }
}

static void s_check_error(sim_t *sim, const client_t *client, zr_span_t frame) {
    json_t *error = NULL;
    if (zr_control_read(frame, &error) != ZR_OK) {
        world_fail(&sim->world, "sim", "an error that cannot be read");
        return;
    }
    uint64_t mid = (uint64_t)json_integer_value(json_object_get(error, "mid")), upto = mid;
    const char *code = json_string_value(json_object_get(error, "code"));
    if (json_object_get(error, "upto"))
        upto = (uint64_t)json_integer_value(json_object_get(error, "upto"));
    for (size_t i = client_sent_from(client, mid); mid && i < client->sent_count && client->sent[i].mid <= upto; i++) {
        message_t *message = &sim->model.messages[client->sent[i].tag];
        if (strcmp(code, "outcome-unknown") == 0)
            continue;
        message->refused |= s_bit(sim);
        message->was_refused = true;
        if (message->appended & s_bit(sim))
            world_fail(&sim->world, "I5", "c%u: mid %llu is refused (%s) though it was stored", client->number,
                (unsigned long long)client->sent[i].mid, code);
    }
    json_decref(error);
}

/* A refusal that nobody was told is as good as none once its session is over, if nothing of that client ever came into
 * a room. */
static void s_check_welcome(sim_t *sim, const client_t *client, zr_span_t frame) {
    model_t *model = &sim->model;
    json_t *welcome = NULL;
    bool read = zr_control_read(frame, &welcome) == ZR_OK, resumed = json_is_true(json_object_get(welcome, "resumed"));
    json_decref(welcome);
    if (!read)
        world_fail(&sim->world, "sim", "a welcome that cannot be read");
    bool lasting = !read || resumed;
    for (size_t i = 1; i < model->message_count && !lasting; i++)
        lasting = model->messages[i].client == client && (model->messages[i].appended & s_bit(sim));
    for (size_t i = 1; i < model->message_count && !lasting; i++)
        if (model->messages[i].client == client && model->messages[i].told == TOLD_NOTHING)
            model->messages[i].refused &= ~s_bit(sim);
}

void model_send(sim_t *sim, const conn_t *conn, zr_span_t frame) {
    zr_ack_t ack;
    zr_deliver_reader_t reader;
    zr_span_t name, json;
    if (frame.ptr[0] == ZR_TYPE_CONTROL) {
        if (zr_span_starts(frame, zr_span("{\"op\":\"error\"")))
            s_check_error(sim, conn->client, frame);
        else if (zr_span_starts(frame, zr_span("{\"op\":\"welcome\"")))
            s_check_welcome(sim, conn->client, frame);
    } else if (zr_ack_read(&ack, frame)) {
        s_check_ack(sim, conn->client, &ack);
    } else if (zr_deliver_read(&reader, frame)) {
        s_check_entries(sim, &reader, !(reader.flags & ZR_FRAME_STATE));
    } else if (zr_back_read(frame, &name, &json) != ZR_BACK_PRESENCE) {
        world_fail(&sim->world, "sim", "an unreadable frame leaves the broker");
    }
}
