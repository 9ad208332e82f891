/* The bans file. Each line has a banned user, the operator that banned it, the time and the reason:
 *
 *     USER BY TIME REASON
 *
 * TIME is UTC (2026-01-31T23:59:59Z); REASON is the rest, perhaps nothing, made safe to show. Empty lines are skipped.
 * Any other line is an error: a ban that is not understood must not be forgotten. */
#ifndef BANS_H
#define BANS_H

#include <stdbool.h>
#include <time.h>

#include "errors.h"
#include "names.h"

enum {
    BANS_MAX = 10000,
    BAN_REASON_MAX = 400, /* bytes; longer ones are cut */
    BAN_TIME_LEN = 20,
};

typedef struct {
    char user[ZR_NICK_MAX + 1], by[ZR_NICK_MAX + 1];
    char time[BAN_TIME_LEN + 1];
    char reason[BAN_REASON_MAX + 1]; /* valid UTF-8, nothing in it that moves a terminal */
} ban_t;

/* A zeroed struct holds none. */
typedef struct {
    ban_t *items; /* in the order they were imposed in */
    size_t count, size;
} bans_t;

void bans_finish(bans_t *bans);

/* Into an empty `bans`, which stays empty on failure. A file that is missing is an error: with it bans would vanish. */
bool bans_load(bans_t *bans, const char *path, zr_error_t *error);

/* The same when there may be no file yet. If it is missing, there are no bans, and `*there` is false. That holds only
 * if its folder exists and `path` is no dangling link. */
bool bans_load_first(bans_t *bans, const char *path, bool *there, zr_error_t *error);
bool bans_parse(bans_t *bans, const char *path, zr_span_t text, zr_error_t *error);

/* Writes the file, whole or not at all. */
bool bans_save(const bans_t *bans, const char *path, zr_error_t *error);

/* NULL: not banned. */
const ban_t *bans_find(const bans_t *bans, zr_span_t user);

/* `user` and `by` are valid nicks. A new ban of a banned user replaces the old one. false: there are BANS_MAX. */
bool bans_add(bans_t *bans, zr_span_t user, zr_span_t by, zr_span_t reason, time_t now);

/* false: not banned. */
bool bans_remove(bans_t *bans, zr_span_t user);

#endif
