/* The golden vectors: each is decoded, compared with its meaning in the file, and encoded again to the same bytes. */
#include <inttypes.h>
#include <dirent.h>

#include "control.h"
#include "names.h"
#include "unit.h"
#include "vector.h"
#include "wire_work.h"

/* Every file of the folder, so that each is tested. */
static const char *const s_names[] = {
    "publish-one",
    "publish-many",
    "publish-keyed",
    "publish-expect",
    "publish-expect-none",
    "publish-ttl",
    "publish-delete",
    "publish-delete-expect",
    "ack-none",
    "ack-memory",
    "ack-disk",
    "deliver-one",
    "deliver-many",
    "deliver-keyed",
    "deliver-ttl",
    "deliver-delete",
    "deliver-replay",
    "deliver-state",
    "trunk-control",
    "trunk-publish",
    "trunk-ack",
    "trunk-deliver",
    "presence",
    "presence-renamed",
    "presence-meta",
    "synced",
    "control-hello",
    "control-hello-resume",
    "control-hello-login",
    "control-hello-jwt",
    "control-hello-meta",
    "control-welcome",
    "control-welcome-user",
    "control-welcome-peers",
    "control-join",
    "control-join-meta",
    "control-joined",
    "control-joined-private",
    "control-follow",
    "control-leave",
    "control-left",
    "control-left-kicked",
    "control-kick",
    "control-ok",
    "control-publish",
    "control-publish-expect",
    "control-publish-delete",
    "control-ack",
    "control-direct",
    "control-direct-received",
    "control-direct-ask",
    "control-direct-answer",
    "control-replay",
    "control-replay-last",
    "control-replayed",
    "control-state",
    "control-state-ok",
    "control-who",
    "control-who-answer",
    "control-who-meta-answer",
    "control-rooms",
    "control-rooms-answer",
    "control-ping",
    "control-pong",
    "control-pong-list",
    "control-queued",
    "control-admin-ban",
    "control-admin-reload",
    "control-admin-bans",
    "control-admin-bans-answer",
    "control-open",
    "control-open-local",
    "control-opened",
    "control-close",
    "control-close-kicked",
    "control-bye",
    "control-bye-shutdown",
    "control-bye-token-expired",
    "control-bye-revoked",
    "control-bye-banned",
    "control-bye-kicked",
    "control-bye-flooding",
    "control-error",
    "control-error-forbidden",
    "control-error-forbidden-publish",
    "control-error-login-failed",
    "control-error-rate-limited",
    "control-error-rate-limited-publish",
    "control-error-admin-failed",
    "control-error-no-channel",
    "control-error-too-many-channels",
    "control-dismissed",
    "control-lost",
    "control-error-no-group",
    "control-group-seek",
    "control-groups-answer",
    "control-groups",
    "control-stats-answer",
    "control-stats",
    "control-unwork",
    "control-work",
    "control-working",
    "settle-done",
    "settle-extend",
    "settle-reject",
    "settle-reject-reason",
    "settle-retry",
    "settle-return",
    "settled-left",
    "settled",
    "work-again",
    "work-first",
    "bad-publish-truncated",
    "bad-publish-length-overflow",
    "bad-publish-no-entries",
    "bad-publish-trailing",
    "bad-publish-flags",
    "bad-publish-delete-body",
    "bad-publish-delete-no-key",
    "bad-publish-expect-no-key",
    "bad-publish-ttl-no-key",
    "bad-publish-ttl-delete",
    "bad-publish-room-space",
    "bad-publish-room-empty",
    "bad-publish-room-long",
    "bad-publish-room-brace",
    "bad-publish-room-overlong",
    "bad-publish-room-form",
    "bad-publish-key-bidi",
    "bad-publish-key-form",
    "bad-publish-id-zero",
    "bad-publish-id-not-rising",
    "bad-publish-id-large",
    "bad-type",
    "bad-ack-short",
    "bad-deliver-truncated",
    "bad-deliver-version",
    "bad-deliver-no-entries",
    "bad-trunk-short",
    "bad-trunk-channel-zero",
    "bad-presence-empty",
    "bad-synced-nonce",
    "bad-control-deep",
    "bad-control-repeated",
    "bad-control-nul",
    "bad-control-surrogate",
    "bad-control-not-utf8",
    "bad-control-trailing",
    "bad-control-unfinished",
    "bad-control-array",
    "bad-control-nick-form",
    "bad-control-nick-mixed",
    "bad-settle-backwards",
    "bad-settle-cut",
    "bad-settle-empty",
    "bad-settle-far",
    "bad-settle-long",
    "bad-settle-reason-long",
    "bad-settle-reason-text",
    "bad-settle-timed-done",
    "bad-settle-verb",
    "bad-settled-cut",
    "bad-work-short",
    "bad-work-worker-zero",
};
enum { NAMES = sizeof s_names / sizeof s_names[0] };

static bool s_is_bad(const char *name) {
    return strncmp(name, "bad-", 4) == 0;
}

static zr_span_t s_load(vector_t *vector, const char *name) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.hex", ZR_VECTORS, name);
    ck_assert_msg(vector_read(vector, path), "%s cannot be read", path);
    ck_assert_msg(vector->len > 0 && vector->kind[0], "%s has no bytes or no kind", path);
    return unit_at_edge(vector_span(vector));
}

static json_t *s_hex(zr_span_t bytes) {
    char text[2 * sizeof((vector_t *)0)->bytes + 1];
    zr_hex(text, (const uint8_t *)bytes.ptr, bytes.len);
    return json_string(text);
}

/* Each of these decodes a frame into `*value`, the JSON that the file holds, and encodes it into `again`; the code when
 * it is refused. */

static void s_set_ttl(json_t *entry, uint8_t flags, uint64_t ttl) {
    if (flags & ZR_ENTRY_TTL)
        json_object_set_new(entry, "ttl", json_integer((json_int_t)ttl));
}

static zr_code_t s_publish(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    zr_publish_reader_t reader;
    zr_publish_entry_t entry;
    size_t count;
    uint64_t first, last;
    zr_code_t code = zr_publish_read(&reader, frame, &count, &first, &last);
    if (code != ZR_OK)
        return code;
    json_t *entries = json_array();
    zr_publish_begin(again, reader.room);
    while (zr_publish_next(&reader, &entry)) {
        zr_publish_add(again, &entry);
        json_t *one = json_pack("{s:I, s:i, s:o, s:I, s:o}", "mid", (json_int_t)entry.mid, "flags", entry.flags, "key",
            zr_json_string(entry.key), "expect", (json_int_t)entry.expect, "body", s_hex(entry.body));
        s_set_ttl(one, entry.flags, entry.ttl);
        json_array_append_new(entries, one);
    }
    ck_assert_uint_eq(json_array_size(entries), count);
    *value = json_pack("{s:o, s:o}", "room", zr_json_string(reader.room), "entries", entries);
    return ZR_OK;
}

static zr_code_t s_ack(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    zr_ack_t ack;
    if (!zr_ack_read(&ack, frame))
        return ZR_BAD_FRAME;
    zr_ack_write(zr_buffer_reserve(again, ZR_ACK_SIZE), &ack);
    again->len += ZR_ACK_SIZE;
    *value = json_pack(
        "{s:s, s:I, s:I}", "level", zr_level_name(ack.level), "upto", (json_int_t)ack.upto, "seq", (json_int_t)ack.seq);
    return ZR_OK;
}

static zr_code_t s_deliver(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_deliver_read(&reader, frame))
        return ZR_BAD_FRAME;
    json_t *entries = json_array();
    zr_deliver_begin(again, reader.room, reader.flags, reader.epoch, reader.prev);
    while (zr_deliver_next(&reader, &entry)) {
        zr_deliver_add(again, &entry);
        json_t *one = json_pack("{s:I, s:I, s:i, s:o, s:o, s:o}", "seq", (json_int_t)entry.seq, "time",
            (json_int_t)entry.time, "flags", entry.flags, "sender", zr_json_string(entry.sender), "key",
            zr_json_string(entry.key), "body", s_hex(entry.body));
        s_set_ttl(one, entry.flags, entry.ttl);
        json_array_append_new(entries, one);
    }
    char epoch[17];
    snprintf(epoch, sizeof epoch, "%016" PRIx64, reader.epoch);
    *value = json_pack("{s:o, s:i, s:s, s:I, s:o}", "room", zr_json_string(reader.room), "flags", reader.flags, "epoch",
        epoch, "prev", (json_int_t)reader.prev, "entries", entries);
    return reader.failed ? ZR_BAD_FRAME : ZR_OK;
}

static zr_code_t s_control(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    zr_code_t code = zr_control_read(frame, value);
    if (code != ZR_OK)
        return code;
    zr_span_t nick;
    const char *wrong = NULL;
    if (zr_get_string(*value, "nick", 0, SIZE_MAX, &nick, &wrong) && !zr_nick_valid(nick))
        return ZR_BAD_NICK;
    zr_blob_t *blob = zr_control_write(json_incref(*value));
    zr_buffer_append(again, zr_blob_data(blob), zr_blob_len(blob));
    zr_blob_unref(blob);
    return ZR_OK;
}

static zr_code_t s_back(zr_span_t frame, json_t **value, zr_buffer_t *again, zr_back_kind_t kind) {
    zr_span_t name, text;
    json_t *object = NULL;
    if (zr_back_read(frame, &name, &text) != kind)
        return ZR_BAD_FRAME;
    bool synced = kind == ZR_BACK_SYNCED;
    if (synced)
        zr_buffer_u8(again, ZR_TYPE_SYNC);
    zr_buffer_append(again, name.ptr, name.len);
    if (!synced)
        zr_buffer_u8(again, ZR_TOPIC_PRESENCE);
    zr_code_t code = s_control(text, &object, again);
    if (code == ZR_OK)
        *value = json_pack("{s:o, s:o}", synced ? "nonce" : "room", zr_json_string(name), "json", object);
    return code;
}

static zr_code_t s_presence(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    return s_back(frame, value, again, ZR_BACK_PRESENCE);
}

static zr_code_t s_synced(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    return s_back(frame, value, again, ZR_BACK_SYNCED);
}

static zr_code_t s_trunk(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    uint32_t channel;
    zr_span_t inner;
    if (!zr_trunk_read(frame, &channel, &inner))
        return ZR_BAD_FRAME;
    zr_blob_t *blob = zr_trunk_frame(channel, inner);
    zr_buffer_append(again, zr_blob_data(blob), zr_blob_len(blob));
    zr_blob_unref(blob);
    *value = json_pack("{s:I, s:o}", "channel", (json_int_t)channel, "inner", s_hex(inner));
    return ZR_OK;
}

static zr_code_t s_work(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    uint32_t worker;
    uint16_t deliveries;
    zr_span_t inner;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    if (!zr_work_read(frame, &worker, &deliveries, &inner) || !zr_deliver_read(&reader, inner))
        return ZR_BAD_FRAME;
    ck_assert_uint_eq(reader.flags, ZR_FRAME_WORK);
    zr_work_begin(again, worker, deliveries, reader.room, reader.epoch, reader.prev);
    while (zr_deliver_next(&reader, &entry))
        zr_deliver_add(again, &entry);
    *value = json_pack(
        "{s:I, s:i, s:o}", "worker", (json_int_t)worker, "deliveries", (int)deliveries, "inner", s_hex(inner));
    return reader.failed ? ZR_BAD_FRAME : ZR_OK;
}

static json_t *s_range(zr_range_t range) {
    return json_pack("{s:I, s:I}", "first", (json_int_t)range.first, "last", (json_int_t)range.last);
}

static zr_code_t s_settle(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    zr_settle_t settle;
    zr_range_t range;
    if (!zr_settle_read(&settle, frame))
        return ZR_BAD_FRAME;
    json_t *ranges = json_array();
    zr_settle_begin(again, settle.worker, settle.number, settle.verb, settle.ms);
    while (zr_settle_next(&settle, &range)) {
        zr_settle_add(again, range);
        json_array_append_new(ranges, s_range(range));
    }
    *value = json_pack("{s:I, s:I, s:i, s:I, s:o}", "worker", (json_int_t)settle.worker, "number",
        (json_int_t)settle.number, "verb", settle.verb, "ms", (json_int_t)settle.ms, "ranges", ranges);
    if (settle.reason.len) {
        zr_settle_because(again, settle.reason);
        json_object_set_new(*value, "reason", zr_json_string(settle.reason));
    }
    return ZR_OK;
}

static zr_code_t s_settled(zr_span_t frame, json_t **value, zr_buffer_t *again) {
    zr_settled_t settled;
    zr_became_t became;
    zr_range_t range;
    if (!zr_settled_read(&settled, frame))
        return ZR_BAD_FRAME;
    json_t *left = json_array();
    zr_settled_begin(again, settled.worker, settled.number);
    while (zr_settled_next(&settled, &became, &range)) {
        zr_settled_add(again, became, range);
        json_t *one = json_pack("{s:i}", "became", (int)became), *rest = s_range(range);
        json_object_update(one, rest);
        json_decref(rest);
        json_array_append_new(left, one);
    }
    zr_settled_end(again, settled.level, settled.count);
    *value = json_pack("{s:I, s:I, s:s, s:I, s:o}", "worker", (json_int_t)settled.worker, "number",
        (json_int_t)settled.number, "level", zr_level_name(settled.level), "count", (json_int_t)settled.count, "left",
        left);
    return ZR_OK;
}

static const struct {
    const char *kind;
    zr_code_t (*decode)(zr_span_t frame, json_t **value, zr_buffer_t *again);
} s_kinds[] = {
    {"publish", s_publish},
    {"ack", s_ack},
    {"deliver", s_deliver},
    {"presence", s_presence},
    {"synced", s_synced},
    {"trunk", s_trunk},
    {"work", s_work},
    {"settle", s_settle},
    {"settled", s_settled},
    {"control", s_control},
};

static zr_code_t s_decode(const vector_t *vector, zr_span_t frame, json_t **value, zr_buffer_t *again) {
    for (size_t i = 0; i < sizeof s_kinds / sizeof s_kinds[0]; i++)
        if (strcmp(s_kinds[i].kind, vector->kind) == 0)
            return s_kinds[i].decode(frame, value, again);
    ck_abort_msg("unknown kind '%s'", vector->kind);
}

TEST(test_the_folder_holds_these_files) {
    bool found[NAMES] = {false};
    DIR *folder = opendir(ZR_VECTORS);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *item; (item = readdir(folder));) {
        if (item->d_name[0] == '.' || strcmp(item->d_name, "README.md") == 0)
            continue;
        bool known = false;
        for (size_t i = 0; i < NAMES; i++) {
            char name[256];
            snprintf(name, sizeof name, "%s.hex", s_names[i]);
            if (strcmp(name, item->d_name) == 0)
                known = found[i] = true;
        }
        ck_assert_msg(known, "%s is tested by nothing: add it to s_names", item->d_name);
    }
    closedir(folder);
    for (size_t i = 0; i < NAMES; i++)
        ck_assert_msg(found[i], "%s.hex is missing", s_names[i]);
}

TEST(test_good_vectors) {
    for (size_t i = 0; i < NAMES; i++) {
        vector_t vector;
        zr_buffer_t again = {0};
        json_t *value = NULL;
        if (s_is_bad(s_names[i]))
            continue;
        zr_span_t frame = s_load(&vector, s_names[i]);
        zr_code_t code = s_decode(&vector, frame, &value, &again);
        ck_assert_msg(code == ZR_OK, "%s: %s", s_names[i], zr_code_name(code));
        ck_assert_msg(zr_span_equal(frame, zr_span_of(again.data, again.len)), "%s: other bytes", s_names[i]);
        char *text = json_dumps(value, JSON_COMPACT);
        ck_assert_ptr_nonnull(text);
        ck_assert_str_eq(text, vector.value);
        ck_assert_msg(strcmp(vector.from, "client") == 0 || strcmp(vector.from, "broker") == 0, "%s: from '%s'",
            s_names[i], vector.from);
        free(text);
        json_decref(value);
        zr_buffer_finish(&again);
    }
}

TEST(test_bad_vectors) {
    unsigned bad = 0;
    for (size_t i = 0; i < NAMES; i++) {
        vector_t vector;
        zr_buffer_t again = {0};
        json_t *value = NULL;
        if (!s_is_bad(s_names[i]))
            continue;
        zr_span_t frame = s_load(&vector, s_names[i]);
        const char *code = zr_code_name(s_decode(&vector, frame, &value, &again));
        ck_assert_msg(strcmp(code, vector.expect) == 0, "%s: %s, not %s", s_names[i], code, vector.expect);
        ck_assert_str_ne(code, "ok");
        json_decref(value);
        zr_buffer_finish(&again);
        bad++;
    }
    ck_assert_uint_gt(bad, 0);
}

UNIT_SUITE("common.vectors")
