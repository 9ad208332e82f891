/* Frames that come by SUB: each is of one kind, and its parts put together give the frame. */
#include "control.h"
#include "fuzz.h"
#include "names.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    zr_span_t frame = zr_span_of(data, size), name = {0}, text = {0};
    zr_deliver_reader_t reader;
    zr_buffer_t again = {0};
    json_t *object = NULL;
    zr_back_kind_t kind = zr_back_read(frame, &name, &text);
    bool deliver = zr_deliver_read(&reader, frame);
    fuzz_require(!deliver || (kind == ZR_BACK_ENTRIES && zr_span_equal(reader.room, name)));
    switch (kind) {
    case ZR_BACK_BAD:
        return 0;
    case ZR_BACK_ENTRIES:
        fuzz_require(zr_room_valid(name) && zr_span_starts(frame, name) && frame.ptr[name.len] == 0);
        return 0;
    case ZR_BACK_SYNCED:
        fuzz_require(zr_hex_valid(name, ZR_NONCE_MIN, ZR_NONCE_MAX));
        zr_buffer_u8(&again, ZR_TYPE_SYNC);
        zr_buffer_append(&again, name.ptr, name.len);
        break;
    case ZR_BACK_PRESENCE:
        fuzz_require(zr_room_valid(name));
        zr_buffer_append(&again, name.ptr, name.len);
        zr_buffer_u8(&again, ZR_TOPIC_PRESENCE);
        break;
    }
    fuzz_require(text.len > 0 && text.ptr[0] == '{');
    zr_buffer_append(&again, text.ptr, text.len);
    fuzz_require(zr_span_equal(frame, zr_span_of(again.data, again.len)));
    if (zr_control_read(text, &object) == ZR_OK)
        json_decref(object);
    zr_buffer_finish(&again);
    return 0;
}
