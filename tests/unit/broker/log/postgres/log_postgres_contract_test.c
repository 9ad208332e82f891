#include "fixture_cluster.h"
#include "fixture_contract.h"

static log_t *s_open(uint64_t keep) {
    static policy_t policy;
    policy = (policy_t){.pattern = "*", .max_entries = keep};
    log_postgres_config_t config = {.uri = cluster_uri(),
        .durable = {.memory = {1000, 1 << 20, 10000, 1 << 24},
            .policies = {&policy, 1},
            .mark_age = 1000000000,
            .max_marks = 1000,
            .queue_bytes = CONTRACT_QUEUE},
        .fresh_epoch = CONTRACT_EPOCH};
    zr_error_t error = {0};
    log_t *log = log_postgres_new(&config, &error);
    ck_assert_msg(log, "%s", error.text);
    ck_assert_uint_eq(log_durable_epoch(log), CONTRACT_EPOCH);
    return log;
}

static int s_run(const char *name) {
    return contract_run(&(contract_t){.suite = name,
        .level = ZR_LEVEL_DISK,
        .keeps = true,
        .open = s_open,
        .wipe = cluster_wipe,
        .hold = cluster_close,
        .await_held = cluster_await_held,
        .release = cluster_open,
        .fill = cluster_fill});
}

int main(void) {
    return cluster_run("broker.log.postgres.log_postgres_contract", s_run);
}
