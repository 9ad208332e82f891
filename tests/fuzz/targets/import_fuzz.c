/* Export and import: what one writes the other reads as the same entry, and what import takes can be exported again.
 * The input is a line, and then the parts of an entry. */
#include "format.h"
#include "import_line.h"
#include "names.h"
#include "script.h"

enum { NAME_MAX_LEN = 300 };

static bool s_is_same(const import_t *entry, const zrelay_event_t *event) {
    return strcmp(entry->room, event->room) == 0 && !entry->key == !event->key &&
           (!entry->key || strcmp(entry->key, event->key) == 0) && entry->deleted == event->deleted &&
           zr_span_equal(entry->body, zr_span_of(event->body, event->body_len));
}

/* A terminal shows the line and does nothing. */
static void s_check_line(zr_span_t line) {
    fuzz_require(line.len > 0 && line.ptr[line.len - 1] == '\n');
    fuzz_require(zr_is_shown(zr_span_of(line.ptr, line.len - 1)));
}

static void s_check_export(const zrelay_event_t *event) {
    zr_buffer_t line = {0}, again = {0};
    zr_error_t error = {0};
    import_t entry;
    fuzz_require(format_entry(&line, event, FORMAT_JSON));
    s_check_line(zr_span_of(line.data, line.len));
    fuzz_require(import_parse(&entry, zr_span_of(line.data, line.len - 1), NULL, &error) && error.count == 0);
    fuzz_require(s_is_same(&entry, event));
    import_finish(&entry);
    fuzz_require(format_entry(&again, event, FORMAT_SAFE) == !event->deleted);
    if (again.len > 0)
        s_check_line(zr_span_of(again.data, again.len));
    zr_buffer_finish(&again);
    zr_buffer_finish(&line);
}

static void s_check_import(zr_span_t line) {
    zr_error_t error = {0};
    import_t entry, other;
    if (!import_parse(&entry, line, NULL, &error)) {
        fuzz_require(error.count == 1 && error.text[0] != '\0');
        return;
    }
    if (!entry.room) {
        fuzz_require(!entry.key && !entry.deleted && entry.body.len == 0); /* the line is blank */
        return;
    }
    fuzz_require(zr_room_valid(zr_span(entry.room)) && (!entry.key || zr_key_valid(zr_span(entry.key))));
    fuzz_require(!entry.deleted || (entry.key && entry.body.len == 0));
    zrelay_event_t event = {.type = ZRELAY_ENTRY,
        .room = entry.room,
        .key = entry.key,
        .sender = "ann",
        .body = entry.body.ptr,
        .body_len = entry.body.len,
        .deleted = entry.deleted};
    s_check_export(&event);
    fuzz_require(import_parse(&other, line, "elsewhere", &error) && strcmp(other.room, "elsewhere") == 0);
    event.room = "elsewhere";
    fuzz_require(s_is_same(&other, &event));
    import_finish(&other);
    import_finish(&entry);
}

/* A name from the script, if it is one. */
static const char *s_name(script_t *script, char name[NAME_MAX_LEN], bool (*valid)(zr_span_t), const char *otherwise) {
    zr_span_t bytes = script_bytes(script, script_byte(script));
    memcpy(name, bytes.ptr ? bytes.ptr : "", bytes.len);
    name[bytes.len] = '\0';
    return valid(zr_span(name)) ? name : otherwise;
}

/* The sender is the broker's, and may be anything. */
static bool s_any(zr_span_t name) {
    (void)name;
    return true;
}

static void s_check_entry(script_t script) {
    char room[NAME_MAX_LEN], key[NAME_MAX_LEN], sender[NAME_MAX_LEN];
    unsigned kind = script_byte(&script);
    zrelay_event_t event = {.type = ZRELAY_ENTRY, .deleted = kind & 2};
    event.seq = (uint64_t)script_number(&script) << (kind >> 3);
    event.time = (uint64_t)script_number(&script) << (kind >> 4);
    event.room = s_name(&script, room, zr_room_valid, "r");
    event.sender = s_name(&script, sender, s_any, "");
    event.key = kind & 3 ? s_name(&script, key, zr_key_valid, "k") : NULL;
    zr_span_t body = script_bytes(&script, event.deleted ? 0 : script.left);
    event.body = body.ptr;
    event.body_len = body.len;
    s_check_export(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    s_check_import(zr_span_of(data, size));
    s_check_entry((script_t){data, size});
    return 0;
}
