/* The fixture's other half: what was seen, as text and as JSON. */
#include <stdarg.h>
#include <stdio.h>

#include "fixture.h"
#include "wire_work.h"

/* Takes the next frame that went to `route`; NULL when no frame waits. The reference is the caller's. */
static zr_blob_t *s_take(route_t route) {
    for (size_t i = 0; i < fx.seen_count; i++) {
        seen_t *seen = &fx.seen[i];
        if (seen->taken || seen->kind != EFFECT_SEND || seen->route != route)
            continue;
        seen->taken = true;
        fx.at = i;
        return seen->frame;
    }
    return NULL;
}

size_t fx_drop(route_t route) {
    size_t count = 0;
    for (zr_blob_t *frame; (frame = s_take(route)); count++)
        zr_blob_unref(frame);
    return count;
}

uint64_t fx_effect(effect_kind_t kind) {
    for (size_t i = 0; i < fx.seen_count; i++) {
        seen_t *seen = &fx.seen[i];
        if (seen->taken || seen->kind != kind)
            continue;
        seen->taken = true;
        return seen->session;
    }
    return 0;
}

const char *fx_dropped_user(void) {
    for (size_t i = 0; i < fx.seen_count; i++) {
        seen_t *seen = &fx.seen[i];
        if (seen->taken || seen->kind != EFFECT_DROP_USER)
            continue;
        seen->taken = true;
        return seen->user;
    }
    return "";
}

static void s_print(zr_buffer_t *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void s_print(zr_buffer_t *out, const char *format, ...) {
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    zr_buffer_append(out, text, strlen(text));
}

static void s_print_span(zr_buffer_t *out, zr_span_t text) {
    if (text.len > 40)
        s_print(out, "<%zu>", text.len);
    else
        zr_buffer_append(out, text.ptr, text.len);
}

static void s_print_json(zr_buffer_t *out, zr_span_t text) {
    json_t *object = NULL;
    ck_assert_int_eq(zr_control_read(text, &object), ZR_OK);
    char *sorted = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    zr_buffer_append(out, sorted, strlen(sorted));
    free(sorted);
    json_decref(object);
}

static void s_print_deliver(zr_buffer_t *out, zr_span_t bytes) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    ck_assert(zr_deliver_read(&reader, bytes));
    ck_assert_uint_eq(reader.epoch, fx.config.epoch);
    s_print(
        out, "%s%s", reader.flags & ZR_FRAME_REPLAY ? "replay " : "", reader.flags & ZR_FRAME_STATE ? "state " : "");
    s_print_span(out, reader.room);
    s_print(out, " %llu:", (unsigned long long)reader.prev);
    while (zr_deliver_next(&reader, &entry)) {
        s_print(out, " %llu/", (unsigned long long)entry.seq);
        s_print_span(out, entry.key);
        if (entry.flags & ZR_ENTRY_DELETE)
            s_print(out, "!");
        else if (entry.key.len)
            s_print(out, "=");
        s_print_span(out, entry.body);
    }
    ck_assert(!reader.failed);
}

static void s_print_back(zr_buffer_t *out, zr_span_t bytes) {
    zr_span_t room, json;
    switch (zr_back_read(bytes, &room, &json)) {
    case ZR_BACK_ENTRIES:
        s_print_deliver(out, bytes);
        break;
    case ZR_BACK_PRESENCE:
        s_print_span(out, room);
        s_print(out, "! ");
        s_print_json(out, json);
        break;
    case ZR_BACK_SYNCED:
        s_print(out, "synced ");
        s_print_span(out, room);
        s_print(out, " ");
        s_print_json(out, json);
        break;
    case ZR_BACK_BAD:
        ck_abort_msg("a published frame that cannot be read");
    }
}

static void s_print_work(zr_buffer_t *out, zr_span_t bytes) {
    uint32_t worker;
    uint16_t deliveries;
    zr_span_t inner;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    ck_assert(zr_work_read(bytes, &worker, &deliveries, &inner) && zr_deliver_read(&reader, inner));
    ck_assert_uint_eq(reader.flags, ZR_FRAME_WORK);
    ck_assert_uint_eq(reader.epoch, fx.config.epoch);
    s_print(out, "work %u x%u:", worker, deliveries);
    while (zr_deliver_next(&reader, &entry)) {
        s_print(out, " %llu/", (unsigned long long)entry.seq);
        s_print_span(out, entry.body);
    }
    ck_assert(!reader.failed);
}

static void s_print_settled(zr_buffer_t *out, zr_span_t bytes) {
    static const char *const became[] = {"held", "settled", "waiting", "taken", "ahead"};
    zr_settled_t settled;
    zr_became_t what;
    zr_range_t range;
    ck_assert(zr_settled_read(&settled, bytes));
    s_print(out, "settled %u #%llu %u %s", settled.worker, (unsigned long long)settled.number, settled.count,
        zr_level_name(settled.level));
    while (zr_settled_next(&settled, &what, &range))
        s_print(out, " %llu=%s", (unsigned long long)range.first, became[what]);
}

const char *fx_text(route_t route) {
    static zr_buffer_t texts[8];
    static unsigned next;
    zr_buffer_t *out = &texts[next++ % 8];
    zr_buffer_clear(out);
    zr_blob_t *frame = s_take(route);
    if (frame && fx.seen[fx.at].live)
        s_print(out, "live ");
    if (frame) {
        zr_span_t bytes = zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
        zr_ack_t ack;
        if (route == BACK)
            s_print_back(out, bytes);
        else if (bytes.ptr[0] == '{')
            s_print_json(out, bytes);
        else if (bytes.ptr[0] == ZR_TYPE_WORK)
            s_print_work(out, bytes);
        else if (bytes.ptr[0] == ZR_TYPE_SETTLED)
            s_print_settled(out, bytes);
        else if (zr_ack_read(&ack, bytes))
            s_print(out, "ack %llu @%llu %s", (unsigned long long)ack.upto, (unsigned long long)ack.seq,
                zr_level_name(ack.level));
        else
            s_print_back(out, bytes); /* the same bytes by another way */
    }
    zr_blob_unref(frame);
    zr_buffer_u8(out, 0);
    return (const char *)out->data;
}

/* The JSON in a frame: all of it, or what follows the topic. */
static json_t *s_json(route_t route, zr_span_t bytes) {
    zr_span_t room, json = bytes;
    if (route == BACK || bytes.ptr[0] != '{')
        ck_assert_int_ge(zr_back_read(bytes, &room, &json), ZR_BACK_PRESENCE);
    json_t *object = NULL;
    ck_assert_msg(zr_control_read(json, &object) == ZR_OK, "no JSON but %02x…", (unsigned)(uint8_t)bytes.ptr[0]);
    return object;
}

void fx_expect(route_t route, const char *members, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, members);
    vsnprintf(text, sizeof text, members, arguments);
    va_end(arguments);
    unit_quotes(text);
    zr_blob_t *frame = s_take(route);
    ck_assert_msg(frame != NULL, "nothing where %s is expected", text);
    json_decref(fx.last);
    fx.last = s_json(route, zr_span_of(zr_blob_data(frame), zr_blob_len(frame)));
    zr_blob_unref(frame);

    json_t *wanted = json_loads(text, 0, NULL), *value;
    ck_assert_msg(wanted != NULL, "the test's JSON is broken: %s", text);
    const char *name;
    char *got = json_dumps(fx.last, JSON_COMPACT);
    json_object_foreach(wanted, name, value)
        ck_assert_msg(json_equal(json_object_get(fx.last, name), value), "%s is not %s", got, text);
    free(got);
    json_decref(wanted);
}

uint64_t fx_int(const char *member) {
    json_t *value = json_object_get(fx.last, member);
    ck_assert_msg(json_is_integer(value), "no integer %s", member);
    return (uint64_t)json_integer_value(value);
}

const char *fx_string(const char *member) {
    json_t *value = json_object_get(fx.last, member);
    ck_assert_msg(json_is_string(value), "no string %s", member);
    return json_string_value(value);
}
