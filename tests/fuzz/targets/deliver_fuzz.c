/* DELIVER: what can be read is written back to the same bytes, and cutting gives just the entries asked for. */
#include "fuzz.h"
#include "names.h"
#include "wire.h"

enum { MOST = 4096 };

typedef struct {
    zr_deliver_reader_t head;
    zr_entry_t entries[MOST];
    size_t count;
    bool failed;
    bool rising;
} frame_t;

static bool s_read(frame_t *out, zr_span_t bytes) {
    zr_deliver_reader_t reader;
    if (!zr_deliver_read(&reader, bytes))
        return false;
    out->head = reader;
    out->count = 0;
    out->rising = true;
    while (out->count < MOST && zr_deliver_next(&reader, &out->entries[out->count])) {
        if (out->count > 0 && out->entries[out->count].seq <= out->entries[out->count - 1].seq)
            out->rising = false;
        out->count++;
    }
    out->failed = reader.failed;
    return true;
}

static void s_check_cut(
    zr_span_t bytes, const frame_t *whole, uint8_t flags, uint64_t after, uint64_t until, size_t limit) {
    static frame_t part;
    size_t count = 1, begin = 0;
    uint64_t last = 1;
    zr_blob_t *blob = zr_deliver_cut(bytes, flags, after, until, limit, &count, &last);
    if (!blob) {
        fuzz_require(count == 0 && last == 0);
        bool kept = false;
        for (size_t i = 0; i < whole->count; i++)
            kept |= whole->entries[i].seq > after && whole->entries[i].seq <= until;
        fuzz_require(!kept || limit == 0 || whole->failed || !whole->rising);
        return;
    }
    fuzz_require(s_read(&part, zr_span_of(zr_blob_data(blob), zr_blob_len(blob))));
    fuzz_require(!part.failed && part.rising && part.count == count && count <= limit);
    fuzz_require(part.head.flags == flags && zr_span_equal(part.head.room, whole->head.room));
    while (whole->entries[begin].seq <= after)
        begin++;
    fuzz_require(part.head.prev == (begin ? whole->entries[begin - 1].seq : whole->head.prev));
    for (size_t i = 0; i < count; i++) {
        const zr_entry_t *a = &part.entries[i], *b = &whole->entries[begin + i];
        fuzz_require(a->seq > after && a->seq <= until);
        fuzz_require(a->seq == b->seq && a->time == b->time && a->flags == b->flags &&
                     zr_span_equal(a->sender, b->sender) && zr_span_equal(a->key, b->key) &&
                     zr_span_equal(a->body, b->body));
    }
    fuzz_require(last == part.entries[count - 1].seq);
    /* It ends because of the limit, the bound or the end, and not before. */
    fuzz_require(count == limit || begin + count == whole->count || whole->entries[begin + count].seq > until);
    zr_blob_unref(blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static frame_t whole;
    zr_span_t bytes = zr_span_of(data, size);
    if (size > 23 * MOST)
        return 0;
    if (!s_read(&whole, bytes)) {
        size_t count = 1;
        uint64_t last = 1;
        fuzz_require(!zr_deliver_cut(bytes, 0, 0, UINT64_MAX, SIZE_MAX, &count, &last));
        fuzz_require(count == 0 && last == 0);
        return 0;
    }
    fuzz_require(zr_room_valid(whole.head.room));
    fuzz_require(whole.count > 0 || whole.failed);

    zr_buffer_t again = {0};
    zr_deliver_begin(&again, whole.head.room, whole.head.flags, whole.head.epoch, whole.head.prev);
    for (size_t i = 0; i < whole.count; i++)
        zr_deliver_add(&again, &whole.entries[i]);
    zr_span_t written = zr_span_of(again.data, again.len);
    fuzz_require(zr_span_starts(bytes, written) && (bytes.len == written.len) == !whole.failed);
    zr_buffer_finish(&again);

    s_check_cut(bytes, &whole, 0, 0, UINT64_MAX, SIZE_MAX);
    if (whole.count > 0) {
        uint64_t middle = whole.entries[whole.count / 2].seq;
        s_check_cut(bytes, &whole, ZR_FRAME_REPLAY, middle, UINT64_MAX, SIZE_MAX);
        s_check_cut(bytes, &whole, ZR_FRAME_STATE, 0, middle, 1 + data[0] % 4);
        s_check_cut(bytes, &whole, 0xFF, whole.entries[0].seq, whole.entries[whole.count - 1].seq - 1, 2);
    }
    return 0;
}
