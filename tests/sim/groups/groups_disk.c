/* The disk of the simulated broker: entries in a log in memory, and the states of groups as of each commit. */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "groups_sim.h"
#include "names.h"

const char groups_room[] = "r", groups_dead[] = "d";

static sim_t *s_sim;

static log_t *s_place(void *ctx, zr_span_t room) {
    (void)room;
    return ((sim_t *)ctx)->disk;
}

/* A worker that rejects an entry says its seq. */
static void s_check_reason(sim_t *sim, const json_t *about, uint64_t seq) {
    char expected[32];
    const char *text = json_string_value(json_object_get(about, "text"));
    bool rejected = strcmp(json_string_value(json_object_get(about, "reason")), "rejected") == 0;
    snprintf(expected, sizeof expected, "%llu", (unsigned long long)seq);
    if (rejected != (text != NULL) || (text && strcmp(text, expected) != 0))
        world_fail(&sim->world, "I10", "entry %s is dead for another reason", expected);
}

/* The body of an entry is its key; of a dead one, a line of JSON stands before. */
static void s_on_append(void *ctx, const log_append_t *append) {
    sim_t *sim = ctx;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    bool dead = zr_span_equal(append->room, zr_span(groups_dead));
    zr_deliver_read(&reader, zr_span_of(zr_blob_data(append->frame), zr_blob_len(append->frame)));
    while (zr_deliver_next(&reader, &entry)) {
        if (!dead) {
            model_stored(&sim->model, entry.seq, entry.body.ptr[0] - '0');
            if (sim->keep && sim->state_count == 0) /* nobody needs it yet */
                model_excuse(&sim->model, entry.seq);
            continue;
        }
        json_t *about = NULL;
        zr_span_t rest = entry.body, line = zr_span_cut(&rest, '\n');
        if (zr_control_read(line, &about) != ZR_OK)
            world_fail(&sim->world, "I10", "a dead entry without its line");
        uint64_t seq = (uint64_t)json_integer_value(json_object_get(about, "seq"));
        s_check_reason(sim, about, seq);
        json_decref(about);
        if (sim->plant != PLANT_LOST_BURIAL)
            model_dead(&sim->model, seq);
    }
}

static void s_on_forget(void *ctx, const log_forget_t *forget) {
    (void)ctx, (void)forget;
}

static void s_set_state(sim_t *sim, const log_group_t *given) {
    size_t i = 0;
    while (i < sim->state_count && memcmp(sim->states[i].name, given->name, sizeof given->name) != 0)
        i++;
    if (i == sim->state_count)
        sim->state_count++;
    zr_blob_unref(sim->before[i].state);
    sim->before[i] = sim->states[i];
    sim->states[i] = *given;
    sim->states[i].state = given->state ? zr_blob_ref(given->state) : NULL;
}

static void s_on_commit(void *ctx, const log_commit_t *commit, bool ok) {
    for (size_t i = 0; ok && i < commit->group_count; i++)
        s_set_state(ctx, &commit->groups[i]);
}

static void s_restore(log_t *log, const log_restore_t *restore) {
    sim_t *sim = s_sim;
    (void)log;
    for (int i = 0; i < 2; i++) {
        zr_span_t name = zr_span(i ? groups_dead : groups_room);
        log_bounds_t bounds = sim->disk->engine->bounds(sim->disk, name);
        if (bounds.head > 0)
            restore->room(restore->ctx, name, &bounds);
    }
    for (size_t i = 0; i < sim->state_count && sim->plant != PLANT_NO_STATE; i++) {
        const log_group_t *group = &sim->states[i];
        if (sim->plant == PLANT_OLD_STATE && sim->before[i].state)
            group = &sim->before[i];
        if (group->state)
            restore->group(restore->ctx, zr_span_of(group->room, group->room_len),
                zr_span_of(group->name, group->name_len),
                zr_span_of(zr_blob_data(group->state), zr_blob_len(group->state)));
    }
}

void groups_disk_begin(sim_t *sim) {
    s_sim = sim;
    sim->keep = rng_chance(&sim->world.rng, 1, 3);
    sim->disk = log_memory_new(
        &(log_memory_limits_t){sim->keep ? rng_between(&sim->world.rng, 1, 20) : 1000000, 1 << 30, 1000000, 1 << 30});
}

void groups_disk_start(sim_t *sim) {
    static const late_calls_t calls = {
        .place = s_place, .append = s_on_append, .forget = s_on_forget, .commit = s_on_commit};
    sim->late.calls = &calls;
    sim->late.ctx = sim;
    sim->late.late = &sim->slow;
    sim->late.gap = &sim->gap;
    sim->late.fail = &sim->fail;
    late_log_begin(&sim->late, ZR_LEVEL_DISK);
    sim->late.engine.restore = s_restore;
    if (sim->plant == PLANT_NO_KEEP)
        sim->late.engine.keep = NULL;
}

void groups_disk_finish(sim_t *sim) {
    late_log_finish(&sim->late);
    log_destroy(sim->disk);
    for (size_t i = 0; i < sim->state_count; i++) {
        zr_blob_unref(sim->states[i].state);
        zr_blob_unref(sim->before[i].state);
    }
}
