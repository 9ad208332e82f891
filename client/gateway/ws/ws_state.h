/* Private to ws/: a socket's state, and what its files offer each other. */
#ifndef WS_STATE_H
#define WS_STATE_H

#include <wslay/wslay.h>

#include "ws.h"

enum {
    WS_READ_SIZE = 65536,
    WS_SPARE_MAX = 64 /* states of wslay that are kept for the next message */
};

typedef enum {
    WS_OPEN,
    WS_CLOSING, /* a close frame is queued or sent; messages are not taken any more */
    WS_SHUT,    /* all was sent; the peer's end is waited for */
    WS_DEAD     /* to be freed at the end of the turn */
} ws_state_t;

struct ws {
    ws_pool_t *pool;
    int fd;
    web_pipe_t *pipe;
    poll_source_t source;
    const ws_events_t *events;
    void *ctx;
    ws_state_t state;
    bool readable, ended;         /* ended: the peer sends nothing more */
    bool reading, writing, dying; /* in these lists */
    bool was_open;                /* when it died: the list that it is in */
    bool heard;                   /* something came since the last ping */
    bool in_message;              /* of several frames */
    ws_code_t fault;              /* of a frame that wslay takes, and RFC 6455 does not; 0: none */
    uint64_t due;                 /* the next ping, or the end of the linger */
    size_t replies;               /* bytes of the queue that answer pings, about */
    outflow_t out;
    wslay_event_context_ptr wslay; /* NULL: no frame is incomplete */
    uint64_t handed, consumed;     /* bytes given to wslay, and those of whole frames */
    uint64_t ended_at;             /* `consumed` at the end of the last message */
    unsigned fragments;            /* of the message that is not whole */
    queue_holder_t partial;        /* that message */
    size_t partial_bytes;
    zr_blob_t *extra;  /* came before; NULL: none */
    ws_t *prev, *next; /* in `open` or `closing` */
    ws_t *reading_prev, *reading_next, *writing_prev, *writing_next, *dying_next;
};

struct ws_pool {
    const gateway_config_t *config;
    poller_t *poller;
    queue_budget_t *budget;
    uint64_t now;
    bool hold;            /* no socket is read now */
    ws_t *open, *closing; /* by `due`: within each, all wait equally long */
    ws_t *reading, *writing, *dying;
    wslay_event_context_ptr spare[WS_SPARE_MAX];
    size_t spare_count;
    ws_t *current; /* that wslay works for */
    zr_span_t input;
    zr_buffer_t replies;
    ws_counts_t counts;
    uint8_t buffer[WS_READ_SIZE];
};

/* ws.c */
void ws_begin_closing(ws_t *ws); /* messages are not taken any more; it ends once all is written */
void ws_want_write(ws_t *ws);

/* ws_input.c */
void ws_input_begin(ws_t *ws);                 /* `ws` is zeroed but for its pool */
void ws_input_take(ws_t *ws, zr_span_t input); /* bytes came: tells the messages that are whole by now */
void ws_input_forget(ws_t *ws);                /* the message that is not whole */
void ws_input_finish(ws_pool_t *pool);

#endif
