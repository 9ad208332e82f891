#include "batch.h"

#include <utlist.h>

#include "clock.h"
#include "fatal.h"
#include "group_pack.h"
#include "groups.h"
#include "state.h"

enum { OBJECT_BYTES = 1024 }; /* of an answer to a JSON publish, about */
enum { SLACK = 64 };          /* bytes that zr_deliver_add_plain needs beyond an entry */

static pass_t *s_current(batch_t *batch) {
    if (!batch->current) {
        FATAL_UNLESS(!batch->waiting || batch->waiting->number > batch->failing); /* its positions would be void */
        pass_t *pass = batch->spare ? batch->spare : fatal_calloc(sizeof *pass);
        batch->spare = NULL;
        pass->number = ++batch->last_number;
        batch->current = pass;
    }
    return batch->current;
}

static void s_pass_free(pass_t *pass) {
    if (!pass)
        return;
    for (size_t i = 0; i < pass->frame_count; i++)
        zr_blob_unref(pass->frames[i].frame);
    for (size_t i = 0; i < pass->answer_count; i++)
        json_decref(pass->answers[i].object);
    for (size_t i = 0; i < pass->settled_count; i++)
        zr_blob_unref(pass->settled[i].frame);
    free(pass->groups);
    free(pass->settled);
    free(pass->forgets);
    free(pass->frames);
    free(pass->answers);
    free(pass->parts);
    free(pass->touched);
    free(pass);
}

void batch_recycle(batch_t *batch, pass_t *pass) {
    if (batch->spare)
        s_pass_free(pass);
    else
        batch->spare = pass;
}

void batch_finish(batch_t *batch) {
    pass_t *pass, *next;
    DL_FOREACH_SAFE(batch->waiting, pass, next)
    s_pass_free(pass);
    s_pass_free(batch->current);
    s_pass_free(batch->spare);
    *batch = (batch_t){0};
}

/* The room's open frame is done: to the log with it. The room stays in the list of open ones until the flush. */
static void s_close(relay_t *relay, room_t *room) {
    pass_t *pass = s_current(&relay->batch);
    FATAL_GROW(pass->frames, pass->frame_count, pass->frame_size);
    size_t before = room->open_before, len = room->open.len;
    room->open_before = len > before ? len : before - (before - len) / 8;
    zr_blob_t *frame = zr_buffer_to_blob(&room->open);
    pass->frames[pass->frame_count++] =
        (batch_frame_t){.room = room, .frame = frame, .last = room->head, .keyed = room->open_keyed};
    room->unstored++;
    meter_add(&room->meter, room->open_count, len, relay->now);
    meter_add(&relay->meter, room->open_count, len, relay->now);
    if (room->level != ZR_LEVEL_NONE)
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_APPEND,
                                      .append = {.room = zr_span_of(zr_blob_data(frame), room->name_len),
                                          .first = room->open_first,
                                          .last = room->head,
                                          .prev = room->open_prev,
                                          .count = room->open_count,
                                          .time = room->last_time,
                                          .keyed = room->open_keyed,
                                          .level = room->level,
                                          .frame = zr_blob_ref(frame)}});
    room->open_count = 0;
}

/* Begins the room's frame. It reserves twice the size of its recent largest frames, as growing may copy; the rest is
 * given back. It reserves no more than a frame may have, as the system is slow with larger pieces. */
static void s_open(relay_t *relay, room_t *room, uint64_t first) {
    if (!room->next_open) {
        room->next_open = relay->batch.open ? relay->batch.open : room; /* the last one points to itself */
        relay->batch.open = room;
    }
    room->open_most = frame_limit(&room->open_limit, relay->config.batch_bytes);
    size_t wanted = 2 * room->open_before, most = room->open_most + SLACK;
    zr_buffer_reserve(&room->open, wanted < most ? wanted : most);
    zr_deliver_begin(&room->open, room_name(room), 0, relay->config.epoch, room->head);
    room->open_first = first;
    room->open_prev = room->head;
    room->open_keyed = false;
}

/* The next entry does not fit into the room's frame. */
static void s_close_full(relay_t *relay, room_t *room) {
    frame_limit_fill(&room->open_limit, relay->config.batch_bytes);
    s_close(relay, room);
}

/* An entry of `size` bytes has this position in the room's frame, which is begun if need be. */
static inline uint64_t s_place_at(relay_t *relay, room_t *room, size_t size, uint64_t seq) {
    FATAL_UNLESS(seq > room->head);
    if (room->open_count > 0 && room->open.len + size > room->open_most)
        s_close_full(relay, room);
    if (room->open_count == 0)
        s_open(relay, room, seq);
    room->open_count++;
    room->head = seq;
    relay->stats.entries++;
    return seq;
}

static inline uint64_t s_place(relay_t *relay, room_t *room, size_t size) {
    return s_place_at(relay, room, size, relay->log->engine->next_seq(relay->log, room_name(room), room->head));
}

/* Times stand still when the clock is set back a little. If they are far ahead, the clock was wrong before, and they
 * follow it: else they would stand still for years. */
static inline uint64_t s_time(const room_t *room, uint64_t now) {
    bool little = room->last_time > now && room->last_time - now <= ZR_CLOCK_SLACK;
    return little ? room->last_time : now;
}

static void s_add(room_t *room, zr_entry_t *entry, uint64_t time) {
    entry->time = room->last_time = s_time(room, time);
    zr_deliver_add(&room->open, entry);
    room->open_keyed |= entry->key.len > 0;
}

void batch_add(relay_t *relay, room_t *room, zr_entry_t *entry, uint64_t now) {
    entry->seq = s_place(relay, room, zr_entry_size(entry));
    s_add(room, entry, now);
}

void batch_add_kept(relay_t *relay, room_t *room, zr_entry_t *entry) {
    s_place_at(relay, room, zr_entry_size(entry), entry->seq);
    s_add(room, entry, entry->time);
}

bool batch_add_plain(
    relay_t *relay, room_t *room, zr_publish_reader_t *reader, zr_span_t sender, uint64_t now, batch_added_t *added) {
    zr_deliver_plain_t plain;
    zr_span_t body;
    uint64_t mid;
    *added = (batch_added_t){0};
    uint64_t time = s_time(room, now);
    zr_deliver_plain(&plain, time, sender);
    while (zr_publish_next_plain(reader, &mid, &body)) {
        uint64_t seq = s_place(relay, room, ZR_DELIVER_ENTRY_FIXED + sender.len + body.len);
        room->last_time = time;
        zr_deliver_add_plain(&room->open, &plain, seq, body);
        *added = (batch_added_t){mid, seq};
    }
    return added->mid > 0;
}

static batch_answer_t *s_answer(relay_t *relay, session_t *session) {
    pass_t *pass = s_current(&relay->batch);
    FATAL_GROW(pass->answers, pass->answer_count, pass->answer_size);
    session->answer_pass = pass->number;
    session->answer = pass->answer_count;
    batch_answer_t *answer = &pass->answers[pass->answer_count++];
    *answer = (batch_answer_t){.session = session->id, .link = session->link};
    memcpy(answer->client, session->client->id, ZR_CLIENT_ID_LEN);
    return answer;
}

static size_t s_part_add(pass_t *pass, const room_t *room, uint64_t first, uint64_t last, bool fresh) {
    FATAL_GROW(pass->parts, pass->part_count, pass->part_size);
    pass->parts[pass->part_count] = (batch_part_t){.first = first, .last = last, .fresh = fresh, .room = room};
    return pass->part_count++;
}

/* The last ack of the session speaks of `first` … `last` too. */
static void s_join(
    pass_t *pass, batch_answer_t *answer, const session_t *session, const room_t *room, uint64_t first, uint64_t last) {
    batch_part_t *part = &pass->parts[answer->last_part];
    /* An id between two that were resent may have been refused before. */
    if (part->room == room && !session->answer_parted && (room || first == part->last + 1)) {
        part->last = last;
        return;
    }
    size_t added = s_part_add(pass, room, first, last, room != NULL);
    pass->parts[answer->last_part].next = added;
    answer->last_part = added;
}

void batch_ack(
    relay_t *relay, session_t *session, const room_t *room, uint64_t first, const zr_ack_t *ack, bool alone) {
    pass_t *pass = s_current(&relay->batch);
    batch_answer_t *last = session->answer_pass == pass->number ? &pass->answers[session->answer] : NULL;
    if (!alone && last && !last->closed && last->link == session->link && last->ack.level == ack->level) {
        s_join(pass, last, session, room, first, ack->upto);
        if (ack->upto > last->ack.upto) /* a resend may name an earlier one: it is answered by the later too */
            last->ack = *ack;
    } else {
        batch_answer_t *answer = s_answer(relay, session);
        answer->ack = *ack;
        answer->part = answer->last_part = s_part_add(pass, room, first, ack->upto, room != NULL);
        answer->closed = alone;
    }
    session->answer_parted = false;
}

void batch_refused(session_t *session) {
    session->answer_parted = true;
}

void batch_answer(relay_t *relay, session_t *session, json_t *object, uint64_t mid, bool fresh) {
    batch_answer_t *answer = s_answer(relay, session);
    answer->object = object;
    relay->batch.current->object_count++;
    answer->part = answer->last_part = s_part_add(relay->batch.current, NULL, mid, mid, fresh);
    answer->closed = true;
}

uint64_t batch_check(relay_t *relay) {
    pass_t *pass = s_current(&relay->batch);
    pass->check = true;
    return pass->number;
}

void batch_refusal(relay_t *relay, session_t *session, json_t *object, uint64_t first, uint64_t last) {
    batch_answer(relay, session, object, last, false);
    pass_t *pass = relay->batch.current;
    pass->parts[pass->answers[session->answer].part].first = first;
    batch_check(relay);
}

void batch_touch(relay_t *relay, client_t *client) {
    if (!relay->log->engine->restore)
        return; /* a log that forgets everything remembers nobody */
    pass_t *pass = s_current(&relay->batch);
    if (client->touched == pass->number)
        return;
    client->touched = pass->number;
    FATAL_GROW(pass->touched, pass->touched_count, pass->touched_size);
    memcpy(pass->touched[pass->touched_count++], client->id, ZR_CLIENT_ID_LEN);
}

void batch_group(relay_t *relay, room_group_t *group) {
    pass_t *pass = s_current(&relay->batch);
    if (group->touched == pass->number)
        return;
    group->touched = pass->number;
    group->passes++;
    FATAL_GROW(pass->groups, pass->group_count, pass->group_size);
    pass->groups[pass->group_count++].group = group;
}

void batch_settled(relay_t *relay, const session_t *session, zr_blob_t *frame, uint32_t worker, uint64_t number) {
    pass_t *pass = s_current(&relay->batch);
    FATAL_GROW(pass->settled, pass->settled_count, pass->settled_size);
    pass->settled[pass->settled_count++] = (batch_settled_t){
        .session = session->id, .link = session->link, .frame = frame, .worker = worker, .number = number};
}

void batch_forget(relay_t *relay, room_t *room) {
    FATAL_UNLESS(!room->going && room->unstored == 0 && room->open_count == 0);
    pass_t *pass = s_current(&relay->batch);
    FATAL_GROW(pass->forgets, pass->forget_count, pass->forget_size);
    pass->forgets[pass->forget_count++] = room;
    room->going = true;
    room->going_at = room->head;
    log_forget_t *forget = fatal_calloc(sizeof *forget);
    forget->head = room->head;
    forget->room_len = room->name_len;
    memcpy(forget->room, room->name, room->name_len);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_FORGET, .forget = forget});
}

/* Bytes of memory that the pass holds besides its frames, which the log counts. Resends have no frame at all. */
static size_t s_held(const pass_t *pass) {
    return sizeof *pass + pass->forget_count * sizeof *pass->forgets + pass->frame_count * sizeof *pass->frames +
           pass->answer_count * sizeof *pass->answers + pass->part_count * sizeof *pass->parts +
           pass->settled_count * sizeof *pass->settled + pass->group_count * sizeof *pass->groups +
           pass->touched_count * sizeof *pass->touched + pass->object_count * OBJECT_BYTES;
}

/* The states of groups, of rooms that an engine keeps over restarts. */
static void s_commit_groups(relay_t *relay, pass_t *pass, log_commit_t *commit) {
    for (size_t i = 0; i < pass->group_count; i++)
        pass->groups[i].finished = groups_commit(relay, pass->groups[i].group);
    if (!pass->group_count || !relay->log->engine->restore)
        return;
    commit->groups = fatal_calloc(pass->group_count * sizeof *commit->groups);
    for (size_t i = 0; i < pass->group_count; i++) {
        room_group_t *group = pass->groups[i].group;
        const room_t *room = group->room;
        if (room->level != relay->log->level)
            continue;
        log_group_t *stored = &commit->groups[commit->group_count++];
        memcpy(stored->room, room->name, room->name_len);
        stored->room_len = room->name_len;
        memcpy(stored->name, group->group.name, group->group.name_len);
        stored->name_len = group->group.name_len;
        stored->state = group->going ? NULL : group_pack(&group->group);
    }
}

static log_commit_t s_commit(relay_t *relay, pass_t *pass) {
    log_commit_t commit = {.pass = pass->number, .check = pass->check, .held = s_held(pass)};
    if (pass->touched_count)
        commit.marks = fatal_calloc(pass->touched_count * sizeof *commit.marks);
    for (size_t i = 0; i < pass->touched_count; i++) {
        client_t *client = dedupe_find(&relay->dedupe, zr_span_of(pass->touched[i], ZR_CLIENT_ID_LEN));
        if (!client || client->touched != pass->number)
            continue; /* forgotten meanwhile, as there were too many; or made anew since then, and named already */
        client->touched = 0;
        log_mark_t *mark = &commit.marks[commit.mark_count++];
        memcpy(mark->client, client->id, ZR_CLIENT_ID_LEN);
        mark->mark = client->mark;
        mark->refusals = client->refused ? dedupe_encode(client) : NULL;
        client->refused = false;
    }
    s_commit_groups(relay, pass, &commit);
    return commit;
}

void batch_flush(relay_t *relay) {
    batch_t *batch = &relay->batch;
    for (room_t *room = batch->open, *next; room; room = next) {
        next = room->next_open == room ? NULL : room->next_open;
        room->next_open = NULL;
        if (room->open_count == 0)
            continue;
        frame_limit_end_pass(&room->open_limit, room->open.len, relay->config.batch_bytes);
        s_close(relay, room);
    }
    batch->open = NULL;
    pass_t *pass = batch->current;
    if (!pass)
        return;
    DL_APPEND(batch->waiting, pass);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_COMMIT, .commit = s_commit(relay, pass)});
    batch->current = NULL;
}
