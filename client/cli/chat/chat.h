/* Shared by the chat's parts: its rooms, messages not acked yet, and text to be shown. */
#ifndef CHAT_H
#define CHAT_H

#include "chat_marks.h"
#include "chat_settings.h"
#include "chat_status.h"
#include "chat_text.h"
#include "conn.h"
#include "jobs.h"
#include "recent.h"
#include "output.h"
#include "people.h"
#include "prompt.h"

#define CHAT_ROOMS_MAX 64
#define CHAT_PENDING_MAX 256  /* messages whose outcome is told one by one; the library only counts more */
#define CHAT_DIRECT_MAX 32    /* messages to one person under way */
#define CHAT_UNSENT_MS 2000   /* a message not acked by then is marked as unsent */
#define CHAT_PAGE 20          /* messages shown on joining, and loaded by PageUp */
#define CHAT_WHISPERS_MAX 100 /* messages from and to people without a /query, kept for the one that may follow */
#define CHAT_READ_MAX 10000   /* messages that /history WHEN and /search look through */
#define CHAT_ECHO_MS 2000     /* how long a filter waits for its last message to come back */
#define CHAT_MOVES_MS 1000    /* comings and goings of this time are told in one line */
#define CHAT_MOVES_MAX 32     /* people in such a line */
#define CHAT_HOME "~%s/read"  /* the room of a user's home that has the marks */
#define CHAT_HOME_MS 5000     /* messages that came into view are marked as read after so long, or on switching */
#define CHAT_BACK_MS 500      /* after a reconnect: nothing missed comes for so long, so all of it is there */

/* A room, or one person to talk with. */
typedef struct {
    char *name; /* of the room or person */
    bool person;
    bool live;     /* its joining was told */
    bool seen;     /* it was in view */
    uint64_t head; /* the room's, on joining: what is not above it is history; of a person 0 */
    uint64_t read; /* the reader has read up to this seq; 0: it is not known */
    uint64_t shown;
    uint64_t oldest; /* that was shown; `known` entries, from there to the newest, came so far */
    size_t known;
    bool ruled; /* the line between old and new was shown since the room came into view */
    size_t unread, mentions;
    recent_t recent;
    people_t people;
    uint64_t who_request, topic_request; /* questions for the people of the room and for its topic; 0: none */
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

/* A question for older messages. */
typedef struct {
    uint64_t request; /* 0: none */
    char *room;
    uint64_t before, since; /* only entries below this seq, and not before this time; 0: any */
    char *pattern;          /* only entries that hold it; NULL: any */
    size_t max, found;
    recent_t recent;
} chat_reading_t;

/* People that came or went, to be told in one line. People that did both meanwhile are left out. */
typedef struct {
    struct {
        char *nick, *text; /* the text has the reason for leaving */
        bool joined;
    } list[CHAT_MOVES_MAX];
    size_t count;
    uint64_t since_ms; /* when the first of them came or went */
} chat_moves_t;

/* The marks at the broker (chat_home.h). */
typedef struct {
    char *room;       /* NULL: the user is a guest, and has no home */
    uint64_t request; /* for all of them; 0: none */
    bool refused;     /* the user has no right there: the marks are in the file only */
    marks_t kept;     /* that the broker has */
    uint64_t due_ms;  /* when the next are written; 0: not known */
} chat_home_t;

typedef struct {
    conn_t session;
    output_t output;  /* lines to show; in a terminal they go above the prompt instead */
    prompt_t *prompt; /* NULL: a filter */
    chat_style_t style;
    bool json; /* a filter that speaks JSON */
    chat_settings_t settings;
    marks_t marks;
    chat_home_t home;
    const char *log; /* a folder; NULL: none */
    jobs_t jobs;     /* `command` NULL: nothing is run for mentions */
    int64_t day;     /* of the message shown last, today before the first one */
    int64_t today;   /* 0: not known */
    chat_room_t rooms[CHAT_ROOMS_MAX];
    size_t room_count, current;
    chat_pending_t pending[CHAT_PENDING_MAX];
    size_t pending_count;
    chat_direct_t directs[CHAT_DIRECT_MAX];
    recent_t whispers; /* the key of each is the other person's nick */
    chat_reading_t reading;
    chat_moves_t moves;
    chat_status_t shown;  /* of others */
    char *away, *status;  /* what the user shows; NULL: neither */
    uint64_t who_request; /* for /who or /names; 0: none */
    bool who_names;       /* the names alone */
    uint64_t rooms_request, topic_request;
    zr_buffer_t answer;           /* to who, gathered until it is whole */
    uint64_t acked_seq, seen_seq; /* of messages sent to the current room, and of entries shown of it */
    uint64_t back_ms;             /* connected again, and what was missed may still come until then; 0: no */
    uint64_t clock_request;       /* for the broker's clock after that */
    uint64_t back_time;           /* the broker's clock when the connection was back; 0: not known yet */
    size_t recovered;
    bool connected, ended, refused; /* refused: the broker does not let us in any more */
    int code;
} chat_t;

/* --- Showing (chat_show.c) --- */

void chat_notice(chat_t *chat, const char *format, ...) __attribute__((format(printf, 2, 3)));
void chat_rule(chat_t *chat, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The event's text, if it has one. */
void chat_note(chat_t *chat, const zrelay_event_t *event);

/* A message of that time is shown next: tells its date if that is another one. */
void chat_date(chat_t *chat, uint64_t time);
void chat_show_entry(chat_t *chat, const zrelay_event_t *event);

/* Somebody came or went in the current room. chat_tell_moves shows it, with all that came before. */
void chat_move(chat_t *chat, const zrelay_event_t *event);
void chat_tell_moves(chat_t *chat);

/* The prompt and the window's title tell of all rooms. */
void chat_show_prompt(chat_t *chat);

/* Rings, and runs the command, for a message that is about the user. */
void chat_alert(chat_t *chat, const zrelay_event_t *event, bool mentions);

/* --- Rooms (chat_rooms.c) --- */

/* Joins or switches to it; false after telling why not. */
bool chat_enter(chat_t *chat, zr_span_t name);
/* Switches to the person. false: there are too many rooms. */
bool chat_query(chat_t *chat, zr_span_t nick);
void chat_whisper(chat_t *chat, const char *nick, const zrelay_event_t *event); /* was shown in another room */
void chat_switch(chat_t *chat, size_t index);
size_t chat_next_unread(const chat_t *chat); /* those with something for the user come first; room_count: none */
void chat_forget(chat_t *chat, size_t index);
void chat_rooms_finish(chat_t *chat);
size_t chat_find(const chat_t *chat, zr_span_t name, bool person); /* room_count: not there */
chat_room_t *chat_current(chat_t *chat);                           /* NULL: in no room */

/* An entry, or a message of or to a person, for this room. */
void chat_room_entry(chat_t *chat, chat_room_t *room, const zrelay_event_t *event);

uint64_t chat_newest(const chat_room_t *room); /* the seq of its newest entry; 0: it has none */

/* The user has read the room up to `seq`, in another chat. */
void chat_room_read(chat_t *chat, zr_span_t name, uint64_t seq);

/* --- Events (chat_event.c) --- */

void chat_event(chat_t *chat, const zrelay_event_t *event);

/* --- Lines that were typed (chat_lines.c) --- */

/* false: the queue is full, try again. */
bool chat_typed(chat_t *chat, zr_span_t line);

/* Appends the entry to the log of its room and day (chat_log.c). */
void chat_log(chat_t *chat, const zrelay_event_t *event);

/* The settings have changed, or the terminal's size: lines look so from now on. */
void chat_apply(chat_t *chat);

#endif
