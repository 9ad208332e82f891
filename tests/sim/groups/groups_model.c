/* See groups_model.h. */
#include "groups_model.h"

static entry_t *s_entry(model_t *model, uint64_t seq) {
    if (seq == 0 || seq > ENTRIES_MAX) {
        world_fail(model->world, "I10", "entry %llu cannot be", (unsigned long long)seq);
        seq = 0; /* a place that nobody looks at */
    }
    return &model->entries[seq];
}

void model_stored(model_t *model, uint64_t seq, int key) {
    entry_t *entry = s_entry(model, seq);
    *entry = (entry_t){.stored = true, .key = key, .holder = -1};
    if (seq > model->last)
        model->last = seq;
}

void model_dead(model_t *model, uint64_t seq) {
    entry_t *entry = s_entry(model, seq);
    if (!entry->maybe_dead)
        world_fail(model->world, "I10", "entry %llu is dead, and nobody gave it up", (unsigned long long)seq);
    if (entry->dead)
        world_fail(model->world, "I10", "entry %llu is buried twice", (unsigned long long)seq);
    entry->dead = true;
}

static void s_let_go(entry_t *entry) {
    entry->holder = -1;
}

/* An earlier entry of the key must be done, or dead, or its worker said so. */
static void s_check_order(model_t *model, uint64_t seq) {
    const entry_t *entry = s_entry(model, seq);
    for (uint64_t before = 1; model->ordered && before < seq; before++) {
        const entry_t *other = &model->entries[before];
        if (other->stored && !other->excused && other->key == entry->key && !other->maybe_done && !other->dead)
            world_fail(model->world, "I10", "entry %llu of key %d is handed out before %llu is done",
                (unsigned long long)seq, entry->key, (unsigned long long)before);
    }
}

/* Entries that the worker has, and whose time is not over. */
static unsigned s_held(const model_t *model, int worker, uint64_t rising) {
    unsigned held = 0;
    for (uint64_t seq = 1; seq <= model->last; seq++)
        held += model->entries[seq].holder == worker && rising < model->entries[seq].due;
    return held;
}

void model_work(model_t *model, int worker, uint64_t seq, unsigned deliveries, uint64_t rising, uint64_t due) {
    entry_t *entry = s_entry(model, seq);
    if (!entry->stored)
        world_fail(model->world, "I4", "entry %llu is handed out and not stored", (unsigned long long)seq);
    if (entry->done || entry->dead)
        world_fail(
            model->world, "I10", "entry %llu is handed out, and was done or dead before", (unsigned long long)seq);
    if (entry->holder >= 0 && rising < entry->due)
        world_fail(model->world, "I10", "entry %llu is with the workers %d and %d", (unsigned long long)seq,
            entry->holder, worker);
    if (deliveries > model->deliveries || ++entry->handed > model->deliveries)
        world_fail(
            model->world, "I10", "entry %llu is handed out for the %uth time", (unsigned long long)seq, deliveries);
    s_check_order(model, seq);
    s_let_go(entry);
    entry->returned = false;
    entry->maybe_done = false; /* it was taken back by a crash before it was stored */
    entry->holder = worker;
    entry->due = due;
    unsigned held = s_held(model, worker, rising);
    if (held > model->credit[worker])
        world_fail(model->world, "I10", "worker %d holds %u entries beyond its credit", worker, held);
    if (deliveries == model->deliveries)
        entry->maybe_dead = true;
}

void model_done(model_t *model, int worker, uint64_t seq) {
    entry_t *entry = s_entry(model, seq);
    if (entry->holder == worker)
        s_let_go(entry);
    entry->maybe_done = true;
}

void model_back(model_t *model, int worker, uint64_t seq, bool reject) {
    entry_t *entry = s_entry(model, seq);
    if (entry->holder != worker)
        return;
    s_let_go(entry);
    entry->maybe_dead |= reject;
}

void model_extend(model_t *model, int worker, uint64_t seq, uint64_t rising, uint64_t due) {
    entry_t *entry = s_entry(model, seq);
    if (entry->holder == worker && rising < entry->due)
        entry->due = due;
}

static bool s_is_among(const uint64_t *seqs, size_t count, uint64_t seq) {
    for (size_t i = 0; i < count; i++)
        if (seqs[i] == seq)
            return true;
    return false;
}

void model_return(model_t *model, int worker, const uint64_t *holds, size_t count, uint64_t rising) {
    for (uint64_t seq = 1; seq <= model->last; seq++) {
        entry_t *entry = &model->entries[seq];
        if (entry->holder != worker || rising >= entry->due || s_is_among(holds, count, seq))
            continue;
        s_let_go(entry);
        entry->handed -= entry->handed > 0;
        entry->returned = true;
        entry->returner = worker;
    }
}

void model_returned(model_t *model, int worker) {
    for (uint64_t seq = 1; seq <= model->last; seq++) {
        entry_t *entry = &model->entries[seq];
        if (entry->returned && entry->returner == worker)
            entry->maybe_dead = entry->returned = false;
    }
}

void model_excuse(model_t *model, uint64_t seq) {
    s_entry(model, seq)->excused = true;
}

void model_confirmed(model_t *model, uint64_t seq) {
    entry_t *entry = s_entry(model, seq);
    if (!entry->maybe_done)
        world_fail(model->world, "I10", "entry %llu is confirmed, and nobody did it", (unsigned long long)seq);
    entry->done = true;
}

void model_settled(model_t *model, uint64_t seq) {
    entry_t *entry = s_entry(model, seq);
    if (!entry->maybe_done && !entry->maybe_dead && !entry->excused)
        world_fail(model->world, "I10", "entry %llu passes for done", (unsigned long long)seq);
    if (!entry->maybe_dead)
        entry->done = true;
}

void model_worker_gone(model_t *model, int worker) {
    for (uint64_t seq = 1; seq <= model->last; seq++)
        if (model->entries[seq].holder == worker)
            s_let_go(&model->entries[seq]);
}

void model_crash(model_t *model) {
    for (int worker = 0; worker < WORKERS; worker++)
        model_worker_gone(model, worker);
    for (uint64_t seq = 1; seq <= model->last; seq++) {
        model->entries[seq].handed = 0;
        model->entries[seq].returned = false; /* or not stored */
    }
}

void model_end(model_t *model) {
    for (uint64_t seq = 1; seq <= model->last; seq++) {
        const entry_t *entry = &model->entries[seq];
        /* A crash may have kept the answer to "done" from the worker. Then it is handed out again, or was stored. */
        if (entry->stored && !entry->excused && !entry->maybe_done && !entry->dead)
            world_fail(model->world, "I10", "entry %llu is neither done nor dead", (unsigned long long)seq);
    }
}
