/* A program with the real client machine in it, and the events that it has been told so far. */
#ifndef CLIENT_H
#define CLIENT_H

#include "driver.h"
#include "model.h"
#include "network.h"

struct sim;

enum { RECENT = 128 };

/* A user that presence told of: the newest event of each nick. */
typedef struct {
    char nick[ZR_NICK_MAX + 1];
    bool here;
    unsigned meta; /* the number in its meta, as told last; 0: none */
} seen_t;

/* A program's state of a room that it reads. */
typedef struct {
    bool wanted, prefixed; /* joined; by a prefix, not by its name */
    bool forgotten;        /* and its position was given up; it reads on from the next entry */
    int from;
    uint64_t position;
    bool silent, watches;
    bool live;   /* JOINED came */
    bool placed; /* `last` counts */
    bool choice; /* of a room that came by a prefix: reading begins at `last` or with its first entry */
    uint64_t last;
    uint64_t entries;
    bool gap;
    uint64_t count; /* of the users present, as told last */
    seen_t *seen;
    size_t seen_count, seen_size;
} reader_t;

typedef enum { ASK_HISTORY, ASK_STATE, ASK_WHO, ASK_ROOMS, ASK_DIRECT, ASK_PING } ask_kind_t;

typedef struct {
    uint64_t number;
    ask_kind_t kind;
    unsigned room;
    int key;
    uint64_t after, last, limit;
    uint64_t head; /* of the room when it was asked, if both ends were of one epoch */
    int epoch;     /* the broker's and the client's then; -1: they differed */
    int known;     /* the client's, that `after` is of */
    int answered;  /* epoch of its first entry; -1: none yet */
    uint64_t first, at, count;
    uint64_t *seqs; /* state: what came */
    size_t seq_count, seq_size;
} ask_t;

enum { JOBS_MAX = 8 };

/* What a program does for the group of a room. */
typedef struct {
    uint32_t number; /* 0: it does not work there */
    bool working;
    struct {
        int epoch;
        uint64_t seq;
    } jobs[JOBS_MAX]; /* entries that it works on */
    size_t job_count;
} worker_t;

typedef struct {
    uint64_t mid, tag;
} sent_t;

/* A control frame that it sent. */
typedef struct {
    uint64_t hash, time, id;
    bool hello, put_off;
} asked_t;

typedef struct client {
    struct sim *sim;
    unsigned number, slot;
    driver_t driver;
    const char *user; /* that it authenticates as; NULL: none */
    char nick[ZR_NICK_MAX + 1];
    char (*names)[ZR_NICK_MAX + 1]; /* all nicks that it had or wished for */
    size_t name_count, name_size;
    unsigned nicks; /* it has tried */
    uint64_t froze; /* when it froze or thawed last */
    bool connected, naming, closing, closed;
    unsigned shown, meta; /* how often it showed another meta, and the number in the last; 0: none */
    char back_endpoint[64];
    unsigned alias; /* for a planted fault: how often the broker forgot it */
    int epoch;      /* -1: never connected */
    int next_epoch; /* told by CONNECTED, EPOCH must follow; -1: none */
    sent_t *sent;   /* in order of mid */
    size_t sent_count, sent_size;
    size_t told;       /* so many of the first are answered */
    size_t told_count; /* and so many of all */
    reader_t readers[ROOMS];
    worker_t workers[ROOMS];
    bool prefix; /* it reads "r*", */
    bool prefix_listed;
    bool partly; /* and was told that not all positions fit */
    int prefix_from;
    uint64_t prefix_position;
    bool prefix_watches;
    ask_t *asks;
    size_t ask_count, ask_size;
    asked_t asked[RECENT];   /* a ring */
    uint64_t wishes[RECENT]; /* likewise: when its program wanted something that makes it ask, or got it */
    size_t asked_count, wish_count;
} client_t;

#define PREFIX "r*"

client_t *client_new(struct sim *sim, unsigned slot);
void client_destroy(client_t *client);
unsigned client_number(const client_t *client);

/* Hands the machine what arrived, carries out its actions and takes its events, soon. */
void client_wake(client_t *client);

void client_freeze(client_t *client, bool frozen);
void client_back_down(client_t *client); /* its SUB is closed, and the machine is told */
void client_kill(client_t *client);      /* the program ends without a word */
/* Notes a nick that it may be known by; was it ever? */
void client_named(client_t *client, const char *nick);
bool client_is_named(const client_t *client, const char *nick);
void client_rename(client_t *client);

/* Shows another meta: a number that rises, or nothing. */
void client_show(client_t *client);

size_t client_sent_from(const client_t *client, uint64_t mid); /* index of the first with that mid or a later one */
void client_no_reader(client_t *client, unsigned room);

#endif
