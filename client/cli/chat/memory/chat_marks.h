/* Up to where the reader has read each room, kept between runs. Pure but for the file. */
#ifndef CHAT_MARKS_H
#define CHAT_MARKS_H

#include "buffer.h"
#include "errors.h"

enum { MARKS_MAX = 1000 }; /* rooms; the one that was noted first is forgotten */

/* A zeroed struct is empty. */
typedef struct {
    struct {
        char epoch[17]; /* of the log that the position is of */
        char *room;
        uint64_t seq;
    } list[MARKS_MAX];
    size_t count;
} marks_t;

void marks_finish(marks_t *marks);

/* The position; 0: none is known. */
uint64_t marks_find(const marks_t *marks, const char *epoch, const char *room);

/* Notes it, unless a higher one is known. */
void marks_note(marks_t *marks, const char *epoch, const char *room, uint64_t seq);

/* "EPOCH SEQ ROOM" a line. Other lines are passed over. */
void marks_parse(marks_t *marks, zr_span_t text);
void marks_write(const marks_t *marks, zr_buffer_t *out);

/* Reads the file if there is one; adds these marks to the file, which another chat may have written meanwhile. */
void marks_read(marks_t *marks, const char *path);
bool marks_save(const marks_t *marks, const char *path, zr_error_t *error);

#endif
