/* The frames of groups, and their stored form: what is read is written again to the same bytes, and a stored form that
 * is taken gives the same group again. */
#include "fuzz.h"
#include "group_pack.h"
#include "names.h"

static zr_span_t s_span(const zr_buffer_t *buffer) {
    return zr_span_of(buffer->data, buffer->len);
}

static void s_settle(zr_span_t bytes) {
    zr_settle_t settle;
    zr_range_t range;
    zr_buffer_t again = {0};
    if (!zr_settle_read(&settle, bytes))
        return;
    zr_settle_begin(&again, settle.worker, settle.number, settle.verb, settle.ms);
    while (zr_settle_next(&settle, &range)) {
        fuzz_require(range.first <= range.last && range.last <= ZR_INT_MAX);
        zr_settle_add(&again, range);
    }
    if (settle.verb == ZR_SETTLE_REJECT)
        zr_settle_because(&again, settle.reason);
    fuzz_require(zr_span_equal(s_span(&again), bytes));
    zr_buffer_finish(&again);
}

static void s_settled(zr_span_t bytes) {
    zr_settled_t settled;
    zr_became_t became;
    zr_range_t range;
    zr_buffer_t again = {0};
    if (!zr_settled_read(&settled, bytes))
        return;
    zr_settled_begin(&again, settled.worker, settled.number);
    while (zr_settled_next(&settled, &became, &range))
        zr_settled_add(&again, became, range);
    zr_settled_end(&again, settled.level, settled.count);
    fuzz_require(zr_span_equal(s_span(&again), bytes));
    zr_buffer_finish(&again);
}

static void s_work(zr_span_t bytes) {
    uint32_t worker;
    uint16_t deliveries;
    zr_span_t inner;
    if (zr_work_read(bytes, &worker, &deliveries, &inner))
        fuzz_require(worker && inner.ptr + inner.len == bytes.ptr + bytes.len);
}

static void s_begin(group_t *group, group_pool_t *pool) {
    group_options_t options;
    group_options_default(&options);
    *group = (group_t){0};
    group_init(group, pool, zr_span("g"), &options);
}

static void s_stored(zr_span_t bytes) {
    group_pool_t pool = {0};
    group_t group, again;
    s_begin(&group, &pool);
    s_begin(&again, &pool);
    if (group_unpack(&group, bytes)) {
        fuzz_require(group_options_valid(&group.options));
        zr_blob_t *first = group_pack(&group);
        zr_span_t packed = zr_span_of(zr_blob_data(first), zr_blob_len(first));
        fuzz_require(group_unpack(&again, packed) && HASH_COUNT(again.items) == HASH_COUNT(group.items));
        zr_blob_t *second = group_pack(&again);
        fuzz_require(zr_span_equal(packed, zr_span_of(zr_blob_data(second), zr_blob_len(second))));
        zr_blob_unref(first);
        zr_blob_unref(second);
    }
    group_finish(&group);
    group_finish(&again);
    fuzz_require(pool.used == 0);
    group_pool_finish(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    zr_span_t bytes = zr_span_of(data, size);
    s_settle(bytes);
    s_settled(bytes);
    s_work(bytes);
    s_stored(bytes);
    return 0;
}
