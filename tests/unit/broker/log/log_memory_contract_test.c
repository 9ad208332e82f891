#include "fixture_contract.h"

static log_t *s_open(uint64_t keep) {
    return log_memory_new(&(log_memory_limits_t){
        .room_entries = keep ? keep : 1000, .room_bytes = 1 << 20, .entries = 10000, .bytes = 1 << 24});
}

int main(void) {
    return contract_run(
        &(contract_t){.suite = "broker.log.log_memory_contract", .level = ZR_LEVEL_MEMORY, .open = s_open});
}
