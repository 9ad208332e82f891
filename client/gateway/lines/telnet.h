/* Takes the negotiation of telnet (RFC 854) out of a stream of bytes. Pure. Nothing is negotiated: commands and options
 * are skipped, and no answer means that both sides stay plain. */
#ifndef TELNET_H
#define TELNET_H

#include "buffer.h"
#include "span.h"

typedef enum {
    TELNET_DATA,
    TELNET_IAC,     /* after 255 */
    TELNET_OPTION,  /* after WILL, WONT, DO or DONT: its option follows */
    TELNET_SUB,     /* within a subnegotiation */
    TELNET_SUB_IAC, /* after 255 within it */
} telnet_state_t;

typedef struct {
    telnet_state_t state;
    bool seen;    /* a command came: the peer is a telnet client */
    bool foreign; /* after 255 came what telnet never sends: the peer speaks another protocol, such as ZMTP */
} telnet_t;

/* Appends the data of `input`; 255 twice is the byte 255. NUL, which telnet sends after a lone CR, is skipped. */
void telnet_data(telnet_t *telnet, zr_span_t input, zr_buffer_t *out);

/* The bytes are data as they are: telnet_data would append them unchanged. */
bool telnet_is_plain(const telnet_t *telnet, zr_span_t input);

#endif
