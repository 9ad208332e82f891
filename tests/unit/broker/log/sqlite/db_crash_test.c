/* Disks that die, fail and fill up, at each operation of a run of commits. Afterwards each stored transaction is there,
 * no failed one is, and none is there by half. */
#include "fixture_db.h"
#include "fixture_fault.h"

#include <stdio.h>

#include "db_internal.h"

enum { STEPS = 16, ROOMS_MAX = 5, TRIES = 3 };

/* A run's own record of its stores. */
typedef struct {
    unsigned rooms;
    uint64_t heads[ROOMS_MAX + 1];
} model_t;

typedef struct {
    store_t store;
    uint64_t seed;
    model_t model;
    char *dumps[STEPS + 1]; /* after so many steps */
} run_t;

static bool s_open(run_t *run) {
    db_open_t result = db_open(&run->store.db, run->store.dir, EPOCH, run->store.error);
    if (result == DB_OPENED)
        run->store.db->checkpoint_pages = 5; /* else none would happen in so short a run */
    else
        run->store.db = NULL;
    ck_assert_msg(result != DB_CORRUPT, "%s", run->store.error->text);
    return result == DB_OPENED;
}

static bool s_reopen(run_t *run) {
    db_close(run->store.db);
    run->store.db = NULL;
    return s_open(run);
}

static bool s_add_frame(store_t *store, model_t *model, uint64_t *random, uint64_t step) {
    static const size_t sizes[] = {0, 10, 100, 3000, 9000};
    uint32_t room = 1 + (uint32_t)store_below(random, model->rooms);
    char name[16];
    snprintf(name, sizeof name, "room%u", room);
    uint64_t prev = model->heads[room];
    log_append_t append;
    if (store_below(random, 3) == 0) {
        item_t items[] = {{prev + 1, "a", "one"}, {prev + 2, NULL, "plain"},
            {prev + 3, "b", store_below(random, 2) ? "two" : NULL},
            {prev + 4, "a", store_below(random, 3) ? "three" : NULL}};
        append = store_frame(zr_span(name), prev, items, 4, step);
    } else {
        append = store_plain(zr_span(name), prev, 1 + store_below(random, 4), step, sizes[store_below(random, 5)]);
    }
    model->heads[room] = append.last;
    return store_add(store, room, append);
}

/* A room is forgotten, and used again. */
static bool s_begin_anew(store_t *store, const model_t *model, uint64_t *random) {
    uint32_t room = 1 + (uint32_t)store_below(random, model->rooms);
    char name[16];
    snprintf(name, sizeof name, "room%u", room);
    return db_forget_room(store->db, room, model->heads[room], store->error) &&
           db_add_room(store->db, room, zr_span(name), store->error);
}

static bool s_transaction(run_t *run, uint64_t *random, uint64_t step) {
    store_t *store = &run->store;
    model_t model = run->model;
    if (!db_begin(store->db, store->error))
        return false;
    if (model.rooms < ROOMS_MAX && (model.rooms == 0 || store_below(random, 4) == 0)) {
        char name[16];
        snprintf(name, sizeof name, "room%u", ++model.rooms);
        if (!db_add_room(store->db, model.rooms, zr_span(name), store->error)) {
            db_rollback(store->db);
            return false;
        }
    }
    bool ok = store_below(random, 5) > 0 || s_begin_anew(store, &model, random);
    for (uint64_t i = 1 + store_below(random, 4); i > 0 && ok; i--)
        ok = s_add_frame(store, &model, random, step);
    for (uint64_t i = store_below(random, 3); i > 0 && ok; i--) {
        log_mark_t mark =
            store_mark_of((char[]){(char)('a' + store_below(random, 6)), '\0'}, step, i == 1 ? "refused" : NULL);
        ok = db_set_mark(store->db, &mark, step, store->error);
        zr_blob_unref(mark.refusals);
    }
    ok = db_commit(store->db, store->error); /* false after a part that failed */
    if (ok)
        run->model = model;
    return ok;
}

static bool s_retain(run_t *run, uint64_t *random) {
    uint32_t room = 1 + (uint32_t)store_below(random, run->model.rooms);
    policy_t policy = {.max_entries = 1 + store_below(random, 8)};
    log_bounds_t bounds;
    bool more;
    return db_retain(run->store.db, room, &(db_kept_t){.policy = policy}, 1, 3, &bounds, &more, run->store.error);
}

/* Does step `step`, the same each time it is called. */
static bool s_step(run_t *run, uint64_t step) {
    uint64_t random = run->seed * 1000 + step;
    bool more;
    *run->store.error = (zr_error_t){0};
    if (step == 0)
        return s_open(run);
    if (!run->store.db && !s_open(run)) /* left so by the try before */
        return false;
    if (step == 1)
        return s_transaction(run, &random, step);
    switch (store_below(&random, 10)) {
    case 0:
        return s_reopen(run);
    case 1:
    case 2:
        return s_retain(run, &random);
    case 3:
        return db_forget_marks(run->store.db, step - 5, 3, 2, &more, run->store.error);
    case 4:
        return db_give_back(run->store.db, 4, run->store.error);
    default:
        return s_transaction(run, &random, step);
    }
}

static char *s_dump_copy(const run_t *run, bool all) {
    store_t copy;
    store_make_dir(&copy);
    fault_copy(run->store.dir, copy.dir, all);
    store_open(&copy);
    char *dump = store_dump(&copy);
    store_end(&copy);
    return dump;
}

/* A run without faults, to learn the right content. Returns its operations. */
static unsigned s_learn(run_t *run, uint64_t seed) {
    *run = (run_t){.seed = seed};
    store_make_dir(&run->store);
    for (uint64_t step = 0; step <= STEPS; step++) {
        ck_assert_ok(&run->store, s_step(run, step));
        run->dumps[step] = store_dump(&run->store);
    }
    store_end(&run->store);

    run_t counted = {.seed = seed};
    store_make_dir(&counted.store);
    fault_begin(FAULT_NONE, 0, seed);
    for (uint64_t step = 0; step <= STEPS; step++)
        ck_assert_ok(&counted.store, s_step(&counted, step));
    db_close(counted.store.db);
    unsigned operations = fault_operations();
    fault_end();
    store_remove_dir(counted.store.dir);
    return operations;
}

static void s_unlearn(run_t *run) {
    for (uint64_t step = 0; step <= STEPS; step++)
        free(run->dumps[step]);
}

static void s_check(const run_t *learnt, uint64_t step, const char *dump, const char *what, unsigned operation) {
    ck_assert_msg(strcmp(dump, learnt->dumps[step]) == 0, "seed %llu operation %u, %s at step %llu:\n%s\nexpected\n%s",
        (unsigned long long)learnt->seed, operation, what, (unsigned long long)step, dump, learnt->dumps[step]);
}

/* --- The machine dies --- */

static void s_kill(const run_t *learnt, unsigned operation, bool power) {
    run_t run = {.seed = learnt->seed};
    store_make_dir(&run.store);
    fault_begin(FAULT_KILL, operation, learnt->seed * 100000 + operation);
    uint64_t step = 0;
    while (step <= STEPS && s_step(&run, step))
        step++;
    if (step > STEPS) {
        db_close(run.store.db); /* it dies there, or later than all this */
        run.store.db = NULL;
    }
    fault_pause();
    char *dump = s_dump_copy(&run, !power);
    fault_resume();
    db_close(run.store.db);
    fault_end();
    store_remove_dir(run.store.dir);

    bool before = step == 0 ? dump[0] == '\0' : strcmp(dump, learnt->dumps[step - 1]) == 0;
    if (!before)
        s_check(learnt, step > STEPS ? STEPS : step, dump,
            power ? "after a power loss" : "after the end of the process", operation);
    free(dump);
}

TEST(test_the_power_fails_at_each_operation) {
    for (unsigned seed = 1; seed <= store_seeds(1); seed++) {
        run_t learnt;
        unsigned operations = s_learn(&learnt, seed);
        ck_assert_uint_gt(operations, 100);
        for (unsigned operation = 1; operation <= operations + 1; operation += store_stride())
            s_kill(&learnt, operation, true);
        s_unlearn(&learnt);
    }
}

TEST(test_the_process_ends_at_each_operation) {
    for (unsigned seed = 11; seed <= 10 + store_seeds(1); seed++) {
        run_t learnt;
        unsigned operations = s_learn(&learnt, seed);
        for (unsigned operation = 1; operation <= operations + 1; operation += store_stride())
            s_kill(&learnt, operation, false);
        s_unlearn(&learnt);
    }
}

/* --- The disk fails, and works again --- */

/* Nothing of the failed transaction is there: not now, and not if the process ended at this moment. */
static void s_check_failed(const run_t *learnt, run_t *run, uint64_t step, unsigned operation) {
    ck_assert_uint_gt(strlen(run->store.error->text), 0);
    if (step == 0)
        return;
    fault_pause();
    char *dump;
    if (run->store.db) {
        dump = store_dump(&run->store);
        s_check(learnt, step - 1, dump, "after a failure", operation);
        free(dump);
    }
    dump = s_dump_copy(run, true);
    s_check(learnt, step - 1, dump, "after a failure and the end of the process", operation);
    free(dump);
    fault_resume();
}

static void s_fail(const run_t *learnt, fault_kind_t kind, unsigned operation) {
    run_t run = {.seed = learnt->seed};
    store_make_dir(&run.store);
    fault_begin(kind, operation, learnt->seed * 100000 + operation);
    for (uint64_t step = 0; step <= STEPS; step++) {
        unsigned tries = 1;
        for (; !s_step(&run, step); tries++) {
            ck_assert_msg(fault_met(), "seed %llu operation %u step %llu: %s", (unsigned long long)run.seed, operation,
                (unsigned long long)step, run.store.error->text);
            ck_assert_msg(tries < TRIES, "seed %llu operation %u step %llu: %s", (unsigned long long)run.seed,
                operation, (unsigned long long)step, run.store.error->text);
            if (kind == FAULT_FULL)
                ck_assert_msg(strstr(run.store.error->text, "disk is full") ||
                                  strstr(run.store.error->text, "unable to open") ||
                                  strstr(run.store.error->text, "disk I/O error"),
                    "%s", run.store.error->text);
            s_check_failed(learnt, &run, step, operation);
            if (tries == TRIES - 1)
                fault_clear();
        }
    }
    fault_clear();
    fault_pause();
    char *dump = s_dump_copy(&run, false);
    s_check(learnt, STEPS, dump, "after a power loss long after", operation);
    free(dump);
    dump = store_dump(&run.store);
    s_check(learnt, STEPS, dump, "in the end", operation);
    free(dump);
    fault_resume();
    db_close(run.store.db);
    fault_end();
    store_remove_dir(run.store.dir);
}

TEST(test_each_operation_fails_once) {
    for (unsigned seed = 21; seed <= 20 + store_seeds(1); seed++) {
        run_t learnt;
        unsigned operations = s_learn(&learnt, seed);
        for (unsigned operation = 1; operation <= operations; operation += store_stride())
            s_fail(&learnt, FAULT_ONCE, operation);
        s_unlearn(&learnt);
    }
}

TEST(test_the_disk_fills_up_at_each_operation) {
    for (unsigned seed = 31; seed <= 30 + store_seeds(1); seed++) {
        run_t learnt;
        unsigned operations = s_learn(&learnt, seed);
        for (unsigned operation = 1; operation <= operations; operation += store_stride())
            s_fail(&learnt, FAULT_FULL, operation);
        s_unlearn(&learnt);
    }
}

TEST(test_a_full_disk_does_not_keep_it_closed) {
    store_t before, store;
    store_make_dir(&before);
    store_make_dir(&store);
    fault_begin(FAULT_NONE, 1, 1);
    store_open(&before);
    store_room(&before, 1, "r");
    store_put(&before, 1, store_plain(zr_span("r"), 0, 3, 1000, 10));
    fault_copy(before.dir, store.dir, true);
    db_close(before.db);
    fault_begin(FAULT_FULL, 1, 1);
    store_open(&store);
    ck_assert(db_is_alone(store.db));
    ck_assert_int_eq(store_look(&store, 1).bounds.head, 3);
    ck_assert(!db_begin(store.db, store.error) || !db_add_room(store.db, 2, zr_span("s"), store.error) ||
              !db_commit(store.db, store.error));
    ck_assert_msg(store_told(store.error, "disk is full"), "%s", store.error->text);
    fault_clear();
    store_room(&store, 2, "s");
    db_close(store.db);
    fault_end();
    store_remove_dir(before.dir);
    store_remove_dir(store.dir);
}

UNIT_SUITE("broker.store.db_crash")
