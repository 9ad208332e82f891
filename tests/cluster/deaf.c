/* Keeps the warnings of PostgreSQL from a program: to be loaded with LD_PRELOAD. A planted fault (run --plant warnings). */
#include <stddef.h>

typedef void (*receiver_t)(void *, const void *);

receiver_t PQsetNoticeReceiver(void *connection, receiver_t receiver, void *ctx);

static void s_hear_nothing(void *ctx, const void *result) {
    (void)ctx;
    (void)result;
}

receiver_t PQsetNoticeReceiver(void *connection, receiver_t receiver, void *ctx) {
    (void)connection;
    (void)receiver;
    (void)ctx;
    return s_hear_nothing;
}
