/* Control frames: JSON in, JSON out, and members with their types. Knows no op. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>

#include "names.h"

/* Is the text nested too deep, or does it hold more than `values` values? jansson would nest 2048 deep. A bracket or a
 * comma stands before each value, so these are counted outside strings. Strings are found as jansson finds them, so up
 * to its first error this counts the values that it would build. */
static bool s_too_much(zr_span_t text, size_t values) {
    unsigned depth = 0;
    size_t count = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > ZR_CONTROL_DEPTH || ++count > values)
                return true;
        } else if (c == ',') {
            if (++count > values)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

static zr_code_t s_read(zr_span_t frame, size_t values, json_t **object) {
    if (frame.len == 0 || frame.ptr[0] != '{' || s_too_much(frame, values))
        return ZR_BAD_JSON;
    json_t *read = json_loadb(frame.ptr, frame.len, JSON_REJECT_DUPLICATES, NULL);
    if (!read)
        return ZR_BAD_JSON;
    *object = read;
    return ZR_OK;
}

zr_code_t zr_control_read(zr_span_t frame, json_t **object) {
    return s_read(frame, SIZE_MAX, object);
}

zr_code_t zr_control_read_request(zr_span_t frame, json_t **object) {
    return s_read(frame, ZR_CONTROL_VALUES, object);
}

static int s_append(const char *data, size_t len, void *buffer) {
    zr_buffer_append(buffer, data, len);
    return 0;
}

zr_blob_t *zr_control_write(json_t *object) {
    zr_buffer_t text = {0};
    if (!object || json_dump_callback(object, s_append, &text, JSON_COMPACT) != 0) {
        fprintf(stderr, "zrelay: bug: a control frame that cannot be written\n");
        abort();
    }
    json_decref(object);
    zr_blob_t *blob = zr_buffer_to_blob(&text);
    zr_buffer_finish(&text);
    return blob;
}

static bool s_wrong(const char *name, const char **wrong) {
    if (!*wrong)
        *wrong = name;
    return false;
}

bool zr_get_string(const json_t *object, const char *name, size_t min, size_t max, zr_span_t *out, const char **wrong) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value) || json_string_length(value) < min || json_string_length(value) > max)
        return s_wrong(name, wrong);
    *out = zr_span_of(json_string_value(value), json_string_length(value));
    return true;
}

bool zr_get_string_opt(const json_t *object, const char *name, size_t max, zr_span_t *out, const char **wrong) {
    return !zr_has(object, name) || zr_get_string(object, name, 0, max, out, wrong);
}

bool zr_get_uint(const json_t *object, const char *name, uint64_t min, uint64_t *out, const char **wrong) {
    const json_t *value = json_object_get(object, name);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (uint64_t)number < min || (uint64_t)number > ZR_INT_MAX)
        return s_wrong(name, wrong);
    *out = (uint64_t)number;
    return true;
}

bool zr_get_uint_opt(const json_t *object, const char *name, uint64_t min, uint64_t *out, const char **wrong) {
    return !zr_has(object, name) || zr_get_uint(object, name, min, out, wrong);
}

bool zr_get_bool_opt(const json_t *object, const char *name, bool *out, const char **wrong) {
    const json_t *value = json_object_get(object, name);
    if (!value)
        return true;
    if (!json_is_boolean(value))
        return s_wrong(name, wrong);
    *out = json_is_true(value);
    return true;
}

bool zr_has(const json_t *object, const char *name) {
    return json_object_get(object, name) != NULL;
}

bool zr_get_id(const json_t *object, json_t **id) {
    json_t *value = json_object_get(object, "id");
    if (value && !json_is_integer(value) && !(json_is_string(value) && json_string_length(value) <= ZR_ID_MAX))
        return false;
    *id = value;
    return true;
}

/* Levels of nesting; parsers bound them. */
static size_t s_depth(const json_t *value) {
    size_t deepest = 0, index;
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member) {
        size_t depth = s_depth(member);
        deepest = depth > deepest ? depth : deepest;
    }
    json_array_foreach(value, index, member) {
        size_t depth = s_depth(member);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (json_is_object(value) || json_is_array(value));
}

zr_blob_t *zr_meta_write(const json_t *meta, const char **fault) {
    zr_buffer_t text = {0};
    zr_blob_t *blob = NULL;
    if (!json_is_object(meta))
        *fault = "the member 'meta' is no JSON object; {} takes the one before away";
    else if (s_depth(meta) > ZR_META_DEPTH)
        *fault = "the member 'meta' is nested more than 4 deep; make it flatter";
    else if (json_dump_callback(meta, s_append, &text, JSON_COMPACT) != 0 || text.len > ZR_META_MAX)
        *fault = "the member 'meta' has more than 1024 bytes as compact JSON; shorten it";
    else
        blob = zr_buffer_to_blob(&text);
    zr_buffer_finish(&text);
    return blob;
}

json_t *zr_json_string(zr_span_t text) {
    return json_stringn(text.len ? text.ptr : "", text.len);
}

json_t *zr_json_list(zr_span_t text) {
    json_t *list = json_array();
    while (text.len > 0)
        json_array_append_new(list, zr_json_string(zr_span_cut(&text, ',')));
    return list;
}
