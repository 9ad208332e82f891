/* A listening socket for plain text over TCP: connections come in, those of trusted proxies with the address of their
 * client. */
#ifndef TEXT_DOOR_H
#define TEXT_DOOR_H

#include "errors.h"
#include "stream.h"

typedef struct text_door text_door_t;

/* Takes over the descriptor in `from`. */
typedef void text_door_fn(void *ctx, const stream_from_t *from);

/* `tls`: connections speak TLS; NULL: they are plain. It, `config` and `poller` must outlive the door. NULL: `error` says
 * why. */
text_door_t *text_door_open(const gateway_config_t *config, const listen_address_t *address, poller_t *poller,
    stream_tls_t *tls, text_door_fn *accepted, void *ctx, zr_error_t *error);
void text_door_close(text_door_t *door); /* NULL is accepted */

/* New connections get this certificate. The one before must outlive the connections that have it. */
void text_door_use(text_door_t *door, stream_tls_t *tls);

/* Appends where it listens, as ADDRESS:PORT. */
void text_door_name(const text_door_t *door, zr_buffer_t *out);

/* To be called in every turn; text_door_timeout says when that is next needed, -1: never. */
void text_door_turn(text_door_t *door, uint64_t now);
int text_door_timeout(const text_door_t *door, uint64_t now);

#endif
