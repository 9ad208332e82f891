/* See truth.h. */
#include "truth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

#define FAIL(truth, invariant, ...) world_fail(&(truth)->sim->world, invariant, __VA_ARGS__)

void truth_init(truth_t *truth, cluster_t *sim) {
    *truth = (truth_t){.sim = sim};
    truth->messages = world_grow(NULL, &truth->message_size, sizeof *truth->messages);
    truth->message_count = 1; /* tag 0 is no message */
}

void truth_finish(truth_t *truth) {
    for (int e = 0; e < truth->epoch_count; e++)
        for (unsigned r = 0; r < STORE_ROOMS; r++)
            free(truth->seen[e][r].entries);
    free(truth->messages);
}

uint64_t truth_message(truth_t *truth, const message_t *message) {
    if (truth->message_count == truth->message_size)
        truth->messages = world_grow(truth->messages, &truth->message_size, sizeof *truth->messages);
    truth->messages[truth->message_count] = *message;
    return truth->message_count++;
}

message_t *truth_at(truth_t *truth, uint64_t tag) {
    return tag > 0 && tag < truth->message_count ? &truth->messages[tag] : NULL;
}

int truth_epoch(truth_t *truth, uint64_t epoch) {
    for (int e = truth->epoch_count; e-- > 0;)
        if (truth->epochs[e] == epoch)
            return e;
    if (truth->epoch_count == EPOCHS)
        return -1;
    truth->epochs[truth->epoch_count] = epoch;
    return truth->epoch_count++;
}

/* --- What the database does --- */

static void s_check_stored(truth_t *truth, const message_t *message, unsigned room, const zr_entry_t *entry) {
    uint64_t tag = store_tag(entry->body);
    if (message->room != room || !zr_span_equal(entry->key, zr_span(message->key)))
        FAIL(truth, "I5", "message %" PRIu64 " is stored in another room, or with another key", tag);
    else if (message->seq)
        FAIL(truth, "I5", "message %" PRIu64 " of m%u (mid %" PRIu64 ") is stored twice: at %" PRIu64 " and %" PRIu64,
            tag, message->member, message->mid, message->seq, entry->seq);
    else if (message->told == TOLD_REFUSED)
        FAIL(truth, "I5", "message %" PRIu64 " of m%u was refused, and is stored", tag, message->member);
}

/* In the tables the key's value is this entry already; so the one before it is kept here. */
static void s_check_compared(truth_t *truth, uint64_t tag, unsigned room) {
    const message_t *message = &truth->messages[tag];
    uint64_t before = 0;
    for (size_t i = 1; i < truth->message_count && message->compares; i++) {
        const message_t *other = &truth->messages[i];
        if (i != tag && other->room == room && other->seq > before && other->seq < message->seq &&
            strcmp(other->key, message->key) == 0)
            before = other->seq;
    }
    if (message->compares && before != message->expect)
        FAIL(truth, "I5", "compare-and-set %" PRIu64 " expected seq %" PRIu64 ", and the value stood at %" PRIu64, tag,
            message->expect, before);
}

void truth_stored(void *ctx, unsigned room, const zr_entry_t *entry, uint64_t prev, bool again) {
    truth_t *truth = ctx;
    uint64_t tag = store_tag(entry->body);
    message_t *message = truth_at(truth, tag);
    (void)prev;
    if (!message) {
        FAIL(truth, "I5", "an entry was stored that nobody published: %s %" PRIu64, store_room(room), entry->seq);
        return;
    }
    if (!again)
        s_check_stored(truth, message, room, entry);
    message->seq = entry->seq;
    world_trace(&truth->sim->world, "database: %s %" PRIu64 " is message %" PRIu64 "%s", store_room(room), entry->seq,
        tag, again ? " again" : "");
    if (!again)
        s_check_compared(truth, tag, room);
}

void truth_reading_anew(void *ctx) {
    truth_t *truth = ctx;
    for (size_t i = 1; i < truth->message_count; i++)
        truth->messages[i].seq = 0;
}

/* What programs know of this epoch is there, unless the operator says that the tables are a copy. */
void truth_cut(void *ctx) {
    truth_t *truth = ctx;
    const database_t *database = truth->sim->database;
    if (database_is_copy(database))
        return;
    int epoch = truth_epoch(truth, database_epoch(database));
    for (size_t i = 1; i < truth->message_count; i++) {
        const message_t *message = &truth->messages[i];
        if (message->told == TOLD_STORED && message->told_epoch == epoch && !message->seq)
            FAIL(truth, "I4", "message %zu of m%u was acked, and is lost", i, message->member);
    }
    for (unsigned r = 0; r < STORE_ROOMS && epoch >= 0; r++) {
        const seen_t *seen = &truth->seen[epoch][r];
        if (seen->count && seen->entries[seen->count - 1].seq > store_head(database_store(database), r))
            FAIL(truth, "I9", "seq %" PRIu64 " of %s was seen, and is lost", seen->entries[seen->count - 1].seq,
                store_room(r));
    }
}

/* --- What programs hear --- */

void truth_told(truth_t *truth, uint64_t tag, int epoch, bool refused, bool unknown) {
    message_t *message = &truth->messages[tag];
    bool now =
        epoch == truth_epoch(truth, database_epoch(truth->sim->database)) && !database_is_copy(truth->sim->database);
    message->told = refused && !unknown ? TOLD_REFUSED : TOLD_STORED;
    message->told_epoch = unknown ? -1 : epoch;
    if (refused && !unknown && message->seq)
        FAIL(truth, "I5", "message %" PRIu64 " of m%u is refused, and stored at %" PRIu64, tag, message->member,
            message->seq);
    if (!refused && now && !message->seq)
        FAIL(truth, "I4", "message %" PRIu64 " of m%u (mid %" PRIu64 ") is acked, and not stored", tag, message->member,
            message->mid);
}

const stored_t *truth_seen(truth_t *truth, int epoch, unsigned room, const stored_t *entry) {
    seen_t *seen = &truth->seen[epoch][room];
    bool now = truth->epochs[epoch] == database_epoch(truth->sim->database) && !database_is_copy(truth->sim->database);
    size_t at = seen->count;
    while (at > 0 && seen->entries[at - 1].seq >= entry->seq)
        at--;
    if (at < seen->count && seen->entries[at].seq == entry->seq) {
        if (seen->entries[at].tag != entry->tag || seen->entries[at].time != entry->time)
            FAIL(truth, "I1", "%s %" PRIu64 " is message %" PRIu64 " for one reader, and %" PRIu64 " for another",
                store_room(room), entry->seq, seen->entries[at].tag, entry->tag);
        return &seen->entries[at];
    }
    const stored_t *stored = now ? store_entry(database_store(truth->sim->database), room, entry->seq) : NULL;
    if (now && (!stored || stored->tag != entry->tag || stored->time != entry->time)) {
        FAIL(truth, "I1",
            "%s %" PRIu64 " reaches a reader as message %" PRIu64 ", which the database does not have there",
            store_room(room), entry->seq, entry->tag);
        return NULL;
    }
    if (!stored)
        return NULL; /* of an epoch that is over */
    if (seen->count == seen->size)
        seen->entries = world_grow(seen->entries, &seen->size, sizeof *seen->entries);
    memmove(&seen->entries[at + 1], &seen->entries[at], (seen->count++ - at) * sizeof *seen->entries);
    seen->entries[at] = *stored;
    return &seen->entries[at];
}
