/* See pg_sql.h. Parameters and results are binary: int4 for rooms and counts, int8 for all other numbers. */
#include "pg_sql.h"

typedef struct {
    const char *name, *text;
} statement_t;

static const statement_t s_statements[PG_SQL_COUNT] = {
    [PG_SQL_HOLD_LEASE] = {"hold_lease", "SELECT zrelay.hold_lease($1::int8, $2::int8, $3::int4)"},
    [PG_SQL_EPOCH] = {"epoch", "UPDATE zrelay.log SET epoch = $1::text"},
    [PG_SQL_FLOOR] = {"floor", "UPDATE zrelay.log SET floor = greatest(floor, $1::int8)"},
    [PG_SQL_BASE] = {"base", "UPDATE zrelay.log SET base = greatest(base, $1::int8)"},
    [PG_SQL_HOLD] = {"hold", "UPDATE zrelay.log SET hold = $1::int8"},

    [PG_SQL_ROOM_ADD] = {"room_add", "INSERT INTO zrelay.rooms (id, name) VALUES ($1::int4, $2::text)"},
    [PG_SQL_ROOM_GET] = {"room_get", "SELECT oldest, gone_entries, gone_bytes, begun, name, ahead_upto, ahead_time"
                                     " FROM zrelay.rooms WHERE id = $1::int4"},
    [PG_SQL_ROOM_BEGIN] = {"room_begin",
        "UPDATE zrelay.rooms SET begun = $2::int8, oldest = $2::int8 WHERE id = $1::int4"},
    [PG_SQL_ROOM_MOVE] = {"room_move", "UPDATE zrelay.rooms SET oldest = $2::int8, gone_entries = $3::int8,"
                                       " gone_bytes = $4::int8 WHERE id = $1::int4"},
    [PG_SQL_ROOM_AHEAD] = {"room_ahead", "UPDATE zrelay.rooms SET ahead_upto = $2::int8, ahead_time = $3::int8"
                                         " WHERE id = $1::int4"},
    [PG_SQL_ROOM_DELETE] = {"room_delete", "DELETE FROM zrelay.rooms WHERE id = $1::int4"},
    [PG_SQL_ROOMS] = {"rooms", "SELECT r.id, r.name, r.oldest, r.gone_entries, r.gone_bytes, r.begun, f.last, f.prev,"
                               " f.time, f.entries, f.bytes FROM zrelay.rooms r LEFT JOIN LATERAL (SELECT last, prev,"
                               " time, entries, bytes FROM zrelay.frames WHERE room = r.id ORDER BY last DESC LIMIT 1)"
                               " f ON true ORDER BY r.id"},

    [PG_SQL_FRAMES_ADD] = {"frames_add",
        "INSERT INTO zrelay.frames (room, last, prev, time, count, entries, bytes, frame) SELECT * FROM"
        " unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int4[], $6::int8[], $7::int8[], $8::bytea[])"},
    [PG_SQL_FRAME_CUT] = {"frame_cut", "UPDATE zrelay.frames SET prev = $3::int8, count = $4::int4, frame = $5::bytea"
                                       " WHERE room = $1::int4 AND last = $2::int8"},
    [PG_SQL_FRAMES_OLDEST] = {"frames_oldest", "SELECT last, time, entries, bytes FROM zrelay.frames"
                                               " WHERE room = $1::int4 AND last > $2::int8 AND last < $3::int8"
                                               " ORDER BY last LIMIT $4::int8"},
    [PG_SQL_FRAMES_DELETE] = {"frames_delete",
        "DELETE FROM zrelay.frames WHERE room = $1::int4 AND last > $2::int8 AND last <= $3::int8"},
    [PG_SQL_FRAME_AFTER] = {"frame_after", "SELECT last, prev, count, entries, frame FROM zrelay.frames"
                                           " WHERE room = $1::int4 AND last > $2::int8 ORDER BY last LIMIT 1"},
    [PG_SQL_FRAME_BEYOND] = {"frame_beyond", "SELECT last, prev, count, entries, frame FROM zrelay.frames"
                                             " WHERE room = $1::int4 AND entries > $2::int8 ORDER BY entries LIMIT 1"},
    /* As many bytes as are wanted, and the first frame in any case. */
    [PG_SQL_FRAMES] = {"frames",
        "SELECT last, prev, count, frame FROM zrelay.frames WHERE room = $1::int4 AND last > $2::int8"
        " AND last <= $3::int8 AND bytes <= $4::int8 + (SELECT bytes FROM zrelay.frames WHERE room = $1::int4"
        " AND last > $2::int8 ORDER BY last LIMIT 1) ORDER BY last LIMIT $5::int8"},

    [PG_SQL_KEY_SET] = {"key_set",
        "INSERT INTO zrelay.keys (room, key, seq, time, sender, body, ttl)"
        " VALUES ($1::int4, $2::text, $3::int8, $4::int8, $5::text, $6::bytea, $7::int8) ON CONFLICT (room, key)"
        " DO UPDATE SET seq = excluded.seq, time = excluded.time, sender = excluded.sender, body = excluded.body,"
        " ttl = excluded.ttl"},
    [PG_SQL_KEY_DELETE] = {"key_delete", "DELETE FROM zrelay.keys WHERE room = $1::int4 AND key = $2::text"},
    [PG_SQL_KEYS_DELETE] = {"keys_delete", "DELETE FROM zrelay.keys WHERE room = $1::int4"},
    [PG_SQL_VALUES] = {"values", "SELECT room, seq, time, sender, key, body, ttl FROM zrelay.keys ORDER BY room, seq"},

    [PG_SQL_MARK_SET] = {"mark_set",
        "INSERT INTO zrelay.marks (client, mark, used, refusals) VALUES ($1::bytea, $2::int8, $3::int8, $4::bytea)"
        " ON CONFLICT (client) DO UPDATE SET mark = excluded.mark, used = excluded.used,"
        " refusals = coalesce(excluded.refusals, marks.refusals)"},
    [PG_SQL_MARKS] = {"marks", "SELECT client, mark, refusals FROM zrelay.marks ORDER BY used, id"},
    [PG_SQL_MARKS_COUNT] = {"marks_count", "SELECT (SELECT count(*) FROM (SELECT 1 FROM zrelay.marks WHERE used <"
                                           " $1::int8 LIMIT $2::int8) o), (SELECT count(*) FROM zrelay.marks)"},
    [PG_SQL_MARKS_DATE] = {"marks_date", "UPDATE zrelay.marks SET used = $1::int8 WHERE id IN (SELECT id FROM"
                                         " zrelay.marks WHERE used > $2::int8 LIMIT $3::int8)"},
    [PG_SQL_MARKS_DELETE] = {"marks_delete", "DELETE FROM zrelay.marks WHERE id IN (SELECT id FROM zrelay.marks"
                                             " ORDER BY used, id LIMIT $1::int8)"},

    [PG_SQL_GROUP_SET] = {"group_set", "INSERT INTO zrelay.groups (room, name, state) VALUES ($1::text, $2::text,"
                                       " $3::bytea) ON CONFLICT (room, name) DO UPDATE SET state = excluded.state"},
    [PG_SQL_GROUP_DELETE] = {"group_delete", "DELETE FROM zrelay.groups WHERE room = $1::text AND name = $2::text"},
    [PG_SQL_GROUPS] = {"groups", "SELECT room, name, state FROM zrelay.groups ORDER BY room, name"},
};

const char *pg_sql_text(pg_sql_t sql) {
    return s_statements[sql].text;
}

const char *pg_sql_name(pg_sql_t sql) {
    return s_statements[sql].name;
}
