#include "fixture_contract.h"
#include "fixture_db.h"
#include "fixture_gate.h"
#include "log_sqlite.h"

static char s_dir[64]; /* "": no directory */

static log_t *s_open(uint64_t keep) {
    static policy_t policy;
    policy = (policy_t){.pattern = "*", .max_entries = keep};
    if (!s_dir[0]) {
        gate_install();
        strcpy(s_dir, "/tmp/zrelay-store-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(s_dir));
    }
    log_sqlite_config_t config = {.dir = s_dir,
        .durable = {.memory = {1000, 1 << 20, 10000, 1 << 24},
            .policies = {&policy, 1},
            .mark_age = 1000000000,
            .max_marks = 1000,
            .queue_bytes = CONTRACT_QUEUE},
        .fresh_epoch = CONTRACT_EPOCH};
    char note[512];
    zr_error_t error = {0};
    log_t *log = log_sqlite_new(&config, note, &error);
    ck_assert_msg(log, "%s", error.text);
    ck_assert_str_eq(note, "");
    return log;
}

static void s_wipe(void) {
    store_remove_dir(s_dir);
    s_dir[0] = '\0';
}

int main(void) {
    return contract_run(&(contract_t){.suite = "broker.log.sqlite.log_sqlite_contract",
        .level = ZR_LEVEL_DISK,
        .keeps = true,
        .open = s_open,
        .wipe = s_wipe,
        .hold = gate_close,
        .await_held = gate_await,
        .release = gate_open,
        .fill = gate_full});
}
