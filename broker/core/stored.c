/* The second half of batch.h: what happens to a pass once the log has answered. */
#include <utlist.h>

#include "batch.h"
#include "control.h"
#include "relay_internal.h"

/* Each keyed entry of a frame. */
static void s_each_keyed(relay_t *relay, const batch_frame_t *frame, bool ok) {
    if (!frame->keyed)
        return;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(frame->frame), zr_blob_len(frame->frame)));
    while (zr_deliver_next(&reader, &entry)) {
        if (!entry.key.len)
            continue;
        if (ok)
            keys_store(&frame->room->keys, &entry);
        else
            keys_reject(&frame->room->keys, &relay->keys_limits, entry.key);
    }
}

static void s_publish(relay_t *relay, const batch_frame_t *stored) {
    room_t *room = stored->room;
    room->stored = stored->last;
    room->unstored--;
    s_each_keyed(relay, stored, true);
    outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_PUBLISH, .frame = stored->frame});
    relay->stats.deliveries++;
}

/* The frame is in no log: its positions are given anew. */
static void s_reject(relay_t *relay, const batch_frame_t *frame) {
    room_t *room = frame->room;
    s_each_keyed(relay, frame, false);
    zr_blob_unref(frame->frame);
    if (--room->unstored == 0)
        room->head = room->stored;
    room_forget_unused(relay, room);
}

static void s_send_ack(relay_t *relay, const session_t *session, const batch_answer_t *answer) {
    if (answer->object) {
        send_frame(relay, session->route, zr_control_write(json_incref(answer->object)));
        return;
    }
    /* It would say that entries were stored whose refusals may be lost with the connection: the peer resends, and is
     * told then. */
    if (session->link != answer->link)
        return;
    zr_blob_t *frame = zr_blob_new(ZR_ACK_SIZE);
    zr_ack_write(zr_blob_data(frame), &answer->ack);
    relay->stats.acks++;
    send_frame(relay, session->route, frame);
}

static void s_send_refusal(relay_t *relay, const session_t *session, const batch_answer_t *answer) {
    json_t *about = json_object();
    if (answer->first)
        json_object_set_new(about, "mid", json_integer((json_int_t)answer->first));
    if (answer->ack.upto > answer->first)
        json_object_set_new(about, "upto", json_integer((json_int_t)answer->ack.upto));
    if (answer->object) {
        json_object_set(about, "room", json_object_get(answer->object, "room"));
        if (json_object_get(answer->object, "re"))
            json_object_set(about, "re", json_object_get(answer->object, "re"));
    }
    send_error(relay, session->route, ZR_STORE_FAILED, about);
}

/* Were the entries that an answer speaks of stored? Those of a resend may have been in an earlier pass that failed. */
static bool s_is_stored(const relay_t *relay, const batch_answer_t *answer, bool ok) {
    if (answer->fresh)
        return ok;
    const client_t *client = dedupe_find(&relay->dedupe, zr_span_of(answer->client, ZR_CLIENT_ID_LEN));
    return client && dedupe_outcome(client, answer->first) == ZR_OK &&
           dedupe_outcome(client, answer->ack.upto) == ZR_OK;
}

static void s_answer(relay_t *relay, const batch_answer_t *answer, bool ok) {
    bool stored = s_is_stored(relay, answer, ok);
    if (!stored && answer->fresh && answer->first) {
        /* For good, whether or not anybody is there to hear it: a resend is not to be taken for stored. */
        client_t *client = dedupe_find(&relay->dedupe, zr_span_of(answer->client, ZR_CLIENT_ID_LEN));
        if (client)
            dedupe_refuse(client, answer->first, answer->ack.upto, ZR_STORE_FAILED);
    }
    const session_t *session = session_by_id(&relay->sessions, answer->session);
    if (session && stored)
        s_send_ack(relay, session, answer);
    else if (session)
        s_send_refusal(relay, session, answer);
    json_decref(answer->object);
}

void batch_stored(relay_t *relay, uint64_t number, bool ok) {
    batch_t *batch = &relay->batch;
    pass_t *pass = batch->waiting;
    FATAL_UNLESS(pass && pass->number == number);
    FATAL_UNLESS(ok || !batch->current); /* what is being gathered would continue positions that are void */
    DL_DELETE(batch->waiting, pass);
    for (size_t i = 0; i < pass->frame_count; i++) {
        if (ok)
            s_publish(relay, &pass->frames[i]);
        else
            s_reject(relay, &pass->frames[i]);
    }
    for (size_t i = 0; i < pass->answer_count; i++)
        s_answer(relay, &pass->answers[i], ok);
    pass->frame_count = pass->answer_count = 0;
    batch_recycle(batch, pass);
}
