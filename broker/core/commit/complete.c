/* The second half of batch.h: what happens to a pass once the log has answered. */
#include <utlist.h>

#include "batch.h"
#include "control.h"
#include "fatal.h"
#include "reply.h"
#include "rooms.h"
#include "state.h"

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
            room_state_store(&frame->room->keys, &relay->room_state_limits, &entry, relay->now);
        else
            room_state_reject(&frame->room->keys, &relay->room_state_limits, entry.key);
    }
}

static void s_publish(relay_t *relay, const batch_frame_t *stored) {
    room_t *room = stored->room;
    room->stored = stored->last;
    room->unstored--;
    follow_moved(relay, room);
    s_each_keyed(relay, stored, true);
    groups_frame(relay, room, stored->frame);
    room_refresh_rights(relay, room);
    room_tell(relay, room, room->private, RIGHT_READ, stored->frame);
    relay->stats.deliveries++;
}

/* The frame was not stored: its positions are given again. */
static void s_reject(relay_t *relay, const batch_frame_t *frame) {
    room_t *room = frame->room;
    s_each_keyed(relay, frame, false);
    zr_blob_unref(frame->frame);
    if (--room->unstored == 0)
        room->head = room->stored;
    if (room->carried > room->head)
        room->carried = room->head;
    room_forget_unused(relay, room);
}

static void s_send_ack(relay_t *relay, const session_t *session, const batch_answer_t *answer) {
    /* The peer moved to another connection. Refusals may be lost with the old one, so an ACK there would wrongly cover
     * refused entries. An answer could pass for that of another request. The peer asks again, and is told then. */
    if (session->link != answer->link)
        return;
    if (answer->object) {
        send_frame(relay, session->route, zr_control_write(json_incref(answer->object)));
        return;
    }
    relay->stats.acks++;
    if (session->route)
        outbox_add(relay->outbox, &(effect_t){.kind = EFFECT_ACK, .route = session->route, .ack = answer->ack});
}

/* Tells the session that the entries of `part` were not stored. */
static void s_send_refusal(
    relay_t *relay, const session_t *session, const batch_answer_t *answer, zr_code_t code, const batch_part_t *part) {
    if (session->link != answer->link)
        return; /* likewise: a resend on the new link gets its own answer */
    json_t *about = json_object();
    if (part->first)
        json_object_set_new(about, "mid", json_integer((json_int_t)part->first));
    if (part->last > part->first)
        json_object_set_new(about, "upto", json_integer((json_int_t)part->last));
    if (part->room)
        json_object_set_new(about, "room", zr_json_string(room_name(part->room)));
    if (answer->object) {
        json_object_set(about, "room", json_object_get(answer->object, "room"));
        if (json_object_get(answer->object, "re"))
            json_object_set(about, "re", json_object_get(answer->object, "re"));
    }
    send_error(relay, session->route, code, about);
}

/* Refuses for good the entries that this pass should have stored, even if the session is gone: a resend must not be
 * taken for stored. */
static void s_fail_fresh(
    relay_t *relay, const session_t *session, const batch_answer_t *answer, const batch_part_t *part) {
    client_t *client = dedupe_find(&relay->dedupe, zr_span_of(answer->client, ZR_CLIENT_ID_LEN));
    if (client && part->first)
        dedupe_refuse(client, part->first, part->last, ZR_STORE_FAILED);
    if (session)
        s_send_refusal(relay, session, answer, ZR_STORE_FAILED, part);
}

/* Entries that were resent meanwhile: those in passes before the first that failed are stored, the others were refused
 * just now. As ids rise with the passes, the stored ones come first. */
static void s_fail_resent(
    relay_t *relay, const session_t *session, const batch_answer_t *answer, const batch_part_t *part) {
    if (!session)
        return;
    if (!part->first) { /* without an id nothing is remembered of it */
        s_send_refusal(relay, session, answer, ZR_STORE_FAILED, part);
        return;
    }
    uint64_t refused = dedupe_first_refused(session->client, part->first, part->last);
    if (refused != part->first) {
        batch_answer_t stored = *answer;
        stored.ack = (zr_ack_t){.level = answer->ack.level, .upto = refused ? refused - 1 : part->last};
        s_send_ack(relay, session, &stored);
    }
    if (refused)
        s_send_refusal(relay, session, answer, dedupe_outcome(session->client, refused),
            &(batch_part_t){.first = refused, .last = part->last});
}

static void s_fail_all(relay_t *relay, const session_t *session, const pass_t *pass, const batch_answer_t *answer) {
    const batch_part_t *part = &pass->parts[answer->part];
    for (;; part = &pass->parts[part->next]) {
        if (part->fresh)
            s_fail_fresh(relay, session, answer, part);
        else
            s_fail_resent(relay, session, answer, part);
        if (!part->next)
            return;
    }
}

static void s_answer(relay_t *relay, const pass_t *pass, const batch_answer_t *answer, bool ok) {
    const session_t *session = session_by_id(&relay->sessions, answer->session);
    if (!ok)
        s_fail_all(relay, session, pass, answer);
    else if (session)
        s_send_ack(relay, session, answer);
    json_decref(answer->object);
}

/* The answer to a SETTLE. If it could not be stored, the worker sends it again: the group remembers. */
static void s_settled(relay_t *relay, const batch_settled_t *settled, bool ok) {
    const session_t *session = session_by_id(&relay->sessions, settled->session);
    bool reachable = session && session->link == settled->link;
    if (reachable && ok) {
        send_frame(relay, session->route, settled->frame);
        return;
    }
    zr_blob_unref(settled->frame);
    if (reachable)
        send_error(relay, session->route, ZR_STORE_FAILED,
            json_pack("{sI sI}", "worker", (json_int_t)settled->worker, "settle", (json_int_t)settled->number));
}

/* The records of these clients were not stored: a later pass must store them. */
static void s_untouch(relay_t *relay, const pass_t *pass) {
    for (size_t i = 0; i < pass->touched_count; i++) {
        client_t *client = dedupe_find(&relay->dedupe, zr_span_of(pass->touched[i], ZR_CLIENT_ID_LEN));
        if (client)
            client->refused = true;
    }
}

void batch_stored(relay_t *relay, uint64_t number, bool ok) {
    batch_t *batch = &relay->batch;
    pass_t *pass = batch->waiting;
    FATAL_UNLESS(pass && pass->number == number);
    if (!ok) {
        FATAL_UNLESS(!batch->current); /* a pass being gathered would continue void positions, */
        batch->failing = batch->last_number;
        s_untouch(relay, pass);
    }
    FATAL_UNLESS(!ok || number > batch->failing); /* and so do passes committed since */
    if (ok)
        batch->stored = number;
    DL_DELETE(batch->waiting, pass);
    for (size_t i = 0; ok && i < pass->frame_count; i++)
        s_publish(relay, &pass->frames[i]);
    for (size_t i = 0; i < pass->answer_count; i++)
        s_answer(relay, pass, &pass->answers[i], ok);
    for (size_t i = 0; i < pass->settled_count; i++)
        s_settled(relay, &pass->settled[i], ok);
    for (size_t i = 0; !ok && i < pass->frame_count; i++)
        s_reject(relay, &pass->frames[i]); /* and with it, perhaps, a room that the answers named */
    for (size_t i = 0; i < pass->group_count; i++)
        groups_stored(
            relay, pass->groups[i].group, number, pass->groups[i].finished, ok); /* and with it, perhaps, its room */
    for (size_t i = 0; i < pass->forget_count; i++)
        room_forgotten(relay, pass->forgets[i], ok);
    pass->forget_count = pass->frame_count = pass->answer_count = pass->part_count = pass->object_count =
        pass->touched_count = pass->group_count = pass->settled_count = 0;
    pass->check = false;
    batch_recycle(batch, pass);
}
