/* The public interface (zrelay.h) for workers of groups. */
#include "machine_worker.h"
#include "zrelay_state.h"

int zrelay_work(
    zrelay_t *relay, const char *room, const char *group, uint64_t credit, const char *options, uint32_t *worker) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_work(machine, room, group, credit, options, worker) : code;
}

int zrelay_unwork(zrelay_t *relay, uint32_t worker) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_unwork(machine, worker) : code;
}

int zrelay_credit(zrelay_t *relay, uint32_t worker, uint64_t credit) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_credit(machine, worker, credit) : code;
}

static int s_settle(zrelay_t *relay, uint32_t worker, zr_verb_t verb, uint64_t seq, uint64_t ms) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_settle(machine, worker, verb, seq, ms) : code;
}

int zrelay_done(zrelay_t *relay, uint32_t worker, uint64_t seq) {
    return s_settle(relay, worker, ZR_SETTLE_DONE, seq, 0);
}

int zrelay_retry(zrelay_t *relay, uint32_t worker, uint64_t seq, uint64_t delay_ms) {
    return s_settle(relay, worker, ZR_SETTLE_RETRY, seq, delay_ms);
}

int zrelay_return(zrelay_t *relay, uint32_t worker, uint64_t seq) {
    return s_settle(relay, worker, ZR_SETTLE_RETURN, seq, 0);
}

int zrelay_reject(zrelay_t *relay, uint32_t worker, uint64_t seq, const char *reason) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_reject(machine, worker, seq, reason) : code;
}

int zrelay_extend(zrelay_t *relay, uint32_t worker, uint64_t seq, uint64_t ms) {
    return s_settle(relay, worker, ZR_SETTLE_EXTEND, seq, ms);
}

int zrelay_groups(zrelay_t *relay, const char *room, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_groups(machine, room, request) : code;
}

int zrelay_group(
    zrelay_t *relay, const char *room, const char *group, const char *what, const char *options, uint64_t *request) {
    int code;
    machine_t *machine = relay_machine(relay, &code);
    return machine ? machine_group(machine, room, group, what, options, request) : code;
}
