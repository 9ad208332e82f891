/* PUBLISH: what can be read is written back to the same bytes, and every rule that the reader promises holds. */
#include "fuzz.h"
#include "names.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    zr_span_t frame = zr_span_of(data, size);
    zr_publish_reader_t reader;
    zr_publish_entry_t entry;
    size_t count = 0, read = 0;
    uint64_t first = 0, last = 0, mid = 0;
    zr_code_t code = zr_publish_read(&reader, frame, &count, &first, &last);
    if (code == ZR_BAD_FRAME) {
        fuzz_require(count == 0 && first == 0 && last == 0);
        fuzz_require(!zr_publish_next(&reader, &entry));
        return 0;
    }

    /* With bad names and ids too the entries can be read, so that a refusal can say which they are. */
    zr_buffer_t again = {0};
    bool room_good = zr_room_valid(reader.room), room_state_good = true, ids_good = true;
    zr_publish_begin(&again, reader.room);
    while (zr_publish_next(&reader, &entry)) {
        ids_good &= entry.mid > mid && entry.mid <= ZR_INT_MAX;
        room_state_good &= entry.key.len == 0 || zr_key_valid(entry.key);
        fuzz_require(entry.flags == 0 || entry.key.len > 0);
        fuzz_require(!(entry.flags & ZR_ENTRY_DELETE) || entry.body.len == 0);
        fuzz_require((entry.flags & ZR_ENTRY_EXPECT) || entry.expect == 0);
        mid = entry.mid;
        fuzz_require(read++ > 0 || mid == first);
        zr_publish_add(&again, &entry);
    }
    fuzz_require((code == ZR_OK) == (room_good && room_state_good && ids_good));
    fuzz_require((code == ZR_BAD_ROOM) == !room_good);
    fuzz_require(code != ZR_BAD_KEY || !room_state_good);
    fuzz_require(code != ZR_BAD_ID || !ids_good);
    fuzz_require(!reader.failed && read == count && read > 0 && mid == last);
    fuzz_require(zr_span_equal(frame, zr_span_of(again.data, again.len)));
    zr_buffer_finish(&again);
    return 0;
}
