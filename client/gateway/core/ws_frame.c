/* See ws_frame.h. */
#include "ws_frame.h"

#include <endian.h>

#include "control.h"

enum { FIN = 0x80, LEN16 = 126, LEN64 = 127 };

size_t ws_head(uint8_t out[WS_HEAD_MAX], ws_opcode_t opcode, uint64_t len) {
    out[0] = (uint8_t)(FIN | opcode);
    if (len < LEN16) {
        out[1] = (uint8_t)len;
        return 2;
    }
    if (len <= UINT16_MAX) {
        uint16_t big = htobe16((uint16_t)len);
        out[1] = LEN16;
        memcpy(out + 2, &big, sizeof big);
        return 4;
    }
    uint64_t big = htobe64(len);
    out[1] = LEN64;
    memcpy(out + 2, &big, sizeof big);
    return 10;
}

void ws_append(zr_buffer_t *out, ws_opcode_t opcode, zr_span_t payload) {
    uint8_t head[WS_HEAD_MAX];
    zr_buffer_append(out, head, ws_head(head, opcode, payload.len));
    zr_buffer_append(out, payload.ptr, payload.len);
}

zr_blob_t *ws_blob(ws_opcode_t opcode, zr_span_t payload) {
    uint8_t head[WS_HEAD_MAX];
    size_t len = ws_head(head, opcode, payload.len);
    zr_blob_t *blob = zr_blob_new(len + payload.len);
    memcpy(zr_blob_data(blob), head, len);
    if (payload.len)
        memcpy(zr_blob_data(blob) + len, payload.ptr, payload.len);
    return blob;
}

zr_blob_t *ws_json(json_t *object) {
    zr_blob_t *text = zr_control_write(object);
    zr_blob_t *frame = ws_blob(WS_TEXT, zr_span_of(zr_blob_data(text), zr_blob_len(text)));
    zr_blob_unref(text);
    return frame;
}
