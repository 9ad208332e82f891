/* See telnet.h. */
#include "telnet.h"

enum { COMMANDS = 236, SE = 240, SB = 250, WILL = 251, DONT = 254, IAC = 255 };

bool telnet_is_plain(const telnet_t *telnet, zr_span_t input) {
    return telnet->state == TELNET_DATA &&
           (input.len == 0 || (!memchr(input.ptr, IAC, input.len) && !memchr(input.ptr, 0, input.len)));
}

static telnet_state_t s_after_iac(uint8_t byte, zr_buffer_t *out) {
    if (byte == IAC)
        zr_buffer_u8(out, IAC);
    if (byte == SB)
        return TELNET_SUB;
    return byte >= WILL && byte <= DONT ? TELNET_OPTION : TELNET_DATA;
}

static telnet_state_t s_take(telnet_t *telnet, uint8_t byte, zr_buffer_t *out) {
    switch (telnet->state) {
    case TELNET_DATA:
        if (byte == IAC)
            return TELNET_IAC;
        if (byte != 0)
            zr_buffer_u8(out, byte);
        return TELNET_DATA;
    case TELNET_IAC:
        telnet->seen |= byte != IAC;
        telnet->foreign |= byte < COMMANDS;
        return s_after_iac(byte, out);
    case TELNET_OPTION:
        return TELNET_DATA;
    case TELNET_SUB:
        return byte == IAC ? TELNET_SUB_IAC : TELNET_SUB;
    case TELNET_SUB_IAC:
        return byte == SE ? TELNET_DATA : TELNET_SUB;
    }
    return TELNET_DATA;
}

void telnet_data(telnet_t *telnet, zr_span_t input, zr_buffer_t *out) {
    for (size_t i = 0; i < input.len; i++)
        telnet->state = s_take(telnet, (uint8_t)input.ptr[i], out);
}
