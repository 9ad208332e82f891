#include "import_line.h"

#include <jansson.h>
#include <sodium.h>

#include "format.h"
#include "names.h"

void import_finish(import_t *entry) {
    json_decref(entry->object);
    zr_buffer_finish(&entry->decoded);
    *entry = (import_t){0};
}

static zr_span_t s_span(const json_t *string) {
    return zr_span_of(json_string_value(string), json_string_length(string));
}

/* A name among the members; a missing one is NULL. false: it is no name. */
static bool s_name(const json_t *object, const char *member, const char *(*fault_of)(zr_span_t name), const char **out,
    zr_error_t *error) {
    const json_t *value = json_object_get(object, member);
    if (value && !json_is_string(value))
        return zr_fail(error, "\"%s\" is no string", member);
    const char *fault = value ? fault_of(s_span(value)) : NULL;
    if (fault)
        return zr_fail(error, "\"%s\": '%s' is not valid: %s", member, json_string_value(value), fault);
    *out = json_string_value(value);
    return true;
}

static bool s_base64(import_t *entry, zr_span_t text, zr_error_t *error) {
    size_t len = 0;
    size_t most = text.len / 4 * 3;
    uint8_t *to = zr_buffer_reserve(&entry->decoded, most + 1);
    if (sodium_base642bin(to, most, text.ptr, text.len, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return zr_fail(error, "\"body_base64\" is no base64");
    entry->decoded.len = len;
    entry->body = zr_span_of(to, len);
    return true;
}

static bool s_body(import_t *entry, zr_error_t *error) {
    const json_t *text = json_object_get(entry->object, "body");
    const json_t *coded = json_object_get(entry->object, "body_base64");
    if (entry->deleted) {
        if (!text && !coded && entry->key)
            return true;
        return zr_fail(error, "\"deleted\" goes with a \"key\" and no body");
    }
    if (!text == !coded || !json_is_string(text ? text : coded))
        return zr_fail(error, "there must be one string \"body\" or \"body_base64\"");
    if (coded)
        return s_base64(entry, s_span(coded), error);
    entry->body = s_span(text);
    return true;
}

static bool s_ttl(import_t *entry, zr_error_t *error) {
    const json_t *ttl = json_object_get(entry->object, "ttl");
    if (!ttl)
        return true;
    if (!json_is_integer(ttl) || json_integer_value(ttl) < 1 || !entry->key || entry->deleted)
        return zr_fail(error, "\"ttl\" is no number of milliseconds, or goes with no value of a \"key\"");
    entry->ttl = (uint64_t)json_integer_value(ttl);
    return true;
}

static bool s_read(import_t *entry, const char *room, zr_error_t *error) {
    const json_t *deleted = json_object_get(entry->object, "deleted");
    if (!json_is_object(entry->object))
        return zr_fail(error, "a JSON object is needed");
    if (!s_name(entry->object, "room", zr_room_fault, &entry->room, error) ||
        !s_name(entry->object, "key", zr_key_fault, &entry->key, error))
        return false;
    if (room)
        entry->room = room;
    if (!entry->room)
        return zr_fail(error, "there is no \"room\", and no --room either");
    if (deleted && !json_is_boolean(deleted))
        return zr_fail(error, "\"deleted\" is neither true nor false");
    entry->deleted = json_is_true(deleted);
    return s_ttl(entry, error) && s_body(entry, error);
}

bool import_parse(import_t *entry, zr_span_t line, const char *room, zr_error_t *error) {
    json_error_t wrong;
    zr_span_t rest = line;
    if (zr_span_word(&rest).len == 0) {
        *entry = (import_t){0};
        return true;
    }
    import_t read = {.object = json_loadb(line.ptr, line.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &wrong)};
    if (!read.object)
        return zr_fail(error, "no JSON object: %s", wrong.text);
    if (!s_read(&read, room, error)) {
        import_finish(&read);
        return false;
    }
    *entry = read;
    return true;
}
