/* Shared by the chat's parts: its rooms, messages not acked yet, and text to be shown. */
#ifndef CHAT_H
#define CHAT_H

#include "chat_status.h"
#include "chat_text.h"
#include "output.h"
#include "prompt.h"
#include "conn.h"

#define CHAT_ROOMS_MAX 64
#define CHAT_PENDING_MAX 256 /* messages whose outcome is told one by one; the library only counts more */
#define CHAT_DIRECT_MAX 32   /* messages to one person under way */
#define CHAT_UNSENT_MS 2000  /* a message not acked by then is marked as unsent */
#define CHAT_HISTORY 20
#define CHAT_ECHO_MS 2000 /* how long a filter waits for its last message to come back */

typedef struct {
    char *name;
    bool live; /* its joining was told */
} chat_room_t;

typedef struct {
    uint64_t mid;
    uint64_t sent_ms;
    char *text;
    bool told;
} chat_pending_t;

/* A message to one person, shown when it is delivered. */
typedef struct {
    uint64_t request; /* 0: a free place */
    char *nick, *text;
} chat_direct_t;

typedef struct {
    conn_t session;
    output_t output;  /* lines to show; in a terminal they go above the prompt instead */
    prompt_t *prompt; /* NULL: a filter */
    chat_style_t style;
    int64_t day; /* of the message shown last, today before the first one */
    chat_room_t rooms[CHAT_ROOMS_MAX];
    size_t room_count, current;
    chat_pending_t pending[CHAT_PENDING_MAX];
    size_t pending_count;
    chat_direct_t directs[CHAT_DIRECT_MAX];
    chat_status_t shown;                 /* of others */
    char *away, *status;                 /* what the user shows; NULL: neither */
    uint64_t who_request, rooms_request; /* 0: none */
    zr_buffer_t answer;                  /* to who, gathered until it is whole */
    uint64_t acked_seq, seen_seq;        /* of messages sent to the current room, and of entries shown of it */
    bool connected, ended, refused;      /* refused: the broker does not let us in any more */
    int code;
} chat_t;

/* Lines to show. */
void chat_notice(chat_t *chat, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Handles an event. */
void chat_event(chat_t *chat, const zrelay_event_t *event);

/* Rooms. chat_enter joins or switches to it; false after telling why not. */
bool chat_enter(chat_t *chat, zr_span_t name);
void chat_forget(chat_t *chat, size_t index);
size_t chat_find(const chat_t *chat, zr_span_t name); /* room_count: not there */
void chat_show_prompt(chat_t *chat);

/* A line that was typed in, or read. false: the queue is full, try again. */
bool chat_typed(chat_t *chat, zr_span_t line);
bool chat_send(chat_t *chat, zr_span_t text);

/* Frees its place. */
void chat_direct_end(chat_direct_t *direct);

/* Marks what waits for too long. Returns milliseconds until there is something to mark, -1: nothing. */
int chat_mark(chat_t *chat);

void chat_finish(chat_t *chat);

#endif
