/* Full-text search over the durable log (SCHEMA.md): an index in a file of its own. Each search first brings it up to
 * date from the log. The broker has no part in it; the log is read and never written.
 *
 * Functions that return bool give false on failure and add a line about it to `error`. */
#ifndef SEARCH_H
#define SEARCH_H

#include "buffer.h"
#include "db.h"

enum {
    SEARCH_SCHEMA_VERSION = 1,
    SEARCH_CHUNK_BYTES = 4 << 20, /* of entries in one transaction of the index, and one view of the log */
    SEARCH_LIMIT = 50,
    SEARCH_LIMIT_MAX = 1000000,
};

/* --- The log --- */

/* The log in `dir`, for reading only; a broker may be writing it. Give it back with db_close. NULL when there is no
 * log, or it is not ours. */
db_t *search_log_open(const char *dir, zr_error_t *error);

/* --- The index --- */

typedef struct search_index search_index_t;

/* Opens the index, and makes it (0600) if it is missing ("": a temporary one); the caller's, to be given to
 * search_index_close, which accepts NULL. Fails when the file is something else, or made by a newer version. */
search_index_t *search_index_open(const char *file, zr_error_t *error);
void search_index_close(search_index_t *index);

typedef struct {
    uint64_t added, removed; /* entries */
    uint64_t damaged;        /* frames of the log that could not be read, and were left out */
} search_report_t;

/* Brings the index up to date with the log: all of it when that has another epoch than the index. Whatever ends it, the
 * next call goes on from the last chunk. `*report` is what has been done so far, after failure too; each_chunk, which
 * may be NULL, is called after each transaction of about `chunk` bytes. */
bool search_update(search_index_t *index, db_t *log, size_t chunk,
    void (*each_chunk)(void *ctx, const search_report_t *report), void *ctx, search_report_t *report,
    zr_error_t *error);

/* --- Searching --- */

typedef struct {
    const char *text;         /* FTS5's syntax */
    const char *const *rooms; /* names; none: all rooms */
    size_t room_count;
    size_t limit; /* 1 and up */
} search_query_t;

/* Views are valid during the call that shows the hit. */
typedef struct {
    zr_span_t room, sender, key; /* an empty key: none */
    zr_span_t snippet;           /* the text around the first words found in the body, else its beginning */
    uint64_t seq, time;          /* µs since 1970 UTC */
    bool deleted;                /* the entry deletes the key */
} search_hit_t;

/* Whether the query can be read: before an update that may take long. */
bool search_check(search_index_t *index, const search_query_t *query, zr_error_t *error);

/* The newest hits, newest first. */
bool search_find(search_index_t *index, const search_query_t *query, void (*each)(void *ctx, const search_hit_t *hit),
    void *ctx, zr_error_t *error);

/* --- Texts; pure --- */

/* The text of a body that is indexed: what is not UTF-8 becomes U+FFFD, a body with a NUL is binary and gives nothing.
 * `out` is cleared first. */
void search_text(zr_buffer_t *out, zr_span_t body);

/* A line, safe to be shown, and its newline: ROOM SEQ TIME SENDER TEXT, where TEXT is KEY=BODY if there is a key and
 * KEY alone if it was deleted. */
void search_show_line(zr_buffer_t *out, const search_hit_t *hit);

/* The same as a JSON object in ASCII. */
void search_show_json(zr_buffer_t *out, const search_hit_t *hit);

#endif
