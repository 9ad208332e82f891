/* Control frames: what is read is an object within the limits, and written and read again it is the same. */
#include "control.h"
#include "fuzz.h"
#include "names.h"

static unsigned s_depth(const json_t *value) {
    unsigned deepest = 0;
    size_t index;
    const char *name;
    json_t *inner;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, name, inner) {
            unsigned depth = s_depth(inner);
            deepest = depth > deepest ? depth : deepest;
        }
        return deepest + 1;
    }
    if (!json_is_array(value))
        return 0;
    json_array_foreach((json_t *)value, index, inner) {
        unsigned depth = s_depth(inner);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static void s_check_members(json_t *object) {
    const char *name;
    json_t *value, *id = NULL;
    json_object_foreach(object, name, value) {
        const char *wrong = NULL;
        zr_span_t text = {0};
        uint64_t number = 0;
        bool flag = false;
        fuzz_require(zr_has(object, name));
        if (zr_get_string(object, name, 1, 64, &text, &wrong))
            fuzz_require(json_is_string(value) && text.len >= 1 && text.len <= 64 && zr_utf8_valid(text) &&
                         !memchr(text.ptr, 0, text.len));
        else
            fuzz_require(wrong == name && text.ptr == NULL);
        wrong = NULL;
        if (zr_get_uint_opt(object, name, 5, &number, &wrong))
            fuzz_require(json_is_integer(value) && number >= 5 && number <= ZR_INT_MAX);
        else
            fuzz_require(wrong == name && number == 0);
        wrong = NULL;
        fuzz_require(zr_get_bool_opt(object, name, &flag, &wrong) == json_is_boolean(value));
    }
    if (zr_get_id(object, &id))
        fuzz_require(!id || json_is_integer(id) || (json_is_string(id) && json_string_length(id) <= ZR_ID_MAX));
    else
        fuzz_require(zr_has(object, "id") && !id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *object = NULL, *second = NULL;
    zr_code_t code = zr_control_read(zr_span_of(data, size), &object);
    if (code != ZR_OK) {
        fuzz_require(code == ZR_BAD_JSON && !object);
        return 0;
    }
    fuzz_require(json_is_object(object) && s_depth(object) <= ZR_CONTROL_DEPTH);
    s_check_members(object);

    zr_blob_t *blob = zr_control_write(json_incref(object));
    zr_span_t text = zr_span_of(zr_blob_data(blob), zr_blob_len(blob));
    fuzz_require(zr_control_read(text, &second) == ZR_OK && json_equal(object, second));
    zr_blob_t *again = zr_control_write(second);
    fuzz_require(zr_span_equal(text, zr_span_of(zr_blob_data(again), zr_blob_len(again))));
    zr_blob_unref(again);
    zr_blob_unref(blob);
    json_decref(object);
    return 0;
}
