/* How far a reader came, in a file: sub --cursor goes on there. Positions are of an epoch; under another one they are
 * void. */
#ifndef CURSOR_H
#define CURSOR_H

#include "errors.h"
#include "names.h"

typedef struct {
    char *room;
    bool known;         /* there is a position: */
    uint64_t seq;       /* all up to it was written, */
    uint64_t read_upto; /* and up to here it was read */
} cursor_room_t;

/* Zeroed but for `held`, -1, there is no file. */
typedef struct {
    char epoch[17]; /* empty: there are no positions yet */
    cursor_room_t *rooms;
    size_t count, size;
    char *path, *partial;
    int held;        /* its descriptor */
    bool changed;    /* since it was saved */
    uint64_t due_ms; /* when it may be saved again */
} cursor_t;

/* Reads the file, which no other reader may use meanwhile; a missing or empty one is a beginning. Positions of rooms that
 * this reader does not ask for stay in it. false: `error` says why not. */
bool cursor_open(cursor_t *cursor, const char *path, zr_error_t *error);

/* Without saving. An empty one is accepted. */
void cursor_finish(cursor_t *cursor);

/* The broker's log has this epoch. true: it is another one than that of the positions, which are gone now. */
bool cursor_epoch(cursor_t *cursor, const char *epoch);

/* The position of a room. false: the file names none. */
bool cursor_at(const cursor_t *cursor, const char *room, uint64_t *seq);

/* The room was read up to `seq`. All that was read was written, too. */
void cursor_read(cursor_t *cursor, const char *room, uint64_t seq);
void cursor_written(cursor_t *cursor);

/* Saves what changed, at most four times a second unless `now`; on disk when it returns. false: `error` says why not. */
bool cursor_save(cursor_t *cursor, uint64_t now_ms, bool now, zr_error_t *error);

/* Milliseconds until there is something to save; -1: there is nothing. */
int cursor_due(const cursor_t *cursor, uint64_t now_ms);

#endif
