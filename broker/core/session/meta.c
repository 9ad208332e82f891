/* See meta.h. */
#include "meta.h"

#include "control.h"
#include "reply.h"

bool meta_read(relay_t *relay, const request_t *request, zr_blob_t **meta) {
    const char *fault = NULL;
    const json_t *object = json_object_get(request->object, "meta");
    *meta = object ? zr_meta_write(object, &fault) : NULL;
    if (object && !*meta)
        fail(relay, request, ZR_BAD_MEMBER, fault);
    return !object || *meta;
}

void meta_fail_full(relay_t *relay, const request_t *request) {
    fail(relay, request, ZR_TOO_LARGE,
        "the metas of a session in its rooms take at most 16384 bytes; take some away with {}");
}
