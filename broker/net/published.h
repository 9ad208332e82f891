/* Frames on their way to readers. libzmq holds one until the last reader's connection has it, or is gone. */
#ifndef PUBLISHED_H
#define PUBLISHED_H

#include <zmq.h>

#include "blob.h"

enum { PUBLISHED_MESSAGE = 64 }; /* bytes that a frame counts for beside its own */

/* Makes `msg` from the frame and takes over its reference. */
void published_wrap(zmq_msg_t *msg, zr_blob_t *frame);

/* Bytes of all frames that libzmq holds. From any thread. */
uint64_t published_bytes(void);

#endif
