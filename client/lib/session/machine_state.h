/* The session's members. Every part of it sees them; each part declares its functions in its own header. A function's
 * name begins with the part that owns it. */
#ifndef MACHINE_STATE_H
#define MACHINE_STATE_H

#include "control.h"
#include "frame_limit.h"
#include "hash.h"
#include "machine.h"
#include "names.h"
#include "wire_work.h"

/* The machine's own limits and times; the broker's come with welcome. */
enum {
    SYNC_MS = 2000,
    UNHEARD = 3,    /* syncs without an answer until the program is told */
    SYNC_TRIES = 2, /* syncs without an answer until the SUB itself is made anew */
    GRACE_MS = 250,
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 10000,
    BACKOFF_LONG = 6,    /* attempts counted at once after being sent away or not let in: up to 6.4 s */
    RETRY_MS = 100,      /* until a request is asked again; each time without progress doubles it, */
    RETRY_MAX_MS = 5000, /* up to this */
    PAGE_SMALL = 100,    /* names in a page of a list; a broker gives more, unless it is the last page */
    PAGES_AT_ONCE = 4,   /* small pages; the next ones are asked for with back-off */
    STEADY_MS = 10000,   /* after a session or a back that lasted so long, back-off begins anew */
    WAIT_MAX_MS = 60000, /* the longest that a broker's `wait` counts for */
    LIST_MS =
        30000,     /* until the rooms of a prefix are listed again: when that was refused, or positions are given up */
    MORE_MS = 250, /* between two pings while followed rooms are left */
    BYE_MS = 2000,
    QUEUED_MAX_MS = 120000, /* the longest that a hello waits, however often the broker says that it is queued */
    QUEUED_TOLD_MS = 1000,  /* between two events that say so */
    LATE_MS = 100,
    DOUBT_MS = 1000,        /* between two pings because of frames of another epoch */
    HEARTBEAT_MS = 5000,    /* until a welcome says otherwise */
    HEARTBEAT_MIN_MS = 100, /* a broker that wants more pings, or fewer than HEARTBEAT_MAX_MS, does not get its way */
    HEARTBEAT_MAX_MS = 3600000,
    PACK_BYTES = 262144,             /* of a PUBLISH frame under load (frame_limit.h), */
    PACK_WINDOWS = 4,                /* but so many must fit into the broker's window */
    CHUNK_BYTES = PACK_BYTES + 1024, /* the largest packed frame, with its pub_t */
    CHUNKS_SPARE = 16,               /* kept for use again: as much as the broker's usual window */
    CAS_WINDOW = 64,
    ROOMS_MAX = 4096,          /* joined by name, and prefixes */
    PREFIX_ROOMS_MAX = 100000, /* that prefixes brought, each of about 400 bytes */
    REPAIRS_MAX = 64,          /* replays of rooms asked for; the other rooms wait */
    REQUESTS_MAX = 1024,
    ASKS_MAX = 250,     /* requests under way, as PROTOCOL.md wants it */
    READING_MAX = 16,   /* replays and snapshots under way, whatever the broker allows */
    HELD_FRAMES = 4096, /* replayed frames waiting for the end of their slice, and their bytes */
    HELD_BYTES = 64 << 20,
    STUCK_MAX = 3,      /* replays that bring nothing until a hole counts as lost */
    KEPT_FRAMES = 1024, /* live frames kept while a replay is under way, and their bytes */
    KEPT_BYTES = 8 << 20,
    EVENTS_PAUSE = 4 << 20, /* bytes of frames waiting as events; above it no further slice is asked for */
    EVENTS_DROP = 64 << 20, /* above it frames are dropped: the next replay brings them */
    EVENTS_MERGE = 1024,    /* events from which on acks in a row become one */
    PRESENCE_KEPT = 64,
    MEMBERS_MAX = 100000,
    ENDPOINT_MAX = 256,
    CONNECT_MS = 2000, /* for a connection to stand, if there is another server to try */
    TOKEN_MAX = 64,
    AGENT_MAX = 64,
    REASON_MAX = 200,
    KICK_MAX = 604800,       /* seconds */
    DIRECT_MARGIN = 128,     /* of a control frame, around text and names */
    TEXT_MAX = 1024,         /* bytes of an error's text that are handed on */
    CONTROL_MAX = 8 << 20,   /* bytes of a control frame: the longest honest one lists 10,000 bans */
    CONTROL_VALUES = 100000, /* members and elements in it: each costs far more memory than its text */
};
#define NEVER UINT64_MAX

typedef struct room room_t;
typedef struct request request_t;
typedef struct presence presence_t;

/* Where the session is (PROTOCOL.md, section 6). Its "syncing" is a state of rooms here: publishing and questions need
 * not wait for it. */
typedef enum {
    STATE_GREETING, /* hello is out */
    STATE_NAMING,   /* the nick was refused; the program chooses another */
    STATE_WAITING,  /* both sockets are closed until the back-off ends */
    STATE_LIVE,     /* welcome came */
    STATE_LEAVING,  /* bye is out */
    STATE_CLOSED,
    STATE_COUNT
} state_t;

/* --- Frames that wait --- */

typedef struct kept {
    zr_blob_t *frame;
    struct kept *next;
} kept_t;

/* The sum and the limit of all lists of a kind. */
typedef struct {
    size_t frames, bytes, max_frames, max_bytes;
} kept_total_t;

typedef struct {
    kept_t *first, *last;
    kept_total_t *total; /* set when there is something in it */
} kept_list_t;

/* A DELIVER frame that was checked as a whole. */
typedef struct {
    zr_deliver_reader_t from; /* before the first entry after the seq asked about */
    uint64_t prev, first, last;
    size_t count; /* entries after that seq */
    size_t total;
} scan_t;

/* --- Rooms --- */

typedef enum {
    ROOM_NEW,     /* not subscribed on this SUB */
    ROOM_SYNCING, /* subscribed, not known to be live */
    ROOM_JOINING, /* join (of a prefix: follow, and the list of its rooms) is under way */
    ROOM_LIVE,
    ROOM_PARKED, /* of a prefix: may not be read now. Its position is kept: should it be again, nothing comes twice */
} room_state_t;

/* The queue that a room stands in (machine_waiting.h). */
typedef enum { QUEUE_NONE, QUEUE_REPAIR, QUEUE_IDLE } room_queue_t;

struct room {
    size_t len;
    bool prefix;
    room_t *parent; /* the prefix that brought it; NULL: joined by name */
    room_state_t state;
    int from;
    uint64_t position;
    bool silent, presence_wanted;

    bool started;   /* `last` counts: where to begin is known */
    bool announced; /* the program heard ZRELAY_JOINED */
    bool asked;     /* to be let in: the broker may have done so, even if we never heard */
    uint64_t last;  /* seq of the last entry that became an event, or is lost */
    uint64_t head;  /* newest seq the broker named */
    uint64_t grace; /* when a head above `last` means a loss; NEVER: it does not */

    request_t *joining;
    request_t *replay; /* at most one is under way */
    kept_list_t kept;  /* live frames that came too early */
    uint64_t hole;     /* `prev` of the last one that did not join up with the one before it */
    uint64_t kept_upto;
    bool missed;   /* some were dropped behind `kept` */
    bool by_front; /* live entries come by DEALER, as far as we know: silence on SUB says nothing then */
    bool cut;      /* the SUB ended while the room was live: if something is missing, the program hears of it */
    bool gap;      /* the program heard ZRELAY_GAP */
    unsigned stuck;
    unsigned barren; /* replays in a row that brought no entry */

    uint64_t list_at;   /* prefix: when to list its rooms again */
    bool list_again;    /* prefix: once the list under way is whole */
    bool listed;        /* prefix: rooms that come up now are new */
    bool overflow_told; /* prefix: the program knows that not all fit, since the last that did */
    uint64_t found;
    uint64_t list; /* prefix: its lists so far; a room of one: the last list that named it */
    room_t *next_prefix;

    presence_t *presence;
    uint64_t count;
    room_queue_t queue;
    room_t *prev_queue, *next_queue, *prev_grace, *next_grace;
    UT_hash_handle hh;
    char name[]; /* with a zero byte; of a prefix with its '*' */
};

/* --- Requests --- */

typedef enum {
    REQUEST_HISTORY, /* the program's, up to REQUEST_GROUP */
    REQUEST_STATE,
    REQUEST_WHO,
    REQUEST_ROOMS,
    REQUEST_DIRECT,
    REQUEST_ASK_ROOM, /* a request to a room */
    REQUEST_ANSWER,
    REQUEST_MOVE, /* an entry of another log */
    REQUEST_PING,
    REQUEST_ADMIN,
    REQUEST_STATS,
    REQUEST_KICK,
    REQUEST_GROUPS,
    REQUEST_GROUP,
    REQUEST_WORK, /* of a worker of a group: the machine's own, as all that follow */
    REQUEST_JOIN,
    REQUEST_LEAVE,
    REQUEST_FOLLOW,
    REQUEST_UNFOLLOW,
    REQUEST_REPAIR,    /* of a room */
    REQUEST_LIST,      /* of a prefix */
    REQUEST_MEMBERS,   /* of a presence */
    REQUEST_ABANDONED, /* a repair whose room was left: its frames are still to come, and are dropped */
    REQUEST_KINDS
} request_kind_t;

struct request {
    request_kind_t kind;
    uint64_t number; /* as the program knows it; 0: ours */
    uint64_t id;     /* on the wire, another each time it is asked; 0: not under way */
    uint64_t not_before;
    room_t *room;               /* ours: whose it is */
    char name[ZR_ROOM_MAX + 2]; /* the room, the prefix, the nick */
    char key[ZR_KEY_MAX + 1];   /* state: the key; admin: the action; kick: the nick; direct, answer: the request */
    char page[ZR_ROOM_MAX + 1]; /* where a list goes on */
    char *text;
    uint64_t after, last, limit, until; /* until 0: no bound */
    bool failed;                        /* answer: so it says */
    bool placed;                        /* history: `after` is where it stands */
    bool by_last, counted;              /* it is asked for by `last` now; and was answered so */
    uint64_t start;                     /* history of the last so many: where they begin */
    bool probing;                       /* history: asks for the head first */
    bool answered;                      /* state: `seq` is set; lists: a page has come */
    bool complete;
    size_t received; /* entries that came in this slice */
    bool dropped;    /* a frame of this slice found no place: its answer cannot be trusted */
    uint64_t before; /* its position when it was asked, */
    uint64_t head;   /* and the head known then */
    unsigned stuck;
    unsigned tries;       /* in a row without progress */
    unsigned small_pages; /* of a list */
    uint64_t count, seq;
    uint64_t ttl;     /* state: of the answer */
    kept_list_t held; /* replayed frames that do not fit; `replayed` says what they mean */
    request_t *prev, *next;
    UT_hash_handle hh; /* by id */
};

/* What a kind of request does. */
typedef struct {
    const char *op, *answer;
    bool reads; /* takes one of the few places for replays */
    bool ours;  /* asked anew by its owner after a loss, or not at all */
    void (*ask)(machine_t *m, request_t *request, json_t *object); /* adds members */
    void (*answered)(machine_t *m, request_t *request, json_t *object);
    void (*refused)(machine_t *m, request_t *request, json_t *error);
} request_does_t;

/* --- Publishing --- */

/* Memory for published messages, in large pieces: a message costs no allocation. It is filled from `used` on and given
 * back when no message in it is used any more. */
typedef struct chunk {
    zr_blob_t *blob; /* this lies in it; libzmq may hold it longer than we do */
    struct chunk *next;
    size_t size, used; /* bytes, this head included */
    size_t live;
} chunk_t;

typedef struct {
    chunk_t *open; /* where the next goes; NULL: none */
    chunk_t *spare;
    size_t spare_count;
} chunks_t;

/* A PUBLISH frame, filled until it is first sent or full. It lies in a chunk, and its bytes behind it. */
typedef struct pub {
    struct pub *next;
    chunk_t *chunk;
    uint64_t first, last;
    uint32_t len, count;
    uint32_t most;     /* bytes that it may have */
    bool sealed, sent; /* on this connection */
    uint8_t room_len;
    uint8_t frame[];
} pub_t;

typedef struct {
    uint64_t first, last;
} range_t;

typedef struct {
    pub_t *first, *last;
    pub_t *unsent; /* the first not sent on this connection */
    chunks_t chunks;
    uint64_t next_mid;
    uint64_t ttl;      /* ms, of the next value; 0: none */
    uint64_t sent;     /* the highest id ever sent */
    uint64_t answered; /* every id up to it is answered */
    range_t *refused;  /* ids above it that were refused, sorted */
    size_t refused_count, refused_size, refused_ids;
    uint64_t cas[CAS_WINDOW]; /* ids of unanswered compare-and-sets, rising */
    size_t cas_count;
    frame_limit_t pack;
    size_t bytes;   /* of entries, for the program's limit */
    size_t flight;  /* of frames sent on this connection, for the broker's window */
    uint64_t pause; /* the broker wants nothing more until then */
} publish_t;

/* --- Events --- */

typedef enum { ITEM_PLAIN, ITEM_ENTRIES, ITEM_USERS, ITEM_ROOMS, ITEM_BANS, ITEM_GROUPS } item_kind_t;

/* One thing that becomes one or more events. */
typedef struct {
    item_kind_t kind;
    size_t left;  /* events still in it */
    size_t bytes; /* that it weighs in the queue */
    zrelay_event_t event;
    void *strings; /* PLAIN: one block with the strings of `event`; lists: the array in `json`, then the room */
    zr_blob_t *frame;
    zr_deliver_reader_t reader;
    json_t *json; /* lists */
    size_t index;
} item_t;

typedef struct {
    item_t *items; /* a ring, `size` a power of two */
    size_t size, head, count;
    size_t bytes;         /* of items, frames and texts in it; lists, which were asked for, are not counted */
    zrelay_event_t given; /* the program has it; it stays when the ring grows */
    bool begun;           /* `given` is of the first item */
    char sender[256], key[256];
    char *meta; /* of `given` */
} events_t;

/* --- The machine --- */

typedef struct {
    action_t *items;
    size_t size, head, count;
    zr_blob_t *lent; /* of the action taken last */
} actions_t;

/* Workers of groups (machine_work.c). */
typedef struct {
    struct worker *workers; /* by number */
    uint32_t last_worker;
    struct settle *settles; /* not answered yet, in order */
    size_t settle_count;
    bool unsent; /* some of them may have to be sent */
    uint64_t last_number;
    uint64_t pause; /* nothing is settled before: the broker could not store it */
} work_t;

struct machine {
    machine_config_t config;
    zr_servers_t servers; /* none: the link knows its only one */
    bool moves;           /* the next attempt goes to the next one */
    size_t missed;        /* servers in a row that could not be reached */
    char agent[AGENT_MAX + 1];
    char user[ZR_NICK_MAX + 1]; /* empty: no login */
    char login[ZR_JWT_MAX + 1];
    char meta[ZR_META_MAX + 1];      /* for hello; empty: none was given */
    char nick[ZR_NICK_MAX + 1];      /* for hello; empty: the broker chooses */
    bool nick_chosen;                /* by the program, not by the broker */
    bool unsaid;                     /* token or meta changed since the last hello was sent */
    bool renaming;                   /* chosen while it could not be asked for */
    char asked[ZR_NICK_MAX + 1];     /* in the last hello */
    char confirmed[ZR_NICK_MAX + 1]; /* by the last welcome */
    char client[ZR_CLIENT_ID_LEN + 1];
    char token[TOKEN_MAX + 1];
    char epoch[TOKEN_MAX + 1];
    uint64_t doubted; /* when a frame of another epoch last made us ping */
    unsigned doubts;  /* how often it did, since the last welcome */
    char back[ENDPOINT_MAX + 1];
    uint64_t heartbeat;
    size_t limit_window, limit_frame, limit_control, limit_entries, limit_body, limit_rooms, limit_replays;

    state_t state;
    uint64_t deadline;     /* of the state */
    uint64_t queued_until; /* the latest deadline of the hello that is out */
    uint64_t queued_told;  /* when the program last heard that the login waits */
    uint64_t connection;
    unsigned attempts;
    uint64_t since; /* when the session began */
    unsigned flaps; /* sessions in a row that lasted less than STEADY_MS */
    bool back_told; /* the program heard that the broker's back is refused, since the last welcome that was not */
    bool front_up;  /* the DEALER's connection is known to stand */
    bool known;     /* the session is a user's */
    bool connected; /* the program heard ZRELAY_CONNECTED and no ZRELAY_DISCONNECTED */
    bool closing;
    bool failure_told[FRONT_FAILURES]; /* since the last welcome */
    bool unreachable_told;             /* likewise */
    uint64_t hello_id, bye_id;
    uint64_t rename_at; /* when the broker takes another hello for the nick that is wanted; NEVER: none waits */
    unsigned rename_tries;
    uint64_t heard;      /* when the front last spoke */
    uint64_t pinged;     /* the first ping since then; NEVER: no ping is out */
    uint64_t late_until; /* until then a late program waits for what the front has; NEVER: it is not late */
    uint64_t ping_at;
    uint64_t now; /* of the call under way, for parts that are not told it */

    uint64_t epoch_number; /* the same, as frames carry it */
    bool back_open;        /* a SUB to `back` exists */
    uint64_t back_at;      /* not to be made before then */
    uint64_t back_since;   /* when it was made */
    unsigned back_tries;   /* SUBs in a row that lasted less than STEADY_MS */
    bool sync_wanted;
    uint64_t sync_at; /* when the sync under way counts as lost; NEVER: no sync is under way */
    unsigned sync_tries;
    unsigned syncs_lost;          /* since the back was heard last */
    char nonce[ZR_NONCE_MAX + 1]; /* subscribed to; empty: none */

    room_t *rooms; /* by name, prefixes too */
    room_t *recent;
    room_t *prefixes;
    size_t room_count;   /* joined by name */
    size_t prefix_count; /* prefixes */
    size_t child_count;  /* rooms that prefixes brought */
    uint64_t given_up;   /* positions of such rooms, in this epoch: one that comes up need not be new */
    room_t *graces;      /* rooms in their grace, the first to end first */
    room_t *repairs;     /* rooms that wait for a replay */
    size_t repair_count; /* replays of rooms that are asked for, or about to be */
    room_t *idle;        /* of prefixes, and nothing is under way: the one that moved least recently first */
    uint64_t list_at;
    kept_total_t kept; /* live frames, of all rooms */
    kept_total_t held; /* replayed ones, of all requests */

    const request_does_t *kinds;
    request_t *first, *last; /* all requests, oldest first */
    request_t *by_id;
    size_t asked_count; /* the program's */
    uint64_t next_id, next_number;
    request_t *reading[READING_MAX]; /* those under way that the broker answers from its log */
    size_t reading_count;
    bool unasked; /* some request may be ready to be asked */
    uint64_t ask_at;
    uint64_t ask_pause;  /* the broker wants no request before */
    unsigned ask_window; /* requests under way, at most */

    publish_t publish;
    work_t work;
    events_t events;
    actions_t actions;
    uint64_t malformed; /* frames that made no sense */
};

#endif
