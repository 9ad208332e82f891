/* Control frames: one JSON object each (PROTOCOL.md, section 3). Reading is strict and says which member is wrong;
 * writing is jansson's json_pack and zr_control_write. */
#ifndef ZR_CONTROL_H
#define ZR_CONTROL_H

#include <jansson.h>

#include "buffer.h"
#include "code.h"

#define ZR_CONTROL_DEPTH 8
#define ZR_CONTROL_VALUES 1000 /* of a request, about: all members and elements, however deep */
#define ZR_META_MAX 1024       /* bytes of a meta, as compact JSON */
#define ZR_META_DEPTH 4        /* its nesting, itself included: it stands in lists of lists */
#define ZR_ID_MAX 64           /* bytes of a request's id, of hello's agent */
#define ZR_ASK_MAX 160         /* bytes of direct's ask and answer: a room, a blank and a seq fit */

/* Parses `frame`. On ZR_OK `*object` is the caller's reference. ZR_BAD_JSON otherwise, and `*object` stays as it was.
 * Refuses nesting beyond ZR_CONTROL_DEPTH before it builds anything, repeated members, invalid UTF-8, U+0000 in strings
 * and text after the object. */
zr_code_t zr_control_read(zr_span_t frame, json_t **object);

/* The same for a request, which names few values: more than ZR_CONTROL_VALUES are ZR_BAD_JSON too, before anything is
 * built. Each value takes many times its bytes. */
zr_code_t zr_control_read_request(zr_span_t frame, json_t **object);

/* Compact JSON into a new blob, the caller's. Takes over the reference `object` (json_pack's result goes straight in).
 * A NULL object is a bug in the caller and stops the program. */
zr_blob_t *zr_control_write(json_t *object);

/* Members of an object. If the member is there and right, each get returns true and writes `*out`. If it is missing,
 * the _opt forms return true and leave `*out` as it was. Otherwise they return false and set `*wrong` to the member's
 * name, unless it is set already. Views live as long as `object`. */
bool zr_get_string(const json_t *object, const char *name, size_t min, size_t max, zr_span_t *out, const char **wrong);
bool zr_get_string_opt(const json_t *object, const char *name, size_t max, zr_span_t *out, const char **wrong);
bool zr_get_uint(
    const json_t *object, const char *name, uint64_t min, uint64_t *out, const char **wrong); /* at most ZR_INT_MAX */
bool zr_get_uint_opt(const json_t *object, const char *name, uint64_t min, uint64_t *out, const char **wrong);
bool zr_get_bool_opt(const json_t *object, const char *name, bool *out, const char **wrong);
bool zr_has(const json_t *object, const char *name);

/* The request's `id`: NULL without one. false when it is neither an integer nor a string of at most ZR_ID_MAX bytes.
 * `*id` is borrowed from `object`. */
bool zr_get_id(const json_t *object, json_t **id);

/* A meta, the object that a user shows of itself: its compact text, a new blob of the caller's. NULL: `*fault` says
 * what is wrong and what to do (static). */
zr_blob_t *zr_meta_write(const json_t *meta, const char **fault);

/* A JSON string of a span that is valid UTF-8; for json_pack's "o". */
json_t *zr_json_string(zr_span_t text);

/* The parts of "A,B,C" as an array of strings; the caller's. */
json_t *zr_json_list(zr_span_t text);

#endif
