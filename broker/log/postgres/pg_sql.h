/* The statements of the engine, prepared once a connection. */
#ifndef PG_SQL_H
#define PG_SQL_H

enum { PG_PARAMETERS = 8 };

typedef enum {
    PG_SQL_HOLD_LEASE,
    PG_SQL_EPOCH,
    PG_SQL_FLOOR,
    PG_SQL_BASE,
    PG_SQL_HOLD,

    PG_SQL_ROOM_ADD,
    PG_SQL_ROOM_GET,
    PG_SQL_ROOM_BEGIN,
    PG_SQL_ROOM_MOVE,
    PG_SQL_ROOM_AHEAD,
    PG_SQL_ROOM_DELETE,
    PG_SQL_ROOMS,

    PG_SQL_FRAMES_ADD,
    PG_SQL_FRAME_CUT,
    PG_SQL_FRAMES_OLDEST,
    PG_SQL_FRAMES_DELETE,
    PG_SQL_FRAME_AFTER,
    PG_SQL_FRAME_BEYOND,
    PG_SQL_FRAMES,

    PG_SQL_KEY_SET,
    PG_SQL_KEY_DELETE,
    PG_SQL_KEYS_DELETE,
    PG_SQL_VALUES,

    PG_SQL_MARK_SET,
    PG_SQL_MARKS,
    PG_SQL_MARKS_COUNT,
    PG_SQL_MARKS_DATE,
    PG_SQL_MARKS_DELETE,

    PG_SQL_GROUP_SET,
    PG_SQL_GROUP_DELETE,
    PG_SQL_GROUPS,
    PG_SQL_COUNT
} pg_sql_t;

/* The statement's text. Static. */
const char *pg_sql_text(pg_sql_t sql);

/* What the server calls it. Static. */
const char *pg_sql_name(pg_sql_t sql);

#endif
