/* Reading members of the broker's answers, which may be missing or wrong. */
#ifndef HTTP_JSON_H
#define HTTP_JSON_H

#include <jansson.h>

#include "span.h"

/* The member as a number; 0: it is missing, none, or below 0. */
static inline uint64_t http_number(const json_t *object, const char *member) {
    json_int_t number = json_integer_value(json_object_get(object, member));
    return number > 0 ? (uint64_t)number : 0;
}

/* The member as a text, a view into `object`; empty: it is missing or none. */
static inline zr_span_t http_text(const json_t *object, const char *member) {
    const json_t *value = json_object_get(object, member);
    return json_is_string(value) ? zr_span_of(json_string_value(value), json_string_length(value)) : zr_span("");
}

#endif
