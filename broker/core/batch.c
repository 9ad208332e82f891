#include "batch.h"

#include <utlist.h>

#include "relay_internal.h"

static void *s_grow(void *items, size_t *size, size_t item) {
    *size = *size ? 2 * *size : 16;
    return fatal_realloc(items, *size * item);
}

static pass_t *s_current(batch_t *batch) {
    if (!batch->current) {
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
        zr_blob_unref(pass->answers[i].frame);
    free(pass->frames);
    free(pass->answers);
    free(pass);
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
    if (pass->frame_count == pass->frame_size)
        pass->frames = s_grow(pass->frames, &pass->frame_size, sizeof *pass->frames);
    zr_blob_t *frame = zr_buffer_to_blob(&room->open);
    pass->frames[pass->frame_count++] =
        (batch_frame_t){.room = room, .frame = frame, .last = room->head, .keyed = room->open_keyed};
    room->unstored++;
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_APPEND,
                                  .append = {.room = zr_span_of(zr_blob_data(frame), room->name_len),
                                      .first = room->open_first,
                                      .last = room->head,
                                      .prev = room->open_prev,
                                      .count = room->open_count,
                                      .frame = zr_blob_ref(frame)}});
    room->open_count = 0;
}

uint64_t batch_add(relay_t *relay, room_t *room, const zr_entry_t *given, uint64_t now) {
    size_t size = ZR_DELIVER_ENTRY_FIXED + given->sender.len + given->key.len + given->body.len;
    if (room->open_count > 0 && room->open.len + size > relay->config.batch_bytes)
        s_close(relay, room);

    zr_entry_t entry = *given;
    entry.seq = relay->log->engine->next_seq(relay->log, room_name(room), room->head);
    FATAL_UNLESS(entry.seq > room->head);
    entry.time = room->last_time = now > room->last_time ? now : room->last_time;
    if (room->open_count == 0) {
        if (!room->next_open) {
            room->next_open = relay->batch.open ? relay->batch.open : room; /* the last one points to itself */
            relay->batch.open = room;
        }
        zr_deliver_begin(&room->open, room_name(room), 0, relay->config.epoch, room->head);
        room->open_first = entry.seq;
        room->open_prev = room->head;
        room->open_keyed = false;
    }
    zr_deliver_add(&room->open, &entry);
    room->open_keyed |= entry.key.len > 0;
    room->open_count++;
    room->head = entry.seq;
    relay->stats.entries++;
    return entry.seq;
}

static batch_answer_t *s_answer(relay_t *relay, session_t *session) {
    pass_t *pass = s_current(&relay->batch);
    if (pass->answer_count == pass->answer_size)
        pass->answers = s_grow(pass->answers, &pass->answer_size, sizeof *pass->answers);
    session->answer_pass = pass->number;
    session->answer = pass->answer_count;
    batch_answer_t *answer = &pass->answers[pass->answer_count++];
    *answer = (batch_answer_t){.session = session->id, .link = session->link};
    return answer;
}

void batch_ack(relay_t *relay, session_t *session, const zr_ack_t *ack, bool alone) {
    pass_t *pass = s_current(&relay->batch);
    if (!alone && session->answer_pass == pass->number) {
        batch_answer_t *last = &pass->answers[session->answer];
        if (!last->closed && last->link == session->link && last->ack.level == ack->level) {
            if (ack->upto > last->ack.upto) /* a resend may name an earlier one: it is answered by the later too */
                last->ack = *ack;
            return;
        }
    }
    batch_answer_t *answer = s_answer(relay, session);
    answer->ack = *ack;
    answer->closed = alone;
}

void batch_answer(relay_t *relay, session_t *session, zr_blob_t *frame) {
    batch_answer_t *answer = s_answer(relay, session);
    answer->frame = frame;
    answer->closed = true;
}

void batch_flush(relay_t *relay) {
    batch_t *batch = &relay->batch;
    for (room_t *room = batch->open, *next; room; room = next) {
        next = room->next_open == room ? NULL : room->next_open;
        room->next_open = NULL;
        if (room->open_count > 0)
            s_close(relay, room);
    }
    batch->open = NULL;
    if (!batch->current)
        return;
    DL_APPEND(batch->waiting, batch->current);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_COMMIT, .pass = batch->current->number});
    batch->current = NULL;
}

static void s_publish(relay_t *relay, const batch_frame_t *stored) {
    room_t *room = stored->room;
    room->stored = stored->last;
    room->unstored--;
    if (stored->keyed) {
        zr_deliver_reader_t reader;
        zr_entry_t entry;
        zr_deliver_read(&reader, zr_span_of(zr_blob_data(stored->frame), zr_blob_len(stored->frame)));
        while (zr_deliver_next(&reader, &entry))
            if (entry.key.len)
                keys_store(&room->keys, &entry);
    }
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_PUBLISH, .frame = stored->frame});
    relay->stats.deliveries++;
}

static void s_send(relay_t *relay, const batch_answer_t *answer) {
    session_t *session = session_by_id(&relay->sessions, answer->session);
    /* On another connection an ACK would say that entries were stored whose refusals may be lost with this one, and the
     * answer to a request would pass for the answer to another: the peer asks again, and is told then. */
    if (!session || session->link != answer->link) {
        zr_blob_unref(answer->frame);
        return;
    }
    zr_blob_t *frame = answer->frame;
    if (!frame) {
        frame = zr_blob_new(ZR_ACK_SIZE);
        zr_ack_write(zr_blob_data(frame), &answer->ack);
        relay->stats.acks++;
    }
    send_frame(relay, session->route, frame);
}

void batch_stored(relay_t *relay, uint64_t number) {
    pass_t *pass = relay->batch.waiting;
    FATAL_UNLESS(pass && pass->number == number);
    DL_DELETE(relay->batch.waiting, pass);
    for (size_t i = 0; i < pass->frame_count; i++)
        s_publish(relay, &pass->frames[i]);
    for (size_t i = 0; i < pass->answer_count; i++)
        s_send(relay, &pass->answers[i]);
    pass->frame_count = pass->answer_count = 0;
    if (relay->batch.spare)
        s_pass_free(pass);
    else
        relay->batch.spare = pass;
}
