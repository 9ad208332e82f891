/* Changes of the model when a pass cannot be stored, and when a broker begins on the log of the one before. */
#include <inttypes.h>
#include <string.h>

#include "client.h"
#include "sim.h"

zr_level_t model_level(const sim_t *sim, unsigned room) {
    zr_level_t level = sim->params.levels[room];
    return level < sim->model.level ? level : sim->model.level;
}

/* Removes the entries that were not stored. */
static void s_cut(sim_t *sim, unsigned number) {
    model_room_t *room = &model_now(sim)->rooms[number];
    uint64_t bit = 1ULL << (sim->model.epoch_count - 1);
    for (size_t i = room->stored; i < room->count; i++) {
        message_t *message = &sim->model.messages[room->records[i].tag];
        message->appended &= ~bit;
        if (message->told == TOLD_STORED && model_level(sim, number) == ZR_LEVEL_DISK && !(message->stored & bit))
            world_fail(&sim->world, "I4", "%s: seq %" PRIu64 " was acked and is not on the disk", room_text(number),
                room->records[i].seq);
    }
    if (room->published > room->stored)
        world_fail(&sim->world, "I4", "%s: seq %" PRIu64 " was seen and is not on the disk", room_text(number),
            room->records[room->stored].seq);
    room->count = room->stored;
    if (room->value_count)
        memset(room->values, 0, room->value_count * sizeof *room->values);
    for (size_t i = room->first; i < room->count; i++) {
        const record_t *record = &room->records[i];
        if (record->key >= 0)
            room->values[record->key] = record->flags & ZR_ENTRY_DELETE ? 0 : record->seq;
    }
}

void model_failed(sim_t *sim, uint64_t pass) {
    model_t *model = &sim->model;
    if (model->commit_count == 0 || model->commits[0].number != pass) {
        world_fail(&sim->world, "sim", "the log failed pass %" PRIu64 " out of order", pass);
        return;
    }
    memmove(model->commits, model->commits + 1, --model->commit_count * sizeof *model->commits);
    uint64_t bit = 1ULL << (model->epoch_count - 1);
    for (unsigned r = 0; r < ROOMS; r++) {
        const model_room_t *room = &model_now(sim)->rooms[r];
        for (size_t i = room->stored; i < room->count; i++) {
            message_t *message = &model->messages[room->records[i].tag];
            message->refused |= bit; /* for good, as long as this broker runs, even if no client hears of it */
            message->was_refused = true;
        }
        s_cut(sim, r);
    }
}

void model_again(sim_t *sim, uint64_t base) {
    model_t *model = &sim->model;
    uint64_t bit = 1ULL << (model->epoch_count - 1);
    model->commit_count = 0;
    model->gathering = (commit_t){0};
    for (unsigned r = 0; r < ROOMS; r++) {
        model_room_t *room = &model_now(sim)->rooms[r];
        if (model_level(sim, r) < ZR_LEVEL_DISK) {
            room->first = room->stored;
            room->oldest = room->base = base;
        }
        s_cut(sim, r);
        room->published = room->stored; /* or never will be */
    }
    for (size_t i = 1; i < model->message_count; i++) {
        message_t *message = &model->messages[i];
        if (message->told != TOLD_NOTHING)
            continue;
        /* A refusal that nobody was told may be forgotten with the broker: the resend is then as good as new. And what
         * is relayed only may be gone before it was, with its mark on the disk. */
        message->refused &= ~bit;
        if (model_level(sim, message->room) == ZR_LEVEL_NONE)
            message->stored |= bit;
    }
}
